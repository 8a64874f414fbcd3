package schemas

// MeasureName names a number behind a decision. The name ends with the unit. Names are only added, never reused.
type MeasureName string

// The measures. [Measures] explains each name.
const (
	MeasuredSpeed  MeasureName = "measured_speed_dkmh"
	CorrectedSpeed MeasureName = "corrected_speed_dkmh"
	AllowedSpeed   MeasureName = "limit_dkmh"
	RedTime        MeasureName = "red_time_ms"
	AmberTime      MeasureName = "amber_time_ms"
	RedTimeLeft    MeasureName = "red_time_counted_ms"
	AmberTimeLeft  MeasureName = "amber_time_counted_ms"
	VehicleLength  MeasureName = "length_m"
	VehicleMass    MeasureName = "mass_kg"
	OrangePlate    MeasureName = "orange_plate_number"

	SectionLength MeasureName = "section_length_m"
	SectionTime   MeasureName = "section_time_ms"
)

// MeasureMeaning explains a measure in one line.
type MeasureMeaning struct {
	Name    MeasureName
	Meaning string
}

// Measures lists all measures. A family declares the measures in use in Info.
func Measures() []MeasureMeaning {
	return []MeasureMeaning{
		{MeasuredSpeed, "speed as the device measured it, tenths of km/h"},
		{CorrectedSpeed, "measured speed after the legal margin, tenths of km/h"},
		{AllowedSpeed, "speed allowed to the vehicle on the lane at the time, tenths of km/h"},
		{RedTime, "time from the start of red to the crossing of the stop line, milliseconds"},
		{AmberTime, "time from the start of amber to the crossing of the stop line, the light still amber, milliseconds"},
		{RedTimeLeft, "time into red that counts: the measured one less uncertainty and tolerance, milliseconds"},
		{AmberTimeLeft, "time into amber that counts: the measured one less uncertainty and tolerance, milliseconds"},
		{VehicleLength, "length of the vehicle, metres"},
		{VehicleMass, "mass of the vehicle, kilograms"},
		{OrangePlate, "orange plate of dangerous goods: hazard number times 10,000 plus UN number, 10,000,000 more for an X before them, 0 for a plate without numbers, a number"},
		{SectionLength, "shortest certified length of the section for the lanes, metres"},
		{SectionTime, "time from the entry of the section to its exit, by the clocks of the two devices, milliseconds"},
	}
}

// Measure is a number that a device measured, or that a decision rests on.
type Measure struct {
	Name        MeasureName `json:"name"`
	Value       int64       `json:"value" doc:"in the unit at the end of the name"`
	Uncertainty int64       `json:"uncertainty" doc:"half of the interval around the value, in the same unit; 0 = the device states none, or the number is no measurement"`
	Device      string      `json:"device" doc:"what measured it; empty = the camera of the read, or the number is no measurement"`
}

// Measure returns the value of the named measure in the decision, or 0.
func (d *Decision) Measure(name MeasureName) int64 { return MeasureValue(d.Measures, name) }

// Speed returns the value of the named measure in tenths of km/h, or 0.
func (d *Decision) Speed(name MeasureName) Speed { return Speed(d.Measure(name)) }

// MeasureValue returns the value of the first measure with the name, or 0.
func MeasureValue(measures []Measure, name MeasureName) int64 {
	for i := range measures {
		if measures[i].Name == name {
			return measures[i].Value
		}
	}
	return 0
}

// SpeedMeasures converts the speeds of an older row into measures. Before decisions had measures, a row stored three
// numbers, 0 = none.
func SpeedMeasures(measured, corrected, allowed int32) []Measure {
	var out []Measure
	for _, m := range [...]Measure{
		{Name: MeasuredSpeed, Value: int64(measured)},
		{Name: CorrectedSpeed, Value: int64(corrected)},
		{Name: AllowedSpeed, Value: int64(allowed)},
	} {
		if m.Value != 0 {
			out = append(out, m)
		}
	}
	return out
}

// ListMeasures returns the row's measures in order.
func (r *OffenceRow) ListMeasures() []Measure {
	var out []Measure
	n := min(len(r.MeasureNames), len(r.MeasureValues), len(r.MeasureUncertainties), len(r.MeasureDevices))
	for i := range n {
		out = append(out, Measure{MeasureName(r.MeasureNames[i]), r.MeasureValues[i], r.MeasureUncertainties[i], r.MeasureDevices[i]})
	}
	return out
}

// SetMeasures replaces the row's measures and reuses the row's memory.
func (r *OffenceRow) SetMeasures(measures []Measure) {
	r.MeasureNames, r.MeasureValues = r.MeasureNames[:0], r.MeasureValues[:0]
	r.MeasureUncertainties, r.MeasureDevices = r.MeasureUncertainties[:0], r.MeasureDevices[:0]
	for i := range measures {
		m := &measures[i]
		r.MeasureNames, r.MeasureValues = append(r.MeasureNames, string(m.Name)), append(r.MeasureValues, m.Value)
		r.MeasureUncertainties, r.MeasureDevices = append(r.MeasureUncertainties, m.Uncertainty), append(r.MeasureDevices, m.Device)
	}
	r.Measured, r.Corrected = int32(MeasureValue(measures, MeasuredSpeed)), int32(MeasureValue(measures, CorrectedSpeed))
	r.Limit = int32(MeasureValue(measures, AllowedSpeed))
}

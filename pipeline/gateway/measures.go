package gateway

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// measuresOf returns the measures of a message as a read has them.
func measuresOf(m *anprv1.PlateRead) (out []schemas.Measure) {
	for _, x := range m.Measures {
		out = append(out, schemas.Measure{Name: schemas.MeasureName(x.GetName()), Value: x.GetValue(), Uncertainty: x.GetUncertainty(), Device: x.GetDevice()})
	}
	return out
}

// setMeasures gives the message the measures.
func setMeasures(m *anprv1.PlateRead, measures []schemas.Measure) {
	m.Measures = nil
	for i := range measures {
		x := &measures[i]
		m.Measures = append(m.Measures, &anprv1.Measure{Name: string(x.Name), Value: x.Value, Uncertainty: x.Uncertainty, Device: x.Device})
	}
}

// checkMeasures orders the measures of a canonical read, refuses a faulty one, and notes a name that this version does
// not know.
func (ev *CameraEvent) checkMeasures() {
	measures, rej := schemas.CheckMeasures(measuresOf(ev.Read))
	if rej != nil {
		ev.refuseRead(rej.Reason, rej.Field, "%s", rej.Detail)
		return
	}
	for i := range measures {
		if schemas.SetOfMeasure(measures[i].Name) == 0 {
			ev.addUnknown("measures." + string(measures[i].Name))
		}
	}
	setMeasures(ev.Read, measures)
}

// addMeasure adds what a device measured. A value that cannot be meant is noted and left out.
func (ev *CameraEvent) addMeasure(m schemas.Measure) {
	measures, rej := schemas.CheckMeasures(append(measuresOf(ev.Read), m))
	if rej != nil {
		ev.addNotice(NoticeMeasure)
		return
	}
	setMeasures(ev.Read, measures)
}

// setHikvisionRedTime takes the time into red from the pictures of an event. redLightTime is in whole seconds, and
// nobody says how the device rounds, so each value may be a second off. Of several pictures the smallest counts: the
// later ones show the vehicle beyond the line. A device that watches no light says 0 of every picture, or nothing.
func setHikvisionRedTime(ev *CameraEvent, anpr *node) {
	least, most := int64(-1), int64(0)
	for _, pic := range anpr.findAll("pictureInfo") {
		text := pic.textAt("redLightTime")
		if text == "" {
			continue
		}
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seconds < 0 {
			ev.addNotice(NoticeMeasure)
			return
		}
		if least < 0 || seconds < least {
			least = seconds
		}
		most = max(most, seconds)
	}
	if most > 0 {
		ev.addMeasure(schemas.Measure{Name: schemas.RedTime, Value: least * 1000, Uncertainty: 1000})
	}
}

// setHikvisionOrangePlate takes the numbers of an orange plate from ADRNo: the hazard number and the four digits of the UN
// number without a space (331203, X4231428). A vehicle without one has an empty field, or none: that says nothing of what it
// carries.
func setHikvisionOrangePlate(ev *CameraEvent, anpr *node) {
	for _, n := range anpr.findAll("ADRNo") {
		text := n.text
		if text == "" {
			continue
		}
		split := max(0, len(text)-4)
		value, ok := schemas.OrangePlateValue(text[:split], text[split:])
		if !ok {
			ev.addNotice(NoticeMeasure)
			return
		}
		ev.addMeasure(schemas.Measure{Name: schemas.OrangePlate, Value: value})
		return
	}
}

package office

import (
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Item is one case to look at, with all that a person needs for one look. Of a case to key there are the pictures and
// the place alone: nobody is told beforehand what the camera read. Amounts, names and the verdicts of others are never
// part of an item, but for the verdicts in an arbitration.
type Item struct {
	CaseID   string         `json:"case_id"`
	Version  int64          `json:"version" doc:"for If-Match of the verdict"`
	Queue    string         `json:"queue" enum:"decide,second,key,arbitration,counter" doc:"counter: a decided case, to decide against"`
	Lease    ItemLease      `json:"lease"`
	DueAt    *time.Time     `json:"due_at,omitempty"`
	Family   string         `json:"family"`
	Rule     string         `json:"rule,omitempty"`
	Regime   string         `json:"regime" enum:"traffic,lez"`
	Question Question       `json:"question"`
	Plate    *ItemPlate     `json:"plate,omitempty" doc:"as read; absent when it is to be keyed"`
	Proposed *ProposedPlate `json:"proposed,omitempty" doc:"another reading, and why"`
	Pictures []ItemPicture  `json:"pictures"`
	Measured *ItemSpeeds    `json:"measured,omitempty"`
	Light    *ItemLight     `json:"light,omitempty" doc:"of a traffic light"`
	LEZ      *ItemLEZ       `json:"lez,omitempty"`
	Vehicle  *ItemVehicle   `json:"vehicle,omitempty" doc:"what the register has under the plate on that day"`
	Seen     *ItemSeen      `json:"seen,omitempty" doc:"what the camera says of the vehicle"`
	Differs  []string       `json:"differs,omitempty" enum:"kind" doc:"in what the vehicle that the camera saw is not the one in the register"`
	Place    ItemPlace      `json:"place"`
	At       ItemTimes      `json:"at"`
	Device   *ItemDevice    `json:"device,omitempty" doc:"the camera's certificate at the capture"`
	Trace    []ItemStep     `json:"trace,omitempty"`
	Warnings []ItemWarning  `json:"warnings" doc:"what to know before the key; blocks = nobody may confirm"`
	Export   ItemExport     `json:"export"`
	Seal     string         `json:"seal" enum:"ok,broken"`
	Verdicts []ItemVerdict  `json:"verdicts,omitempty" doc:"of an arbitration, and of a case to decide against: what the persons said, without names"`
}

// ItemLease is the right to act on an item for a time.
type ItemLease struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since,omitzero" doc:"when the user took the item"`
	Until time.Time `json:"until"`
}

// Question is the one question of an item. Code is a rule family, or keying.
type Question struct {
	Code string   `json:"code"`
	Args []string `json:"args,omitempty" doc:"of speed: corrected, measured and limit in tenths of km/h; of lez: fuel and euro norm; of redlight: aspect, measured and counted time in milliseconds"`
}

// ItemPlate is a plate as the camera read it, or as two persons keyed it.
type ItemPlate struct {
	Text         string   `json:"text"`
	Country      string   `json:"country,omitempty"`
	Confidence   uint16   `json:"confidence_pm"`
	Raw          string   `json:"raw,omitempty" doc:"as the camera wrote it; absent while the tables have no such read or do not answer"`
	Alternatives []string `json:"alternatives,omitempty" maxItems:"5" doc:"other readings of the camera, the likeliest first"`
}

// ProposedPlate is another reading of the plate.
type ProposedPlate struct {
	Text    string `json:"text"`
	Country string `json:"country,omitempty"`
	Why     string `json:"why" enum:"keyed,corrected"`
}

// ItemPicture is a picture of the item, fetched by its SHA-256.
type ItemPicture struct {
	SHA256 string `json:"sha256"`
	Kind   string `json:"kind" enum:"scene,plate,second,other"`
	Width  int    `json:"width,omitempty" doc:"in pixels; absent when the image store did not give the picture"`
	Height int    `json:"height,omitempty" doc:"in pixels"`
	Bytes  int    `json:"bytes,omitempty"`
}

// ItemSpeeds are speeds in tenths of km/h.
type ItemSpeeds struct {
	Measured  int64 `json:"speed_dkmh"`
	Corrected int64 `json:"corrected_dkmh"`
	Limit     int64 `json:"limit_dkmh"`
	// Margin is the tolerance in the driver's favour, as the clause of the decision states it.
	Margin     string `json:"margin,omitempty" doc:"a number"`
	MarginUnit string `json:"margin_unit,omitempty" doc:"kmh or percent"`
}

// ItemLight is how long a light had its colour when the vehicle passed the stop line.
type ItemLight struct {
	Aspect   string `json:"aspect" enum:"red,amber"`
	Measured int64  `json:"measured_ms"`
	Counted  int64  `json:"counted_ms" doc:"what counts against the driver: measured less uncertainty and tolerance"`
}

// addMargin adds the tolerance that the decision took off.
func (s *ItemSpeeds) addMargin(trace []schemas.Step) {
	for i := range trace {
		if step := &trace[i]; s != nil && step.Code == "speed.correction" && len(step.Args) == 3 {
			s.Margin, s.MarginUnit = step.Args[1], step.Args[2]
		}
	}
}

// ItemLEZ is what the low-emission zone asks, and what the vehicle has.
type ItemLEZ struct {
	Norm     string `json:"norm" doc:"lowest euro norm admitted"`
	Category string `json:"category"`
	Fuel     string `json:"fuel"`
	Euro     string `json:"euro"`
	Assumed  bool   `json:"assumed" doc:"the norm follows from the first registration, the register has none"`
}

// ItemVehicle is the row of a register.
type ItemVehicle struct {
	Register          string     `json:"register" doc:"country of the register"`
	AsOf              *time.Time `json:"as_of,omitempty" doc:"up to when the copy is complete"`
	Category          string     `json:"category"`
	Fuel              string     `json:"fuel"`
	Euro              string     `json:"euro"`
	FirstRegistration string     `json:"first_registration,omitempty"`
}

// ItemSeen is what a camera says of a vehicle.
type ItemSeen struct {
	Kind   string `json:"kind,omitempty"`
	Make   string `json:"make,omitempty"`
	Colour string `json:"colour,omitempty"`
}

// ItemPlace is where the vehicle was.
type ItemPlace struct {
	Street       *schemas.Street `json:"street,omitempty"`
	Municipality uint32          `json:"municipality_nis,omitempty"`
	InWords      *schemas.Street `json:"municipality,omitempty" doc:"name of the municipality; absent outside the region"`
	Zone         string          `json:"zone,omitempty"`
	Camera       string          `json:"camera"`
	Site         string          `json:"site,omitempty"`
	Lane         uint8           `json:"lane,omitempty"`
	Direction    string          `json:"direction,omitempty"`
	LatE6        int32           `json:"lat_e6,omitempty"`
	LonE6        int32           `json:"lon_e6,omitempty"`
}

// ItemTimes says when the vehicle was there.
type ItemTimes struct {
	Captured time.Time  `json:"captured"`
	Received *time.Time `json:"received,omitempty"`
	Clock    string     `json:"clock" enum:"ok,suspect"`
}

// ItemDevice is a certificate of the measuring device.
type ItemDevice struct {
	Serial   string    `json:"serial"`
	Approval string    `json:"approval"`
	Until    time.Time `json:"certificate_until"`
}

// Cited is a text in the three languages of the office.
type Cited struct {
	NL string `json:"nl"`
	FR string `json:"fr"`
	EN string `json:"en"`
}

// ItemStep is a clause of the decision.
type ItemStep struct {
	Code     string   `json:"code"`
	Holds    bool     `json:"holds"`
	Args     []string `json:"args,omitempty"`
	Basis    *Cited   `json:"basis,omitempty"`
	Text     *Cited   `json:"text,omitempty"`
	Verified bool     `json:"verified"`
}

// ItemWarning is a thing to know before the key.
type ItemWarning struct {
	Code   string   `json:"code"`
	Args   []string `json:"args,omitempty"`
	Text   *Cited   `json:"text,omitempty" doc:"of a hold: its reason in words"`
	Blocks bool     `json:"blocks" doc:"nobody may confirm"`
}

// ItemExport says whether the recipient would take the case.
type ItemExport struct {
	Would   string   `json:"would" enum:"pass,refuse"`
	Missing []string `json:"missing,omitempty"`
}

// ItemVerdict is what one of two persons said.
type ItemVerdict struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	Text    string `json:"text,omitempty"`
	Plate   string `json:"plate,omitempty"`
	Country string `json:"country,omitempty"`
}

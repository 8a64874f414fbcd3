package office

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Item is one case to look at, with all that a person needs for one look. Of a case to key there are the pictures and
// the place alone: nobody is told beforehand what the camera read. Amounts, names and the verdicts of others are never
// part of an item, but for the verdicts in an arbitration.
type Item struct {
	CaseID   string         `json:"case_id"`
	Version  int64          `json:"version" doc:"for If-Match of the verdict"`
	Queue    string         `json:"queue" enum:"decide,second,key,arbitration"`
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
	LEZ      *ItemLEZ       `json:"lez,omitempty"`
	Vehicle  *ItemVehicle   `json:"vehicle,omitempty" doc:"what the register has under the plate on that day"`
	Seen     *ItemSeen      `json:"seen,omitempty" doc:"what the camera says of the vehicle"`
	Place    ItemPlace      `json:"place"`
	At       ItemTimes      `json:"at"`
	Device   *ItemDevice    `json:"device,omitempty" doc:"the camera's certificate at the capture"`
	Trace    []ItemStep     `json:"trace,omitempty"`
	Warnings []ItemWarning  `json:"warnings" doc:"what to know before the key; blocks = nobody may confirm"`
	Export   ItemExport     `json:"export"`
	Seal     string         `json:"seal" enum:"ok,broken"`
	Verdicts []ItemVerdict  `json:"verdicts,omitempty" doc:"of an arbitration: what the two persons said, without names"`
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
	Args []string `json:"args,omitempty" doc:"of speed: corrected, measured and limit in tenths of km/h; of lez: fuel and euro norm"`
}

// ItemPlate is a plate as the camera read it, or as two persons keyed it.
type ItemPlate struct {
	Text         string   `json:"text"`
	Country      string   `json:"country,omitempty"`
	Confidence   uint16   `json:"confidence_pm"`
	Raw          string   `json:"raw,omitempty" doc:"as the camera wrote it"`
	Alternatives []string `json:"alternatives,omitempty" maxItems:"5"`
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

// exportBlock begins the name of a blocker that the export check of the track found.
const exportBlock = "export_"

// buildItem makes the item of a lease from the case, the sealed decision and the reference data.
func (o *Office) buildItem(ctx context.Context, l *cases.Leased) (*Item, error) {
	d, err := o.cfg.Cases.Store.Get(ctx, l.Case.ID)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	if err := o.noteAltered(ctx, l, d); err != nil {
		return nil, err
	}
	c := &l.Case
	item := &Item{
		CaseID: c.ID.String(), Version: c.Version, Queue: string(l.Queue), Lease: leaseOf(&l.Lease), DueAt: timeOf(c.DecideBy),
		Family: string(c.Family), Rule: string(c.Rule), Regime: string(c.Regime), Pictures: picturesOf(c), At: ItemTimes{Captured: c.CapturedAt.Time(), Clock: "ok"},
		Place: o.placeOf(c), Warnings: warningsOf(c), Seal: "ok",
	}
	item.Export = exportOf(c)
	decision, err := evidence.ParseSealed(d.Sealed)
	if err != nil || !sealHolds(d) {
		item.Seal = "broken"
		if !slices.ContainsFunc(item.Warnings, func(w ItemWarning) bool { return w.Code == codeSealBroken }) {
			item.Warnings = append(item.Warnings, ItemWarning{Code: codeSealBroken, Blocks: true})
		}
	} else {
		item.addSighting(&decision.On)
	}
	if l.Queue == cases.QueueKey {
		item.hideReading()
		return item, nil
	}
	r := c.Reading()
	item.Plate = &ItemPlate{Text: r.Plate, Country: r.Country, Confidence: uint16(c.Confidence)}
	if c.Corrected != nil {
		item.Proposed = &ProposedPlate{Text: c.Corrected.Plate, Country: c.Corrected.Country, Why: "corrected"}
		item.Plate.Text, item.Plate.Country = c.Plate, c.Country
	}
	item.Measured = speedsOf(c.Measures)
	trace := traceOf(d, &decision)
	item.Measured.addMargin(trace)
	item.LEZ = lezOf(trace)
	item.Trace = o.stepsOf(trace, false)
	item.Vehicle = o.vehicleOf(&r, c.CapturedAt)
	item.Device = o.deviceOf(c)
	item.Question = questionOfItem(item)
	if l.Queue == cases.QueueArbitration {
		item.Verdicts = verdictsOf(&d.Case)
	}
	return item, nil
}

func leaseOf(l *cases.Lease) ItemLease {
	return ItemLease{ID: l.ID.String(), Since: l.Since.Time(), Until: l.Until.Time()}
}

// hideReading leaves of an item what a person may know who keys the plate.
func (item *Item) hideReading() {
	item.Question = Question{Code: "keying"}
	item.Rule, item.Seen, item.Device, item.Warnings, item.Export = "", nil, nil, []ItemWarning{}, ItemExport{Would: "pass"}
}

// addSighting adds what the sealed decision says of the read.
func (item *Item) addSighting(s *schemas.Sighting) {
	item.At.Received = timeOf(s.ReceivedAt)
	if s.Flags&schemas.FlagClockSuspect != 0 {
		item.At.Clock = "suspect"
	}
	item.Place.Lane = s.Lane
	if s.Direction != schemas.DirectionUnknown {
		item.Place.Direction = s.Direction.String()
	}
	seen := ItemSeen{Make: s.Make, Colour: s.Colour}
	if s.Kind != schemas.KindUnknown {
		seen.Kind = s.Kind.String()
	}
	if seen != (ItemSeen{}) {
		item.Seen = &seen
	}
}

// bytesHold reports whether the sealed bytes are those under the seal of the case.
func bytesHold(d *casestore.Dossier) bool {
	sum := sha256.Sum256(d.Sealed)
	return len(d.Sealed) > 0 && schemas.Digest(sum[:]) == d.Case.Seal
}

// sealHolds reports whether the sealed bytes hold, and nobody found before that they or their row do not.
func sealHolds(d *casestore.Dossier) bool {
	return bytesHold(d) && !slices.ContainsFunc(d.Case.Incidents, func(i cases.Incident) bool { return i.Kind == cases.SealBroken })
}

// traceOf returns the trace of the newest decision of the rules: of the last re-decision, or as sealed.
func traceOf(d *casestore.Dossier, sealed *schemas.Decision) []schemas.Step {
	for _, e := range slices.Backward(d.Events) {
		if len(e.Trace) > 0 {
			return e.Trace
		}
	}
	return sealed.Trace
}

// languages of texts that the office renders.
var languages = [...]string{"nl", "fr", "en"}

// citedBy renders a text in the office's languages; nil without a text.
func citedBy(render func(lang string) string) *Cited {
	var texts [len(languages)]string
	for i, lang := range languages {
		texts[i] = render(lang)
	}
	if texts == [len(languages)]string{} {
		return nil
	}
	return &Cited{texts[0], texts[1], texts[2]}
}

// stepsOf renders a trace: basis and text of each clause in each language. Without amounts the clauses that name one are
// left out.
func (o *Office) stepsOf(trace []schemas.Step, amounts bool) []ItemStep {
	out := []ItemStep{}
	for i := range trace {
		s := &trace[i]
		if !amounts && rules.NamesAmount(s.Code) {
			continue
		}
		step := ItemStep{Code: s.Code, Holds: s.Holds, Args: s.Args, Verified: s.Verified}
		if s.Basis != "" {
			step.Basis = citedBy(func(lang string) string { return o.basisIn(lang, s.Basis) })
		}
		if o.cfg.Explain != nil {
			stored := string(evidence.AppendTrace(nil, trace[i:i+1]))
			step.Text = citedBy(func(lang string) string {
				lines, err := o.cfg.Explain(lang, stored)
				if err != nil {
					return "" // the code and its values stay
				}
				return strings.Join(lines, " ")
			})
		}
		out = append(out, step)
	}
	return out
}

// basisIn writes a legal basis in a language.
func (o *Office) basisIn(lang, cited string) string {
	if o.cfg.Basis == nil {
		return cited
	}
	return o.cfg.Basis(lang, cited)
}

func picturesOf(c *cases.Case) []ItemPicture {
	out := make([]ItemPicture, len(c.Pictures))
	for i, p := range c.Pictures {
		out[i] = ItemPicture{p.Sum.String(), string(p.Kind)}
	}
	return out
}

func speedsOf(measures []schemas.Measure) *ItemSpeeds {
	s := ItemSpeeds{
		Measured: schemas.MeasureValue(measures, schemas.MeasuredSpeed), Corrected: schemas.MeasureValue(measures, schemas.CorrectedSpeed),
		Limit: schemas.MeasureValue(measures, schemas.AllowedSpeed),
	}
	if s.Limit == 0 {
		return nil
	}
	return &s
}

// lezOf reads the norm from the trace of a LEZ decision.
func lezOf(trace []schemas.Step) *ItemLEZ {
	var out *ItemLEZ
	assumed := false
	for i := range trace {
		switch s := &trace[i]; {
		case s.Code == "lez.assumed":
			assumed = s.Holds
		case s.Code == "lez.norm" && len(s.Args) == 4:
			out = &ItemLEZ{Euro: s.Args[0], Norm: s.Args[1], Fuel: s.Args[2], Category: s.Args[3]}
		}
	}
	if out != nil {
		out.Assumed = assumed
	}
	return out
}

// questionOfItem asks the one question of the item.
func questionOfItem(item *Item) Question {
	q := Question{Code: item.Family}
	switch {
	case item.Measured != nil:
		m := item.Measured
		for _, v := range []int64{m.Corrected, m.Measured, m.Limit} {
			q.Args = append(q.Args, strconv.FormatInt(v, 10))
		}
	case item.LEZ != nil:
		q.Args = []string{item.LEZ.Fuel, item.LEZ.Euro}
	}
	return q
}

// warningsOf lists what a person must know before the key: blockers first.
func warningsOf(c *cases.Case) []ItemWarning {
	out := []ItemWarning{}
	for _, b := range c.Blocks {
		out = append(out, ItemWarning{Code: b, Blocks: true})
	}
	for _, i := range c.Incidents {
		out = append(out, ItemWarning{Code: string(i.Kind), Args: []string{strconv.FormatInt(i.N, 10)}, Blocks: true})
	}
	if c.Undecided != "" {
		out = append(out, ItemWarning{Code: cases.BlockUndecided, Args: []string{c.Undecided}, Blocks: true})
	}
	for _, m := range c.Marks {
		out = append(out, ItemWarning{Code: m})
	}
	return out
}

// exportOf says whether the recipient would take the case.
func exportOf(c *cases.Case) ItemExport {
	out := ItemExport{Would: "pass"}
	for _, b := range c.Blocks {
		if field, ok := strings.CutPrefix(b, exportBlock); ok {
			out.Would = "refuse"
			out.Missing = append(out.Missing, field)
		}
	}
	return out
}

// verdictsOf lists what the persons said about a case in arbitration.
func verdictsOf(c *cases.Case) (out []ItemVerdict) {
	for _, v := range []*cases.Verdict{c.First, c.SecondBy} {
		if v == nil {
			continue
		}
		shown := ItemVerdict{Verdict: string(v.Kind), Reason: string(v.Reason), Text: v.Text}
		if v.Plate != nil {
			shown.Plate, shown.Country = v.Plate.Plate, v.Plate.Country
		}
		out = append(out, shown)
	}
	return out
}

// platesOfCase lists the plates that a case shows: as sealed, corrected and in the verdicts.
func platesOfCase(c *cases.Case) []string {
	out := []string{c.Plate}
	add := func(r *cases.PlateReading) {
		if r != nil && r.Plate != "" {
			out = append(out, r.Plate)
		}
	}
	add(c.Corrected)
	add(c.Keyed)
	for _, v := range []*cases.Verdict{c.First, c.SecondBy} {
		if v != nil {
			add(v.Plate)
		}
	}
	return out
}

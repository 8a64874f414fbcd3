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
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// exportBlock begins the name of a blocker that the export check of the track found.
const exportBlock = "export_"

// buildItems makes the items of leases from the cases, the sealed decisions, the reads and the reference data.
func (o *Office) buildItems(ctx context.Context, p access.Permit, leased []cases.Leased) ([]Item, error) {
	out := []Item{}
	for i := range leased {
		item, err := o.buildItem(ctx, p.User(), &leased[i])
		if err != nil {
			return nil, err
		}
		out = append(out, *item)
	}
	if err := o.addReadings(ctx, p, leased, out); err != nil {
		return nil, err
	}
	o.addSizes(ctx, out)
	return out, nil
}

// buildItem makes the item of a lease, without what the table of reads and the image store have.
func (o *Office) buildItem(ctx context.Context, user string, l *cases.Leased) (*Item, error) {
	d, err := o.cfg.Cases.Store.Get(ctx, l.Case.ID)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	if err := o.noteAltered(ctx, l, d); err != nil {
		return nil, err
	}
	if again := shownAgain(d, user); again != nil {
		clocks := l.Case.Clocks
		d, l.Case = again, again.Case
		l.Case.Clocks = clocks
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
	item.Measured, item.Light = speedsOf(c.Measures), lightOf(c.Measures)
	trace := traceOf(d, &decision)
	item.Measured.addMargin(trace)
	item.LEZ = lezOf(trace)
	item.Trace = o.stepsOf(trace, false)
	item.Vehicle = o.vehicleOf(&r, c.CapturedAt)
	item.Differs = differences(item.Seen, item.Vehicle)
	item.Device = o.deviceOf(c)
	item.addDeviceWarnings(o.cfg.Now())
	item.Question = questionOfItem(item)
	if l.Queue == cases.QueueArbitration || l.Queue == cases.QueueCounter {
		item.Verdicts = verdictsOf(&d.Case)
	}
	return item, nil
}

// kindsOf lists the kinds of vehicle that a camera may see in a category of the register.
var kindsOf = map[string][]string{
	"M1": {"car"}, "M2": {"bus", "van"}, "M3": {"bus"}, "N1": {"van", "car", "truck"}, "N2": {"truck", "van"}, "N3": {"truck"},
	"L1": {"motorcycle"}, "L2": {"motorcycle"}, "L3": {"motorcycle"}, "L4": {"motorcycle"}, "L5": {"motorcycle"}, "L6": {"motorcycle", "car"}, "L7": {"motorcycle", "car"},
}

// differences lists in what the vehicle that the camera saw is not the one in the register. The copies of the registers
// have neither make nor colour.
func differences(seen *ItemSeen, register *ItemVehicle) (out []string) {
	if seen == nil || register == nil || seen.Kind == "" {
		return nil
	}
	if kinds := kindsOf[register.Category]; kinds != nil && !slices.Contains(kinds, seen.Kind) {
		out = append(out, "kind")
	}
	return out
}

// certificateEndsWithin is the time before its end in which a certificate is worth a warning.
const certificateEndsWithin = 30 * 24 * time.Hour

// Warnings that follow from the camera and not from the case.
const (
	warnClock           = "clock_suspect"
	warnCertificateEnds = "certificate_ends"
	warnDiffers         = "vehicle_differs"
)

// addDeviceWarnings warns of what the camera's own state casts doubt on. Only a measurement without a certificate blocks.
func (item *Item) addDeviceWarnings(now time.Time) {
	if item.At.Clock == "suspect" {
		item.Warnings = append(item.Warnings, ItemWarning{Code: warnClock})
	}
	switch {
	case item.Measured == nil:
	case item.Device == nil:
		item.Warnings = append(item.Warnings, ItemWarning{Code: cases.BlockNoDevice, Blocks: true})
	case item.Device.Until.Sub(now) < certificateEndsWithin:
		item.Warnings = append(item.Warnings, ItemWarning{Code: warnCertificateEnds, Args: []string{item.Device.Until.In(schemas.Brussels()).Format(time.DateOnly)}})
	}
	if len(item.Differs) > 0 {
		item.Warnings = append(item.Warnings, ItemWarning{Code: warnDiffers, Args: item.Differs})
	}
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
		if len(e.Trace) > 0 && e.File == nil { // the vehicle's file is no decision on the passage
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
		out[i] = ItemPicture{SHA256: p.Sum.String(), Kind: string(p.Kind)}
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

// lightOf returns the time into red, else into amber; nil when no light was measured.
func lightOf(measures []schemas.Measure) *ItemLight {
	for _, x := range [...]struct {
		aspect            string
		measured, counted schemas.MeasureName
	}{{"red", schemas.RedTime, schemas.RedTimeLeft}, {"amber", schemas.AmberTime, schemas.AmberTimeLeft}} {
		if v := schemas.MeasureValue(measures, x.measured); v != 0 {
			return &ItemLight{Aspect: x.aspect, Measured: v, Counted: schemas.MeasureValue(measures, x.counted)}
		}
	}
	return nil
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
	case item.Light != nil:
		l := item.Light
		q.Args = []string{l.Aspect, strconv.FormatInt(l.Measured, 10), strconv.FormatInt(l.Counted, 10)}
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
		out = append(out, ItemWarning{Code: cases.BlockUndecided, Args: []string{c.Undecided}, Text: reasonText(c.Undecided), Blocks: true})
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

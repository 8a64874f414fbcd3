package replay

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// Comparison is the result of a replay, without any plate.
type Comparison struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Catalogue string `json:"catalogue_version"`
	Reference string `json:"reference_version"`
	InputCounts
	Verdicts []VerdictCount `json:"verdicts"`
	Rules    []RuleDiff     `json:"offences"`
	Examples []Difference   `json:"examples,omitempty"`
}

// VerdictCount compares how often a rule came to an outcome.
type VerdictCount struct {
	Rule     string `json:"rule"`
	Outcome  string `json:"outcome"`
	Stored   uint64 `json:"stored"`
	Replayed uint64 `json:"replayed"`
}

// RuleDiff compares the candidate and held offences of a rule.
type RuleDiff struct {
	Rule     string `json:"rule"`
	Stored   uint64 `json:"stored"`
	Replayed uint64 `json:"replayed"`
	Same     uint64 `json:"same"`
	// part of Same with an equal sealed record, byte for byte; the record names catalogue and reference data
	Sealed  uint64 `json:"same_seal"`
	New     uint64 `json:"new"`
	Gone    uint64 `json:"gone"`
	Changed uint64 `json:"changed"`

	StoredCents   int64 `json:"stored_amount_cents"` // candidates only, without held offences
	ReplayedCents int64 `json:"replayed_amount_cents"`
}

// Difference is an offence that would be new, gone or different. Decisions are the replay's decisions on the
// passage, with traces.
type Difference struct {
	Kind      string             `json:"kind"` // new, gone or changed
	Stored    *FoundOffence      `json:"stored,omitempty"`
	Replayed  *FoundOffence      `json:"replayed,omitempty"`
	Decisions []schemas.Decision `json:"-"`

	plate   schemas.Plate
	passage schemas.ID
	read    schemas.ID // the offence's read
	rule    schemas.RuleID
}

// IsSame reports whether nothing would be different.
func (r *Comparison) IsSame() bool {
	for _, d := range r.Rules {
		if d.New+d.Gone+d.Changed > 0 {
			return false
		}
	}
	return true
}

func statusOf(o schemas.Outcome) string {
	if o == schemas.OutcomeHeld {
		return "held"
	}
	return "candidate"
}

func (c *offenceClaim) asOffence(id schemas.ID) *FoundOffence {
	return (&FoundOffence{
		ID: id.String(), Rule: string(c.rule), Status: statusOf(c.outcome), Reason: c.reason, AmountCents: c.amount,
		Passage: c.passage.String(), CapturedAt: c.captured.String(),
	}).withMeasures(c.measures)
}

func (s *storedOffence) asOffence() *FoundOffence {
	return (&FoundOffence{
		ID: s.id.String(), Rule: s.rule, Status: s.status, Reason: s.reason, AmountCents: s.amount,
		Passage: s.passage.String(), CapturedAt: s.captured.String(),
	}).withMeasures(s.measures)
}

// withMeasures adds the measures to the offence.
func (o *FoundOffence) withMeasures(measures []schemas.Measure) *FoundOffence {
	value := func(name schemas.MeasureName) int32 { return int32(schemas.MeasureValue(measures, name)) }
	o.Measures, o.Measured, o.Corrected, o.Limit = measures, value(schemas.MeasuredSpeed), value(schemas.CorrectedSpeed), value(schemas.AllowedSpeed)
	return o
}

// compareStored compares the found offences with the stored.
func compareStored(cfg *Config, w *worker, stored *storedOffences) *Comparison {
	rep := &Comparison{
		From: cfg.From.String(), To: cfg.To.String(), Catalogue: cfg.Engine.Catalogue().Version(), Reference: cfg.Registry.Version(), InputCounts: w.count,
	}
	byRule := map[string]*RuleDiff{}
	of := func(rule string) *RuleDiff {
		if byRule[rule] == nil {
			byRule[rule] = &RuleDiff{Rule: rule}
		}
		return byRule[rule]
	}
	for id, c := range w.offences {
		w.verdicts[verdictKey{c.rule, c.outcome.String()}]++
		d := of(string(c.rule))
		d.Replayed++
		if c.outcome == schemas.OutcomeOffence {
			d.ReplayedCents += c.amount
		}
		s, ok := stored.offences[id]
		switch {
		case !ok:
			d.New++
		case s.asOffence().isSame(c.asOffence(id)):
			d.Same++
			if c.sealed {
				d.Sealed++
			}
		default:
			d.Changed++
		}
	}
	for id, s := range stored.offences {
		d := of(s.rule)
		d.Stored++
		if s.status == "candidate" {
			d.StoredCents += s.amount
		}
		if _, ok := w.offences[id]; !ok {
			d.Gone++
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(byRule)) {
		rep.Rules = append(rep.Rules, *byRule[rule])
	}
	rep.countVerdicts(w.verdicts, stored.verdicts)
	return rep
}

func (r *Comparison) countVerdicts(replayed, stored map[verdictKey]uint64) {
	keys := map[verdictKey]bool{}
	for k := range replayed {
		keys[k] = true
	}
	for k := range stored {
		keys[k] = true
	}
	for k := range keys {
		r.Verdicts = append(r.Verdicts, VerdictCount{string(k.rule), k.outcome, stored[k], replayed[k]})
	}
	slices.SortFunc(r.Verdicts, func(a, b VerdictCount) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Outcome, b.Outcome))
	})
}

// explainDifferences picks differences, as many of each kind, the smallest ids first, and decides their passages
// again with the trace.
func (r *Comparison) explainDifferences(ctx context.Context, cfg *Config, w *worker, stored *storedOffences) error {
	if cfg.Examples <= 0 || r.IsSame() {
		return nil
	}
	kinds := map[string][]Difference{}
	for id, c := range w.offences {
		d := Difference{Kind: "new", Replayed: c.asOffence(id), plate: c.plate, passage: c.passage, read: c.read, rule: c.rule}
		if s, ok := stored.offences[id]; ok {
			if d.Stored = s.asOffence(); d.Stored.isSame(d.Replayed) {
				continue
			}
			d.Kind = "changed"
		}
		kinds[d.Kind] = append(kinds[d.Kind], d)
	}
	for id, s := range stored.offences {
		if _, ok := w.offences[id]; !ok {
			kinds["gone"] = append(kinds["gone"], Difference{Kind: "gone", Stored: s.asOffence(), plate: s.plate, passage: s.passage, read: s.read, rule: schemas.RuleID(s.rule)})
		}
	}
	for _, kind := range []string{"new", "gone", "changed"} {
		ds := kinds[kind]
		slices.SortFunc(ds, func(a, b Difference) int { return bytes.Compare(a.passage[:], b.passage[:]) })
		for _, d := range ds[:min(len(ds), (cfg.Examples+2)/3)] {
			if err := d.decideAgain(ctx, cfg); err != nil {
				return err
			}
			r.Examples = append(r.Examples, d)
		}
	}
	return nil
}

// decideAgain decides the passage again, in full.
func (d *Difference) decideAgain(ctx context.Context, cfg *Config) error {
	id := proto.Parameter{Key: "id", Value: "'" + d.passage.String() + "'"}
	plate := proto.Parameter{Key: "plate", Value: "'" + d.plate.String() + "'"}
	rows, err := readAll(ctx, cfg.Dial, `SELECT `+passageSelect+` FROM passages WHERE plate = {plate:String} AND passage_id = {id:UUID}`, []proto.Parameter{id, plate}, &passageCols{})
	if err == nil && len(rows) == 0 { // the offence concerns another reading than the passage's best
		rows, err = readAll(ctx, cfg.Dial, `SELECT `+passageSelect+` FROM passages WHERE `+inBounds("first_at")+` AND passage_id = {id:UUID}`, cfg.boundParams(margin, id), &passageCols{})
	}
	if err != nil {
		return fmt.Errorf("read a passage again: %w", err)
	}
	if len(rows) == 0 {
		return nil // meanwhile deleted by retention: the example stays without a trace
	}
	reads, err := readAll(ctx, cfg.Dial, `SELECT `+readSelect+` FROM reads WHERE `+inBounds("captured_at")+` AND passage_id = {id:UUID}`, cfg.boundParams(2*margin, id), newReadCols())
	if err != nil {
		return fmt.Errorf("read a passage's reads again: %w", err)
	}
	var g readGroup
	g.addPassage(&rows[0])
	for i := range reads {
		g.takeRead(&reads[i])
	}
	g.completePassages()
	for _, of := range g.subjectsOf(nil, cfg.Registry, func(bool) {}) {
		for _, dec := range cfg.Engine.Explain(&of.Subject, cfg.Registry) {
			if dec.Rule == d.rule && !dec.On.Read.IsZero() {
				d.Decisions = append(d.Decisions, dec)
			}
		}
	}
	d.Decisions = aboutRead(d.Decisions, d.read)
	return nil
}

// aboutRead keeps the decisions on the read, if any. The pipeline judges a passage and a straggler apart, and an
// offence concerns only one of both.
func aboutRead(all []schemas.Decision, read schemas.ID) []schemas.Decision {
	other := func(d schemas.Decision) bool { return d.On.Read.ID != read }
	if about := slices.DeleteFunc(slices.Clone(all), other); len(about) > 0 {
		return about
	}
	return all
}

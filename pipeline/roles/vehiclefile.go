package roles

import (
	"context"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// readFiles reads, each second, the files of vehicles with a confirmation that took effect.
func (r *CasesRole) readFiles(ctx context.Context) {
	part := feed.NewPart(feed.PartFiles, r.metrics, r.log)
	repeatEvery(ctx, sweepEvery, func(ctx context.Context) bool {
		n, err := r.Store.ReadFiles(ctx)
		if ctx.Err() == nil {
			part.Note(err)
		}
		r.metrics.FileAnswers.Add(float64(n.Answers))
		if n.Incidents > 0 {
			r.metrics.FileIncidents.Add(float64(n.Incidents))
			r.log.Warn().Int("cases", n.Incidents).Msg("a vehicle's file changed after cases were sent or taken back; each has an incident for a supervisor")
		}
		return err == nil && n.Vehicles > 0
	})
}

// ReadFile implements [cases.Filer].
func (l *caseLaw) ReadFile(q *cases.FileQuestion) (out cases.FileReading, err error) {
	this, err := entryOf(q.Case, q.Sealed)
	if err != nil {
		return out, err
	}
	others := make([]rules.FileEntry, len(q.Others))
	for i, c := range q.Others {
		others[i] = entryInFile(c)
	}
	out.Answer = cases.FileAnswer{
		Verdict: q.Case.Decisive, Outcome: cases.FileNone, AmountCents: this.AmountCents, Verified: true, Others: len(others), At: q.At, Catalogue: l.catalogue.Version(),
		Finding: this.Reason, Excess: this.Excess, Surround: this.Surround, Abroad: this.Abroad,
	}
	a, ok := l.catalogue.VehicleFile(q.Case.Family, others, this, q.At)
	if !ok {
		return out, nil
	}
	answer := &out.Answer
	answer.Outcome, answer.Level, answer.Together, answer.TotalCents = cases.FileOutcome(a.Outcome), a.Level, a.Together, a.TotalCents
	answer.FreeFrom, answer.Verified, out.Trace = a.FreeFrom, a.Verified, a.Trace
	if answer.Outcome == cases.FileWarning || answer.Outcome.Withdraws() {
		answer.AmountCents = 0
	}
	out.Facts = l.rerouted(q, answer.Outcome)
	return out, nil
}

// rerouted returns the values of a case that the file sends another way; nil = the way stays. A way that a person chose
// stays too.
func (l *caseLaw) rerouted(q *cases.FileQuestion, o cases.FileOutcome) *cases.Facts {
	c := q.Case
	track := cases.Track(o)
	if c.TrackChosen || track == c.Track || track != cases.ImmediateCollection && track != cases.ToProsecutor {
		return nil
	}
	facts := c.Facts
	facts.Track = track
	facts.Blocks = l.blocksOf(&store.Dossier{Case: *c, Sealed: q.Sealed}, track)
	return &facts
}

// entryOf returns a confirmed case for the file of its vehicle. What people and re-decisions changed goes before what was
// sealed.
func entryOf(c *cases.Case, sealed []byte) (rules.FileEntry, error) {
	d, err := evidence.ParseSealed(sealed)
	if err != nil {
		return rules.FileEntry{}, fmt.Errorf("the sealed bytes are unreadable: %w", err)
	}
	finding := c.Finding
	if finding == "" && d.Outcome == schemas.OutcomeOffence { // of an earlier program
		finding = d.Reason
	}
	d.Measures, d.AmountCents = c.Measures, c.AmountCents
	d.On.Country, _ = schemas.CountryFrom(c.Reading().Country)
	e := rules.NewFileEntry(&d, finding)
	e.SentAt = c.SentAt
	return e, nil
}

// entryInFile returns a case with an answer for the file of its vehicle.
func entryInFile(c *cases.Case) rules.FileEntry {
	e := rules.FileEntry{
		Kind: rules.FileFine, CapturedAt: c.CapturedAt, SentAt: c.SentAt, Reason: c.File.Finding, AmountCents: c.File.AmountCents, Excess: c.File.Excess,
		Surround: c.File.Surround, Abroad: c.File.Abroad,
	}
	if c.File.Outcome == cases.FileWarning {
		e.Kind = rules.FileWarning
	}
	return e
}

package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// caseFacts says what a decision makes of a case: the values to show, and the deadlines.
type caseFacts func(in *cases.Intake, takenIn schemas.Micros) (cases.Facts, cases.Clocks)

// caseDecider decides the passages of cases again, under the catalogue in use and the reference data of the moment.
// caseDecider implements [cases.Decider].
type caseDecider struct {
	catalogue *rules.Catalogue
	engines   *rules.Engines
	reference *reference.Store
	conns     *replay.Connections
	facts     caseFacts
	inForce   func(now time.Time) (heldCatalogue, error) // nil = catalogue, always
}

var _ cases.Decider = (*caseDecider)(nil)

func newDecider(catalogue *rules.Catalogue, store *reference.Store, conns *replay.Connections, facts caseFacts) *caseDecider {
	return &caseDecider{catalogue: catalogue, engines: rules.NewEngines(catalogue), reference: store, conns: conns, facts: facts}
}

// Decide implements [cases.Decider]. An answer is of one version of the reference data. A passage is gone only when its
// retention is over: until then a passage that the tables do not have, or a camera that the registry does not have, is an
// error, because a copy that is behind says nothing about the vehicle.
func (d *caseDecider) Decide(ctx context.Context, q cases.Question) (cases.Answer, error) {
	version, catalogue, engines := d.reference.Current(), d.catalogue, d.engines
	if d.inForce != nil {
		held, err := d.inForce(q.Now.Time())
		if err != nil {
			return cases.Answer{}, err
		}
		catalogue, engines = held.catalogue, held.engines
	}
	single := replay.Single{
		Offence: q.Offence, Passage: q.Passage, Read: q.Read, CapturedAt: q.CapturedAt, Rule: q.Rule, Family: q.Family, Lane: q.Lane, Settled: q.Accepted,
	}
	if r := q.Reading; r != nil {
		var ok bool
		if single.Plate, ok = schemas.PlateFrom(r.Plate); !ok {
			return cases.Answer{}, fmt.Errorf("the plate that was read from the picture of offence %s is not canonical", q.Offence)
		}
		single.Country, _ = schemas.CountryFrom(r.Country)
	}
	x, err := replay.DecideSingle(ctx, d.conns, engines.For(version.Cameras()), version, &single)
	if errors.Is(err, replay.ErrNotFound) && !replay.IsKept(q.CapturedAt, q.Now) {
		return cases.Answer{Gone: true, Facts: cases.Facts{Catalogue: catalogue.Version(), Reference: version.Version()}}, nil
	}
	if err != nil {
		return cases.Answer{}, err
	}
	ripe := catalogue.RipenDecision(&x, version, q.Now)
	in := cases.Intake{Offence: q.Offence, Decision: x.Decision, SealHolds: true, Straggler: q.Straggler, Track: q.Track}
	if in.Decision.Reason = ripe.Reason; ripe.Outcome == rules.RipeOpen {
		in.Decision.Outcome = schemas.OutcomeOffence // the export check asks more of it than of a hold
	}
	if cam, ok := version.Camera(x.On.Camera); ok {
		in.Zone, in.Site, in.Municipality = cam.Zone, cam.Site, cam.Municipality
	}
	facts, clocks := d.facts(&in, q.TakenInAt)
	answer := cases.Answer{Reason: ripe.Reason, HoldUntil: ripe.Until, Trace: ripe.Trace, Facts: facts, Clocks: &clocks}
	switch ripe.Outcome {
	case rules.RipeOpen:
		answer.Outcome, answer.Reason = cases.OutcomeOpen, ""
	case rules.RipeHeld: // a held case has no amount
		answer.Outcome, answer.Facts.AmountCents = cases.OutcomeHeld, 0
	case rules.RipeWithdrawn:
		answer.Outcome, answer.Facts.AmountCents = cases.OutcomeWithdrawn, 0
	}
	return answer, nil
}

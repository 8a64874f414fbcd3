package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/cases/feed"
	"github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

// reviveEvery is the interval of the job that looks at what ended cases had swallowed.
const reviveEvery = 10 * time.Second

// revive takes in what cases had swallowed that ended because of their read.
func (r *CasesRole) revive(ctx context.Context) {
	part := feed.NewPart(feed.PartRevival, r.metrics, r.log)
	reviver := &caseReviver{r.decider, r.law.termsOf, r.attemptsOf, r.Store.Now}
	repeatEvery(ctx, reviveEvery, func(ctx context.Context) bool {
		n, err := r.Store.Revive(ctx, reviver, claimedAtOnce)
		if ctx.Err() == nil {
			part.Note(err)
		}
		return err == nil && n > 0
	})
}

// caseReviver decides what a case had swallowed, after the case ended because of its read. caseReviver implements
// [cases.Reviver].
type caseReviver struct {
	*caseDecider
	terms    func(in *cases.Intake) feed.Terms
	attempts func(context.Context, schemas.OffenceID) ([]cases.Case, error) // all cases of an offence
	clock    func(context.Context) (schemas.Micros, error)                  // the database's
}

// attemptsOf returns the cases of an offence.
func (r *CasesRole) attemptsOf(ctx context.Context, offence schemas.OffenceID) (out []cases.Case, err error) {
	rows, _, err := r.Store.List(ctx, store.Filter{Offence: offence}, "", store.MaxRows)
	for i := range rows {
		out = append(out, rows[i].Case)
	}
	return out, err
}

var _ cases.Reviver = (*caseReviver)(nil)

// Revive implements [cases.Reviver]. The passage gets a sealed record of its own behind that of the case, with the id
// of the offence. While evidence that must be there is missing, or a camera, and no other passage stands, the answer is an
// error: the case comes again. What a camera saw stands no more when an attempt was taken back for that camera.
func (r *caseReviver) Revive(ctx context.Context, c *cases.Case) (*cases.Intake, error) {
	plate, ok := schemas.PlateFrom(c.Plate)
	if !ok {
		return nil, fmt.Errorf("the plate of case %s is not canonical", c.ID)
	}
	own := replay.Single{Offence: c.Offence, Passage: c.Passage, Read: c.Read, CapturedAt: c.CapturedAt, Rule: c.Rule, Family: c.Family}
	swallowed, err := replay.Swallowed(ctx, r.conns, &own, plate)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(swallowed, func(s replay.Single) bool { return s.Passage == c.Passage && s.Read == c.Read }); i >= 0 {
		swallowed = swallowed[i+1:] // the case is a later attempt: what came before was looked at
	}
	attempts, err := r.attempts(ctx, c.Offence)
	if err != nil {
		return nil, err
	}
	blamed := map[string]bool{}
	for i := range attempts {
		if a := &attempts[i]; cases.WithdrawReason(a.EndReason).BlamesCamera() {
			blamed[a.Camera] = true
		}
	}
	now, err := r.clock(ctx)
	if err != nil {
		return nil, err
	}
	version := r.reference.Current()
	var missing error
	for i := range swallowed {
		x, err := replay.DecideSingle(ctx, r.conns, r.engines.For(version.Cameras()), version, &swallowed[i])
		if errors.Is(err, replay.ErrNotFound) && !replay.IsKept(swallowed[i].CapturedAt, now) {
			continue
		}
		if errors.Is(err, replay.ErrNotFound) || errors.Is(err, replay.ErrNoCamera) {
			missing = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if blamed[x.On.Camera] || x.Outcome != schemas.OutcomeOffence && x.Outcome != schemas.OutcomeHeld {
			continue
		}
		d := x.Decision
		d.Offence = c.Offence
		var before schemas.Sum
		copy(before[:], c.Seal)
		evidence.Seal(&d, before)
		in := &cases.Intake{Offence: c.Offence, Attempt: c.Attempt + 1, Sealed: d.Sealed, Seal: d.Seal, Decision: d, SealHolds: true}
		if cam, ok := version.Camera(d.On.Camera); ok {
			in.Zone, in.Site, in.Municipality = cam.Zone, cam.Site, cam.Municipality
		}
		if sum := schemas.DigestOf(d.On.Image); sum != "" {
			in.Pictures = []cases.Picture{{Sum: sum, Kind: cases.PictureScene}}
		}
		t := r.terms(in)
		in.Regime, in.Clocks, in.Track, in.Marks, in.Blocks = t.Regime, t.Clocks, t.Track, t.Marks, t.Blocks
		return in, nil
	}
	return nil, missing
}

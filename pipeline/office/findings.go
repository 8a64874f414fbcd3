package office

import (
	"context"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// Defaults for an office whose last verification held, when any office notes a finding. The office verifies at once and
// goes on answering for findingPatience at most. Between two verifications it pauses for findingPause, or for as long as
// the last one took.
const (
	findingPause    = time.Minute
	findingPatience = 30 * time.Minute
)

// findings is what this office knows of findings by any office. Office.mu guards it.
type findings struct {
	held    bool      // the last verification held
	covered time.Time // instant of the newest finding that a verification begun later has covered
	covers  time.Time // the same, of the verification that runs or ran last, whether it holds or not
	// By this office's clock, when it saw the first finding that is open, and the first one after covers; zero = none.
	open, later time.Time
}

// noteOpen notes a finding that is not covered. fresh is true when it is the first one that is open.
func (f *findings) noteOpen(at, now time.Time) (fresh bool) {
	if f.later.IsZero() && at.After(f.covers) {
		f.later = now
	}
	if fresh = f.open.IsZero(); fresh {
		f.open = now
	}
	return fresh
}

// beginCovering notes that a verification begins, and the instant of the newest finding before it.
func (f *findings) beginCovering(at time.Time) { f.covers, f.later = at, time.Time{} }

// dropCovered drops the findings that the verification has covered. The log held.
func (f *findings) dropCovered() {
	if f.covers.After(f.covered) {
		f.covered = f.covers
	}
	f.open, f.later = f.later, time.Time{}
}

// dropAll drops all findings. A break closed them.
func (f *findings) dropAll() { f.open, f.later = time.Time{}, time.Time{} }

// newestFinding returns the newest finding that this office has not covered, or nil.
func (o *Office) newestFinding(ctx context.Context) (*store.DamageFinding, error) {
	o.mu.Lock()
	covered := o.findings.covered
	o.mu.Unlock()
	f, err := o.cfg.LookUps.NewestFinding(ctx, covered)
	if err == nil && f == nil { // a break closed what was open
		o.mu.Lock()
		o.findings.dropAll()
		o.mu.Unlock()
	}
	return f, err
}

// goesOn reports whether the office may answer until it has verified a finding: its last verification held, and no
// finding is open for longer than findingPatience. One wrong office thus shuts none of its neighbours.
func (o *Office) goesOn(f *store.DamageFinding) bool {
	o.mu.Lock()
	fresh := f.At.After(o.findings.covered) && o.findings.noteOpen(f.At, time.Now()) // a verification may just have covered it
	on := o.findings.held && (o.findings.open.IsZero() || time.Since(o.findings.open) < o.cfg.findingPatience)
	o.mu.Unlock()
	if fresh && on {
		o.cfg.Logger.Warn().Uint64("first_bad", f.FirstBad).Str("problem", f.Problem).Msg("an office found the look-up log damaged; this office verifies it and goes on meanwhile")
	}
	return on
}

// mustVerify reports whether a finding is open.
func (o *Office) mustVerify() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.findings.open.IsZero()
}

// checkFinding verifies the log before the office answers, after any office found damage that no break has closed. One
// office's finding thus binds all offices. An office that finds the log whole opens, because a row in the table proves
// nothing. An office that may go on meanwhile verifies in the background.
func (o *Office) checkFinding(ctx context.Context, l *access.Log) error {
	f, err := o.newestFinding(ctx)
	if err != nil || f == nil || o.goesOn(f) {
		return err
	}
	o.turn.Lock()
	defer o.turn.Unlock()
	again, err := o.newestFinding(ctx)
	if err != nil {
		return err
	}
	if again != nil { // else the verification in the background has just covered it
		if v, _, err := o.verifyCovering(ctx, l, again); err != nil && len(v.Segments) == 0 { // else the error concerns a witness
			return fmt.Errorf("%w; it is verified because an office found entry %d damaged: %s", err, again.FirstBad, again.Problem)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.damaged
}

// verifyInTurn verifies the log, once at a time beside what auditors ask for. A log that holds covers the findings noted
// before.
func (o *Office) verifyInTurn(ctx context.Context, l *access.Log) (access.Verification, int, error) {
	o.turn.Lock()
	defer o.turn.Unlock()
	f, err := o.newestFinding(ctx)
	if err != nil {
		return access.Verification{}, 0, err
	}
	return o.verifyCovering(ctx, l, f)
}

// verifyCovering verifies the log. f is the newest finding noted before, or nil; a log that holds covers f. The caller
// holds turn.
func (o *Office) verifyCovering(ctx context.Context, l *access.Log, f *store.DamageFinding) (access.Verification, int, error) {
	if f != nil {
		o.mu.Lock()
		o.findings.beginCovering(f.At)
		o.mu.Unlock()
	}
	v, n, err := o.verifyLog(ctx, l)
	if f != nil && v.OK() && len(v.Segments) > 0 { // without segments nothing was verified
		o.mu.Lock()
		o.findings.dropCovered()
		o.mu.Unlock()
	}
	return v, n, err
}

// keepVerified verifies the log at the start, hourly, and after a finding, until the context ends.
func (o *Office) keepVerified(ctx context.Context) {
	tick := time.NewTicker(headLook)
	defer tick.Stop()
	var verified, next time.Time
	for {
		began, due := time.Now(), o.mustVerify()
		if l, err := o.openLog(); err == nil && (began.Sub(verified) >= verifyEvery || due && !began.Before(next)) {
			o.verifyNow(ctx, l)
			verified = time.Now()
			if due {
				next = verified.Add(max(o.cfg.findingPause, verified.Sub(began)))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// verifyNow verifies the log in the background, for verifyEvery at most. When verification fails to run, the age of the
// last verification raises the alert.
func (o *Office) verifyNow(ctx context.Context, l *access.Log) {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, verifyEvery)
	defer cancel()
	v, n, err := o.verifyInTurn(bounded, l)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		o.cfg.Logger.Error().Err(err).Msg("the access log could not be verified")
	case v.OK():
		o.cfg.Logger.Info().Uint64("entries", v.Entries).Int("witnesses", n).Dur("took", time.Since(began)).Msg("the access log holds")
	}
}

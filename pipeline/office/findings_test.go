package office

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// gatedLog is a look-up log whose verifications wait while the gate is closed.
type gatedLog struct {
	LookUps
	mu   sync.Mutex
	gate chan struct{} // nil = open
	runs int           // verifications that began
	now  int           // verifications that run
	most int           // greatest number of verifications that ran at once
}

func (g *gatedLog) Scan(ctx context.Context, from uint64, each func(*access.Entry) error) error {
	g.mu.Lock()
	gate := g.gate
	g.runs++
	g.now++
	g.most = max(g.most, g.now)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.now--
		g.mu.Unlock()
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g.LookUps.Scan(ctx, from, each)
}

func (g *gatedLog) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gate = make(chan struct{})
}

func (g *gatedLog) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.gate)
	g.gate = nil
}

// counts returns how many verifications began, and how many ran at once at most.
func (g *gatedLog) counts() (runs, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.runs, g.most
}

// neighbour is an office beside the desk's, whose last verification held.
type neighbour struct {
	*Office
	t      *testing.T
	log    *gatedLog
	output *syncBuffer
}

func newNeighbour(t *testing.T, d *desk, patience time.Duration) *neighbour {
	t.Helper()
	n := &neighbour{t: t, log: &gatedLog{LookUps: d.office.cfg.LookUps}, output: &syncBuffer{}}
	cfg := d.office.cfg
	cfg.Metrics, cfg.Witnesses, cfg.Old, cfg.LookUps, cfg.Logger = nil, nil, nil, n.log, cfg.Logger.Output(n.output)
	cfg.ReopenEvery, cfg.findingPause, cfg.findingPatience = 10*time.Millisecond, 10*time.Millisecond, patience
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	var err error
	if n.Office, err = New(life, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(); n.Wait() })
	n.says("the access log holds")
	return n
}

// says waits until the office's own log has a text.
func (n *neighbour) says(text string) {
	n.t.Helper()
	eventually(n.t, "the office says "+text, func() error {
		if !strings.Contains(n.output.String(), text) {
			return errors.New("it says " + n.output.String())
		}
		return nil
	})
}

// note tells every office that the log is damaged, as a wrong office does at each start.
func (n *neighbour) note() {
	n.t.Helper()
	if err := n.log.NoteFinding(n.t.Context(), store.DamageFinding{Seq: 6, FirstBad: 2, Problem: "the office that says so has another key"}); err != nil {
		n.t.Fatal(err)
	}
}

// covers waits until the office has verified after every finding.
func (n *neighbour) covers() {
	n.t.Helper()
	eventually(n.t, "no finding is open", func() error {
		if f, err := n.newestFinding(n.t.Context()); f != nil || err != nil {
			return fmt.Errorf("open: %+v, %w", f, err)
		}
		return n.Ready(n.t.Context())
	})
}

func (n *neighbour) answers(when string) {
	n.t.Helper()
	if _, err := n.LogIdentity(n.t.Context(), access.Identity{What: "sign_in", User: &access.User{Name: "officer1", Role: access.ZoneOfficer}}); err != nil {
		n.t.Errorf("%s: %v", when, err)
	}
}

// One wrong office notes findings again and again. Its neighbours verify, one verification at a time, and answer all the
// while, also when they open anew. Damage still shuts them.
func TestAnOfficeThatFindsDamageAgainAndAgainShutsNoNeighbour(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ReopenEvery = 10 * time.Millisecond })
	d.lookups(3)
	n := newNeighbour(t, d, time.Hour)
	n.log.close()
	before, _ := n.log.counts()
	for i := range 20 {
		n.note()
		n.answers(fmt.Sprintf("after finding %d", i+1))
	}
	n.says("goes on meanwhile")
	eventually(t, "a verification runs", func() error {
		if runs, _ := n.log.counts(); runs == before {
			return errors.New("none began")
		}
		return nil
	})
	for range 20 {
		n.note()
		n.answers("while it verifies")
	}
	if strings.Contains(n.output.String(), "the office is shut") {
		t.Errorf("it was shut by what another said:\n%s", n.output)
	}
	d.attack("ALTER TABLE look_up_head RENAME TO look_up_head_away")
	n.says("the office is shut")
	n.says("run anpr migrate")
	d.attack("ALTER TABLE look_up_head_away RENAME TO look_up_head")
	eventually(t, "it opens anew while it verifies", func() error { return n.Ready(t.Context()) })
	n.answers("after it opened anew")
	n.log.open()
	n.covers()
	if runs, most := n.log.counts(); runs-before > 3 || most != 1 {
		t.Errorf("40 findings made %d verifications, at most %d at once, want 3 and 1 at most", runs-before, most)
	}
	if n.mustVerify() {
		t.Error("a finding that was verified is open")
	}
	d.attack("UPDATE look_ups SET reason = 'something better' WHERE seq = 3")
	n.note()
	eventually(t, "what it finds itself shuts it", func() error {
		if err := n.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 3") {
			return fmt.Errorf("ready says %w", errors.Join(errors.New("something else"), err))
		}
		return nil
	})
}

// An office that cannot verify what another found is shut after a bounded time, and opens when it has verified.
func TestAnOfficeThatCannotVerifyAFindingIsShutAfterABoundedTime(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ReopenEvery = 10 * time.Millisecond })
	d.lookups(3)
	n := newNeighbour(t, d, 300*time.Millisecond)
	n.log.close()
	n.note()
	n.says("goes on meanwhile")
	for range 3 { // later findings do not lengthen the time
		n.note()
	}
	n.says("has not verified the log since")
	if err := n.Ready(t.Context()); !errors.Is(err, errShut) {
		t.Errorf("ready says %v, want that the office is shut", err)
	}
	n.log.open()
	n.covers()
	n.answers("when it has verified")
}

// The time of a finding counts from when it was first seen, also of one that comes while a verification runs.
func TestTheTimeOfAFindingCountsFromWhenItWasSeen(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	var f findings
	if !f.noteOpen(at(1), at(101)) || f.noteOpen(at(2), at(102)) {
		t.Error("the first finding alone is fresh")
	}
	f.beginCovering(at(2))
	for s := range 5 { // while it verifies
		f.noteOpen(at(s+2), at(s+102))
	}
	f.dropCovered()
	if !f.open.Equal(at(103)) || !f.covered.Equal(at(2)) {
		t.Errorf("got %+v, want the finding 3 of second 103 open", f)
	}
	f.beginCovering(at(5)) // breaks off
	if f.noteOpen(at(6), at(106)) || !f.open.Equal(at(103)) {
		t.Errorf("got %+v, want the finding 3 of second 103 still open", f)
	}
	f.beginCovering(at(6))
	f.noteOpen(at(6), at(107))
	f.dropCovered()
	if !f.open.IsZero() {
		t.Errorf("got %+v, want none open", f)
	}
	f.beginCovering(at(4))
	f.dropCovered()
	if !f.covered.Equal(at(6)) {
		t.Errorf("covered %v, want what was covered once to stay", f.covered)
	}
}

package office

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// eventually repeats ok until the result is nil, for at most a minute.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// A shut office tells users how to proceed, keeps the reason for the operator, and reopens without a new process.
func TestAnOfficeWithoutItsLogIsShutAndOpensByItself(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ReopenEvery = 10 * time.Millisecond })
	refused := func(why string) {
		t.Helper()
		eventually(t, why, func() error {
			if err := d.office.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
				return fmt.Errorf("ready says %w", errors.Join(errors.New("something else"), err))
			}
			return nil
		})
		_, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"})
		if status(err) != http.StatusServiceUnavailable || !strings.Contains(err.Error(), shutText["en"]) || strings.Contains(err.Error(), why) {
			t.Errorf("a look-up: %v, want 503 with what to do and without %q", err, why)
		}
		for _, lang := range []string{"nl", "fr-BE,fr;q=0.9,en;q=0.8", "de, nl_BE.UTF-8"} {
			c := d.as(access.ZoneOfficer)
			c.Lang = lang
			want := shutText[map[string]string{"n": "nl", "f": "fr", "d": "nl"}[lang[:1]]]
			if _, err := c.Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("in %s: %v, want %q", lang, err, want)
			}
			c.Lang = ""
		}
	}
	opens := func(why string) {
		t.Helper()
		eventually(t, why, func() error { return d.office.Ready(t.Context()) })
		d.lookups(1)
	}
	d.lookups(2)
	// A missing log is noticed before somebody asks.
	d.attack("ALTER TABLE look_up_head RENAME TO look_up_head_away")
	refused("does not exist")
	d.attack("ALTER TABLE look_up_head_away RENAME TO look_up_head")
	opens("the log is there again")
	// A forged entry stands at the end.
	d.attack("INSERT INTO look_ups (seq, at, kind, user_name, prev_sha256, entry_sha256) SELECT seq + 4, now(), 'asked', 'forged', entry_sha256, entry_sha256 FROM look_up_head")
	if _, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); status(err) != http.StatusServiceUnavailable {
		t.Errorf("a look-up after a forged entry: %v, want 503", err)
	}
	refused("its newest entry 11")
	d.closeSegment()
	opens("two persons closed the damaged segment")
}

// closeSegment closes the damaged segment, like `anpr access-log break`.
func (d *desk) closeSegment(witnesses ...access.Head) {
	d.t.Helper()
	ends := schemas.MicrosOf(now) + schemas.Hour
	auditor, supervisor := &access.User{Name: "auditor1", Role: access.Auditor, To: ends}, &access.User{Name: "supervisor1", Role: access.GVCSupervisor, To: ends}
	if _, _, err := access.CloseSegment(d.t.Context(), d.office.cfg.LookUps, d.keys, auditor, supervisor, schemas.Sum{1}, "an administrator changed the table", witnesses, schemas.MicrosOf(now)); err != nil {
		d.t.Fatal(err)
	}
}

// remembering is a witness in memory.
type remembering struct {
	heads chan []access.Head
	err   error
}

func newRemembering() *remembering {
	r := &remembering{heads: make(chan []access.Head, 1)}
	r.heads <- nil
	return r
}

func (r *remembering) Note(_ context.Context, h access.Head) error {
	r.heads <- append(<-r.heads, h)
	return nil
}

func (r *remembering) Heads(context.Context) ([]access.Head, error) {
	hs := <-r.heads
	r.heads <- hs
	return hs, r.err
}

// No append meets damage in the middle. Verification finds the damage and shuts the office until two persons close the
// segment.
func TestAVerificationThatFindsDamageShutsTheOfficeUntilABreak(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ReopenEvery = 10 * time.Millisecond })
	d.lookups(3)
	d.attack("UPDATE look_ups SET reason = 'something better' WHERE seq = 3")
	l, _ := d.office.currentLog()
	d.office.verifyNow(t.Context(), l)
	if _, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), Plate: "1ABC123"}); status(err) != http.StatusServiceUnavailable {
		t.Errorf("a look-up on a damaged log: %v, want 503", err)
	}
	for range 3 {
		if d.office.tryToOpen(t.Context()) {
			t.Fatal("the office opened on a damaged log")
		}
	}
	if err := d.office.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 3") {
		t.Errorf("ready says %v, want entry 3", err)
	}
	if got := gauge(t, d, "anpr_access_log_ok"); got != 0 {
		t.Errorf("anpr_access_log_ok is %v, want 0", got)
	}
	d.closeSegment()
	eventually(t, "the office opens after the break", func() error { return d.office.Ready(t.Context()) })
	d.lookups(1)
	a, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{})
	if err != nil || !a.OK || len(a.Segments) != 2 || a.Segments[0].FirstBad != 3 || len(a.Segments[0].ClosedBy) != 2 {
		t.Errorf("got %+v, err %v", a, err)
	}
	if got := gauge(t, d, "anpr_access_log_ok"); got != 1 {
		t.Errorf("anpr_access_log_ok is %v, want 1", got)
	}
}

func gauge(t *testing.T, d *desk, name string) float64 {
	t.Helper()
	families, err := d.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// The log's end is cut off, or rolled back, while the office is stopped. The witnesses reveal the cut at the start. The
// office hands heads over while running and when stopping.
func TestTheWitnessesFindWhatWasCutWhileTheOfficeWasStopped(t *testing.T) {
	w := newRemembering()
	d := newDesk(t, func(c *Config) { c.Witnesses = []Witness{w} })
	d.lookups(3)
	start := func() (*Office, func()) {
		life, end := context.WithCancel(context.WithoutCancel(t.Context()))
		o, err := New(life, d.office.cfg)
		if err != nil {
			t.Fatal(err)
		}
		return o, func() { end(); o.Wait() }
	}
	o, stop := start()
	_ = o
	stop()
	hs, _ := w.Heads(t.Context())
	if len(hs) == 0 || hs[len(hs)-1].Seq != 7 {
		t.Fatalf("got heads %v, want entry 7 at the stop", hs)
	}
	d.attack("DELETE FROM look_up_plates; DELETE FROM asked_plates WHERE seq > 4; DELETE FROM disclosed WHERE seq > 4; DELETE FROM look_ups WHERE seq > 4; UPDATE look_up_head SET (seq, entry_sha256) = (SELECT seq, entry_sha256 FROM look_ups ORDER BY seq DESC LIMIT 1)")
	o, stop = start()
	defer stop()
	eventually(t, "the cut end is found at the start", func() error {
		if err := o.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 5") {
			return fmt.Errorf("ready says %w", errors.Join(errors.New("something else"), err))
		}
		return nil
	})
}

// An auditor's mistyped head gets an answer and shuts nothing.
func TestAWronglyTypedHeadShutsNoOffice(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(2)
	a, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{Seq: 3, SHA256: strings.Repeat("00", 32)})
	if err != nil || a.OK || a.FirstBad != 3 {
		t.Fatalf("got %+v, err %v", a, err)
	}
	d.lookups(1)
}

// Every other office verifies an office's finding at once, and an office started later verifies before its first answer.
// No office reports ready on a log that it knows to be damaged. A false finding keeps no office shut, and a break opens
// all.
func TestWhatOneOfficeFoundNoOtherAnswersOverUnseen(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.ReopenEvery, c.findingPause = 10*time.Millisecond, 10*time.Millisecond })
	d.lookups(3)
	another := func() *Office {
		t.Helper()
		life, end := context.WithCancel(context.WithoutCancel(t.Context()))
		cfg := d.office.cfg
		cfg.Metrics, cfg.Witnesses = nil, nil
		o, err := New(life, cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { end(); o.Wait() })
		return o
	}
	shut := func(o *Office) error {
		if err := o.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "entry 3") {
			return fmt.Errorf("ready says %w", errors.Join(errors.New("something else"), err))
		}
		return nil
	}
	running := another()
	eventually(t, "the second office verified at its start", func() error {
		if !strings.Contains(d.output.String(), "the access log holds") {
			return errors.New("not yet")
		}
		return nil
	})
	if err := d.office.cfg.LookUps.NoteFinding(t.Context(), store.DamageFinding{Seq: 6, FirstBad: 2, Problem: "nothing is wrong with it"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both offices verified again", func() error {
		for _, o := range []*Office{d.office, running} {
			if f, err := o.newestFinding(t.Context()); f != nil || err != nil {
				return fmt.Errorf("not checked: %+v, %w", f, err)
			}
			if err := o.Ready(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	d.attack("UPDATE look_ups SET reason = 'something better' WHERE seq = 3")
	l, _ := d.office.currentLog()
	d.office.verifyNow(t.Context(), l)
	eventually(t, "the office that runs is shut", func() error { return shut(running) })
	if err := shut(another()); err != nil {
		t.Errorf("an office that starts: %v", err)
	}
	d.closeSegment()
	eventually(t, "both open after the break", func() error { return errors.Join(running.Ready(t.Context()), d.office.Ready(t.Context())) })
	if err := another().Ready(t.Context()); err != nil {
		t.Errorf("an office that starts after the break: %v", err)
	}
}

// slowWitness is a witness that is asked in vain from the second time on, until it is free.
type slowWitness struct {
	*remembering
	asked atomic.Int32
	free  chan struct{}
}

func (w *slowWitness) Heads(ctx context.Context) ([]access.Head, error) {
	if w.asked.Add(1) > 1 {
		select {
		case <-w.free:
		case <-ctx.Done():
		}
	}
	return w.remembering.Heads(ctx)
}

// An office whose log takes long to verify at the start is there and shut, says why, and opens by itself.
func TestAnOfficeThatVerifiesAtItsStartIsThereAndShut(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(2)
	if err := d.office.cfg.LookUps.NoteFinding(t.Context(), store.DamageFinding{Seq: 4, FirstBad: 2, Problem: "nothing is wrong with it"}); err != nil {
		t.Fatal(err)
	}
	before := openPatience
	openPatience = 50 * time.Millisecond
	t.Cleanup(func() { openPatience = before })
	w := &slowWitness{remembering: newRemembering(), free: make(chan struct{})}
	cfg := d.office.cfg
	cfg.Metrics, cfg.Witnesses, cfg.ReopenEvery = nil, []Witness{w}, 10*time.Millisecond
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	o, err := New(life, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(); o.Wait() })
	if err := o.Ready(t.Context()); !errors.Is(err, errOpening) || !errors.Is(err, errShut) {
		t.Errorf("while it verifies: ready says %v", err)
	}
	close(w.free)
	eventually(t, "the office opens", func() error { return o.Ready(t.Context()) })
}

//go:build faults

package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// networkFault is something a network does.
type networkFault struct {
	name   string
	toxics []toxic
	cut    bool
	breaks bool // inserts must have failed meanwhile
	full   time.Duration
}

func down(kind string, attributes map[string]int) toxic { return toxic{kind, "downstream", attributes} }

func upto(kind string, attributes map[string]int) toxic { return toxic{kind, "upstream", attributes} }

var networkFaults = []networkFault{
	{name: "delay of 300 +- 100 ms", toxics: []toxic{down("latency", map[string]int{"latency": 300, "jitter": 100})}, full: time.Minute},
	{name: "1 kB/s", toxics: []toxic{upto("bandwidth", map[string]int{"rate": 1})}, breaks: true, full: 2 * time.Minute},
	{name: "connections cut and refused", cut: true, breaks: true, full: 10 * time.Minute},
	{name: "reset when the answer comes (lost ack)", toxics: []toxic{down("reset_peer", map[string]int{"timeout": 0})}, breaks: true, full: time.Minute},
	{name: "reset 300 ms after the answer began", toxics: []toxic{down("reset_peer", map[string]int{"timeout": 300})}, breaks: true, full: time.Minute},
	{name: "closed after 400 bytes of answers", toxics: []toxic{down("limit_data", map[string]int{"bytes": 400})}, breaks: true, full: time.Minute},
	{name: "requests vanish", toxics: []toxic{upto("timeout", map[string]int{"timeout": 0})}, breaks: true, full: 2 * time.Minute},
	{name: "answers vanish", toxics: []toxic{down("timeout", map[string]int{"timeout": 0})}, breaks: true, full: 2 * time.Minute},
	{name: "packets of 20 bytes", toxics: []toxic{down("slicer", map[string]int{"average_size": 20, "size_variation": 10, "delay": 100}), upto("slicer", map[string]int{"average_size": 20, "size_variation": 10, "delay": 10})}, full: time.Minute},
}

func TestTheNetworkToTheDatabase(t *testing.T) {
	t.Parallel()
	for _, f := range networkFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.toTheDatabase(t)
		})
	}
}

func (f networkFault) toTheDatabase(t *testing.T) {
	addr, db := testkit.Tables(t)
	l := between(t, db, addr)
	u := newUniverseOn(t, readsInLog/2, addr, db)
	u.fault = "F04 network to ClickHouse: " + f.name
	rng := rand.New(rand.NewPCG(u.seed, 31))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	j := u.job
	j.ClickHouse, j.BatchRows, j.InsertTimeout = l.addr(), 60, 3*time.Second
	p := start(t, j)
	for round := range 2 {
		u.send(rng, 0.4*float64(round)+0.2)
		if _, ok := p.await(ctx, func(e event) bool { return e.step == afterInsert }); !ok {
			t.Fatalf("the worker does nothing: %v\n%s", p.err, p.log.tail())
		}
		failed := p.failures()
		f.begin(t, l)
		u.struck++
		u.send(rng, 0.4*float64(round)+0.4)
		if f.breaks {
			p.waitUntil(ctx, "an insert failed", func() bool { return p.failures() > failed })
			if fullLength() {
				pass(ctx, f.full)
			}
		} else if _, ok := p.await(ctx, func(e event) bool { return e.step == afterInsert }); !ok {
			t.Fatalf("no insert through %s: %v\n%s", f.name, p.err, p.log.tail())
		}
		f.end(ctx, t, l)
	}
	u.send(rng, 1)
	u.drained(j.Group, func(time.Duration) error { return p.alive() })
	p.stop()
	u.detail = fmt.Sprintf("%d inserts failed and were repeated", p.failures())
	u.verify()
}

func (f networkFault) begin(t *testing.T, links ...*link) {
	for _, l := range links {
		l.poison(t, f.toxics...)
		if f.cut {
			l.cut()
		}
	}
}

func (f networkFault) end(ctx context.Context, t *testing.T, links ...*link) {
	for _, l := range links {
		if f.cut {
			l.join(t)
		}
		l.cure(ctx)
	}
}

// failures counts the inserts that were not acknowledged, as far as the log tells.
func (p *process) failures() int {
	return strings.Count(p.log.all(), "insert not acknowledged") + p.openings()
}

// waitUntil waits for something to be so while the worker lives.
func (p *process) waitUntil(ctx context.Context, what string, is func() bool) {
	p.t.Helper()
	for !is() {
		if err := p.alive(); err != nil || ctx.Err() != nil {
			p.t.Fatalf("not so: %s: %v %v\n%s", what, err, ctx.Err(), p.log.tail())
		}
		poll(ctx)
	}
}

// TestTheNetworkToTheBroker does the same between two workers and the broker, longer than their sessions.
func TestTheNetworkToTheBroker(t *testing.T) {
	alone(t)
	for _, f := range networkFaults {
		t.Run(f.name, func(t *testing.T) {
			alone(t)
			f.toTheBroker(t)
		})
	}
}

func (f networkFault) toTheBroker(t *testing.T) {
	broker, links := behindLinks(t)
	addr, db := testkit.Tables(t)
	u := newUniverseAt(t, readsInLog/2, broker, addr, db)
	u.fault = "F04 network to Kafka: " + f.name
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	s := u.stream(ctx, 150)
	w := &team{u: u, j: u.job}
	w.j.BatchRows = 60
	w.grow(2)
	done := w.progress(ctx, s, "before the fault", 0)
	f.begin(t, links...)
	u.struck++
	pass(ctx, longer(t, 3*session, f.full))
	f.end(ctx, t, links...)
	w.progress(ctx, s, "after the fault", done)
	s.finish()
	w.settle()
	u.verify()
}

package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// gate is a target which stands still until opened, and keeps the delivered records.
type gate struct {
	open  chan struct{}
	lanes int
	fail  error

	mu   sync.Mutex
	got  int
	due  []time.Duration
	shut bool
}

func (g *gate) Lanes() int           { return g.lanes }
func (g *gate) Lane(*LoadRecord) int { return 0 }
func (g *gate) MaxBatch() int        { return 100 }
func (g *gate) Uploads() bool        { return false }

func (g *gate) Deliver(ctx context.Context, _ int, batch []*LoadRecord) error {
	select {
	case <-g.open:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if g.fail != nil {
		return g.fail
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got += len(batch)
	for _, r := range batch {
		g.due = append(g.due, r.Due)
	}
	return nil
}

func (g *gate) Close() error {
	g.shut = true
	return nil
}

// TestBlockingTargetDoesNotSlowTheSchedule stops the target for the first second of three, at 1,000 reads/s and room
// for 200. In an open loop a third of the reads see the stop; a closed loop would see 200.
func TestBlockingTargetDoesNotSlowTheSchedule(t *testing.T) {
	c := testCity(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), lanes: 1}
		time.AfterFunc(time.Second, func() { close(g.open) })
		res, err := Run(t.Context(), RunConfig{City: c, Traffic: TrafficConfig{Rate: 1000}, Target: g, Duration: 3 * time.Second, InFlight: 200})
		if err != nil {
			t.Fatal(err)
		}
		if res.Scheduled != 3000 || res.Sent != 3000 || res.NotSent != 0 || !g.shut {
			t.Errorf("scheduled %d, sent %d, not sent %d, closed %t: want 3000, 3000, 0, true", res.Scheduled, res.Sent, res.NotSent, g.shut)
		}
		for i, due := range g.due {
			if want := time.Duration(i) * time.Millisecond; due != want {
				t.Fatalf("read %d was due after %v, want %v: the schedule moved", i, due, want)
			}
		}
		if res.Overdue < 750 || res.Overdue > 850 {
			t.Errorf("overdue: got %d, want the about 800 reads beyond the room for 200", res.Overdue)
		}
		// 1,000 of 3,000 waited 0 to 1 s evenly: p90 is where 300 of them waited longer, 0.7 s.
		if res.Ack.P90 < 680_000 || res.Ack.P90 > 720_000 || res.Ack.Max < 990_000 || res.Ack.P50 > 1_000 {
			t.Errorf("p50 %d us, p90 %d us, max %d us: want below 1,000, about 700,000, about 1,000,000", res.Ack.P50, res.Ack.P90, res.Ack.Max)
		}
	})
}

func TestWhatIsNotSentIsReported(t *testing.T) {
	c := testCity(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), lanes: 1} // never opened
		began := time.Now()
		res, err := Run(t.Context(), RunConfig{City: c, Traffic: TrafficConfig{Rate: 1000}, Target: g, Duration: 2 * time.Second, InFlight: 300, Drain: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := time.Since(began), 7*time.Second; got != want {
			t.Errorf("the run took %v, want duration and drain, %v", got, want)
		}
		if res.Scheduled != 2000 || res.Sent != 0 || res.NotSent != 2000 || res.FirstFail == "" || res.Complete() {
			t.Errorf("scheduled %d, sent %d, not sent %d, failure %q: want 2000, 0, 2000 and a reason", res.Scheduled, res.Sent, res.NotSent, res.FirstFail)
		}
		if res.Truth.Produced != 300 {
			t.Errorf("the truth has %d reads, want the 300 handed over", res.Truth.Produced)
		}
	})
}

func TestStoppedRunCountsWhatFellDue(t *testing.T) {
	c := testCity(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), lanes: 3}
		close(g.open)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond+time.Microsecond)
		defer cancel()
		res, err := Run(ctx, RunConfig{City: c, Traffic: TrafficConfig{Rate: 100}, Target: g, Count: 1_000_000})
		if err != nil {
			t.Fatal(err)
		}
		if res.Scheduled != 51 || res.Sent != 51 || res.NotSent != 0 {
			t.Errorf("stopped after 0.5 s at 100/s: scheduled %d, sent %d, not sent %d, want 51, 51, 0", res.Scheduled, res.Sent, res.NotSent)
		}
	})
}

func TestFailedDeliveryIsCountedAndNamed(t *testing.T) {
	c := testCity(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), lanes: 1, fail: errors.New("record too large")}
		close(g.open)
		res, err := Run(t.Context(), RunConfig{City: c, Traffic: TrafficConfig{Rate: 100}, Target: g, Count: 50})
		if err != nil {
			t.Fatal(err)
		}
		if res.NotSent != 50 || res.FirstFail != "record too large" {
			t.Errorf("not sent %d, failure %q: want 50, the target's error", res.NotSent, res.FirstFail)
		}
	})
}

func TestRushHourRunEndsWithItsCount(t *testing.T) {
	c := testCity(t, 1)
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), lanes: 1}
		close(g.open)
		cfg := TrafficConfig{Rate: 10, Profile: RushHour, Start: testDay.Start() + 3*3_600_000_000}
		began := time.Now()
		res, err := Run(t.Context(), RunConfig{City: c, Traffic: cfg, Target: g, Count: 200})
		if err != nil {
			t.Fatal(err)
		}
		// At three at night the intensity is about 0.12 of the mean: 200 reads at a mean of 10/s take some 160 s.
		if d := time.Since(began); res.Sent != 200 || d < 120*time.Second || d > 200*time.Second {
			t.Errorf("sent %d in %v, want 200 in about 160 s", res.Sent, d)
		}
	})
}

func TestBadRunsAreRefused(t *testing.T) {
	c := testCity(t, 1)
	for name, cfg := range map[string]RunConfig{
		"no city":                 {Target: &gate{lanes: 1}, Count: 1},
		"no target":               {City: c, Count: 1},
		"no end":                  {City: c, Target: &gate{lanes: 1}},
		"full speed with no end":  {City: c, Target: &gate{lanes: 1}, FullSpeed: true, Duration: time.Second},
		"negative rate":           {City: c, Target: &gate{lanes: 1}, Count: 1, Traffic: TrafficConfig{Rate: -1}},
		"more dirt than reads":    {City: c, Target: &gate{lanes: 1}, Count: 1, Traffic: TrafficConfig{Noise: &Noise{Unreadable: 600_000, Malformed: 600_000}}},
		"profile that is not one": {City: c, Target: &gate{lanes: 1}, Count: 1, Traffic: TrafficConfig{Profile: 9}},
	} {
		if res, err := Run(t.Context(), cfg); err == nil {
			t.Errorf("%s: got %+v, want an error", name, res)
		}
	}
}

// TestFileHoldsTheSameReadsInBothForms writes a load as Protobuf and as JSON, reads both back and compares.
func TestFileHoldsTheSameReadsInBothForms(t *testing.T) {
	c := testCity(t, 2)
	const n = 3000
	name := filepath.Join(t.TempDir(), "reads.pb")
	target, err := CreateFileTarget(name, false)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	cfg := RunConfig{City: c, Traffic: TrafficConfig{Seed: 4, Rate: 1000, Noise: heavyNoise()}, Count: n, FullSpeed: true}
	results := [2]*RunResult{}
	for i, tg := range []*FileTarget{target, NewFileTarget(&lines, true)} {
		cfg.Target, cfg.JSON, cfg.Progress = tg, i == 1, nil
		if results[i], err = Run(t.Context(), cfg); err != nil || results[i].Sent != n {
			t.Fatalf("form %d: sent %d of %d: %v, %s", i, results[i].Sent, n, err, results[i].FirstFail)
		}
	}
	if a, b := results[0].Truth, results[1].Truth; a.Unique != b.Unique || a.Rejected != b.Rejected || len(a.Hits()) != len(b.Hits()) {
		t.Errorf("the truth differs by form: %+v and %+v", a, b)
	}
	binary, closeFile := openReader(t, name)
	defer closeFile()
	text := newFileReader(&lines, true)
	parsed := 0
	for i := range n {
		b, err := binary.Next()
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		j, err := text.Next()
		if err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		var x, y anprv1.PlateRead
		errB, errJ := proto.Unmarshal(b, &x), protojson.Unmarshal(j, &y)
		if (errB == nil) != (errJ == nil) {
			t.Fatalf("record %d: Protobuf %v, JSON %v", i, errB, errJ)
		}
		if errB == nil {
			parsed++
			if !proto.Equal(&x, &y) {
				t.Fatalf("record %d: got %v and %v", i, &x, &y)
			}
		}
	}
	if uint64(parsed) != n-results[0].Truth.kinds[Malformed] {
		t.Errorf("%d of %d records parse, %d are malformed on purpose", parsed, n, results[0].Truth.kinds[Malformed])
	}
	for form, r := range map[string]*fileReader{"protobuf": binary, "json": text} {
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the last record: got %v, want io.EOF", form, err)
		}
	}
}

func TestCutFileIsNoticed(t *testing.T) {
	for form, data := range map[string]string{"protobuf": "\x05abc", "length": "\x85", "json": "{\"a\":1}\n{\"b\""} {
		r := newFileReader(bytes.NewReader([]byte(data)), form == "json")
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s cut short: got %v, want io.ErrUnexpectedEOF", form, err)
		}
	}
}

func FuzzFileReader(f *testing.F) {
	f.Add([]byte("\x03abc\x00\x01x"), false)
	f.Add([]byte("{\"a\":1}\n\n{}\n"), true)
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		r := newFileReader(bytes.NewReader(data), json)
		total := 0
		for {
			b, err := r.Next()
			if err != nil {
				return
			}
			if total += len(b) + 1; total > len(data) {
				t.Fatalf("%d bytes of records and marks out of %d", total, len(data))
			}
		}
	})
}

package harness

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestTimesCountFromTheDueTime(t *testing.T) {
	began := time.UnixMicro(1_800_000_000_000_000)
	at := func(d time.Duration) schemas.Micros { return schemas.MicrosOf(began.Add(d)) }
	s := &dueTimes{due: map[schemas.ReadID]schemas.Micros{}}
	if _, known, timed := s.dueOf(at(time.Second), schemas.ReadID{}); known || timed {
		t.Error("before the run has begun no read is known")
	}
	s.beginRun(began, 2*time.Second)
	for name, c := range map[string]struct {
		received     schemas.Micros
		known, timed bool
	}{
		"a read of an earlier run":  {at(-time.Second), false, false},
		"in the warm-up":            {at(time.Second), true, false},
		"the first after it":        {at(2 * time.Second), true, true},
		"later":                     {at(time.Minute), true, true},
		"exactly when it all began": {at(0), true, false},
	} {
		due, known, timed := s.dueOf(c.received, schemas.ReadID{})
		if known != c.known || timed != c.timed || known && due != c.received {
			t.Errorf("%s: due %d, known %t, timed %t", name, due, known, timed)
		}
	}
	s.byID = true
	id := schemas.ReadID{}
	id.ID[3] = 7
	s.due[id] = at(3 * time.Second)
	if due, known, timed := s.dueOf(at(9*time.Second), id); due != at(3*time.Second) || !known || !timed {
		t.Errorf("behind a gateway: due %d, known %t, timed %t: want the time it was handed over by id", due, known, timed)
	}
	if _, known, _ := s.dueOf(at(9*time.Second), schemas.ReadID{}); known {
		t.Error("behind a gateway a read of nobody's is known")
	}
}

// TestSnapshotsSubtract reads two snapshots from two workers over HTTP: the difference counts, over both workers.
func TestSnapshotsSubtract(t *testing.T) {
	worker := func(us int64, n *int) *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := hdrhistogram.New(1, longest, 3)
			_ = h.RecordValues(9_000_000, 5) // before the first snapshot
			_ = h.RecordValues(us, int64(*n))
			hdr, err := h.EncodeV2()
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write([]byte(`[{"stage":"insert","count":1,"hdr":"` + string(hdr) + `"}]`))
		}))
	}
	n := 0
	a, b := worker(1_000, &n), worker(3_000, &n)
	defer a.Close()
	defer b.Close()
	w := newWorkers([]string{a.URL, b.URL})
	before, err := w.readStages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n = 100
	after, err := w.readStages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := stageDifferences(before, after)["insert"]
	if got.Count != 200 || got.P50 != 1_000 || got.P90 < 2_990 || got.Max > 3_010 {
		t.Errorf("got %+v, want the 200 of between: half 1 ms, half 3 ms", got)
	}
	if _, err := newWorkers([]string{a.URL + "/nothing"}).readStages(t.Context()); err != nil {
		t.Errorf("the fake answers everything: %v", err)
	}
}

func TestReportNamesWhatIsWrong(t *testing.T) {
	good := func() *RunReport {
		truth := &bench.TruthReport{}
		*truth.Of("hits") = bench.ResultTally{Expected: 2, Found: 2}
		return &RunReport{
			Load: &bench.RunResult{Scheduled: 10, Sent: 10}, Truth: truth,
			Accounts: &Accounts{OnLog: 12, Stored: 7, Merged: 1, Rejected: 2, Ticks: 2},
		}
	}
	if got := good().Exact(); len(got) != 0 {
		t.Errorf("a right report: got %q", got)
	}
	for want, spoil := range map[string]func(*RunReport){
		"not sent":    func(r *RunReport) { r.Load.NotSent = 1 },
		"missing":     func(r *RunReport) { r.Truth.Of("hits").Missing = 1 },
		"extra":       func(r *RunReport) { r.Truth.Of("lez").Extra = 1 },
		"1 lost":      func(r *RunReport) { r.Accounts.Stored-- },
		"-1 lost":     func(r *RunReport) { r.Accounts.Merged++ },
		"3 duplicate": func(r *RunReport) { r.Accounts.Duplicates = 3 },
		"polling saw": func(r *RunReport) { r.Problem = "polling saw 1 rows" },
	} {
		r := good()
		spoil(r)
		if got := strings.Join(r.Exact(), "; "); !strings.Contains(got, want) {
			t.Errorf("want a complaint with %q, got %q", want, got)
		}
	}
}

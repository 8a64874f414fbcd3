package harness

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// office is a slow query API. It stands in for the transport, so time can be a synctest bubble's.
type office struct {
	wait   time.Duration
	answer func(n int) int // status of the n-th answer

	mu      sync.Mutex // guards the fields below
	plates  []string
	entries []int
}

func (o *office) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := &http.Response{StatusCode: o.answerQuestion(r), Body: http.NoBody}
	rec.Status = http.StatusText(rec.StatusCode)
	if rec.StatusCode == http.StatusCreated {
		rec.Body = io.NopCloser(strings.NewReader(`{"id":"opened"}`))
		return rec, nil
	}
	select {
	case <-time.After(o.wait):
		return rec, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (o *office) answerQuestion(r *http.Request) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer secret" || r.URL.RawQuery != "" || r.Method != http.MethodPost {
		return http.StatusForbidden
	}
	if r.URL.Path == "/v1/purposes" {
		return http.StatusCreated
	}
	if r.Header.Get("Anpr-Purpose") != "opened" {
		return http.StatusForbidden
	}
	n := len(o.plates) + len(o.entries)
	var q struct {
		Entries     []struct{ ID, Plate string }
		Plate, Mode string
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		return http.StatusUnprocessableEntity
	}
	if r.URL.Path == "/v1/retro-matches" {
		o.entries = append(o.entries, len(q.Entries))
	} else {
		o.plates = append(o.plates, q.Plate+map[string]string{"looks_like": " confusable"}[q.Mode])
	}
	if o.answer == nil {
		return http.StatusOK
	}
	return o.answer(n)
}

// askQuestions puts the questions for 200 ms.
func askQuestions(ctx context.Context, o *office, q Questions) (*askers, []error) {
	q.Office, q.Tokens, q.Plates = "http://office", []string{"secret"}, []schemas.Plate{schemas.MustPlate("1ABC123"), schemas.MustPlate("2XYZ789")}
	var mu sync.Mutex
	var failed []error
	a := newAskers(q, func(err error) {
		if err != nil {
			mu.Lock()
			failed = append(failed, err)
			mu.Unlock()
		}
	})
	a.client = &http.Client{Transport: o}
	now := time.Now()
	if q.Lookups > 0 {
		a.askSearches(ctx, now, now.Add(200*time.Millisecond))
	}
	if q.Retro > 0 {
		a.askRetroMatches(ctx, now, now.Add(200*time.Millisecond))
	}
	return a, failed
}

// Searches are put at their times, whether the one before has been answered or not, and in all four ways.
func TestSearchesWaitForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{wait: 100 * time.Millisecond}
		a, failed := askQuestions(t.Context(), o, Questions{Lookups: 40})
		if len(failed) > 0 || len(o.plates) != 8 {
			t.Fatalf("%d searches in 200 ms at 40 a second, failed: %v", len(o.plates), failed)
		}
		got := strings.Join(o.plates, "; ")
		for _, want := range []string{"1ABC123", "2XYZ*", "?ABC123", "2XYZ789 confusable"} {
			if strings.Count(got+"; ", want+"; ") != 2 {
				t.Errorf("want %q twice: %s", want, got)
			}
		}
		if x := a.lookups.readPercentiles(); x.Count != 8 || x.P50 < 99_000 || x.Max > 101_000 {
			t.Errorf("answers: %+v, want 8 of 100 ms", x)
		}
	})
}

// With as many under way as are allowed a search waits, and its latency says so.
func TestASearchThatWaitsIsSlower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{wait: time.Second}
		a, failed := askQuestions(t.Context(), o, Questions{Lookups: 500})
		if x := a.lookups.readPercentiles(); len(failed) > 0 || x.Count != 100 || x.Max < 1_800_000 || x.Max > 2_000_000 {
			t.Errorf("answers: %+v, failed %v; want 100, the last ones after those before", x, failed)
		}
	})
}

func TestListsAreMatchedOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{wait: 60 * time.Millisecond}
		a, failed := askQuestions(t.Context(), o, Questions{Retro: 100})
		if x := a.retros.readPercentiles(); len(failed) > 0 || x.Count != 4 || len(o.entries) != 4 || o.entries[0] != 100 {
			t.Errorf("matched %+v, lists %v, failed %v", x, o.entries, failed)
		}
	})
}

// An answer that is none is told and not timed.
func TestARefusedSearchIsAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{answer: func(n int) int {
			if n == 2 {
				return http.StatusTooManyRequests
			}
			return http.StatusOK
		}}
		a, failed := askQuestions(t.Context(), o, Questions{Lookups: 40})
		if x := a.lookups.readPercentiles(); len(failed) != 1 || !strings.Contains(failed[0].Error(), "Too Many Requests") || x.Count != 7 {
			t.Errorf("timed %d, failed %v", x.Count, failed)
		}
	})
}

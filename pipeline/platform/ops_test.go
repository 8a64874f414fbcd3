package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

func TestReadyOnlyWithConditionsThatAllHold(t *testing.T) {
	o := NewOps()
	ask := func(status int, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		o.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if w.Code != status || !strings.Contains(w.Body.String(), text) {
			t.Errorf("answer %d %s, want %d with %s", w.Code, w.Body, status, text)
		}
	}
	ask(http.StatusServiceUnavailable, "starting")
	var broken error
	o.AddReadyCheck("kafka", func(context.Context) error { return broken })
	ask(http.StatusOK, `"kafka":"ok"`)
	broken = errors.New("no broker answers")
	ask(http.StatusServiceUnavailable, "no broker answers")
}

// A hanging condition accuses no other condition, whether the check obeys its deadline or not. The operator repairs
// the named condition.
func TestAConditionThatHangsAccusesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOps()
		free := make(chan struct{})
		defer close(free)
		asks := func(ctx context.Context) error { return ctx.Err() }
		o.AddReadyCheck("first", asks)
		o.AddReadyCheck("clickhouse", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		o.AddReadyCheck("kafka", asks)
		o.AddReadyCheck("deaf", func(context.Context) error { <-free; return nil })
		o.AddReadyCheck("images", asks)
		w := httptest.NewRecorder()
		o.answerReady(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusServiceUnavailable || len(got) != 5 {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		for name, want := range map[string]string{"first": "ok", "kafka": "ok", "images": "ok", "clickhouse": "no answer in time", "deaf": "no answer in time"} {
			if !strings.HasPrefix(got[name], want) {
				t.Errorf("%s: %q, want %q", name, got[name], want)
			}
		}
	})
}

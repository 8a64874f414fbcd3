package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadyOnlyWithConditionsThatAllHold(t *testing.T) {
	o := newOps()
	ask := func(status int, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		o.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if w.Code != status || !strings.Contains(w.Body.String(), text) {
			t.Errorf("answer %d %s, want %d with %s", w.Code, w.Body, status, text)
		}
	}
	ask(http.StatusServiceUnavailable, "starting")
	var broken error
	o.ready("kafka", func(context.Context) error { return broken })
	ask(http.StatusOK, `"kafka":"ok"`)
	broken = errors.New("no broker answers")
	ask(http.StatusServiceUnavailable, "no broker answers")
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
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

// One condition that hangs, whether it looks at its deadline or not, accuses no other: the operator repairs what is named.
func TestAConditionThatHangsAccusesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOps()
		free := make(chan struct{})
		defer close(free)
		asks := func(ctx context.Context) error { return ctx.Err() }
		o.ready("first", asks)
		o.ready("clickhouse", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		o.ready("kafka", asks)
		o.ready("deaf", func(context.Context) error { <-free; return nil })
		o.ready("images", asks)
		w := httptest.NewRecorder()
		o.readyz(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
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

// Whoever reads a condition in /readyz finds it in the runbook.
func TestEveryConditionOfReadinessStandsInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		code, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`\bo\.ready\("([^"]+)"`).FindAllSubmatch(code, -1) {
			n++
			if !strings.Contains(string(runbook), "\n| `"+string(m[1])+"` | ") {
				t.Errorf("%s: /readyz names %s, which has no row in the table at Ready of deploy/README.md", f, m[1])
			}
		}
	}
	if n < 8 {
		t.Errorf("found %d conditions, want at least 8: the test looks at the wrong place", n)
	}
}

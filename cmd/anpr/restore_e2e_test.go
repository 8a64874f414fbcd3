//go:build e2e

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/anprload/rehearsal"
	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
)

// TestRestoreOfOneMachine loses the ClickHouse directory of a stopped anpr up and rebuilds it, as the runbook says.
func TestRestoreOfOneMachine(t *testing.T) {
	dir := t.TempDir()
	h := &rehearsal.Rehearsal{Config: rehearsal.Config{Seconds: 2, Rate: 100, Seed: 1}, Out: &bytes.Buffer{}, Log: zerolog.Nop()}
	if err := h.Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	err := h.SendTraffic(t.Context())
	before := reconciled(t, h)
	if err := errors.Join(err, h.Close(context.Background()), os.RemoveAll(filepath.Join(dir, "clickhouse"))); err != nil {
		t.Fatal(err)
	}
	c := &restoreCmd{Data: dir, FromLog: true, Group: "anpr-ingest", Disk: "backups", BackedUp: "anpr"}
	c.ClickhouseDatabase, c.InsertTimeout = "anpr", 30*time.Second
	if err := c.Run(t.Context(), zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	// The journal and the log are unchanged, so the accepted records are the same; some of the 200 vehicles
	// have no plate, by design.
	if after := reconciled(t, h); after != before || after.Accepted < 180 || after.Stored < 180 {
		t.Errorf("before %+v, after the restore %+v", before, after)
	}
}

// reconciled reconciles the last twenty minutes and returns their balanced sums.
func reconciled(t *testing.T, h *rehearsal.Rehearsal) reconcile.AccountCounts {
	t.Helper()
	h.Sources.Settle = time.Minute
	now := time.Now().Truncate(time.Minute)
	r, err := h.Sources.Reconcile(t.Context(), reconcile.TimeRange{From: now.Add(-20 * time.Minute), To: now.Add(time.Minute)}, reconcile.GroupBy{})
	if err != nil || r.Conclusion != reconcile.Balanced {
		t.Fatalf("the books do not balance: %v\n%+v", err, r)
	}
	return r.Total
}

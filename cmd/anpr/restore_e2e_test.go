//go:build e2e

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ledger"
)

// TestRestoreOfOneMachine loses the ClickHouse directory of a stopped anpr up and rebuilds it, as the runbook says.
func TestRestoreOfOneMachine(t *testing.T) {
	dir := t.TempDir()
	h := &rehearsal{cmd: &rehearseCmd{Seconds: 2, Rate: 100, Seed: 1}, out: &bytes.Buffer{}, log: zerolog.Nop()}
	if err := h.start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	err := h.traffic(t.Context())
	if err := errors.Join(err, h.close(), os.RemoveAll(filepath.Join(dir, "clickhouse"))); err != nil {
		t.Fatal(err)
	}
	c := &restoreCmd{Data: dir, FromLog: true, Group: "anpr-ingest", Disk: "backups", BackedUp: "anpr", clickhouseFlags: h.stack.flags.clickhouseFlags}
	if err := c.Run(t.Context(), zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	if err := h.start(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}()
	h.books.Settle = time.Minute
	now := time.Now().Truncate(time.Minute)
	r, err := h.books.Reconcile(t.Context(), ledger.Window{From: now.Add(-20 * time.Minute), To: now.Add(time.Minute)}, ledger.By{})
	if err != nil || r.Verdict != ledger.Balanced || r.Total.Accepted != 200 || r.Total.Stored == 0 {
		t.Errorf("after the restore: %v\n%+v", err, r)
	}
}

package sink

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// A server which answers pings and takes no insert, for example with a full disk, is reported with its error's name;
// no longer once it takes inserts.
func TestAServerThatAnswersAndTakesNothingIsTold(t *testing.T) {
	c, _ := newMigratedSink(t, nil)
	c.Close()
	cfg := c.cfg
	cfg.Breaker = hasty
	c, err := NewClickHouse(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	insert := func(start int64) error {
		b := newBatch(start)
		b.addEveryKind(march)
		return b.insertInto(t.Context(), c)
	}
	parts := func(most string) {
		t.Helper()
		if err := testkit.Exec(t.Context(), cfg.Addr, "ALTER TABLE "+cfg.Database+".reads MODIFY SETTING parts_to_delay_insert = 0, parts_to_throw_insert = "+most); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert(0); err != nil || c.InsertFailure() != nil {
		t.Fatalf("insert %v, standing %v", err, c.InsertFailure())
	}
	parts("1")
	done := make(chan error, 1)
	go func() { done <- insert(1000) }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for c.InsertFailure() == nil && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := c.Ping(ctx); err != nil {
		t.Errorf("the server does not answer: %v", err)
	}
	if err := c.InsertFailure(); err == nil || !strings.Contains(err.Error(), "nothing is inserted: ClickHouse refuses (TOO_MANY_PARTS); the log keeps the backlog") {
		t.Errorf("standing %v, want that ClickHouse refuses, and why", err)
	}
	parts("3000")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := c.InsertFailure(); err != nil {
		t.Errorf("standing after all was stored: %v", err)
	}
}

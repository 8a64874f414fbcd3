package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// oldLog is a log in the earlier form, in memory.
type oldLog struct {
	entries []access.OldEntry
	failAt  int // an entry at which reading fails; 0 = none
}

func (o *oldLog) ScanOld(_ context.Context, from uint64, each func(*access.OldEntry) error) error {
	for i := range o.entries {
		if o.failAt > 0 && i+1 >= o.failAt {
			return errors.New("connection reset")
		}
		if o.entries[i].Seq >= from {
			if err := each(&o.entries[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// newOldLog chains n entries as the earlier form documents.
func newOldLog(n int) *oldLog {
	o := &oldLog{}
	var prev schemas.Sum
	for i := range n {
		e := access.OldEntry{
			Seq: uint64(i + 1), At: schemas.MicrosOf(time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC)), User: "officer", Role: "zone_officer", Zone: "5339",
			Action: "reads", Purpose: "judicial", Reason: "stolen car", Query: fmt.Sprintf(`{"plate":"1ABC%d"}`, i%7), Outcome: "granted", Prev: prev,
		}
		b := append([]byte{}, prev[:]...)
		str := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
		str("access/1")
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.Seq), uint64(e.At))
		for _, s := range []string{e.User, e.Role, e.Zone, e.Action, e.Purpose, e.Reason, "", "", e.Query, e.Outcome, ""} {
			str(s)
		}
		e.Sum = sha256.Sum256(b)
		prev = e.Sum
		o.entries = append(o.entries, e)
	}
	return o
}

func TestTheOldLogIsTakenOverOnceHoweverManyOfficesStart(t *testing.T) {
	b, old := newBooks(t), newOldLog(6_000)
	var all sync.WaitGroup
	for range 3 {
		l := b.open()
		all.Go(func() {
			if _, err := l.TakeOver(context.WithoutCancel(t.Context()), old); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	l := b.open()
	if done, err := l.TakeOver(t.Context(), old); err != nil || done != nil {
		t.Errorf("taken over a second time: %+v, err %v", done, err)
	}
	v, err := l.Verify(t.Context())
	if err != nil || !v.OK() || v.Entries != 6_001 {
		t.Errorf("got %+v, err %v, want the old entries and the one that ends them", v, err)
	}
	keys, err := b.keys.PlateKeys()
	if err != nil {
		t.Fatal(err)
	}
	m := keys[0].Mark("1ABC3")
	got, err := b.logs.FindEntries(t.Context(), &Filter{Marks: [][]byte{m[:]}, Limit: 10_000})
	if err != nil || len(got) != 857 || got[0].Clear[0].Plate != "1ABC3" || !got[0].At.Time().Before(time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)) || got[0].User != "officer" {
		t.Errorf("the auditor finds %d entries of a plate, err %v", len(got), err)
	}
	last, err := b.logs.FindEntries(t.Context(), &Filter{Kind: "import", Limit: 2})
	if want := fmt.Sprintf(`{"found":{"entries":6000,"last":6000,"sha256":"%x"},"from":"access_log of ClickHouse"}`, old.entries[5_999].Sum); err != nil || len(last) != 1 || last[0].Body != want {
		t.Errorf("got %+v, err %v, want %s", last, err, want)
	}
}

func TestAnImportThatWasInterruptedGoesOn(t *testing.T) {
	b, old := newBooks(t), newOldLog(5_600)
	l := b.open()
	// The list is read once to be verified. The second reading fails, after one transaction.
	half := &interrupted{oldLog: old, at: 5_300}
	if _, err := l.TakeOver(t.Context(), half); err == nil {
		t.Fatal("an import of a log that cannot be read to its end succeeded")
	}
	if h, err := b.logs.Head(t.Context()); err != nil || h.Seq != 5_000 {
		t.Fatalf("got head %v, err %v, want one transaction of the import", h, err)
	}
	old.failAt = 0
	done, err := b.open().TakeOver(t.Context(), old)
	if err != nil || done == nil || done.Entries != 5_600 {
		t.Fatalf("got %+v, err %v", done, err)
	}
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Entries != 5_601 {
		t.Errorf("got %+v, err %v", v, err)
	}
}

// interrupted can be read whole once, then only up to at.
type interrupted struct {
	*oldLog
	at    int
	times int
}

func (i *interrupted) ScanOld(ctx context.Context, from uint64, each func(*access.OldEntry) error) error {
	if i.times++; i.times > 1 {
		i.failAt = i.at
	}
	return i.oldLog.ScanOld(ctx, from, each)
}

func TestAnOldLogThatDoesNotHoldIsTakenOverAndSaid(t *testing.T) {
	b, old := newBooks(t), newOldLog(20)
	old.entries[4].User = "somebody else"
	done, err := b.open().TakeOver(t.Context(), old)
	if err != nil || done == nil || done.FirstBad != 5 || done.Entries != 20 {
		t.Fatalf("got %+v, err %v, want entry 5 named", done, err)
	}
	if v, err := b.open().Verify(t.Context()); err != nil || !v.OK() || v.Entries != 21 {
		t.Errorf("got %+v, err %v, want the new chain to hold", v, err)
	}
}

func TestALogWithEntriesOfItsOwnTakesNothingOver(t *testing.T) {
	b := newBooks(t)
	l := b.open()
	b.fill(l, 1)
	if done, err := l.TakeOver(t.Context(), newOldLog(5)); err != nil || done != nil {
		t.Errorf("got %+v, err %v, want nothing done", done, err)
	}
	c := newBooks(t)
	if done, err := c.open().TakeOver(t.Context(), newOldLog(0)); err != nil || done != nil {
		t.Errorf("no old log: got %+v, err %v", done, err)
	}
}

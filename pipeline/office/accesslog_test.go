package office

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// lookups makes n look-ups, so that the log has n entries more.
func (d *desk) lookups(n int) {
	d.t.Helper()
	for i := range n {
		if _, err := d.as(access.ZoneOfficer).Reads(d.t.Context(), ReadsQuery{Ask: judicial(), Plate: "1ABC" + strconv.Itoa(100+i)}); err != nil {
			d.t.Fatal(err)
		}
	}
}

func TestTamperingWithTheTableIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want uint64
	}{
		"nothing":      {"SELECT 1", 0},
		"reason":       {"ALTER TABLE access_log UPDATE reason = 'something better' WHERE seq = 3 SETTINGS mutations_sync = 1", 3},
		"user":         {"ALTER TABLE access_log UPDATE user = 'somebody else' WHERE seq = 1 SETTINGS mutations_sync = 1", 1},
		"time":         {"ALTER TABLE access_log UPDATE at = at + 1 WHERE seq = 4 SETTINGS mutations_sync = 1", 4},
		"hash":         {"ALTER TABLE access_log UPDATE entry_sha256 = unhex('" + strings.Repeat("00", 32) + "') WHERE seq = 4 SETTINGS mutations_sync = 1", 4},
		"one deleted":  {"ALTER TABLE access_log DELETE WHERE seq = 2 SETTINGS mutations_sync = 1", 2},
		"end deleted":  {"ALTER TABLE access_log DELETE WHERE seq >= 5 SETTINGS mutations_sync = 1", 5},
		"all deleted":  {"ALTER TABLE access_log DELETE WHERE 1 SETTINGS mutations_sync = 1", 1},
		"one inserted": {"INSERT INTO access_log SELECT * FROM access_log WHERE seq = 5", 5},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.lookups(6)
			d.exec(c.sql)
			a, err := d.as(access.Auditor).VerifyAccessLog(t.Context(), VerifyQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if a.FirstBad != c.want || a.OK != (c.want == 0) {
				t.Errorf("got first bad %d (%s), want %d", a.FirstBad, a.Problem, c.want)
			}
			if c.want == 0 && a.Entries != 7 {
				t.Errorf("got %d entries, want 7 with that of the verification", a.Entries)
			}
		})
	}
}

func TestAHeadNotedElsewhereIsCheckedByVerify(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	h := d.office.Head()
	d.lookups(2)
	c := d.as(access.Auditor)
	a, err := c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: h.Seq, SHA256: hex.EncodeToString(h.Sum[:])})
	if err != nil || !a.OK {
		t.Errorf("the true head: got %+v, err %v", a, err)
	}
	if a, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: h.Seq, SHA256: strings.Repeat("00", 32)}); err != nil || a.FirstBad != 3 {
		t.Errorf("another head: got %+v, err %v, want first bad 3", a, err)
	}
	if a, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: 999, SHA256: strings.Repeat("00", 32)}); err != nil || a.OK {
		t.Errorf("a head beyond the end: got %+v, err %v, want it bad", a, err)
	}
	if _, err = c.VerifyAccessLog(t.Context(), VerifyQuery{Seq: 3}); status(err) != http.StatusUnprocessableEntity {
		t.Errorf("half a head: got %v, want 422", err)
	}
}

func TestARestartedOfficeContinuesTheChain(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	again, err := New(t.Context(), Config{DB: d.conn, Users: users(t), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if again.Head() != d.office.Head() || again.Head().Seq != 3 {
		t.Errorf("got head %v, want %v", again.Head(), d.office.Head())
	}
	d.exec("ALTER TABLE access_log DELETE WHERE seq = 2 SETTINGS mutations_sync = 1")
	shut, err := New(t.Context(), Config{DB: d.conn, Users: users(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := shut.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "2 entries") {
		t.Errorf("a log with a hole: got %v, want the office to be shut", err)
	}
	d.exec("ALTER TABLE access_log DELETE WHERE seq >= 2 SETTINGS mutations_sync = 1") // what is left holds, and its numbers were given already
	for _, o := range []*Office{shut, d.office} {
		if o.setLog(nil, errShut); o.tryToOpen(t.Context()) {
			t.Errorf("a log whose end was cut off opened again with entry %d", o.Head().Seq)
		}
		if err := o.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "had entry 3: its end was cut off") {
			t.Errorf("a log whose end was cut off: got %v", err)
		}
	}
}

func TestASecondOfficeOnTheSameLogStops(t *testing.T) {
	d := newDesk(t, nil)
	store := access.NewClickHouse(d.conn)
	other, err := access.OpenLog(t.Context(), store, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	d.lookups(1)
	s, r := access.Authorise(&access.User{Name: "x", Role: access.Auditor}, access.Ask{Route: access.RouteVerify}, schemas.MicrosOf(now))
	if r != nil {
		t.Fatal(r)
	}
	if p, err := other.Grant(t.Context(), s); !errors.Is(err, access.ErrForked) || p.Valid() {
		t.Errorf("got permit %v, err %v, want ErrForked", p.Valid(), err)
	}
}

func TestTheStoreDropsARepeatOfTheSameEntry(t *testing.T) {
	d := newDesk(t, nil)
	store := access.NewClickHouse(d.conn)
	e := access.Entry{Seq: 1, At: schemas.MicrosOf(now), User: "u", Sum: schemas.Sum{1}}
	for range 3 {
		if err := store.Insert(t.Context(), []access.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.count("SELECT count() FROM access_log"); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
	e.Sum = schemas.Sum{2}
	if err := store.Insert(t.Context(), []access.Entry{e}); !errors.Is(err, access.ErrForked) {
		t.Errorf("another entry of the number: got %v, want ErrForked", err)
	}
}

func TestConcurrentRequestsMakeOneChainInTheTable(t *testing.T) {
	d := newDesk(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				if _, err := d.as(access.Prosecutor).LastSeen(context.WithoutCancel(t.Context()), LastSeenQuery{Ask: judicial(), Plate: "1ABC123"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if v, err := d.office.log.Verify(t.Context()); err != nil || !v.OK() || v.Entries != 40 {
		t.Errorf("got %+v, err %v, want 40 entries that hold", v, err)
	}
}

func TestTheAuditorFindsEveryLookUpOfAPlate(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	if _, err := d.as(access.ZoneOfficer).Reads(t.Context(), ReadsQuery{Ask: traffic(), Plate: "1-abc-101"}); status(err) != 403 {
		t.Fatalf("got %v, want 403", err)
	}
	c := d.as(access.Auditor)
	a, err := c.AccessLog(t.Context(), AccessLogQuery{Ask: Ask{Reason: why}, Plate: "1ABC101"})
	if err != nil || len(a.Entries) != 3 { // granted, refused, and this one
		t.Fatalf("got %+v, err %v, want 3", a, err)
	}
	if e := a.Entries[2]; e.User != "user-zone_officer" || e.Outcome != "granted" || e.CaseRef != "BR.43.L2.1/26" || e.Reason != why ||
		e.Purpose != "judicial" || e.Zone != "5339" || e.Query != `{"plate":"1ABC101"}` || !e.At.Equal(now) {
		t.Errorf("got %+v", e)
	}
	if e := a.Entries[1]; e.Outcome != "refused" || !strings.Contains(e.Refusal, "for the purpose") {
		t.Errorf("got %+v", e)
	}
	for name, x := range map[string]struct {
		q    AccessLogQuery
		want int
	}{
		"user":    {AccessLogQuery{User: "user-zone_officer"}, 4},
		"outcome": {AccessLogQuery{Outcome: "refused"}, 1},
		"action":  {AccessLogQuery{Action: "reads"}, 4},
		"purpose": {AccessLogQuery{ForPurpose: "traffic"}, 1},
	} {
		x.q.Ask = Ask{Reason: why}
		if a, err := c.AccessLog(t.Context(), x.q); err != nil || len(a.Entries) != x.want {
			t.Errorf("%s: got %+v, err %v, want %d", name, a, err, x.want)
		}
	}
}

// BenchmarkGrant measures what the access log costs a look-up: insert, acknowledged, and read back.
func BenchmarkGrant(b *testing.B) {
	l, err := access.OpenLog(b.Context(), access.NewClickHouse(connect(b)), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	s, r := access.Authorise(&access.User{Name: "p", Role: access.Prosecutor}, access.Ask{
		Route: access.RouteReads, Purpose: access.Judicial,
		Reason: why, Query: `{"plate":"1ABC123"}`,
	}, schemas.MicrosOf(now))
	if r != nil {
		b.Fatal(r)
	}
	for b.Loop() {
		if _, err := l.Grant(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gvc-brussels/anpr/pipeline/cases"
)

var errAway = errors.New("the database is away")

// line is the network between an office and its database. It can break at any message of the office, before the message or behind it.
type line struct {
	mu     sync.Mutex // guards all fields
	conns  []net.Conn
	left   int // messages until it breaks; 0 = never
	behind bool
	away   bool
}

type lineConn struct {
	net.Conn
	line *line
}

// Write implements [net.Conn].
func (c *lineConn) Write(b []byte) (int, error) {
	breaks, behind := c.line.count()
	if !breaks {
		return c.Conn.Write(b)
	}
	if behind {
		_, _ = c.Conn.Write(b)
	}
	c.line.breakOff()
	return 0, errAway
}

func (l *line) count() (breaks, behind bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left > 0 {
		l.left--
		breaks = l.left == 0
	}
	return breaks, l.behind
}

// breakOff ends all connections, and no other begins.
func (l *line) breakOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.conns = nil
}

// mend lets connections begin again.
func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away, l.left = false, 0
}

func (l *line) breakAt(message int, behind bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.behind = message, behind
}

func (l *line) isAway() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.away
}

// openOver returns a store whose connections go over a line.
func (d *desk) openOver(l *line) *Store {
	d.t.Helper()
	c := d.pool.Config()
	dial := c.ConnConfig.DialFunc
	c.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l.isAway() {
			return nil, errAway
		}
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.conns = append(l.conns, conn)
		return &lineConn{conn, l}, nil
	}
	pool, err := pgxpool.NewWithConfig(d.t.Context(), c)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(pool.Close)
	return New(pool, d.o)
}

// approvedAct takes n cases of a camera in, and has an act on them approved.
func (d *desk) approvedAct(camera string, from, n int) cases.ID {
	d.t.Helper()
	list := make([]cases.Intake, n)
	for i := range list {
		list[i] = newIntake(from+i, d.now())
		list[i].Decision.On.Camera = camera
	}
	d.takeIn(list...)
	b := wrongLimit()
	b.Choice.Camera = camera
	id, approval := d.askFor(b, int64(n))
	d.decideApproval(approval, "sv", "approved")
	return id
}

// finish lets an office do what is left of an act. What a broken session still does is waited for.
func (d *desk) finish(s *Store, id cases.ID) {
	d.t.Helper()
	for d.bulk(id).State != BulkDone && d.t.Context().Err() == nil {
		if err := runBulk(d.t.Context(), s); err != nil {
			d.t.Fatal(err)
		}
	}
}

// An act on many cases breaks at every message of the office that does it: the database goes away and comes back, or the office ends and
// another one goes on. Whatever was marked stays done, the rest follows, and no case has two events.
func TestABulkActThatBreaksAtAnyMessageIsDoneOnce(t *testing.T) {
	d := openDesk(t)
	l := &line{}
	s, taken := d.openOver(l), 0
	for message, broken := 1, true; broken && message < 60; message++ {
		broken = false
		for _, behind := range []bool{false, true} {
			id := d.approvedAct(fmt.Sprintf("K%d-%t", message, behind), taken, 2)
			taken += 2
			l.breakAt(message, behind)
			err := runBulk(t.Context(), s)
			if (err != nil) != l.isAway() {
				t.Fatalf("message %d: away %t, %v", message, l.isAway(), err)
			}
			if err != nil {
				broken = true
				if worked, err := s.StepBulk(t.Context()); worked || err == nil {
					t.Errorf("message %d: an office without a database worked: %t, %v", message, worked, err)
				}
			}
			l.mend()
			next := s // the database is back
			if message%2 == 0 {
				next = d.other // the office is not
			}
			d.finish(next, id)
		}
	}
	id := d.approvedAct("many", taken, bulkRows+20)
	taken += bulkRows + 20
	if worked, err := s.StepBulk(t.Context()); err != nil || !worked {
		t.Fatal(worked, err)
	}
	l.breakAt(5, false)
	if err := runBulk(t.Context(), s); err == nil || d.bulk(id).Done != bulkRows || d.open(id) != 20 {
		t.Errorf("broken in the second step: %d done, %d wait, %v", d.bulk(id).Done, d.open(id), err)
	}
	d.finish(d.other, id)
	var events, distinct, told, twice int
	err := d.owner.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT e.case_id), (SELECT count(*) FROM outbox o WHERE o.event_id IN (SELECT event_id FROM case_events WHERE kind = 'withdrawn')),
		(SELECT count(*) FROM cases WHERE state <> 'withdrawn' OR version <> 2) FROM case_events e WHERE kind = 'withdrawn'`).Scan(&events, &distinct, &told, &twice)
	if err != nil || events != taken || distinct != taken || told != taken || twice != 0 {
		t.Errorf("%d withdrawals of %d cases, %d in the outbox, %d cases otherwise; want %d; %v", events, distinct, told, twice, taken, err)
	}
}

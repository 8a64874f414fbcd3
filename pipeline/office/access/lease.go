package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/schemas"
)

// LeaseTimes are the times of a lease. The zero value means those in brackets.
type LeaseTimes struct {
	Beat   time.Duration // between two beats [2 s]
	Settle time.Duration // between a claim and the look at the claims of others [1 s]
	Expiry time.Duration // a holder that has not beaten for so long by the server's clock has lost the lease [10 s]
}

func (t *LeaseTimes) setDefaults() {
	if t.Beat <= 0 {
		t.Beat = 2 * time.Second
	}
	if t.Settle <= 0 {
		t.Settle = time.Second
	}
	if t.Expiry <= 0 {
		t.Expiry = 10 * time.Second
	}
}

// HeldError says who writes the access log in place of the caller.
type HeldError struct {
	Host string
	PID  uint32
}

// Error names the other office and what to do.
func (e *HeldError) Error() string {
	return fmt.Sprintf("another office (process %d on %s) writes the access log of this database, and a log has one writer: stop that office first, then start this one; one that was killed is gone within 10 s", e.PID, e.Host)
}

var errLapsed = errors.New("this office could not renew its right to write the access log: the database does not answer, or the process stood still")

// Lease is the right to write the access log of a database. It is kept by rows of the table office_lease, ordered by the server's clock: a
// holder beats, and whoever finds another one alive keeps off. It is safe for concurrent use.
//
// A holder that stood still (SIGSTOP, a paused machine) for longer than its expiry may lose the lease without noticing at once; so it asks
// its own clock before every entry ([Lease.Held]), and the store refuses an entry whose number is taken ([ErrForked]). On replicas that lag
// behind each other two offices may each miss the other's rows for as long as the lag: all offices are given one replica.
type Lease struct {
	conn  driver.Conn
	times LeaseTimes
	me    schemas.ID
	host  string
	log   zerolog.Logger

	mu     sync.Mutex // guards what follows
	beaten time.Time  // by the clock of this process, monotonic; zero = not held
	lost   error      // why it is not held
}

// NewLease makes a lease that is not held yet.
func NewLease(conn driver.Conn, times LeaseTimes, log zerolog.Logger) *Lease {
	times.setDefaults()
	l := &Lease{conn: conn, times: times, log: log, lost: errLapsed}
	_, _ = rand.Read(l.me[:]) // never fails
	l.host, _ = os.Hostname()
	return l
}

// Held returns nil while this office may write. It asks no database.
func (l *Lease) Held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.beaten.IsZero():
		return l.lost
	case time.Since(l.beaten) > l.times.Expiry*8/10:
		return errLapsed
	}
	return nil
}

// Acquire claims the lease and takes it, or returns a [HeldError] that names who has it. It waits Settle once or twice.
func (l *Lease) Acquire(ctx context.Context) error {
	err := l.claimAndSettle(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.beaten, l.lost = time.Time{}, err
		return err
	}
	return nil
}

func (l *Lease) claimAndSettle(ctx context.Context) error {
	if other, err := l.findLiveHolder(ctx); err != nil || other != nil {
		return heldOr(other, err)
	}
	began := time.Now()
	if err := l.writeRow(ctx, false); err != nil {
		return err
	}
	// Two that claim at once each see the other now. The later claim is withdrawn; the earlier one waits for that.
	for round := range 2 {
		if err := waitFor(ctx, l.times.Settle); err != nil {
			return err
		}
		other, err := l.findLiveHolder(ctx)
		switch {
		case err != nil:
			return err
		case other == nil:
			l.mu.Lock()
			l.beaten = began
			l.mu.Unlock()
			return l.renew(ctx)
		case round == 1 || !other.later:
			return errors.Join(heldOr(other, nil), l.writeRow(ctx, true))
		}
	}
	return nil
}

// Keep renews the lease until the context ends, and tries to get it back when it is lost. It gives it up at the end, so that the next
// office starts at once.
func (l *Lease) Keep(ctx context.Context) {
	tick := time.NewTicker(l.times.Beat)
	defer tick.Stop()
	defer l.release()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		try, cancel := context.WithTimeout(ctx, l.times.Expiry)
		var err error
		if l.Held() == nil {
			err = l.renew(try)
		} else {
			err = l.Acquire(try)
		}
		cancel()
		if err != nil && ctx.Err() == nil {
			l.log.Warn().Err(err).Msg("the right to write the access log was not renewed")
		}
	}
}

// renew writes a beat and keeps the lease, unless another office lives.
func (l *Lease) renew(ctx context.Context) error {
	began := time.Now() // before the write: the server's row is not older than this
	if err := l.writeRow(ctx, false); err != nil {
		return err
	}
	other, err := l.findLiveHolder(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if other != nil && !other.later {
		l.beaten, l.lost = time.Time{}, &other.HeldError
		return l.lost
	}
	l.beaten = began
	return nil
}

func (l *Lease) release() {
	l.mu.Lock()
	l.beaten, l.lost = time.Time{}, errLapsed
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), l.times.Expiry)
	defer cancel()
	if err := l.writeRow(ctx, true); err != nil {
		l.log.Warn().Err(err).Msg("the right to write the access log was not given up: the next office waits until it lapses")
	}
}

// writeRow adds a row of this holder. Its claim stands from row to row; after a release or a silence longer than the expiry it is a new one, so that
// whoever stood still cannot push out the office that took over.
func (l *Lease) writeRow(ctx context.Context, released bool) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0, "log_queries": 0}))
	err := l.conn.Exec(ctx, `INSERT INTO office_lease (holder, host, pid, released, claimed_at)
		SELECT {me:UUID}, {host:String}, {pid:UInt32}, {released:Bool},
			ifNull((SELECT argMax(claimed_at, at) FROM office_lease WHERE holder = {me:UUID}
				HAVING count() > 0 AND NOT argMax(released, at) AND max(at) > now64(6) - toIntervalMillisecond({expiry:UInt64})), now64(6))`,
		clickhouse.Named("me", l.me.String()), clickhouse.Named("expiry", uint64(l.times.Expiry.Milliseconds())), clickhouse.Named("host", l.host), clickhouse.Named("pid", uint32(os.Getpid())), clickhouse.Named("released", released))
	if err != nil {
		return fmt.Errorf("write office_lease: %w", err)
	}
	return nil
}

// liveHolder is another office that lives.
type liveHolder struct {
	HeldError
	later bool // its claim is later than this office's
}

// findLiveHolder returns the office with the earliest claim of all others that live, or nil. One of this host whose process is gone does not live.
func (l *Lease) findLiveHolder(ctx context.Context) (*liveHolder, error) {
	rows, err := l.conn.Query(readOnly(ctx, l.times.Expiry+time.Second), `SELECT host, pid, later FROM
		(SELECT holder, any(host) AS host, any(pid) AS pid, argMax(released, at) AS gone, argMax(claimed_at, at) AS claimed, max(at) AS seen,
			(claimed, holder) > (SELECT (argMax(claimed_at, at), {me:UUID}) FROM office_lease WHERE holder = {me:UUID}) AS later
		 FROM office_lease WHERE holder != {me:UUID} AND at > now64(6) - toIntervalMillisecond({expiry:UInt64}) GROUP BY holder)
		WHERE NOT gone ORDER BY claimed, holder`,
		clickhouse.Named("me", l.me.String()), clickhouse.Named("expiry", uint64(l.times.Expiry.Milliseconds())))
	if err != nil {
		return nil, fmt.Errorf("read office_lease: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is checked
	for rows.Next() {
		var o liveHolder
		if err := rows.Scan(&o.Host, &o.PID, &o.later); err != nil {
			return nil, fmt.Errorf("read office_lease: %w", err)
		}
		if o.Host == l.host && o.PID != uint32(os.Getpid()) && errors.Is(syscall.Kill(int(o.PID), 0), syscall.ESRCH) {
			continue
		}
		return &o, nil
	}
	return nil, rows.Err()
}

func heldOr(o *liveHolder, err error) error {
	if o != nil {
		return &o.HeldError
	}
	return err
}

func waitFor(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package office

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// tripConn counts the round trips of a connection to PostgreSQL: the server ends each with ReadyForQuery.
type tripConn struct {
	net.Conn
	n    *atomic.Int64
	head []byte // of the next message, as far as it has come: kind and length
	skip int    // bytes that are left of the present message
}

// Read implements [net.Conn].
func (c *tripConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for rest := b[:n]; len(rest) > 0; {
		if c.skip > 0 {
			k := min(c.skip, len(rest))
			c.skip, rest = c.skip-k, rest[k:]
			continue
		}
		k := min(5-len(c.head), len(rest))
		c.head, rest = append(c.head, rest[:k]...), rest[k:]
		if len(c.head) == 5 {
			if c.head[0] == 'Z' {
				c.n.Add(1)
			}
			c.skip, c.head = int(binary.BigEndian.Uint32(c.head[1:]))-4, c.head[:0]
		}
	}
	return n, err
}

// openCounted opens a pool like another one, whose round trips are counted.
func openCounted(t testing.TB, like *pgxpool.Pool, n *atomic.Int64) *pgxpool.Pool {
	t.Helper()
	c := like.Config()
	dial := c.ConnConfig.DialFunc
	c.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &tripConn{Conn: conn, n: n}, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// countedDesk is a desk whose office counts its round trips: those of the log, and all others.
type countedDesk struct {
	*caseDesk
	logTrips, trips atomic.Int64
	an              *Client
}

func newCountedDesk(t testing.TB) *countedDesk {
	t.Helper()
	d := &countedDesk{}
	var cfg Config
	d.caseDesk = newCaseDesk(t, func(c *Config) { cfg = *c })
	pool := openCounted(t, d.people, &d.trips)
	cfg.LookUps, cfg.People = store.NewLookUps(openCounted(t, d.people, &d.logTrips)), store.NewPeople(pool)
	cfg.Cases = &Casework{Store: casestore.New(pool, casestore.Options{Policy: func() *cases.Policy { return d.policy }, DrawKey: []byte("key of the test"), Filer: fileOfNobody{}})}
	cfg.Metrics = NewMetrics(prometheus.NewRegistry())
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(end)
	o, err := New(life, cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(o.Handler())
	t.Cleanup(server.Close)
	d.an = &Client{BaseURL: server.URL, Token: "an", HTTP: server.Client(), MaxWait: -1}
	return d
}

// cost is what one request costs.
type cost struct{ log, other, writes int64 }

// measure returns the cost of a request. A transaction that writes takes a number, unless nobody else writes meanwhile but the request.
func (d *countedDesk) measure(ask func()) cost {
	d.t.Helper()
	before := d.nextTransaction()
	log, other := d.logTrips.Load(), d.trips.Load()
	ask()
	return cost{d.logTrips.Load() - log, d.trips.Load() - other, d.nextTransaction() - before}
}

func (d *countedDesk) nextTransaction() (n int64) {
	d.t.Helper()
	if err := d.logs.QueryRow(d.t.Context(), "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// A verdict is acknowledged after the round trips and the commits that it promises: the request is counted with its purpose (a table
// without a log of its own), the question is in the log, the case is read, the verdict is written, the answer is in the log. An entry of
// the log has two transactions, one that adds it and one that waits for the disk (look_up_flush). On a loaded machine each round trip
// more waits for the turns of two processes, and each commit for the disk.
func TestAVerdictTakesSevenRoundTripsAndTwoCommitsOfItsOwn(t *testing.T) {
	d := newCountedDesk(t)
	d.policy.Second, d.policy.Periods = nil, map[schemas.Family]cases.Period{"speed": {Span: schemas.Minute}}
	for i := range 14 {
		d.takeIn(fmt.Sprintf("1ABC%d", 100+i), "5339", nil)
	}
	// The first requests of a connection prepare statements, and a job of the database may write: the least of some is the cost.
	least := func(verdict func(*Item) VerdictQuery) (out cost) {
		for i := range 7 {
			a, err := d.an.Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 1})
			if err != nil || len(a.Items) != 1 {
				t.Fatalf("%d items, %v", len(a.Items), err)
			}
			d.see(t.Context(), "an", &a.Items[0])
			got := d.measure(func() {
				if _, err := d.an.Verdict(t.Context(), shift(), verdict(&a.Items[0])); err != nil {
					t.Fatal(err)
				}
			})
			if i == 0 {
				out = got
			}
			out = cost{min(out.log, got.log), min(out.other, got.other), min(out.writes, got.writes)}
		}
		return out
	}
	if got, want := least(confirming), (cost{2, 5, 6}); got != want {
		t.Errorf("a confirmation costs %+v, want %+v", got, want)
	}
	if got, want := least(func(i *Item) VerdictQuery { return rejecting(i, "two_vehicles") }), (cost{2, 4, 6}); got != want {
		t.Errorf("a rejection, which needs no other case of the plate, costs %+v, want %+v", got, want)
	}
}

// BenchmarkVerdictsAtOnce measures the verdicts of twelve agents at once, over HTTP, each after a lease. Everything is in one process
// but the databases.
func BenchmarkVerdictsAtOnce(b *testing.B) {
	list, names := "users:\n", make([]string, 12)
	for i := range names {
		names[i] = fmt.Sprintf("agent-%02d", i)
		list += fmt.Sprintf("  - {name: %s, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-%d, from: 2026-01-01}}\n", names[i], hash(names[i]), i)
	}
	users, err := access.ReadUsers(strings.NewReader(list))
	if err != nil {
		b.Fatal(err)
	}
	d := newCaseDesk(b, func(c *Config) { c.Users = users })
	d.policy.Second = nil
	for n := range b.N {
		d.takeIn(fmt.Sprintf("1AB%c%03d", 'A'+n/1000%26, n%1000), "5339", nil)
	}
	for _, name := range names {
		d.clerk(name)
	}
	var mu sync.Mutex // guards took
	var took []time.Duration
	var wg sync.WaitGroup
	work := func(name string) error {
		for {
			a, err := d.clerks[name].Lease(b.Context(), shift(), LeaseQuery{Queue: "decide", N: 1})
			if err != nil || len(a.Items) == 0 {
				return err
			}
			d.see(b.Context(), name, &a.Items[0])
			began := time.Now()
			if _, err = d.clerks[name].Verdict(b.Context(), shift(), confirming(&a.Items[0])); err != nil {
				return err
			}
			mu.Lock()
			took = append(took, time.Since(began))
			mu.Unlock()
		}
	}
	b.ResetTimer()
	for _, name := range names {
		wg.Go(func() {
			if err := work(name); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	if len(took) != b.N {
		b.Fatalf("%d verdicts, want %d", len(took), b.N)
	}
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

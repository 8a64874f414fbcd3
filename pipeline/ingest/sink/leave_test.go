package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// hastyLeave is hasty, and leaves an address soon.
var hastyLeave = Breaker{OpenFor: 5 * time.Millisecond, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond, LeaveAfter: 20 * time.Millisecond}

// node is an engine with all tables and a proxy before it.
type node struct {
	*proxy
	native string
	conn   driver.Conn
}

func newNode(t *testing.T) *node {
	t.Helper()
	e, err := embedded.StartClickHouse(t.Context(), embedded.ClickHouseConfig{
		DataDir: t.TempDir(), NativeAddr: "127.0.0.1:0", MaxMemory: 1 << 30,
		Users: []embedded.EngineUser{embedded.HarnessUser("default", "", "GRANT TABLE ENGINE ON ReplicatedReplacingMergeTree", "GRANT SELECT ON system.replicas")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	cfg := Config{ClickHouse: platform.ClickHouse{Addr: e.NativeAddr(), Database: "anpr"}}
	if err := platform.Migrate(t.Context(), cfg.ClickHouse, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	conn, err := cfg.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &node{proxy: newProxy(t, e.NativeAddr(), nil), native: e.NativeAddr(), conn: conn}
}

func (n *node) execSQL(t *testing.T, sql string) {
	t.Helper()
	if err := n.conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%.80s: %v", sql, err)
	}
}

// readOnly makes one table take inserts no longer, or again. The engine answers 774, and the proxy another code when
// it is told.
func (n *node) readOnly(t *testing.T, table string, on bool) {
	t.Helper()
	n.execSQL(t, fmt.Sprintf("ALTER TABLE %s MODIFY SETTING table_readonly = %t", table, on))
}

// loseKeeper replaces a table by a replica with an unreachable Keeper. The rows stay beside it.
func (n *node) loseKeeper(t *testing.T, table string) {
	t.Helper()
	ddl := queryValue[string](t, n.conn, "SELECT create_table_query FROM system.tables WHERE database = 'anpr' AND name = '"+table+"'")
	n.execSQL(t, "RENAME TABLE "+table+" TO "+table+"_before")
	ddl = strings.Replace(ddl, "CREATE TABLE anpr."+table, "ATTACH TABLE anpr."+table+" UUID '0b9b5a3e-0000-4000-8000-000000000001'", 1)
	n.execSQL(t, strings.Replace(ddl, "ENGINE = ReplacingMergeTree", "ENGINE = ReplicatedReplacingMergeTree('/anpr/"+table+"', 'r1')", 1))
}

// storing inserts ranges one after the other, each with a row of every kind.
type storing struct {
	c      *ClickHouse
	next   int64
	ranges uint64
}

func (s *storing) storeRanges(t *testing.T, ranges int) {
	t.Helper()
	for range ranges {
		b := newBatch(s.next)
		b.addEveryKind(march)
		s.next = b.rg.End
		s.ranges++
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := b.insertInto(ctx, s.c)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A replica which takes no inserts answers each with an exception, over a working connection: the worker goes on with
// the next address, and comes back when the next takes none either. Every row is stored once.
func TestAReplicaThatTakesNoInsertsIsLeftForTheNext(t *testing.T) {
	a, b := newNode(t), newNode(t)
	var log bytes.Buffer
	m := newGauged()
	c, err := NewClickHouse(t.Context(), Config{
		ClickHouse: platform.ClickHouse{Addr: a.address() + "," + b.address(), Database: "anpr"},
		Breaker:    hastyLeave, Metrics: m.Metrics, Logger: zerolog.New(zerolog.SyncWriter(&log)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &storing{c: c}
	counts := func() (at [2]uint64) {
		for i, n := range []*node{a, b} {
			at[i] = rowsOf(t, n.conn, "batches")
		}
		return at
	}
	s.storeRanges(t, 2)
	if got := counts(); got != [2]uint64{2, 0} {
		t.Fatalf("ranges at the two addresses %v, want all at the first", got)
	}
	here, there := a, b
	for i, tc := range []struct {
		code  proto.Error
		cause leaveCause
	}{
		{errTableReadonly, leftReadOnly}, // as the engine says it
		{proto.ErrTableIsReadOnly, leftReadOnly},
		{proto.ErrTooFewLiveReplicas, leftTooFew},
		{proto.ErrUnknownStatusOfInsert, leftUnknown},
		{proto.ErrKeeperException, leftKeeper},
		{proto.ErrMemoryLimitExceeded, leftServer},
	} {
		before, left := counts(), m.valueOf(t, "anpr_sink_addresses_left_total", string(tc.cause))
		log.Reset()
		here.exception.Store(uint32(tc.code))
		here.readOnly(t, "reads", true)
		s.storeRanges(t, 3)
		after := counts()
		if h := i % 2; after[h] != before[h] || after[1-h] != before[1-h]+3 {
			t.Errorf("%d %v: ranges at the two addresses %v, before %v: want 3 more at the one that takes them", i, tc.code, after, before)
		}
		if got := m.valueOf(t, "anpr_sink_addresses_left_total", string(tc.cause)); got != left+1 {
			t.Errorf("%d %v: left %v times for %s, want %v", i, tc.code, got, tc.cause, left+1)
		}
		if !strings.Contains(log.String(), `"left":"`+here.address()+`","next":"`+there.address()+`","cause":"`+string(tc.cause)+`"`) {
			t.Errorf("%d %v: the log does not say which address was left and why:\n%s", i, tc.code, log.String())
		}
		here.readOnly(t, "reads", false)
		here.exception.Store(0)
		here, there = there, here
	}
	for table, want := range map[string]uint64{"reads": s.ranges, "offences": s.ranges, "decisions": 2 * s.ranges, "rejects": s.ranges, "batches": s.ranges} {
		if got := rowsOf(t, a.conn, table) + rowsOf(t, b.conn, table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}

	t.Run("a real replica without its Keeper", func(t *testing.T) {
		s.storeRanges(t, 1)
		before := counts()
		here.loseKeeper(t, "reads")
		s.storeRanges(t, 3)
		if got := rowsOf(t, here.conn, "reads_before") + rowsOf(t, there.conn, "reads"); got != s.ranges {
			t.Errorf("%d reads, want %d", got, s.ranges)
		}
		if after := counts(); after[0]+after[1] != before[0]+before[1]+3 {
			t.Errorf("ranges %v, before %v: want 3 more", after, before)
		}
		// State is read back from the other address as well, whichever stands first.
		conn, err := platform.ClickHouse{Addr: here.native + "," + there.native, Database: "anpr"}.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if got := queryValue[uint64](t, conn, "SELECT count() FROM system.replicas"); got != 0 {
			t.Error("queries go to a replica that takes no writes")
		}
		there.execSQL(t, "RENAME TABLE reads TO reads_of_the_other")
		if got := queryValue[uint64](t, conn, "SELECT count() FROM reads_of_the_other"); got == 0 {
			t.Error("nothing to read at the other replica")
		}
	})
}

// A replica which stores the rows and cannot confirm them is left as well, and the next drops the repeat: the token is
// the table's. Two addresses of one engine stand for the two replicas.
func TestTheNextAddressDropsWhatTheOneLeftHasStored(t *testing.T) {
	addr, db := testkit.Database(t)
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: addr, Database: db}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	mute := newProxy(t, addr, func(p *proxy) { p.answer = func(int) int { return 1500 } }) // beyond the handshake and into the answers
	clean := newProxy(t, addr, nil)
	m := newGauged()
	c, err := NewClickHouse(t.Context(), Config{ClickHouse: platform.ClickHouse{Addr: mute.address() + "," + clean.address(), Database: db}, Breaker: hastyLeave, Metrics: m.Metrics})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := &storing{c: c}
	for m.valueOf(t, "anpr_sink_addresses_left_total", string(leftConnection)) == 0 && s.ranges < 200 {
		s.storeRanges(t, 1)
		c.pool.mu.Lock() // a refusal that began long ago: no clock is waited for
		for table, r := range c.pool.refused {
			r.since = r.since.Add(-time.Second)
			c.pool.refused[table] = r
		}
		c.pool.mu.Unlock()
	}
	s.storeRanges(t, 2)
	conn, err := platform.ClickHouse{Addr: addr, Database: db}.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for table, want := range map[string]uint64{"reads": s.ranges, "offences": s.ranges, "decisions": 2 * s.ranges, "rejects": s.ranges, "batches": s.ranges} {
		if got := rowsOf(t, conn, table); got != want {
			t.Errorf("%s has %d rows, want %d", table, got, want)
		}
	}
	if clean.conns.Load() == 0 {
		t.Error("the second address was never used: the test proved nothing")
	}
}

// newLeavingPool makes a pool for these addresses with a clock moved by the test.
func newLeavingPool(addrs string) (*connPool, *time.Time) {
	cfg := &Config{ClickHouse: platform.ClickHouse{Addr: addrs}}
	cfg.EnsureDefaults()
	now := time.Unix(1_772_366_400, 0)
	p := newPool(cfg)
	p.now = func() time.Time { return now }
	return p, &now
}

func exceptionOf(code proto.Error) error {
	return fmt.Errorf("insert: %w", &ch.Exception{Code: code, Name: "DB::Exception", Message: "refused"})
}

func TestAnAddressIsLeftWhenItHasRefusedATableForLong(t *testing.T) {
	const bound = 2 * time.Second
	for _, tc := range []struct {
		err   error
		cause leaveCause // "" = it stays
	}{
		{exceptionOf(proto.ErrTableIsReadOnly), leftReadOnly},
		{exceptionOf(errTableReadonly), leftReadOnly},
		{exceptionOf(errNotInitialised), leftReadOnly},
		{exceptionOf(proto.ErrTooFewLiveReplicas), leftTooFew},
		{exceptionOf(proto.ErrUnknownStatusOfInsert), leftUnknown},
		{exceptionOf(proto.ErrKeeperException), leftKeeper},
		{exceptionOf(proto.ErrNoZookeeper), leftKeeper},
		{exceptionOf(proto.ErrUnexpectedZookeeperError), leftKeeper},
		{exceptionOf(proto.ErrNotEnoughSpace), leftServer},
		{exceptionOf(proto.ErrMemoryLimitExceeded), leftServer},
		{exceptionOf(4711), leftServer}, // of a newer server
		{io.ErrUnexpectedEOF, leftConnection},
		{exceptionOf(proto.ErrTooManyParts), ""},
		{exceptionOf(proto.ErrUnsatisfiedQuorumForPreviousWrite), ""},
		{exceptionOf(proto.ErrUnknownTable), ""},
		{exceptionOf(proto.ErrReadonly), ""},
		{exceptionOf(proto.ErrAuthenticationFailed), ""},
		{errors.Join(ingest.ErrStop), ""},
	} {
		p, now := newLeavingPool("a:1,b:1,c:1")
		judge := func(after time.Duration, at int, table string, err error, want int, what string) {
			t.Helper()
			*now = now.Add(after)
			p.noteInsert(at, table, err)
			if p.at != want {
				t.Fatalf("%v, %s: address %d in use, want %d", tc.err, what, p.at, want)
			}
		}
		to := func(n int) int {
			if tc.cause == "" {
				return 0
			}
			return n
		}
		for range 4 {
			judge(0, 0, "reads", tc.err, 0, "all partitions at once")
		}
		judge(bound/2, 0, "reads", tc.err, 0, "a hiccup")
		judge(0, 0, "reads", nil, 0, "an acknowledged insert")
		judge(bound, 0, "reads", tc.err, 0, "the first refusal since")
		judge(bound/2, 0, "hits", nil, 0, "another table, which says nothing of this one")
		judge(bound/2-1, 0, "reads", tc.err, 0, "just before the bound")
		judge(1, 0, "reads", tc.err, to(1), "at the bound")
		if tc.cause == "" {
			continue
		}
		judge(bound, 0, "reads", tc.err, 1, "a late answer of the address that was left")
		judge(0, 1, "reads", tc.err, 1, "the first refusal of the next")
		judge(bound, 1, "reads", tc.err, 2, "the next one at the bound")
		judge(0, 2, "reads", tc.err, 2, "the first refusal of the last")
		judge(10*time.Hour, 2, "reads", tc.err, 2, "a refusal hours later, when nobody tried in between")
		judge(bound, 2, "reads", tc.err, 0, "the last one at the bound: round again")
		if cause, ok := leaveCauseOf(tc.err); !ok || cause != tc.cause {
			t.Errorf("%v: cause %s, want %s", tc.err, cause, tc.cause)
		}
	}
}

func TestTheOnlyAddressIsNeverLeft(t *testing.T) {
	p, now := newLeavingPool("a:1")
	for range 100 {
		p.noteInsert(0, "reads", exceptionOf(proto.ErrTableIsReadOnly))
		*now = now.Add(time.Minute)
	}
	if p.at != 0 || p.leaveAddress(0, leftUnreachable) {
		t.Errorf("address %d in use, want the only one", p.at)
	}
}

package sink

import (
	"errors"
	"slices"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Several addresses are replicas with the same tables, and the pool uses a single address at a time. It leaves the
// address for the next in a circle when dialling fails, and when the address has refused a table's inserts for
// Breaker.LeaveAfter without an acknowledged insert between. A replica without its Keeper answers every insert with an
// exception, over a working connection.
//
// The first refusal is not enough: while a Keeper elects a new leader, or renews a session, all replicas are read-only
// for a second or so, and workers hopping between them would only add load. Refusals are counted by table: a table can
// be read-only alone, and inserts into its neighbours prove nothing.
//
// At the next address the insert has the same token. A token belongs to the replicated table, not to the replica:
// whether the first replica stored the rows, refused them or does not know (code 319), they are stored once.

// leaveCause is the reason for leaving an address.
type leaveCause string

const (
	leftReadOnly    leaveCause = "read_only"
	leftTooFew      leaveCause = "too_few_replicas" // for the quorum
	leftUnknown     leaveCause = "unknown_status"   // the replica lost the Keeper, or the quorum, while storing the rows
	leftKeeper      leaveCause = "keeper"
	leftServer      leaveCause = "server" // another refusal, perhaps only this server's: no memory, a full disk, a broken part
	leftConnection  leaveCause = "connection"
	leftUnreachable leaveCause = "unreachable" // dialling failed
)

var leaveCauses = []leaveCause{leftReadOnly, leftTooFew, leftUnknown, leftKeeper, leftServer, leftConnection, leftUnreachable}

const (
	errTableReadonly  proto.Error = 774 // a table with the setting table_readonly
	errNotInitialised proto.Error = 667 // a replica started while its Keeper was away
)

// replicaCodes are refusals by a single replica.
var replicaCodes = map[proto.Error]leaveCause{
	proto.ErrTableIsReadOnly:          leftReadOnly,
	errTableReadonly:                  leftReadOnly,
	errNotInitialised:                 leftReadOnly,
	proto.ErrTooFewLiveReplicas:       leftTooFew,
	proto.ErrUnknownStatusOfInsert:    leftUnknown,
	proto.ErrKeeperException:          leftKeeper,
	proto.ErrNoZookeeper:              leftKeeper,
	proto.ErrUnexpectedZookeeperError: leftKeeper,
}

// sharedCodes are the refusals that every replica answers alike, because they speak of the table's state in Keeper.
// Another address is no cure.
var sharedCodes = []proto.Error{proto.ErrTooManyParts, proto.ErrUnsatisfiedQuorumForPreviousWrite}

// leaveCauseOf reports whether a failed insert speaks against the address in use, and why.
func leaveCauseOf(err error) (leaveCause, bool) {
	if errors.Is(err, ingest.ErrStop) || errors.Is(withStopHint(err), ingest.ErrStop) {
		return "", false // wrong on every replica, or for a person to see
	}
	e, ok := ch.AsException(err)
	switch {
	case !ok:
		return leftConnection, true
	case slices.Contains(sharedCodes, e.Code):
		return "", false
	}
	if c, ok := replicaCodes[e.Code]; ok {
		return c, true
	}
	return leftServer, true
}

// refusedSpan is the time in which the address in use refused all inserts into a table.
type refusedSpan struct{ since, last time.Time }

// refusalsApart is the longest pause between two refusals in a span. After a longer pause the earlier refusal's worker
// no longer tries, so the next refusal starts a new span.
func (c *Config) refusalsApart() time.Duration {
	return 2*c.InsertTimeout + c.Breaker.LeaveAfter + c.Breaker.MaxWait + c.Breaker.OpenFor
}

// noteInsert records how an insert into a table ended at an address, and leaves the address when its refusals last too
// long.
func (p *connPool) noteInsert(at int, table string, err error) {
	if len(p.addrs) < 2 {
		return
	}
	p.mu.Lock()
	if at != p.at { // the pool left the address while this insert was under way
		p.mu.Unlock()
		return
	}
	if err == nil {
		delete(p.refused, table)
		p.mu.Unlock()
		return
	}
	cause, ok := leaveCauseOf(err)
	if !ok {
		p.mu.Unlock()
		return
	}
	now := p.now()
	r, again := p.refused[table]
	if !again || now.Sub(r.last) > p.cfg.refusalsApart() {
		r, again = refusedSpan{since: now}, false
	}
	r.last = now
	p.refused[table] = r
	lasted := now.Sub(r.since)
	p.mu.Unlock()
	if !again || lasted < p.cfg.Breaker.LeaveAfter || !p.leaveAddress(at, cause) {
		return
	}
	p.cfg.Logger.Warn().Str("left", p.addrs[at]).Str("next", p.addrs[(at+1)%len(p.addrs)]).Str("cause", string(cause)).Str("table", table).
		Str("error", platform.CutServerMessage(err.Error())).Dur("refused_for", lasted.Round(time.Millisecond)).
		Msg("this clickhouse takes no inserts; going on with the next address, under the same tokens")
}

// leaveAddress goes on to the next address if at is still in use, and closes the idle connections to at. A busy
// connection is closed when its query ends. It reports whether the pool changed the address.
func (p *connPool) leaveAddress(at int, cause leaveCause) bool {
	p.mu.Lock()
	if at != p.at || len(p.addrs) < 2 {
		p.mu.Unlock()
		return false
	}
	p.at = (at + 1) % len(p.addrs)
	clear(p.refused)
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
	p.cfg.Metrics.AddressesLeft.WithLabelValues(string(cause)).Inc()
	return true
}

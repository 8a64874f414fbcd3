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

// Several addresses are replicas of the same tables, and one of them is used at a time. It is left for the next one in a circle when it
// cannot be dialled, and when it has refused a table's inserts for Breaker.LeaveAfter, without one acknowledged in between: a replica
// that lost its Keeper answers every insert with an exception, over a connection that works. Not at the first refusal: a Keeper that
// elects a new leader, or a session that is made anew, makes all replicas read-only for a second or so, and workers that hop between
// them would only add to it. It is counted by table, because a table can be read-only alone, and its neighbours' inserts prove nothing.
//
// Where it goes on, the insert has the same token. Tokens are of the replicated table, not of the replica: whether the first replica
// stored the rows, refused them or does not know (code 319), they are stored once.

// leaveCause says why an address was left.
type leaveCause string

const (
	leftReadOnly    leaveCause = "read_only"
	leftTooFew      leaveCause = "too_few_replicas" // for the quorum
	leftUnknown     leaveCause = "unknown_status"   // the replica lost its Keeper, or the quorum, while it stored the rows
	leftKeeper      leaveCause = "keeper"
	leftServer      leaveCause = "server" // any other refusal that may be this server's own: no memory, no room on its disk, a broken part
	leftConnection  leaveCause = "connection"
	leftUnreachable leaveCause = "unreachable" // it cannot be dialled
)

var leaveCauses = []leaveCause{leftReadOnly, leftTooFew, leftUnknown, leftKeeper, leftServer, leftConnection, leftUnreachable}

const (
	errTableReadonly  proto.Error = 774 // a table with the setting table_readonly
	errNotInitialised proto.Error = 667 // a replica that was started while its Keeper was away
)

// replicaCodes are refusals that are known to be of one replica.
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

// sharedCodes are refusals that every replica answers alike: the state they speak of is the table's, in Keeper. Another address is no cure.
var sharedCodes = []proto.Error{proto.ErrTooManyParts, proto.ErrUnsatisfiedQuorumForPreviousWrite}

// leaveCauseOf says whether a failed insert speaks against the address that was asked.
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

// refusedSpan is that the address in use has acknowledged no insert into a table, though asked.
type refusedSpan struct{ since, last time.Time }

// refusalsApart is when a refusal has nothing to do with the one before: whoever had that one no longer tries.
func (c *Config) refusalsApart() time.Duration {
	return 2*c.InsertTimeout + c.Breaker.LeaveAfter + c.Breaker.MaxWait + c.Breaker.OpenFor
}

// noteInsert takes note of how an insert into a table ended at an address.
func (p *connPool) noteInsert(at int, table string, err error) {
	if len(p.addrs) < 2 {
		return
	}
	p.mu.Lock()
	if at != p.at { // it was left while this insert was under way
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

// leaveAddress goes on to the next address, if the one given is still in use, and closes the idle connections to it. Those in use are closed
// when their query ends. It reports whether it did.
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

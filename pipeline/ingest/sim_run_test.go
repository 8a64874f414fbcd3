package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// profile sets a run's faults. A fault with rate n happens at one in n executions of an op; 0 = never.
type profile struct {
	name    string
	workers int  // at the start; default 2
	crash   int  // the process dies at an await point, before or after the effect; its inserts may still arrive
	freeze  int  // the process stands still for up to twice the session timeout, then goes on as a zombie
	trouble int  // an error that passes, before or after the effect (a lost acknowledgement), or with the effect arriving late
	slow    int  // an insert takes up to twice the session timeout
	members bool // workers join and leave all the time
	outage  bool // the database refuses everything for ten minutes
	live    bool // half of the log arrives during the run
	sparse  bool // offsets with holes
	steady  bool // records come without a pause, so that log time stays behind the run's
}

// nextToken makes the tokens of the mutant that has a new one for every insert.
var nextToken atomic.Int64

// mutation is a defect planted through the simulation's seams. The harness must see each.
type mutation struct {
	name           string
	commitsEarly   bool // the end is committed before the insert
	forgetsRewind  bool // state is not rebuilt
	forgetsPlan    bool // the plan of the previous owner is not followed
	dropsWhenFull  bool // records are dropped when the queue is full
	unfenced       bool // commits of stale generations are accepted
	foreignToken   bool // the token is the worker's own
	noToken        bool // every insert has a new token
	window         int  // tokens remembered
	unacknowledged bool // published messages count as acknowledged at once
	forgetsHistory bool // state is rebuilt without history
	forgetsPlace   bool // an owner does not know where the partition changed its catalogue
}

func (m *mutation) mutateCommitted(c simCommit) (int64, string) {
	p, err := ParsePlan(c.metadata, c.offset)
	if err != nil || c.metadata == "" {
		return c.offset, c.metadata
	}
	if m.forgetsRewind {
		p.Rewind = p.Start
	}
	if m.forgetsPlan {
		p.End = p.Start
	}
	if m.forgetsPlace {
		p.Activation = ""
	}
	return c.offset, p.String()
}

func (m *mutation) mutateCommit(offset int64, metadata string) (int64, string) {
	if p, err := ParsePlan(metadata, offset); err == nil && m.commitsEarly && p.UnderWay() {
		p.Start = p.End
		return p.End, p.String()
	}
	return offset, metadata
}

func (m *mutation) mutateToken(ofRange string, w *simWorker) string {
	switch {
	case m.noToken:
		return fmt.Sprint(nextToken.Add(1)) // the flushes of several partitions ask
	case m.foreignToken:
		return fmt.Sprintf("w%d %s", w.id, ofRange)
	}
	return ofRange
}

// sim is one run.
type sim struct {
	s         *sched
	seed      uint64
	rng       *rand.Rand
	prof      profile
	mut       mutation
	log       *simLog
	tables    *simTables
	coord     *simCoordinator
	published map[string]int
	workers   map[int]*simWorker // alive
	nextID    int
	running   sync.WaitGroup
	ctx       context.Context
	down      time.Time // the database refuses until then
	config    func(*Config)
	more      func() bool // records are still to come
	onFetch   func(partition int32, next int64)
	onSend    func(id string) // when it is published, before the acknowledgement
	fetchMost int             // records of one fetch; 0 = 120
	poll      time.Duration   // how long a fetch waits at the end of the log; 0 = 100 ms
	perRecord time.Duration   // what a record costs

	stats struct{ crashes, freezes, troubles, late, fenced, rebalances, outages, started int }
	bad   []string // broken invariants and unexpected ends
	took  time.Duration
}

// simWorker is one process.
type simWorker struct {
	sim     *sim
	id      int
	life    context.Context
	kill    context.CancelFunc
	session *simSession // the latest
	frozen  time.Time   // stands still until then

	mu   sync.Mutex // guards sent
	sent []simMessage
}

const (
	simMaxSteps   = 200_000
	simMaxWorkers = 4
)

var simEngine = sync.OnceValue(func() *rules.Engine {
	c, err := rules.Load(rules.Brussels())
	if err != nil {
		panic(err)
	}
	return rules.New(c)
})

var simRegistered = sync.OnceValue(newSimRegistry)

// simDedup has short spans, so a run with minutes of log time goes beyond its horizon.
func simDedup() dedup.Config {
	return dedup.Config{
		RepeatIDs: 1 << 10, PassagesStart: 64, RepeatSpan: 20 * schemas.Second, Gap: 3 * schemas.Second, CloseAfter: 2 * schemas.Second,
		KeepClosed: 5 * schemas.Second, ParkedAfter: 5 * schemas.Second, ParkedSlot: 10 * schemas.Second,
		HistorySpan: simHistory,
	}
}

// startWorker begins a process. Only the scheduler's goroutine calls it.
func (m *sim) startWorker() {
	m.nextID++
	m.stats.started++
	w := &simWorker{sim: m, id: m.nextID}
	w.life, w.kill = context.WithCancel(m.ctx)
	m.workers[w.id] = w
	cfg := Config{
		Partitions: len(m.log.parts), Group: &simGroup{w: w}, Sink: &simSink{w}, State: &simSink{w}, Publisher: &simTopics{w},
		Versions: func() shard.Versions { return *simVersions() }, Dedup: simDedup(), BatchRows: 60 + m.rng.IntN(80), FewRows: 20, // no two workers cut batches alike
		Linger: 20 * time.Millisecond, LingerFew: 60 * time.Millisecond, LingerFull: 150 * time.Millisecond,
		TickAfter: 1000 * time.Hour, Logger: zerolog.Nop(), Metrics: NewMetrics(prometheus.NewRegistry()),
		jitter: func(d time.Duration) time.Duration { return d / 3 },
	}
	if m.mut.forgetsHistory {
		cfg.rebuilt = func(s *shard.Shard) { s.History().Advance(1 << 62) }
	}
	if m.config != nil {
		m.config(&cfg)
	}
	worker := New(cfg)
	m.running.Go(func() {
		err := worker.Run(w.life)
		if w.life.Err() == nil {
			m.s.registerOp(&op{key: fmt.Sprintf("w%d ended", w.id), kind: opScript, done: make(chan error, 1), effect: func() error {
				m.bad = append(m.bad, fmt.Sprintf("worker %d ended: %v", w.id, err))
				return nil
			}})
		}
	})
}

// crashWorker ends a process at once. Inserts it had under way may still reach the tables, messages the topics.
func (m *sim) crashWorker(w *simWorker) {
	m.stats.crashes++
	delete(m.workers, w.id)
	for _, o := range m.s.takeOrphans(w) {
		switch {
		case o.kind == opInsert && m.rng.IntN(2) == 0:
			m.stats.late++
			effect := o.effect
			m.s.executeAfter(m.drawBetween(time.Millisecond, 3*time.Second), o.key+" of the dead", func() { _ = effect() })
		case o.kind == opAck && m.rng.IntN(2) == 0:
			w.acknowledgeAll(nil)
		}
	}
	w.kill()
	m.s.executeAfter(simSessionTimeout, fmt.Sprintf("session of w%d times out", w.id), func() { m.coord.removeMember(w.id) })
	m.s.executeAfter(m.drawBetween(5*time.Millisecond, 300*time.Millisecond), fmt.Sprintf("restart of w%d", w.id), m.startWorker)
}

// endWorker ends a process in order.
func (m *sim) endWorker(w *simWorker) {
	delete(m.workers, w.id)
	w.kill()
	m.s.takeOrphans(w)
	m.coord.removeMember(w.id)
}

// freezeWorker stops a process for d; its session may time out meanwhile.
func (m *sim) freezeWorker(w *simWorker, d time.Duration) {
	m.stats.freezes++
	w.frozen = time.Now().Add(d)
	until := w.frozen
	if d > simSessionTimeout {
		m.s.executeAfter(simSessionTimeout, fmt.Sprintf("session of frozen w%d times out", w.id), func() {
			if w.frozen.Equal(until) && m.workers[w.id] == w {
				m.coord.removeMember(w.id)
				m.coord.notifyMember(w)
			}
		})
	}
}

// drawLatency draws how long an op takes.
func (m *sim) drawLatency(o *op) time.Duration {
	lo, hi := 500*time.Microsecond, 4*time.Millisecond
	switch o.kind {
	case opInsert:
		lo, hi = time.Millisecond, 9*time.Millisecond
		if m.prof.slow > 0 && m.rng.IntN(m.prof.slow) == 0 {
			hi = 2 * simSessionTimeout
		}
	case opAck:
		hi = 40 * time.Millisecond
		if m.rng.IntN(5) == 0 { // the broker takes its time
			hi = 700 * time.Millisecond
		}
	case opFetch, opCommit, opCommitted, opState, opJoin, opScript:
	}
	d := m.drawBetween(lo, hi)
	if o.owner != nil {
		d = max(d, time.Until(o.owner.frozen))
	}
	return d
}

var errTransient = errors.New("transient")

// executeOp runs one op, or lets something happen instead.
func (m *sim) executeOp(o *op) (string, error) {
	w := o.owner
	if w == nil || o.kind == opScript {
		return "ok", o.effect()
	}
	if d := time.Until(w.frozen); d > 0 { // was under way when the process froze
		return "frozen", m.requeueOp(o, d)
	}
	one := func(n int) bool { return n > 0 && m.rng.IntN(n) == 0 }
	switch {
	case one(m.prof.crash):
		what := "crash before"
		if m.rng.IntN(2) == 0 {
			what = "crash after"
			_ = o.effect()
		}
		m.crashWorker(w)
		return what, context.Canceled
	case one(m.prof.freeze):
		m.freezeWorker(w, m.drawBetween(simSessionTimeout/8, 2*simSessionTimeout))
		return "freeze", m.requeueOp(o, time.Until(w.frozen))
	case o.kind == opInsert && time.Now().Before(m.down):
		return "database down", errTransient
	case one(m.prof.trouble):
		return m.disturbOp(o)
	}
	err := o.effect()
	if err != nil {
		return err.Error(), err
	}
	return "ok", nil
}

// requeueOp puts the op back; its caller keeps waiting.
func (m *sim) requeueOp(o *op, d time.Duration) error {
	done := o.done
	o.done = make(chan error, 1) // takes what the scheduler says of this execution
	m.s.mu.Lock()
	m.s.waiting = append(m.s.waiting, &op{key: o.key, ctx: o.ctx, owner: o.owner, kind: o.kind, due: time.Now().Add(d), effect: o.effect, done: done})
	m.s.mu.Unlock()
	return nil
}

// disturbOp makes an op fail: without its effect, with its effect (the answer is lost), or with its effect arriving
// later.
func (m *sim) disturbOp(o *op) (string, error) {
	m.stats.troubles++
	w := o.owner
	if o.kind == opAck {
		if m.rng.IntN(2) == 0 {
			w.acknowledgeAll(errTransient)
		} else {
			_ = o.effect()
		}
		return "acknowledgement fails", nil
	}
	switch m.rng.IntN(3) {
	case 0:
		return "fails", errTransient
	case 1:
		if o.kind == opFetch || o.kind == opJoin { // the effect fills the caller's buffer: there is no losing of it
			return "fails", errTransient
		}
		if err := o.effect(); err != nil {
			return err.Error(), err
		}
		return "answer lost", errTransient
	default:
		if o.kind == opInsert {
			m.stats.late++
			effect := o.effect
			m.s.executeAfter(m.drawBetween(time.Millisecond, 2*time.Second), o.key+" late", func() { _ = effect() })
		}
		return "fails, maybe late", errTransient
	}
}

// checkDurable asserts that the tables have everything committed: the batches rows, written last, must cover it.
func (m *sim) checkDurable(p int32, offset int64) {
	reached := m.log.parts[p].first
	ranges := slices.Clone(m.tables.durable[p])
	slices.SortFunc(ranges, func(a, b Range) int { return int(a.Start - b.Start) })
	for _, r := range ranges {
		if r.Start <= reached {
			reached = max(reached, r.End)
		}
	}
	if offset > reached {
		m.bad = append(m.bad, fmt.Sprintf("partition %d: offset %d committed, only [0, %d) is in the tables", p, offset, reached))
	}
}

// planEvents plans the events from outside: members coming and going, the outage, arriving records.
func (m *sim) planEvents(rest func() bool) {
	if m.prof.members {
		var change func()
		change = func() {
			if n := len(m.workers); n < 2 || n < simMaxWorkers && m.rng.IntN(2) == 0 {
				m.startWorker()
			} else {
				ids := slices.Sorted(maps.Keys(m.workers))
				m.endWorker(m.workers[ids[m.rng.IntN(n)]])
			}
			next := m.drawBetween(200*time.Millisecond, 1500*time.Millisecond)
			if time.Now().Before(m.down) {
				next *= 40
			}
			m.s.executeAfter(next, "members change", change)
		}
		m.s.executeAfter(m.drawBetween(50*time.Millisecond, 600*time.Millisecond), "members change", change)
	}
	if m.prof.outage {
		m.s.executeAfter(m.drawBetween(20*time.Millisecond, 400*time.Millisecond), "database goes down", func() {
			m.stats.outages++
			m.down = time.Now().Add(10 * time.Minute)
		})
	}
	if m.prof.live {
		var more func()
		more = func() {
			if rest() {
				m.s.executeAfter(m.drawBetween(5*time.Millisecond, 60*time.Millisecond), "records arrive", more)
			}
		}
		m.s.executeAfter(time.Millisecond, "records arrive", more)
	}
}

// runSim works through the seed's log under the profile's faults until all is committed.
func runSim(t *testing.T, seed uint64, prof profile, options ...func(*sim)) *sim {
	t.Helper()
	m := &sim{
		seed: seed, prof: prof, rng: rand.New(rand.NewPCG(seed, 2)), tables: newSimTables(), published: map[string]int{},
		workers: map[int]*simWorker{},
	}
	m.coord = &simCoordinator{sim: m, members: map[int]*simWorker{}, joining: map[int]func(*simSession){}}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(simStart.Time())) // the bubble's time begins in 2000
		ctx, cancel := context.WithCancel(t.Context())
		m.ctx, m.s = ctx, newSched(m.rng)
		input := newSimInput(seed, prof)
		m.log = input.log
		for _, o := range options {
			o(m)
		}
		m.tables.window = m.mut.window
		if !prof.live {
			input.appendAll()
		}
		for range max(prof.workers, 1) {
			m.startWorker()
		}
		m.planEvents(input.appendSome)
		err := m.s.run(simMaxSteps, m.drawLatency, m.executeOp, func() bool {
			return len(m.bad) > 0 || input.isExhausted() && m.log.allCommitted() && (m.more == nil || !m.more())
		})
		if err != nil {
			m.bad = append(m.bad, fmt.Sprintf("%v after %d steps, %v", err, m.s.steps, m.log.committed))
		}
		m.took = time.Since(m.s.began)
		m.stats.rebalances = m.coord.rounds
		cancel()
		m.running.Wait()
	})
	return m
}

// reference is what the log says, computed by shards alone: no batches, no tables, no faults.
type reference struct {
	rows      map[string][]string
	published map[string]bool
}

// With choose, a record is decided under what choose returns for it.
func simReference(log *simLog, choose ...func(sh *shard.Shard, p int32, one *shard.Records) *shard.Versions) *reference {
	ref := &reference{rows: map[string][]string{}, published: map[string]bool{}}
	for p := range log.parts {
		w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
		cfg := Config{Partitions: len(log.parts), Publisher: &simTopics{w}, Dedup: simDedup()}.withDefaults()
		sh := shard.New(cfg.shardConfig(int32(p)), shard.Rewind{})
		block := &simBlock{newSimRows()}
		b := newBatch(block, cfg.Publisher)
		for i, offset := range log.parts[p].offsets { // one by one: how a worker groups them must not matter
			one := &shard.Records{}
			one.Append(offset, log.parts[p].values[i])
			versions := simVersions()
			for _, f := range choose {
				versions = f(sh, int32(p), one)
			}
			b.processRecords(sh, versions, one, 0, 1)
		}
		for table, rows := range block.rows {
			ref.rows[table] = append(ref.rows[table], rows...)
		}
		for _, m := range w.sent {
			ref.published[m.id] = true
		}
	}
	for _, rows := range ref.rows {
		slices.Sort(rows)
	}
	return ref
}

// faultsOf compares a run with the reference: all tables except batches, whose ranges depend on timing, row for row;
// the published messages, as a set; and the invariants asserted on the way.
func (ref *reference) faultsOf(m *sim) []string {
	out := slices.Clone(m.bad)
	for _, table := range simOrder[:len(simOrder)-1] {
		got := slices.Clone(m.tables.rows[table])
		slices.Sort(got)
		if want := ref.rows[table]; !slices.Equal(want, got) {
			out = append(out, fmt.Sprintf("%s: %d rows want, %d got, first difference %s", table, len(want), len(got), firstDifference(want, got)))
		}
	}
	missing, wrong := 0, 0
	for id := range ref.published {
		if m.published[id] == 0 {
			missing++
		}
	}
	for id := range m.published {
		if !ref.published[id] {
			wrong++
		}
	}
	if missing+wrong > 0 {
		out = append(out, fmt.Sprintf("topics: %d messages missing, %d that should not be", missing, wrong))
	}
	return out
}

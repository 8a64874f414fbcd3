package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gvc-brussels/anpr/schemas"
)

// A simulated world for the exactness tests: a log with group generations and commit metadata, tables that drop repeated
// tokens as ClickHouse does, and faults at every step of the protocol. It holds what the real parts promise and nothing
// more; the tests of pipeline/source and pipeline/sink check those promises on the real parts.

// simLog is the broker.
type simLog struct {
	mu         sync.Mutex
	records    map[int32][][]byte
	committed  map[int32]simCommit
	generation int
}

type simCommit struct {
	offset   int64
	metadata string
}

func newSimLog(partitions int) *simLog {
	l := &simLog{records: map[int32][][]byte{}, committed: map[int32]simCommit{}}
	for p := range partitions {
		l.records[int32(p)] = nil
	}
	return l
}

func (l *simLog) append(p int32, v []byte) {
	l.mu.Lock()
	l.records[p] = append(l.records[p], v)
	l.mu.Unlock()
}

// done reports whether everything is committed.
func (l *simLog) done() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, recs := range l.records {
		if c, ok := l.committed[p]; len(recs) > 0 && (!ok || c.offset < int64(len(recs))) {
			return false
		}
	}
	return true
}

// simGroup is a member. Every Next is a new generation that takes all partitions and fences the one before.
type simGroup struct {
	log    *simLog
	faults *faults
	wg     sync.WaitGroup
	member context.Context
	last   int // generation this member had
}

func (g *simGroup) Close() error { return nil }

func (g *simGroup) Next(ctx context.Context) (Session, error) {
	g.wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.log.mu.Lock()
	if g.last != 0 && g.last != g.log.generation { // a newer member took over: real Kafka would share, here it stays away
		g.log.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	g.log.generation++
	g.last = g.log.generation
	gen := g.last
	g.log.mu.Unlock()
	sctx, cancel := context.WithCancel(g.member)
	return &simSession{g: g, gen: gen, ctx: sctx, cancel: cancel}, nil
}

type simSession struct {
	g      *simGroup
	gen    int
	ctx    context.Context
	cancel context.CancelFunc
}

func (s *simSession) Partitions() (out []int32) {
	for p := range len(s.g.log.records) {
		out = append(out, int32(p))
	}
	return out
}

func (s *simSession) Go(f func(ctx context.Context)) {
	s.g.wg.Go(func() {
		defer s.cancel()
		f(s.ctx)
	})
}

func (s *simSession) Committed(_ context.Context, p int32) (int64, string, error) {
	if err := s.g.faults.at("fetch committed"); err != nil {
		return 0, "", err
	}
	s.g.log.mu.Lock()
	defer s.g.log.mu.Unlock()
	c, ok := s.g.log.committed[p]
	if !ok {
		return -1, "", nil
	}
	return c.offset, c.metadata, nil
}

func (s *simSession) Commit(_ context.Context, p int32, offset int64, metadata string) error {
	if err := s.g.faults.at("before commit"); err != nil {
		return err
	}
	s.g.log.mu.Lock()
	if s.gen != s.g.log.generation && !s.g.faults.unfenced {
		s.g.log.mu.Unlock()
		return fmt.Errorf("generation %d of %d: %w", s.gen, s.g.log.generation, ErrFenced)
	}
	s.g.log.committed[p] = simCommit{offset, metadata}
	s.g.log.mu.Unlock()
	return s.g.faults.at("after commit")
}

func (s *simSession) Bounds(_ context.Context, p int32) (int64, int64, error) {
	s.g.log.mu.Lock()
	defer s.g.log.mu.Unlock()
	return 0, int64(len(s.g.log.records[p])), nil
}

func (s *simSession) Tick(_ context.Context, p int32, at schemas.Micros) error {
	s.g.log.append(p, tickRecord(at))
	return nil
}

func (s *simSession) Open(_ context.Context, p int32, offset int64) (Reader, error) {
	return &simReader{s: s, p: p, next: offset}, nil
}

type simReader struct {
	s    *simSession
	p    int32
	next int64
}

func (r *simReader) Close() error { return nil }

func (r *simReader) Fetch(ctx context.Context, into *Records) error {
	if err := r.s.g.faults.at("fetch"); err != nil {
		return err
	}
	r.s.g.log.mu.Lock()
	recs := r.s.g.log.records[r.p]
	into.HighWater = int64(len(recs))
	n := min(int64(r.s.g.faults.intn(200)+1), int64(len(recs))-r.next)
	for range n {
		into.Append(r.next, recs[r.next])
		r.next++
	}
	r.s.g.log.mu.Unlock()
	if n <= 0 {
		return pauseErr(ctx, 100)
	}
	return pauseErr(ctx, 1)
}

// simTables is the database: tables of rows, and the tokens it has seen.
type simTables struct {
	mu     sync.Mutex
	tokens map[string]bool
	rows   map[string][]string
	ids    []simOffence
	seals  []simSeal
	repeat int // blocks dropped because their token was known
}

type simOffence struct {
	id  schemas.OffenceID
	pos Position
}

type simSeal struct {
	camera string
	seal   schemas.Sum
	pos    Position
	seq    uint32
}

func newSimTables() *simTables {
	return &simTables{tokens: map[string]bool{}, rows: map[string][]string{}}
}

var simOrder = []string{"reads", "passages", "merges", "rejects", "hits", "decisions", "offences", "batches"}

// simSink is one worker's connection to the tables.
type simSink struct {
	t      *simTables
	faults *faults
}

func (s *simSink) NewBlock() Block { return &simBlock{rows: map[string][]string{}} }

func (s *simSink) Insert(ctx context.Context, rg Range, t *Totals, blk Block) error {
	b := blk.(*simBlock)
	b.rows["batches"] = []string{fmt.Sprintf("%+v %d %d %d %d", rg, t.Fetched, t.Stored, t.Merged, t.Rejected)}
	for _, table := range simOrder {
		if len(b.rows[table]) == 0 {
			continue
		}
		if err := s.faults.at("before insert"); err != nil {
			return err
		}
		if err := pauseErr(ctx, s.faults.intn(30)); err != nil {
			return err
		}
		s.insert(fmt.Sprintf("%+v/%s", rg, table), table, b)
		if err := s.faults.at("after insert"); err != nil {
			return err
		}
	}
	return nil
}

func (s *simSink) insert(token, table string, b *simBlock) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if s.t.tokens[token] {
		s.t.repeat++
		return
	}
	s.t.tokens[token] = true
	s.t.rows[table] = append(s.t.rows[table], b.rows[table]...)
	if table == "offences" {
		s.t.ids = append(s.t.ids, b.ids...)
		s.t.seals = append(s.t.seals, b.seals...)
	}
}

func (s *simSink) Offences(_ context.Context, p int32, below int64, _ schemas.Day) (out []schemas.OffenceID, err error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	for _, o := range s.t.ids {
		if o.pos.Partition == p && o.pos.Offset < below {
			out = append(out, o.id)
		}
	}
	return out, nil
}

func (s *simSink) Seals(_ context.Context, p int32, below int64) (map[string]schemas.Sum, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	out, last := map[string]schemas.Sum{}, map[string]simSeal{}
	for _, x := range s.t.seals {
		l, ok := last[x.camera]
		if x.pos.Partition != p || x.pos.Offset >= below {
			continue
		}
		if !ok || x.pos.Offset > l.pos.Offset || x.pos.Offset == l.pos.Offset && x.seq > l.seq {
			last[x.camera], out[x.camera] = x, x.seal
		}
	}
	return out, nil
}

// simBlock records rows as text.
type simBlock struct {
	rows  map[string][]string
	ids   []simOffence
	seals []simSeal
}

func (b *simBlock) Reset() { b.rows, b.ids, b.seals = map[string][]string{}, nil, nil }

func (b *simBlock) Rows() (n int) {
	for _, r := range b.rows {
		n += len(r)
	}
	return n
}

func (b *simBlock) add(table, format string, args ...any) {
	b.rows[table] = append(b.rows[table], fmt.Sprintf(format, args...))
}

func (b *simBlock) Read(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos Position) {
	b.add("reads", "%v %v %s %s %d %d %v", r.ID, p, cam.ID, r.Plate, r.CapturedAt, r.Flags, pos)
}

func (b *simBlock) Passage(p *schemas.Passage, cam *schemas.Camera, pos Position) {
	b.add("passages", "%v %s %d %d %d %v %v %v", p.ID, cam.ID, p.Reads, p.Merged, p.Variants, p.Parked, p.Best.Read, pos)
}

func (b *simBlock) Hit(h *schemas.Hit, r *schemas.Read, _ *schemas.Camera, pos Position, _ schemas.Micros) {
	b.add("hits", "%v %v %s %v %v", h.ID, h.Match, h.Entry.ID, r.ID, pos)
}

func (b *simBlock) Decision(d *schemas.Decision, _ schemas.Class, cam *schemas.Camera, pos Position, seq uint32) {
	b.add("decisions", "%s %v %s %v %v %v %v", d.Rule, d.Outcome, d.Reason, d.Passage, d.Offence, d.Trace, pos)
	if d.Outcome == schemas.OutcomeOffence || d.Outcome == schemas.OutcomeHeld {
		b.add("offences", "%v %s %v %x %x %v %d", d.Offence, d.Rule, d.Outcome, d.Seal, d.PrevSeal, pos, seq)
		b.ids = append(b.ids, simOffence{d.Offence, pos})
		b.seals = append(b.seals, simSeal{cam.ID, d.Seal, pos, seq})
	}
}

func (b *simBlock) Merge(k MergeKind, r *schemas.Read, p schemas.PassageID, pos Position) {
	b.add("merges", "%v %v %v %v", k, r.ID, p, pos)
}

func (b *simBlock) Reject(r *Rejected) {
	b.add("rejects", "%v %s %d %v", r.Err, r.Camera, len(r.Payload), r.Pos)
}

// simTopics is the publisher: it acknowledges after a while, unless the worker died.
type simTopics struct {
	mu   sync.Mutex
	seen map[string]int
	ctx  context.Context
}

func (s *simTopics) send(p *Pending, id string) {
	p.Add()
	s.mu.Lock()
	s.seen[id]++
	s.mu.Unlock()
	go func() { p.Done(pauseErr(s.ctx, 3)) }()
}

func (s *simTopics) Hit(p *Pending, h *schemas.Hit, _ *schemas.Read) { s.send(p, "hit "+h.ID.String()) }

func (s *simTopics) Offence(p *Pending, d *schemas.Decision) {
	s.send(p, "offence "+d.Offence.String())
}

func (s *simTopics) Reject(p *Pending, r *Rejected) {
	s.send(p, fmt.Sprintf("reject %+v", r.Pos))
}

var (
	_            Group     = (*simGroup)(nil)
	_            Sink      = (*simSink)(nil)
	_            State     = (*simSink)(nil)
	_            Publisher = (*simTopics)(nil)
	errTransient           = errors.New("transient")
)

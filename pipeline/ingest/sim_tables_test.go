package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
)

// simTables is the database: tables of rows, and each table's remembered tokens, like in ClickHouse. Only the
// scheduler's goroutine touches it during a run.
type simTables struct {
	window  int // tokens a table remembers; 0 = all
	tokens  map[string][]string
	rows    map[string][]string
	ids     []simOffence
	seals   []simSeal
	told    []simTold
	durable map[int32][]Range // in the batches rows
	losses  map[int32][]Loss  // nil: nobody can record one
	repeats int               // blocks dropped because their token was known
}

type simOffence struct {
	schemas.PriorOffence
	pos shard.Position
}

type simTold struct {
	shard.Told
	pos shard.Position
}

type simSeal struct {
	camera string
	seal   schemas.Sum
	pos    shard.Position
	seq    uint32
}

func newSimTables() *simTables {
	return &simTables{tokens: map[string][]string{}, rows: map[string][]string{}, durable: map[int32][]Range{}}
}

// simOrder is the tables; batches is written last, when all others are complete.
var simOrder = []string{"reads", "passages", "merges", "rejects", "hits", "decisions", "offences", "batches"}

func (t *simTables) insertRows(table, token string, b *simRows, rg Range) {
	known := t.tokens[table]
	if slices.Contains(known, token) {
		t.repeats++
		return
	}
	known = append(known, token)
	if t.window > 0 && len(known) > t.window {
		known = known[1:]
	}
	t.tokens[table] = known
	t.rows[table] = append(t.rows[table], b.rows[table]...)
	switch table {
	case "offences":
		t.ids = append(t.ids, b.ids...)
		t.seals = append(t.seals, b.seals...)
	case "hits":
		t.told = append(t.told, b.told...)
	case "batches":
		t.durable[rg.Partition] = append(t.durable[rg.Partition], rg)
	}
}

// simSink is one worker's connection to the tables.
type simSink struct{ w *simWorker }

func (s *simSink) NewBlock() Block { return &simBlock{simRows: newSimRows()} }

// Insert writes table after table, so that a fault leaves some with the batch and some without. What a crashed worker
// had under way may still arrive later.
func (s *simSink) Insert(ctx context.Context, rg Range, t *shard.Totals, blk Block) error {
	given := blk.(*simBlock).simRows
	b := &simRows{maps.Clone(given.rows), given.ids, given.seals, given.told} // an earlier try's effect may be reading the given one
	b.rows["batches"] = []string{fmt.Sprintf("%+v %d %d %d %d", rg, t.Fetched, t.Stored, t.Merged, t.Rejected)}
	m, last := s.w.sim, len(simOrder)-1
	for i := range simOrder {
		table := simOrder[i]
		if i < last { // the others in an order of their own
			table = simOrder[(i+int(rg.Start))%last]
		}
		if len(b.rows[table]) == 0 {
			continue
		}
		token := m.mut.mutateToken(fmt.Sprintf("%s/%d/%d-%d", rg.Topic, rg.Partition, rg.Start, rg.End), s.w)
		key := fmt.Sprintf("w%d insert p%d [%d,%d) %s", s.w.id, rg.Partition, rg.Start, rg.End, table)
		err := m.s.awaitOp(ctx, s.w, opInsert, key, func() error {
			m.tables.insertRows(table, token, b, rg)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *simSink) Reached(ctx context.Context, _ string, p int32) (r StoredExtent, err error) {
	err = s.w.sim.s.awaitOp(ctx, s.w, opState, fmt.Sprintf("w%d reached p%d", s.w.id, p), func() error {
		for _, rg := range s.w.sim.tables.durable[p] {
			r = StoredExtent{max(r.End, rg.End), true}
		}
		return nil
	})
	return r, err
}

func (s *simSink) Losses(ctx context.Context, _ string, p int32) (out []Loss, err error) {
	if s.w.sim.tables.losses == nil {
		return nil, nil
	}
	err = s.w.sim.s.awaitOp(ctx, s.w, opState, fmt.Sprintf("w%d losses p%d", s.w.id, p), func() error {
		out = slices.Clone(s.w.sim.tables.losses[p])
		return nil
	})
	return out, err
}

func (s *simSink) Offences(ctx context.Context, p int32, below int64, _ schemas.Day) (out []schemas.PriorOffence, err error) {
	t := s.w.sim.tables
	err = s.w.sim.s.awaitOp(ctx, s.w, opState, fmt.Sprintf("w%d offences p%d below %d", s.w.id, p, below), func() error {
		for _, o := range t.ids {
			if o.pos.Partition == p && o.pos.Offset < below {
				out = append(out, o.PriorOffence)
			}
		}
		return nil
	})
	return out, err
}

func (s *simSink) Seals(ctx context.Context, p int32, below int64) (map[string]schemas.Sum, error) {
	out, last := map[string]schemas.Sum{}, map[string]simSeal{}
	t := s.w.sim.tables
	err := s.w.sim.s.awaitOp(ctx, s.w, opState, fmt.Sprintf("w%d seals p%d below %d", s.w.id, p, below), func() error {
		for _, x := range t.seals {
			l, ok := last[x.camera]
			if x.pos.Partition != p || x.pos.Offset >= below {
				continue
			}
			if !ok || x.pos.Offset > l.pos.Offset || x.pos.Offset == l.pos.Offset && x.seq > l.seq {
				last[x.camera], out[x.camera] = x, x.seal
			}
		}
		return nil
	})
	return out, err
}

func (s *simSink) Told(ctx context.Context, p int32, from, below int64) (out []shard.Told, err error) {
	t := s.w.sim.tables
	err = s.w.sim.s.awaitOp(ctx, s.w, opState, fmt.Sprintf("w%d told p%d [%d,%d)", s.w.id, p, from, below), func() error {
		for _, x := range t.told {
			if x.pos.Partition == p && x.pos.Offset >= from && x.pos.Offset < below {
				out = append(out, x.Told)
			}
		}
		return nil
	})
	return out, err
}

// simRows is a block's content. It is never changed after Insert was called with it: Reset makes a new one.
type simRows struct {
	rows  map[string][]string
	ids   []simOffence
	seals []simSeal
	told  []simTold
}

func newSimRows() *simRows { return &simRows{rows: map[string][]string{}} }

// simBlock records rows as text, every column but the ingestion time.
type simBlock struct{ *simRows }

func (b *simBlock) Reset() { b.simRows = newSimRows() }

func (b *simBlock) Rows() (n int) {
	for _, r := range b.rows {
		n += len(r)
	}
	return n
}

func (b *simBlock) addRow(table, format string, args ...any) {
	b.rows[table] = append(b.rows[table], fmt.Sprintf(format, args...))
}

func (b *simBlock) Append(rows *shard.Rows) {
	for _, r := range rows.Reads {
		b.addRead(r.Read, r.Passage, r.Camera, rows.At(r.Offset))
	}
	for _, p := range rows.Passages {
		b.addPassage(p.Passage, rows.At(p.Offset))
	}
	for _, h := range rows.Hits {
		b.addHit(h.Hit, h.Read, rows.At(h.Offset))
	}
	for i := range rows.Decisions {
		b.addDecision(&rows.Decisions[i], rows.At(rows.Decisions[i].Offset))
	}
	for _, m := range rows.Merges {
		b.addMerge(m.Kind, m.Read, m.Passage, rows.At(m.Offset))
	}
	for i := range rows.Rejects {
		b.addReject(&rows.Rejects[i])
	}
}

func (b *simBlock) addRead(r *schemas.Read, p schemas.PassageID, cam *schemas.Camera, pos shard.Position) {
	b.addRow("reads", "%x %x %s %s %s %d %d %d %d %d %s", r.ID.ID[:], p.ID[:], cam.ID, r.Plate, r.RawPlate, r.CapturedAt, r.ReceivedAt, r.Speed, r.Flags, pos.Offset, r.Class)
}

func (b *simBlock) addPassage(p *schemas.Passage, pos shard.Position) {
	b.addRow("passages", "%x %s %d %d %d %v %x %x %d %s", p.ID.ID[:], p.Best.Camera, p.Reads, p.Merged, p.Variants, p.Parked, p.Best.Read.ID[:], p.Measured.Read.ID[:], pos.Offset,
		lookOf(&p.Best, p.Measured.Speed))
}

func (b *simBlock) addHit(h *schemas.Hit, r *schemas.Read, pos shard.Position) {
	b.addRow("hits", "%x %v %s %x %d", h.ID.ID[:], h.Match, h.Entry.ID, r.ID.ID[:], pos.Offset)
	b.told = append(b.told, simTold{shard.Told{Passage: h.Passage, List: h.Entry.List, Entry: h.Entry.ID, Match: h.Match}, pos})
}

func (b *simBlock) addDecision(row *shard.DecisionRow, pos shard.Position) {
	d, cam, seq := row.Decision, row.Camera, row.Seq
	var trace strings.Builder
	for _, s := range d.Trace {
		trace.WriteString(s.Code)
		trace.WriteByte("-+"[boolToInt(s.Holds)])
		for _, a := range s.Args {
			trace.WriteString(a)
		}
	}
	b.addRow("decisions", "%s %v %s %x %x %s %d %d", d.Rule, d.Outcome, d.Reason, d.Passage.ID[:], d.Offence.ID[:], trace.String(), pos.Offset, seq)
	if row.IsOffence() {
		b.addRow("offences", "%x %s %v %d %d %x %x %d %d %s", d.Offence.ID[:], d.Rule, d.Outcome, d.AmountCents, d.On.CapturedAt, d.Seal[:], d.PrevSeal[:], pos.Offset, seq, lookOf(&d.On, d.On.Speed))
		b.ids = append(b.ids, simOffence{d.PriorOffence(), pos})
		b.seals = append(b.seals, simSeal{cam.ID, d.Seal, pos, seq})
	}
}

// lookOf returns a sighting's facts about the vehicle.
func lookOf(s *schemas.Sighting, speed schemas.Speed) string {
	return fmt.Sprintf("%v %s %s %x %v %d", s.Kind, s.Make, s.Colour, s.Image[:2], s.Country, speed)
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *simBlock) addMerge(k shard.MergeKind, r *schemas.Read, p schemas.PassageID, pos shard.Position) {
	b.addRow("merges", "%v %x %x %d %d", k, r.ID.ID[:], p.ID[:], pos.Partition, pos.Offset)
}

func (b *simBlock) addReject(r *shard.RejectRow) {
	b.addRow("rejects", "%v %s %x %d %d", r.Err, r.Camera, r.Payload, r.Pos.Partition, r.Pos.Offset)
}

// simTopics is one worker's publisher. What was sent is acknowledged a while later; a message counts as published only
// then, or by chance when the worker dies in between.
type simTopics struct{ w *simWorker }

type simMessage struct {
	p  *Pending
	id string
}

func (t *simTopics) sendMessage(p *Pending, id string) {
	p.Add()
	w := t.w
	if w.sim.mut.unacknowledged {
		p.Done(nil)
		p = nil
	}
	if w.sim.onSend != nil {
		w.sim.onSend(id)
	}
	w.mu.Lock()
	w.sent = append(w.sent, simMessage{p, id})
	first := len(w.sent) == 1
	w.mu.Unlock()
	if first {
		w.sim.s.registerOp(&op{key: fmt.Sprintf("w%d ack", w.id), ctx: w.life, owner: w, kind: opAck, effect: func() error { w.acknowledgeAll(nil); return nil }, done: make(chan error, 1)})
	}
}

// acknowledgeAll answers for everything sent so far.
func (w *simWorker) acknowledgeAll(err error) {
	w.mu.Lock()
	sent := w.sent
	w.sent = nil
	w.mu.Unlock()
	for _, m := range sent {
		if err == nil {
			w.sim.published[m.id]++
		}
		if m.p != nil {
			m.p.Done(err)
		}
	}
}

func (t *simTopics) Publish(p *Pending, rows *shard.Rows) {
	for _, h := range rows.Hits {
		t.sendMessage(p, "hit "+h.Hit.ID.String())
	}
	for i := range rows.Decisions {
		if r := &rows.Decisions[i]; r.IsOffence() {
			t.sendMessage(p, fmt.Sprintf("offence %s %x", r.Decision.Offence, r.Decision.Seal))
		}
	}
	for i := range rows.Rejects {
		r := &rows.Rejects[i]
		t.sendMessage(p, fmt.Sprintf("reject %d-%d %v", r.Pos.Partition, r.Pos.Offset, r.Err))
	}
}

var (
	_ ConsumerGroup = (*simGroup)(nil)
	_ Generation    = (*simSession)(nil)
	_ Sink          = (*simSink)(nil)
	_ State         = (*simSink)(nil)
	_ Publisher     = (*simTopics)(nil)
)

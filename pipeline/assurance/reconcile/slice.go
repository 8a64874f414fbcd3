package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// timeSlice is a part of the time range with every record in memory: a cell number and a byte of marks each.
type timeSlice struct {
	*reconciliation
	w        TimeRange
	from, to int64 // time range in microseconds
	parts    []*partitionRange
	cells    []Cell // by number
	numbers  map[Cell]uint32
	captured [2]int64 // extent of the records' capture times; bounds the months to search
}

// partitionRange is the offset range of a partition that a slice reads.
type partitionRange struct {
	partition int32
	from, to  int64
	receipts  []JournalReceipt // by offset
	found     []finding        // by receipt
	cell      []uint32         // by offset - from: absent, outside, or a number of cells
	marks     []uint8
}

const (
	absent  = 0 // no record stands at the offset
	outside = 1 // a record outside the time range
)

const (
	markTick = 1 << iota
	markStored
	markMerged
	markRejected
	markAccepted
)

// finding is the result of looking a receipt up on the log.
type finding uint8

const (
	nothing finding = iota
	same
	another
)

const markRows = markStored | markMerged | markRejected

// openSlice finds the offset ranges of the slice and the receipts for it.
func (r *reconciliation) openSlice(ctx context.Context, w TimeRange) (*timeSlice, error) {
	s := &timeSlice{reconciliation: r, w: w, from: w.From.UnixMicro(), to: w.To.UnixMicro(), cells: make([]Cell, 2), numbers: map[Cell]uint32{}}
	receipts, err := s.readReceipts(ctx)
	if err != nil {
		return nil, err
	}
	// The bounds come after the receipts, so every receipt belongs to a record below the ends.
	if r.bounds, err = r.b.Log.Bounds(ctx, r.topic, r.partitions); err != nil {
		return nil, err
	}
	begins, err := r.b.Log.OffsetsSince(ctx, r.topic, r.bounds, w.From)
	if err != nil {
		return nil, err
	}
	ends, err := r.b.Log.OffsetsSince(ctx, r.topic, r.bounds, w.To.Add(slack))
	if err != nil {
		return nil, err
	}
	for _, id := range r.partitions {
		p := &partitionRange{partition: id, from: begins[id], to: ends[id], receipts: receipts[id]}
		if err := s.clipToLog(ctx, p); err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	return s, nil
}

func (s *timeSlice) countRecords() (n int64) {
	for _, p := range s.parts {
		n += p.to - p.from
	}
	return n
}

func (s *timeSlice) readReceipts(ctx context.Context) (map[int32][]JournalReceipt, error) {
	out := map[int32][]JournalReceipt{}
	for _, place := range s.b.Receipts {
		err := ReadReceipts(ctx, place, s.w.From, s.w.To, func(r *JournalReceipt) error {
			out[r.Partition] = append(out[r.Partition], *r)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for p, list := range out {
		slices.SortFunc(list, func(a, b JournalReceipt) int {
			return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Sum, b.Sum))
		})
		out[p] = slices.Compact(list) // a place given twice
		if !slices.Contains(s.partitions, p) {
			return nil, fmt.Errorf("a gateway has receipts of partition %d, which %s has not: is it another Kafka?", p, s.topic)
		}
	}
	return out, nil
}

// clipToLog reports the part of the slice that has left the log, and widens the range to the offsets of the
// receipts.
func (s *timeSlice) clipToLog(ctx context.Context, p *partitionRange) error {
	first, end := s.bounds[p.partition].First, s.bounds[p.partition].End
	gone := 0
	for i := range p.receipts {
		switch o := p.receipts[i].Offset; {
		case o < first:
			gone++
		case o < end:
			p.from, p.to = min(p.from, o), max(p.to, o+1)
		}
	}
	p.receipts = p.receipts[gone:]
	if gone > 0 {
		s.rep.addUnknown("partition %d: %d accepted records below offset %d have left the log (retention)", p.partition, gone, first)
	}
	if first == 0 || p.from > first || p.from >= p.to {
		return nil
	}
	parts := s.readableParts(p.partition, first, p.to)
	if len(parts) == 0 {
		return nil // all offsets were given up
	}
	begins := s.w.To
	err := s.b.Log.readRange(ctx, offsetRange{s.topic, p.partition, parts[0].Start, parts[0].Start + 1}, func(rec *LogRecord) error {
		begins = rec.Time
		return nil
	})
	if err != nil {
		return err
	}
	if begins.After(s.w.From) {
		s.rep.addUnknown("partition %d: the log begins at offset %d, %s; what was received before has left it (retention)",
			p.partition, first, begins.UTC().Format(time.RFC3339))
	}
	return nil
}

// balanceSlice reads log and tables and compares.
func (s *timeSlice) balanceSlice(ctx context.Context) error {
	for _, p := range s.parts {
		p.cell, p.marks, p.found = make([]uint32, p.to-p.from), make([]uint8, p.to-p.from), make([]finding, len(p.receipts))
		if err := s.scanLog(ctx, p); err != nil {
			return err
		}
	}
	if err := s.markRows(ctx); err != nil {
		return err
	}
	for _, p := range s.parts {
		s.compareRange(p)
		s.compareReceipts(p)
	}
	return s.readMissingIDs(ctx)
}

// scanLog reads the log, except for given-up offsets.
func (s *timeSlice) scanLog(ctx context.Context, p *partitionRange) error {
	for _, l := range s.losses[p.partition] {
		if l.Start < p.to && l.End > p.from && !slices.Contains(s.rep.Losses, l) {
			s.rep.Losses = append(s.rep.Losses, l)
		}
	}
	next := 0 // receipt
	for _, part := range s.readableParts(p.partition, p.from, p.to) {
		if err := s.scanPart(ctx, p, part.Start, part.End, &next); err != nil {
			return err
		}
	}
	return nil
}

func (s *timeSlice) scanPart(ctx context.Context, p *partitionRange, from, to int64, next *int) error {
	return s.b.Log.readRange(ctx, offsetRange{s.topic, p.partition, from, to}, func(rec *LogRecord) error {
		i := rec.Offset - p.from
		saw := readHead(rec.Value)
		if saw.tick {
			p.marks[i] |= markTick
		}
		camera := saw.camera
		for ; *next < len(p.receipts) && p.receipts[*next].Offset <= rec.Offset; *next++ {
			switch r := &p.receipts[*next]; {
			case r.Offset < rec.Offset:
			case r.Sum != SumOf(rec.Value):
				p.found[*next] = another
			default:
				p.found[*next], camera = same, []byte(r.Camera) // the gateway knows the camera of a malformed record too
				p.marks[i] |= markAccepted
			}
		}
		if at := rec.Time.UnixMicro(); at >= s.from && at < s.to {
			p.cell[i] = s.internCell(camera, minuteOf(rec.Time))
			s.widenCaptured(saw.captured)
		} else {
			p.cell[i] = outside
		}
		return nil
	})
}

// internCell interns a cell.
func (s *timeSlice) internCell(camera []byte, minute int64) uint32 {
	if n, ok := s.numbers[Cell{string(camera), minute}]; ok {
		return n
	}
	c := Cell{string(camera), minute}
	n := uint32(len(s.cells))
	s.cells, s.numbers[c] = append(s.cells, c), n
	return n
}

func (s *timeSlice) widenCaptured(captured int64) {
	if captured <= 0 {
		return
	}
	if s.captured[0] == 0 || captured < s.captured[0] {
		s.captured[0] = captured
	}
	s.captured[1] = max(s.captured[1], captured)
}

// markRows marks the offsets that the tables hold.
func (s *timeSlice) markRows(ctx context.Context) error {
	var parts []*partitionRange
	byID := map[int32]*partitionRange{}
	for _, p := range s.parts {
		if p.to > p.from {
			parts, byID[p.partition] = append(parts, p), p
		}
	}
	captured := ""
	if s.captured[0] > 0 {
		captured = fmt.Sprintf(" AND captured_at >= fromUnixTimestamp64Micro(%d, 'UTC') AND captured_at <= fromUnixTimestamp64Micro(%d, 'UTC')", s.captured[0], s.captured[1])
	}
	for _, t := range []struct {
		name, where string
		mark        uint8
	}{
		{"reads", captured, markStored},
		{"merges", "", markMerged},
		{"rejects", " AND kafka_topic = '" + schemas.TopicReads + "'", markRejected},
	} {
		err := s.tables.readOffsets(ctx, t.name, t.where, parts, func(partition int32, offset int64) {
			p := byID[partition]
			m := &p.marks[offset-p.from]
			if *m&t.mark != 0 && p.cell[offset-p.from] != outside { // another slice reads and counts an outside offset
				s.rep.Repeated++
			}
			*m |= t.mark
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compareRange judges every offset that the group has committed.
func (s *timeSlice) compareRange(p *partitionRange) {
	committed := s.committed[p.partition]
	lag := Lag{Partition: p.partition, Committed: committed, End: p.to}
	for i := range p.cell {
		offset, cell, m := p.from+int64(i), p.cell[i], p.marks[i]
		if cell == outside || cell == absent && m&markRows == 0 {
			continue
		}
		c := s.cells[cell]
		if cell == absent {
			c.Minute = minuteOf(s.w.From)
		}
		n := s.rep.countsOf(c)
		if cell != absent {
			n.Log++
		}
		if offset >= committed {
			if cell != absent {
				n.InFlight++
				lag.Records++
			}
			continue
		}
		s.classifyRecord(position{p.partition, offset}, c, cell, m)
	}
	if lag.Records > 0 {
		s.addLag(lag)
	}
	if end := min(p.to, committed); end > p.from {
		e, ok := s.judged[p.partition]
		if !ok {
			e = [2]int64{p.from, end}
		}
		s.judged[p.partition] = [2]int64{min(e[0], p.from), max(e[1], end)}
	}
}

// classifyRecord finds the only place of a committed record.
func (s *timeSlice) classifyRecord(at position, c Cell, cell uint32, m uint8) {
	n, rows := s.rep.countsOf(c), bits.OnesCount8(m&markRows)
	switch {
	case cell == absent:
		s.rep.addResidual(RowWithoutRecord, c, at.partition, at.offset, "")
	case m&markTick != 0 && rows == 0:
		n.Ticks++
	case m&markTick != 0 && m&(markStored|markMerged) != 0:
		s.rep.addResidual(RowWithoutRecord, c, at.partition, at.offset, "").Detail = "the record is a tick"
	case rows == 0:
		s.rep.addResidual(RecordWithoutRow, c, at.partition, at.offset, "")
	case rows > 1:
		s.rep.addResidual(RecordInTwo, c, at.partition, at.offset, "")
	case m&markStored != 0:
		n.Stored++
	case m&markMerged != 0:
		n.Merged++
	default:
		n.Rejected++
	}
	if m&markRejected != 0 {
		s.rejected[at] = c
	}
}

// addLag adds the records in flight of a partition.
func (s *timeSlice) addLag(l Lag) {
	for i := range s.rep.InFlight {
		if have := &s.rep.InFlight[i]; have.Partition == l.Partition {
			have.Records += l.Records
			have.End = max(have.End, l.End)
			return
		}
	}
	s.rep.InFlight = append(s.rep.InFlight, l)
}

// compareReceipts compares the receipts with the log.
func (s *timeSlice) compareReceipts(p *partitionRange) {
	for i := range p.receipts {
		r := &p.receipts[i]
		c := Cell{r.Camera, minuteOf(r.At)}
		s.rep.countsOf(c).Accepted++
		detail := ""
		switch {
		case p.found[i] == same:
			continue
		case s.isLost(p.partition, r.Offset):
			s.rep.countsOf(c).Lost++
			continue
		case p.found[i] == another:
			detail = "another record stands at the offset"
		case r.Offset >= s.bounds[p.partition].End:
			detail = fmt.Sprintf("the log ends at offset %d", s.bounds[p.partition].End)
		}
		it := s.rep.addResidual(NotOnLog, c, p.partition, r.Offset, "")
		it.Detail = detail
	}
	if len(s.b.Receipts) == 0 {
		return
	}
	for i, cell := range p.cell {
		if cell > outside && p.marks[i]&(markAccepted|markTick) == 0 {
			s.rep.countsOf(s.cells[cell]).Unreceipted++
		}
	}
}

// readMissingIDs reads the residual records again for their ids.
func (s *timeSlice) readMissingIDs(ctx context.Context) error {
	for k, it := range s.rep.items {
		if len(it.IDs) > 0 || k.kind == NotOnLog || k.kind == RowWithoutRecord || it.Minute.Before(s.w.From) {
			continue
		}
		for _, o := range it.Offsets {
			err := s.b.Log.readRange(ctx, offsetRange{s.topic, it.Partition, o, o + 1}, func(rec *LogRecord) error {
				if id := readHead(rec.Value).id; len(id) > 0 {
					it.IDs = append(it.IDs, schemas.ID(id).String())
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

package replay

import (
	"bytes"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/ingest/dedup"
	"github.com/gvc-brussels/anpr/schemas"
)

// order is the sort order of both streams of a merge.
type order struct {
	same    func(a, b *passageRow) bool
	compare func(r *readRow, p *passageRow) int
}

// byPlate is the order of the tables, for passages whose reads all name the same plate.
var byPlate = order{
	same:    func(a, b *passageRow) bool { return a.plate == b.plate },
	compare: func(r *readRow, p *passageRow) int { return comparePlates(&r.plate, &p.plate) },
}

// byID is the order of the second pass.
var byID = order{
	same:    func(a, b *passageRow) bool { return a.id == b.id },
	compare: func(r *readRow, p *passageRow) int { return bytes.Compare(r.passage[:], p.id[:]) },
}

// comparePlates orders as ClickHouse orders strings: by bytes.
func comparePlates(a, b *schemas.Plate) int {
	for i := range min(a.Len(), b.Len()) {
		if x, y := a.At(i), b.At(i); x != y {
			return int(x) - int(y)
		}
	}
	return a.Len() - b.Len()
}

// readGroup holds the passages of a key while their reads are collected.
type readGroup struct {
	rows     []passageRow
	passages []schemas.Passage
	gathered []dedup.Gathered
	last     []int64 // offset of the last read taken
	first    []int64 // offset of the first read taken
	late     []lateRead
	index    map[schemas.ID]int32
	read     schemas.Read
}

// lateRead is a straggler. The pipeline judges the read alone. The speed is judged too when the passage had no
// measurement and no earlier straggler had a speed.
type lateRead struct {
	of      int32 // passage of the group
	offset  int64
	passage schemas.Passage
	stated  schemas.MeasureSet // measures of the read
}

// linear is the largest number of passages searched linearly.
const linear = 8

func (g *readGroup) resetGroup() {
	g.rows, g.passages, g.last, g.first = g.rows[:0], g.passages[:0], g.last[:0], g.first[:0]
	g.late, g.gathered = g.late[:0], g.gathered[:0]
	if len(g.index) > 0 {
		clear(g.index)
	}
}

// addPassage adds a passage. A row that stands twice until a merge of the table counts once.
func (g *readGroup) addPassage(r *passageRow) {
	if g.indexOf(&r.id) >= 0 {
		return
	}
	g.rows = append(g.rows, *r)
	g.passages = append(g.passages, schemas.Passage{
		ID: schemas.PassageID{ID: r.id}, Class: r.plate.Class(), First: r.first, Last: r.last, Reads: r.reads, Merged: r.merged, Variants: r.variants,
	})
	g.gathered = append(g.gathered, dedup.Gathered{})
	g.last, g.first = append(g.last, -1), append(g.first, -1)
	if n := len(g.rows); n > linear {
		if g.index == nil {
			g.index = map[schemas.ID]int32{}
		}
		for i := len(g.index); i < n; i++ {
			g.index[g.rows[i].id] = int32(i)
		}
	}
}

func (g *readGroup) indexOf(id *schemas.ID) int {
	if len(g.rows) > linear {
		if i, ok := g.index[*id]; ok {
			return int(i)
		}
		return -1
	}
	for i := range g.rows {
		if g.rows[i].id == *id {
			return i
		}
	}
	return -1
}

// takeRead gives a read to its passage and reports whether the passage took the read. A passage takes no straggler.
func (g *readGroup) takeRead(r *readRow) bool {
	i := g.indexOf(&r.passage)
	if i < 0 {
		return false
	}
	r.fillRead(&g.read)
	if r.offset >= g.rows[i].closed {
		if g.read.Plate.Class() == g.passages[i].Class {
			g.late = append(g.late, lateRead{int32(i), r.offset, dedup.PassageOfRead(&g.read, schemas.PassageID{ID: g.rows[i].id}), dedup.StatedBy(&g.read)})
		}
		return false
	}
	g.gathered[i].AddRead(&g.read)
	g.last[i] = max(g.last[i], r.offset)
	if g.first[i] < 0 || r.offset < g.first[i] {
		g.first[i] = r.offset
	}
	return true
}

// completePassages fills the passages from their reads.
func (g *readGroup) completePassages() {
	for i := range g.passages {
		g.gathered[i].Whole(&g.passages[i])
	}
}

// wasJudged reports whether the pipeline judged the speed of the read; all reads of the group must have been taken.
func (g *readGroup) wasJudged(l *lateRead) bool {
	if l.passage.Measured.Read.IsZero() || g.gathered[l.of].Measured() {
		return false
	}
	for i := range g.late {
		if o := &g.late[i]; o.of == l.of && o.offset < l.offset && !o.passage.Measured.Read.IsZero() {
			return false
		}
	}
	return true
}

// newlyStated returns the measures of the late read that the pipeline judged: those that no read before it stated. All
// reads of the group must have been taken.
func (g *readGroup) newlyStated(l *lateRead) schemas.MeasureSet {
	fresh := l.stated &^ g.gathered[l.of].Stated()
	for i := range g.late {
		if o := &g.late[i]; o.of == l.of && o.offset < l.offset {
			fresh &^= o.stated
		}
	}
	return fresh
}

// countVariants returns the number of plates in the passage when the late read joined.
func (g *readGroup) countVariants(l *lateRead) uint8 {
	var seen []schemas.Plate
	for i := range g.late {
		o := &g.late[i]
		if p := o.passage.Best.Plate; o.of == l.of && o.offset <= l.offset && !g.gathered[l.of].Names(p) && !slices.Contains(seen, p) {
			seen = append(seen, p)
		}
	}
	return uint8(min(int(max(g.rows[l.of].variants, 1))+len(seen), 255))
}

// mergeStreams joins the streams and decides group after group.
func (w *worker) mergeStreams(passages *feed[passageRow], reads *feed[readRow], o order) {
	g := &w.group
	for p := passages.peekRow(); p != nil; p = passages.peekRow() {
		g.resetGroup()
		g.addPassage(p)
		passages.dropRow()
		for p = passages.peekRow(); p != nil && o.same(&g.rows[0], p); p = passages.peekRow() {
			g.addPassage(p)
			passages.dropRow()
		}
		for r := reads.peekRow(); r != nil; r = reads.peekRow() {
			c := o.compare(r, &g.rows[0])
			if c > 0 {
				break
			}
			if c == 0 && g.takeRead(r) {
				w.count.Reads++
			}
			reads.dropRow()
		}
		w.decideGroup()
	}
	for reads.peekRow() != nil { // let the query end
		reads.dropRow()
	}
}

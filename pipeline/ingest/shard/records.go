package shard

// Records is a reusable buffer of fetched records, in offset order.
type Records struct {
	buf       []byte
	spans     []span
	HighWater int64 // offset after the last record of the log, as the broker last said
}

// span is where a record's value stands in the buffer.
type span struct {
	offset     int64
	start, end int
}

// Reset empties the buffer, keeping at most 16 MiB of its memory.
func (r *Records) Reset() {
	if cap(r.buf) > 16<<20 {
		r.buf = nil
	}
	r.buf, r.spans = r.buf[:0], r.spans[:0]
}

// Len returns the number of records.
func (r *Records) Len() int { return len(r.spans) }

// At returns record i. The value is valid until Reset.
func (r *Records) At(i int) (offset int64, value []byte) {
	s := &r.spans[i]
	return s.offset, r.buf[s.start:s.end:s.end]
}

// Append copies a record in.
func (r *Records) Append(offset int64, value []byte) {
	start := len(r.buf)
	r.buf = append(r.buf, value...)
	r.Mark(offset, start, len(r.buf))
}

// Grow adds n bytes to the buffer that belong to no record yet and returns the whole buffer and where they begin. Values returned by
// At before stay valid in the old memory.
func (r *Records) Grow(n int) (buf []byte, start int) {
	start = len(r.buf)
	if cap(r.buf)-start < n {
		grown := make([]byte, start, max(2*cap(r.buf), start+n))
		copy(grown, r.buf)
		r.buf = grown
	}
	r.buf = r.buf[:start+n]
	return r.buf, start
}

// Cut drops the last n bytes of the buffer, which no record may use.
func (r *Records) Cut(n int) { r.buf = r.buf[:len(r.buf)-n] }

// Mark makes a record of the bytes [start, end) of the buffer.
func (r *Records) Mark(offset int64, start, end int) {
	r.spans = append(r.spans, span{offset, start, end})
}

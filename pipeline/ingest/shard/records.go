package shard

// Records is a reusable buffer of fetched records, in offset order.
type Records struct {
	buf       []byte
	spans     []span
	HighWater int64 // end offset of the log, as last reported by the broker
}

// span is where a record's value stands in the buffer.
type span struct {
	offset     int64
	start, end int
}

// Reset empties the buffer and keeps at most 16 MiB.
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

// Grow adds n free bytes and returns the whole buffer with the start of the new bytes. Values from earlier calls of At
// stay valid in the old memory.
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

// Cut drops the last n bytes, which must belong to no record.
func (r *Records) Cut(n int) { r.buf = r.buf[:len(r.buf)-n] }

// Mark makes the bytes [start, end) a record.
func (r *Records) Mark(offset int64, start, end int) {
	r.spans = append(r.spans, span{offset, start, end})
}

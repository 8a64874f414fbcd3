package reference

import (
	"bufio"
	"bytes"
	"unsafe"
)

// plainRows splits a CSV file's rows as long as they are plain: one line, no quote, the right field count. Its result
// equals encoding/csv's for such rows, several times faster and without a copy.
type plainRows struct {
	in     *bufio.Reader
	on     bool     // all rows so far were plain
	win    []byte   // the buffered bytes
	used   int      // bytes of win consumed
	fields []string // of the row; they view win
	lines  int      // lines read, header included
	header int      // lines in the header, counted by encoding/csv itself
}

// nextRow reads a row; false at the first row that is not plain, and from then on.
func (r *plainRows) nextRow() bool {
	for r.on {
		line, ok := r.nextLine()
		if !ok || bytes.IndexByte(line, '"') >= 0 {
			break
		}
		text := bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'})
		skip := len(text) == 0 || text[0] == '#'
		if !skip && !r.splitFields(text) {
			break
		}
		r.used += len(line)
		r.lines++
		if !skip {
			return true
		}
	}
	r.stopPlain()
	return false
}

// nextLine returns the next line with its newline, without consuming it.
func (r *plainRows) nextLine() ([]byte, bool) {
	for {
		if n := bytes.IndexByte(r.win[r.used:], '\n'); n >= 0 {
			return r.win[r.used : r.used+n+1], true
		}
		if _, err := r.in.Discard(r.used); err != nil {
			return nil, false
		}
		r.used = 0
		// A byte more than buffered makes the reader fill its buffer.
		_, err := r.in.Peek(r.in.Buffered() + 1)
		r.win, _ = r.in.Peek(r.in.Buffered())
		if err != nil && bytes.IndexByte(r.win, '\n') < 0 {
			return nil, false // the end, or a line longer than the buffer
		}
	}
}

// splitFields cuts at the commas; false for a wrong field count.
func (r *plainRows) splitFields(b []byte) bool {
	last := len(r.fields) - 1
	for i := range last {
		n := bytes.IndexByte(b, ',')
		if n < 0 {
			return false
		}
		r.fields[i] = viewText(b[:n])
		b = b[n+1:]
	}
	r.fields[last] = viewText(b)
	return bytes.IndexByte(b, ',') < 0
}

func viewText(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// stopPlain leaves the rest to encoding/csv.
func (r *plainRows) stopPlain() {
	if r.on {
		r.on = false
		_, _ = r.in.Discard(r.used) // already buffered
		r.win, r.used = nil, 0
	}
}

// linesBefore returns the lines which encoding/csv has not counted.
func (r *plainRows) linesBefore() int { return r.lines - r.header }

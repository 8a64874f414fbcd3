package bench

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxRecord bounds a record read back from a file.
const maxRecord = 1 << 24

// fileReader reads back a FileTarget's output.
type fileReader struct {
	r    *bufio.Reader
	json bool
	buf  []byte
}

// newFileReader reads from r.
func newFileReader(r io.Reader, json bool) *fileReader {
	return &fileReader{r: bufio.NewReaderSize(r, 1<<20), json: json}
}

// Next returns the next record, valid until the call after, and io.EOF at the end. A file that ends inside a record
// gives io.ErrUnexpectedEOF.
func (f *fileReader) Next() ([]byte, error) {
	if f.json {
		return f.nextLine()
	}
	n, err := binary.ReadUvarint(f.r)
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("read the load file: length of a record: %w", err)
	}
	if n > maxRecord {
		return nil, fmt.Errorf("read the load file: a record of %d bytes, want at most %d: is the file JSON lines?", n, maxRecord)
	}
	if uint64(cap(f.buf)) < n {
		f.buf = make([]byte, n)
	}
	f.buf = f.buf[:n]
	if _, err := io.ReadFull(f.r, f.buf); err != nil {
		return nil, fmt.Errorf("read the load file: record of %d bytes: %w", n, io.ErrUnexpectedEOF)
	}
	return f.buf, nil
}

func (f *fileReader) nextLine() ([]byte, error) {
	f.buf = f.buf[:0]
	for {
		part, err := f.r.ReadSlice('\n')
		f.buf = append(f.buf, part...)
		switch {
		case err == nil:
			return f.buf[:len(f.buf)-1], nil
		case errors.Is(err, bufio.ErrBufferFull) && len(f.buf) < maxRecord:
		case errors.Is(err, io.EOF) && len(f.buf) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read the load file: last line: %w", io.ErrUnexpectedEOF)
		default:
			return nil, fmt.Errorf("read the load file: line of more than %d bytes: %w", len(f.buf), err)
		}
	}
}

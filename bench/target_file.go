package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// FileTarget writes records to a file or stream: Protobuf records each behind a varint length (the protodelim form),
// JSON records a line each. Malformed records are kept unchanged; in JSON lines they hold no line feed.
type FileTarget struct {
	w     *bufio.Writer
	close func() error
	json  bool
	size  []byte
}

var _ Target = (*FileTarget)(nil)

// NewFileTarget writes to w; Close flushes and does not close it.
func NewFileTarget(w io.Writer, json bool) *FileTarget {
	return &FileTarget{w: bufio.NewWriterSize(w, 1<<20), json: json}
}

// CreateFileTarget creates or truncates the file.
func CreateFileTarget(name string, json bool) (*FileTarget, error) {
	f, err := os.Create(name) //nolint:gosec // the caller names the file to write
	if err != nil {
		return nil, fmt.Errorf("create the load file: %w", err)
	}
	t := NewFileTarget(f, json)
	t.close = f.Close
	return t, nil
}

// Lanes is 1: a file has a single end.
func (t *FileTarget) Lanes() int { return 1 }

// Lane is 0.
func (t *FileTarget) Lane(*LoadRecord) int { return 0 }

// MaxBatch bounds the records written between two readings of the clock.
func (t *FileTarget) MaxBatch() int { return 512 }

// Uploads is false: the file holds records of the log.
func (t *FileTarget) Uploads() bool { return false }

// Deliver writes the batch to the buffer.
func (t *FileTarget) Deliver(_ context.Context, _ int, batch []*LoadRecord) error {
	for _, r := range batch {
		if t.json {
			_, _ = t.w.Write(r.Value)
			_ = t.w.WriteByte('\n')
			continue
		}
		t.size = binary.AppendUvarint(t.size[:0], uint64(len(r.Value)))
		_, _ = t.w.Write(t.size)
		_, _ = t.w.Write(r.Value)
	}
	if _, err := t.w.Write(nil); err != nil {
		return fmt.Errorf("write the load file: %w", err)
	}
	return nil
}

// Close flushes, and closes a file created here.
func (t *FileTarget) Close() error {
	err := t.w.Flush()
	if t.close != nil {
		if e := t.close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("finish the load file: %w", err)
	}
	return nil
}

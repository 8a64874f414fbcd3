package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/gvc-brussels/anpr/pipeline"
)

// reader reads one partition through one connection to its leader and dials again after any error.
type reader struct {
	g         *Group
	partition int32
	next      int64 // offset wanted
	room      int   // bytes offered for the next value; grown when one is larger
	conn      *kafka.Conn
}

const firstRoom = 64 << 10

// Open starts reading at offset. The connection is made by the first Fetch.
func (s *session) Open(_ context.Context, partition int32, offset int64) (pipeline.Reader, error) {
	return &reader{g: s.g, partition: partition, next: offset, room: firstRoom}, nil
}

// Fetch waits for records, at most Config.MaxWait, and appends what came.
func (r *reader) Fetch(ctx context.Context, into *pipeline.Records) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	conn := r.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // a blocked fetch ends with the generation
	err := r.fetch(into)
	if !stop() || err != nil {
		r.drop()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Close ends the connection.
func (r *reader) Close() error {
	r.drop()
	return nil
}

func (r *reader) connect(ctx context.Context) error {
	if r.conn != nil {
		return nil
	}
	conn, err := r.g.dial(ctx, r.partition)
	if err != nil {
		return err
	}
	if _, err := conn.Seek(r.next, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		_ = conn.Close()
		return fmt.Errorf("seek to %d: %w", r.next, err)
	}
	r.conn = conn
	return nil
}

func (r *reader) drop() {
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

func (r *reader) fetch(into *pipeline.Records) error {
	wait := r.g.cfg.MaxWait
	if err := r.conn.SetReadDeadline(time.Now().Add(wait + 10*time.Second)); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	batch := r.conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: max(r.g.cfg.FetchBytes, 2*r.room), MaxWait: wait})
	into.HighWater = max(into.HighWater, batch.HighWaterMark())
	err := r.drain(batch, into)
	closeErr := batch.Close()
	switch {
	case errors.Is(err, io.ErrShortBuffer):
		if r.room > maxRoom {
			return fmt.Errorf("%w: record %d of partition %d is larger than %d bytes", pipeline.ErrStop, r.next, r.partition, maxRoom)
		}
		r.room *= 4
		if into.Len() == 0 {
			r.drop()
			return fmt.Errorf("record %d is larger than the buffer, which grew to %d: %w", r.next, r.room, err)
		}
		r.drop() // the batch is broken off; the next fetch starts at the large record
		return nil
	case err != nil:
		return err
	case closeErr != nil && !errors.Is(closeErr, kafka.RequestTimedOut):
		return fmt.Errorf("close fetch at %d: %w", r.next, closeErr)
	}
	return nil
}

// maxRoom is more than any broker accepts as one record by default (1 MiB) or by our deployment (8 MiB).
const maxRoom = 64 << 20

// drain takes the records of a fetch. The broker sends whole record batches, so the first ones may be before the wanted
// offset: they are skipped.
func (r *reader) drain(batch *kafka.Batch, into *pipeline.Records) error {
	for {
		n, err := batch.Read(into.Room(r.room))
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, kafka.RequestTimedOut):
			r.next = max(r.next, batch.Offset())
			return nil
		case errors.Is(err, kafka.OffsetOutOfRange):
			return fmt.Errorf("%w: offset %d of partition %d is not in the log: retention or a cut log removed it before it was processed", pipeline.ErrStop, r.next, r.partition)
		default:
			return fmt.Errorf("read record %d: %w", r.next, err)
		}
		offset := batch.Offset() - 1
		if offset < r.next {
			continue
		}
		into.Take(offset, n)
		r.next = offset + 1
	}
}

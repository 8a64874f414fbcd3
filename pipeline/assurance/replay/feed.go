package replay

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// DialNative opens a separate connection to ClickHouse, on the pipeline's database.
type DialNative func(ctx context.Context) (*ch.Client, error)

// columnReceiver receives the blocks of a query.
type columnReceiver[T any] interface {
	resultColumns() proto.Results
	// appendRows copies the rows of the block just received.
	appendRows(dst []T, n int) ([]T, error)
}

// settings are the query settings. A replay reads much and must not hinder the pipeline or a look-up.
var settings = []ch.Setting{
	{Key: "readonly", Value: "2"},
	{Key: "priority", Value: "10"},
	{Key: "max_threads", Value: "1"},
	{Key: "optimize_read_in_order", Value: "1"},
	{Key: "max_execution_time", Value: "0"},
	{Key: "max_bytes_before_external_sort", Value: "500000000"},
	{Key: "log_queries", Value: "0"},
}

// feedBuffers is the number of blocks that a query may be ahead of the reader.
const feedBuffers = 3

// feed delivers the rows of a query singly. For use by a single goroutine.
type feed[T any] struct {
	full  chan []T
	empty chan []T
	err   error // from the query; set before full is closed

	cur []T
	at  int
}

// startFeed runs the query until the query or ctx ends.
func startFeed[T any](ctx context.Context, dial DialNative, query string, params []proto.Parameter, cols columnReceiver[T]) *feed[T] {
	f := &feed[T]{full: make(chan []T, feedBuffers), empty: make(chan []T, feedBuffers+1)}
	for range feedBuffers {
		f.empty <- nil
	}
	go func() {
		defer close(f.full)
		f.err = f.runQuery(ctx, dial, query, params, cols)
	}()
	return f
}

func (f *feed[T]) runQuery(ctx context.Context, dial DialNative, query string, params []proto.Parameter, cols columnReceiver[T]) error {
	conn, err := dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to ClickHouse: %w", err)
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	err = conn.Do(ctx, ch.Query{
		Body: query, Parameters: params, Settings: settings, Result: cols.resultColumns(),
		OnResult: func(ctx context.Context, block proto.Block) error {
			select {
			case into := <-f.empty:
				rows, err := cols.appendRows(into[:0], block.Rows)
				if err != nil {
					return err
				}
				f.full <- rows // never blocks: there are no more buffers than places
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// peekRow returns the next row, nil at the end. The row is valid until dropRow.
func (f *feed[T]) peekRow() *T {
	for f.at == len(f.cur) {
		if f.cur != nil {
			f.empty <- f.cur
			f.cur = nil
		}
		rows, ok := <-f.full
		if !ok {
			f.cur, f.at = nil, 0
			return nil
		}
		f.cur, f.at = rows, 0
	}
	return &f.cur[f.at]
}

func (f *feed[T]) dropRow() { f.at++ }

// readAll runs a small query and returns all rows.
func readAll[T any](ctx context.Context, dial DialNative, query string, params []proto.Parameter, cols columnReceiver[T]) ([]T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out []T
	f := startFeed(ctx, dial, query, params, cols)
	for r := f.peekRow(); r != nil; r = f.peekRow() {
		out = append(out, *r)
		f.dropRow()
	}
	return out, f.err
}

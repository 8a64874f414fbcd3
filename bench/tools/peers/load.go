package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// The two forms of the same records.
const (
	protobuf = "protobuf"
	jsonForm = "json"
)

var forms = []string{protobuf, jsonForm}

// batchRecords is the number of records in a record batch, as from a busy producer with a linger of some
// milliseconds.
const batchRecords = 500

// topicLog is a filled topic: every form has a separate broker, under the name that the production program reads.
type topicLog struct {
	form   string
	broker *peersBroker
	count  int
	bytes  int64
}

// fillLogs makes the traffic once and appends it to the brokers: the same events at the same offsets in both forms.
func (h *harness) fillLogs(ctx context.Context) error {
	city, err := bench.NewCity(bench.CityConfig{Seed: h.Seed, Vehicles: h.Vehicles, At: schemas.MicrosOf(h.day)})
	if err != nil {
		return err
	}
	h.reference = filepath.Join(h.dir, "reference")
	if err := city.WriteReference(h.reference); err != nil {
		return err
	}
	traffic, err := city.Traffic(bench.TrafficConfig{Seed: h.Seed, Rate: h.Rate})
	if err != nil {
		return err
	}
	writers := make([]*writer, len(forms))
	for i, form := range forms {
		b, err := startBroker(h.Partitions)
		if err != nil {
			return err
		}
		h.logs[form] = &topicLog{form: form, broker: b}
		if writers[i], err = newWriter(b.addr, h.Partitions, h.Compression); err != nil {
			return err
		}
		defer writers[i].client.Close()
	}
	began := time.Now()
	var ev bench.Event
	for range h.Count {
		traffic.Next(&ev)
		p := ev.Partition(h.Partitions)
		class := ev.Class()
		for i, form := range forms {
			var value []byte
			if form == jsonForm {
				value = ev.AppendRecordJSON(make([]byte, 0, 512))
			} else {
				value = ev.AppendRecord(make([]byte, 0, 192))
			}
			if err := writers[i].addRecord(ctx, p, class.AppendTo(nil), value, ev.Received.Time()); err != nil {
				return err
			}
		}
	}
	for i, form := range forms {
		l := h.logs[form]
		if err := writers[i].flushAll(ctx); err != nil {
			return err
		}
		if err := l.broker.sendCommand(cmdSeal); err != nil {
			return err
		}
		l.count, l.bytes = h.Count, writers[i].bytes
		h.logLine("%s: %d records, %d bytes each", form, l.count, l.bytes/int64(l.count))
	}
	h.logLine("city of %d vehicles, %d reads/s of log time (hurry %d %%); filled in %v", h.Vehicles, h.Rate, traffic.Hurry(), time.Since(began).Round(time.Millisecond))
	return nil
}

// writer appends record batches of a fixed size to each partition.
type writer struct {
	client  *kgo.Client
	pending [][]*kgo.Record
	bytes   int64
}

func newWriter(addr string, partitions int, compression string) (*writer, error) {
	codec, ok := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}[compression]
	if !ok {
		return nil, fmt.Errorf("--compression %q: want none, lz4 or zstd", compression)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(schemas.TopicReads), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(4<<20), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(0))
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return &writer{client: cl, pending: make([][]*kgo.Record, partitions)}, nil
}

func (w *writer) addRecord(ctx context.Context, p int, key, value []byte, at time.Time) error {
	w.pending[p] = append(w.pending[p], &kgo.Record{Partition: int32(p), Key: key, Value: value, Timestamp: at})
	w.bytes += int64(len(value))
	if len(w.pending[p]) < batchRecords {
		return nil
	}
	return w.sendBatch(ctx, p)
}

func (w *writer) sendBatch(ctx context.Context, p int) error {
	err := w.client.ProduceSync(ctx, w.pending[p]...).FirstErr()
	w.pending[p] = w.pending[p][:0]
	if err != nil {
		return fmt.Errorf("fill the topic: %w", err)
	}
	return nil
}

func (w *writer) flushAll(ctx context.Context) error {
	var errs []error
	for p := range w.pending {
		if len(w.pending[p]) > 0 {
			errs = append(errs, w.sendBatch(ctx, p))
		}
	}
	return errors.Join(errs...)
}

// scanTopic reads a topic from the first record to the present end, without code of the systems under test.
func scanTopic(ctx context.Context, addr, topic string, visit func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("end offsets of %s: %w", topic, err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("read topic %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if err := visit(r); err != nil {
				return err
			}
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		}
	}
	return nil
}

// readID takes the id out of a record with the reference decoders. An undecodable record has no id.
func readID(form string, value []byte) (id [16]byte) {
	var raw []byte
	if form == jsonForm {
		var m struct {
			ReadID []byte `json:"readId"`
		}
		if json.Unmarshal(value, &m) != nil {
			return id
		}
		raw = m.ReadID
	} else {
		var m anprv1.PlateRead
		if proto.Unmarshal(value, &m) != nil {
			return id
		}
		raw = m.GetReadId()
	}
	copy(id[:], raw)
	return id
}

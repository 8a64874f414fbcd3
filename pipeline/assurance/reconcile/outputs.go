package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// output is a topic that must hold the same ids as a table.
type output struct {
	name, topic           string
	query                 string // id, camera, time, partition and offset, for the rows of the time range
	byID                  string // the same columns, for given ids
	at                    string // column or field with the time
	message               func([]byte) (id []byte, camera string, at int64, err error)
	unpublished, unstored ResidualKind
}

// fact is a hit or an offence, in a table or on a topic.
type fact struct {
	cell      Cell
	at        time.Time
	partition int32
	offset    int64
}

func (r *reconciliation) compareOutputs(ctx context.Context) error {
	for _, o := range []output{
		{
			name: "hits", topic: schemas.TopicHits, at: "received",
			query:       "SELECT toString(hit_id), toString(camera_id), received_at, kafka_partition, kafka_offset FROM hits WHERE received_at >= %s AND received_at < %s",
			byID:        "SELECT DISTINCT toString(hit_id) FROM hits WHERE hit_id IN %s",
			unpublished: HitUnpublished, unstored: HitUnstored,
			message: func(b []byte) ([]byte, string, int64, error) {
				var m anprv1.Hit
				err := proto.Unmarshal(b, &m)
				return m.GetHitId(), m.GetCameraId(), m.GetReceivedAtUs(), err
			},
		},
		{
			name: "offences", topic: schemas.TopicOffences, at: "captured",
			query:       "SELECT toString(offence_id), toString(camera_id), captured_at, kafka_partition, kafka_offset FROM offences WHERE captured_at >= %s AND captured_at < %s",
			byID:        "SELECT DISTINCT toString(offence_id) FROM offences WHERE offence_id IN %s",
			unpublished: OffUnpublished, unstored: OffUnstored,
			message: func(b []byte) ([]byte, string, int64, error) {
				var m anprv1.Offence
				err := proto.Unmarshal(b, &m)
				return m.GetOffenceId(), m.GetCameraId(), m.GetCapturedAtUs(), err
			},
		},
	} {
		if err := r.compareOutput(ctx, &o); err != nil {
			return err
		}
	}
	return r.deadLetters(ctx)
}

// compareOutput compares a topic with its table. The topic acknowledges the outputs of a record before the commit.
// After a commit, the topic must therefore hold each output in the table. The table must hold each output on the
// topic once the group has committed all records then on the log.
func (r *reconciliation) compareOutput(ctx context.Context, o *output) error {
	table := map[string]fact{}
	err := r.tables.queryRows(ctx, fmt.Sprintf(o.query, sqlTime(r.rep.From), sqlTime(r.rep.To)), func(rows driver.Rows) error {
		var id, camera string
		var f fact
		if err := rows.Scan(&id, &camera, &f.at, &f.partition, &f.offset); err != nil {
			return err
		}
		f.cell = Cell{camera, minuteOf(f.at)}
		table[id] = f
		return nil
	})
	if err != nil {
		return err
	}
	topic, written, begins, err := r.readOutput(ctx, o)
	if err != nil {
		return err
	}
	extra := map[string]fact{}
	for id, f := range topic {
		if _, ok := table[id]; !ok {
			extra[id] = f
		}
	}
	for _, id := range slices.Sorted(maps.Keys(table)) {
		f := table[id]
		if _, ok := topic[id]; ok || f.offset >= r.committed[f.partition] {
			continue
		}
		if f.at.Before(begins) {
			r.rep.addUnknown("%s: the topic begins at %s; rows %s before cannot be compared (retention)", o.name, begins.UTC().Format(time.RFC3339), o.at)
			continue
		}
		r.rep.addResidual(o.unpublished, f.cell, f.partition, f.offset, id)
	}
	r.rep.Outputs = append(r.rep.Outputs, Output{o.name, uint64(len(table)), uint64(len(topic))})
	if o.topic == schemas.TopicOffences {
		if err := r.compareCases(ctx, written); err != nil {
			return err
		}
	}
	return r.addUnstoredOutputs(ctx, o, extra)
}

// sqlTime is a time in SQL.
func sqlTime(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Micro(%d, 'UTC')", t.UnixMicro())
}

// addUnstoredOutputs adds the outputs on the topic that the table lacks, when the pipeline has caught up.
func (r *reconciliation) addUnstoredOutputs(ctx context.Context, o *output, extra map[string]fact) error {
	if len(extra) == 0 {
		return nil
	}
	ends, err := r.committedEnds(ctx)
	if err != nil {
		return err
	}
	committed, err := r.waitForCommits(ctx, ends)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(extra))
	for chunk := range slices.Chunk(ids, 10_000) {
		err := r.tables.queryRows(ctx, fmt.Sprintf(o.byID, textIn(chunk)), func(rows driver.Rows) error {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			delete(extra, id)
			return nil
		})
		if err != nil {
			return err
		}
	}
	behind := false
	for p, end := range ends {
		behind = behind || committed[p] < end
	}
	if behind && len(extra) > 0 {
		r.rep.addUnknown("%s: %d are on the topic and not yet in the table; the pipeline has not committed what is on the log", o.name, len(extra))
		return nil
	}
	for _, id := range ids {
		if f, ok := extra[id]; ok {
			r.rep.addResidual(o.unstored, f.cell, -1, -1, id)
		}
	}
	return nil
}

func (r *reconciliation) committedEnds(ctx context.Context) (map[int32]int64, error) {
	bounds, err := r.b.Log.Bounds(ctx, r.topic, r.partitions)
	ends := map[int32]int64{}
	for p, b := range bounds {
		ends[p] = b.End
	}
	return ends, err
}

// readOutput reads the topic from the beginning of the time range to the topic's end. written has whatever was written
// since, out what belongs to the time range. begins is the topic's beginning when older records have left the topic, else
// the zero time.
func (r *reconciliation) readOutput(ctx context.Context, o *output) (out, written map[string]fact, begins time.Time, err error) {
	out, written = map[string]fact{}, map[string]fact{}
	begins, err = r.readOutputSince(ctx, o.topic, func(rec *LogRecord) error {
		id, camera, at, err := o.message(rec.Value)
		if err != nil || len(id) != len(schemas.ID{}) {
			return nil //nolint:nilerr // not ours: a foreign producer writes to the topic, which concerns its consumers
		}
		f := fact{cell: Cell{camera, minuteOf(time.UnixMicro(at))}, at: time.UnixMicro(at)}
		written[schemas.ID(id).String()] = f
		if !f.at.Before(r.rep.From) && f.at.Before(r.rep.To) {
			out[schemas.ID(id).String()] = f
		}
		return nil
	})
	return out, written, begins, err
}

// readOutputSince visits the records of an output topic written since the beginning of the time range. An output is
// always written after the receipt of the read.
func (r *reconciliation) readOutputSince(ctx context.Context, topic string, visit func(*LogRecord) error) (begins time.Time, err error) {
	partitions, err := r.b.Log.Partitions(ctx, topic)
	if err != nil {
		return begins, err
	}
	bounds, err := r.b.Log.Bounds(ctx, topic, partitions)
	if err != nil {
		return begins, err
	}
	from := r.rep.From.Add(-slack)
	starts, err := r.b.Log.OffsetsSince(ctx, topic, bounds, from)
	if err != nil {
		return begins, err
	}
	for _, p := range partitions {
		b, start := bounds[p], starts[p]
		if from.After(time.Now().Add(-slack)) {
			start = b.First // the clock of the reads is ahead of our clock, and so of the outputs' writing times
		}
		if b.First > 0 && b.First < b.End {
			err := r.b.Log.readRange(ctx, offsetRange{topic, p, b.First, b.First + 1}, func(rec *LogRecord) error {
				if rec.Time.After(begins) {
					begins = rec.Time
				}
				return nil
			})
			if err != nil {
				return begins, err
			}
		}
		if err := r.b.Log.readRange(ctx, offsetRange{topic, p, start, b.End}, visit); err != nil {
			return begins, err
		}
	}
	return begins, nil
}

// deadLetters compares the dead-letter topic with the rows of rejects, by offset.
func (r *reconciliation) deadLetters(ctx context.Context) error {
	published, cells := map[position]bool{}, map[position]Cell{}
	begins, err := r.readOutputSince(ctx, schemas.TopicRejects, func(rec *LogRecord) error {
		var m anprv1.Reject
		if err := proto.Unmarshal(rec.Value, &m); err != nil || m.GetTopic() != r.topic {
			return nil //nolint:nilerr // not ours, see readOutput
		}
		at := position{m.GetPartition(), m.GetOffset()}
		if e, ok := r.judged[at.partition]; ok && at.offset >= e[0] && at.offset < e[1] {
			published[at] = true
			cells[at] = Cell{m.GetCameraId(), minuteOf(rec.Time)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	found := uint64(0)
	var missing []position
	for at := range r.rejected {
		if published[at] {
			found++
			delete(published, at)
		} else {
			missing = append(missing, at)
		}
	}
	slices.SortFunc(missing, comparePositions)
	for _, at := range missing {
		if !begins.IsZero() && r.rep.From.Before(begins) {
			r.rep.addUnknown("dead letters: the topic begins at %s; rejects before cannot be compared (retention)", begins.UTC().Format(time.RFC3339))
			continue
		}
		r.rep.addResidual(RejUnpublished, r.rejected[at], at.partition, at.offset, "")
	}
	r.rep.Outputs = append(r.rep.Outputs, Output{"dead letters", uint64(len(r.rejected)), found})
	return r.addUnstoredLetters(ctx, slices.SortedFunc(maps.Keys(published), comparePositions), cells)
}

func comparePositions(a, b position) int {
	if a.partition != b.partition {
		return int(a.partition - b.partition)
	}
	return int(min(max(a.offset-b.offset, -1), 1))
}

// addUnstoredLetters adds dead letters without a row. Letters from other minutes in the same offset range have rows.
func (r *reconciliation) addUnstoredLetters(ctx context.Context, at []position, cells map[position]Cell) error {
	for chunk := range slices.Chunk(at, 10_000) {
		have := map[position]bool{}
		list := make([]string, len(chunk))
		for i, p := range chunk {
			list[i] = fmt.Sprintf("(%d, %d)", p.partition, p.offset)
		}
		err := r.tables.queryRows(ctx, "SELECT kafka_partition, kafka_offset FROM rejects WHERE kafka_topic = '"+schemas.TopicReads+
			"' AND (kafka_partition, kafka_offset) IN ("+strings.Join(list, ", ")+")", func(rows driver.Rows) error {
			var p position
			if err := rows.Scan(&p.partition, &p.offset); err != nil {
				return err
			}
			have[p] = true
			return nil
		})
		if err != nil {
			return err
		}
		for _, p := range chunk {
			if !have[p] {
				r.rep.addResidual(RejUnstored, cells[p], p.partition, p.offset, "")
			}
		}
	}
	return nil
}

// Offences visits the offence topic: id, seal and time of writing. begins is the topic's beginning when older records
// have left the topic, else the zero time. A record that is no offence is skipped, and concerns the topic's consumers.
func (l *KafkaLog) Offences(ctx context.Context, visit func(offence schemas.ID, seal schemas.Sum, written time.Time)) (begins time.Time, err error) {
	partitions, err := l.Partitions(ctx, schemas.TopicOffences)
	if err != nil {
		return begins, err
	}
	bounds, err := l.Bounds(ctx, schemas.TopicOffences, partitions)
	if err != nil {
		return begins, err
	}
	for _, p := range partitions {
		b, first := bounds[p], true
		err := l.readRange(ctx, offsetRange{schemas.TopicOffences, p, b.First, b.End}, func(rec *LogRecord) error {
			if first && b.First > 0 && rec.Time.After(begins) {
				begins = rec.Time
			}
			first = false
			var m anprv1.Offence
			if err := proto.Unmarshal(rec.Value, &m); err != nil || len(m.GetOffenceId()) != len(schemas.ID{}) || len(m.GetSealSha256()) != len(schemas.Sum{}) {
				return nil //nolint:nilerr // see above
			}
			visit(schemas.ID(m.GetOffenceId()), schemas.Sum(m.GetSealSha256()), rec.Time)
			return nil
		})
		if err != nil {
			return begins, err
		}
	}
	return begins, nil
}

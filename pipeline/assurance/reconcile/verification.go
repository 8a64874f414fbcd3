package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// ProtocolWatch runs a ProtocolChecker against the running system, and keeps commits from one CheckSince to the
// next. For use by a single goroutine.
type ProtocolWatch struct {
	books    *Sources
	topic    string
	history  *CommitLog // nil: the broker shows none, commits are sampled
	verifier ProtocolChecker
	tables   tableReader
}

// ProtocolReport is the result of a single check.
type ProtocolReport struct {
	Group      string      `json:"group"`
	Whole      bool        `json:"whole_history"` // every commit was seen; else samples
	Commits    int         `json:"commits"`       // number of checked commits
	Batches    int         `json:"batches"`       // rows looked at
	Violations []Violation `json:"violations"`
}

// WatchProtocol begins to watch the consumer group in b.
func (b *Sources) WatchProtocol(ctx context.Context) (*ProtocolWatch, error) {
	a := &ProtocolWatch{books: b, topic: b.Topic, tables: tableReader{b.DB}}
	if a.topic == "" {
		a.topic = schemas.TopicReads
	}
	h, err := OpenHistory(ctx, b.Log, b.Group, a.topic)
	switch {
	case errors.Is(err, platform.ErrNoTopic):
	case err != nil:
		return nil, err
	default:
		a.history, a.verifier.Whole = h, true
	}
	return a, nil
}

// SampleCommits checks only the present commits. The call is cheap and may come at any time between two calls of
// CheckSince. Where the broker shows no history, only samples see plans.
func (a *ProtocolWatch) SampleCommits(ctx context.Context) ([]Violation, error) {
	if a.history != nil {
		return nil, nil
	}
	partitions, err := a.books.Log.Partitions(ctx, a.topic)
	if err != nil {
		return nil, err
	}
	commits, err := a.books.Log.Commits(ctx, a.books.Group, a.topic, partitions)
	if err != nil {
		return nil, err
	}
	return a.addSample(commits), nil
}

func (a *ProtocolWatch) addSample(commits map[int32]Commit) (out []Violation) {
	for _, c := range commits {
		out = append(out, a.verifier.AddCommit(c)...)
	}
	return out
}

// CheckSince reads the commits since the last call, and the batches inserted since a time. CheckSince returns each
// violation once. The zero time means all batches.
func (a *ProtocolWatch) CheckSince(ctx context.Context, since time.Time) (*ProtocolReport, error) {
	v := &ProtocolReport{Group: a.books.Group, Whole: a.verifier.Whole, Violations: []Violation{}}
	partitions, err := a.books.Log.Partitions(ctx, a.topic)
	if err != nil {
		return nil, err
	}
	if a.history != nil {
		err := a.history.Read(ctx, func(c Commit) {
			v.Commits++
			v.Violations = append(v.Violations, a.verifier.AddCommit(c)...)
		})
		if err != nil {
			return nil, err
		}
	}
	rows := BatchesView{}
	if rows.Before, err = a.books.Log.Commits(ctx, a.books.Group, a.topic, partitions); err != nil {
		return nil, err
	}
	if a.history == nil {
		v.Commits = len(rows.Before)
		v.Violations = append(v.Violations, a.addSample(rows.Before)...)
	}
	if rows.Since, err = a.firstOffsets(ctx, partitions, since, rows.Before); err != nil {
		return nil, err
	}
	if rows.Spans, err = a.readBatches(ctx, rows.Since); err != nil {
		return nil, err
	}
	note, err := ReadNote(ctx, a.books.DB, "")
	if err != nil {
		return nil, err
	}
	rows.Rebuilt = note.Rebuilt
	if rows.After, err = a.books.Log.Commits(ctx, a.books.Group, a.topic, partitions); err != nil {
		return nil, err
	}
	v.Batches = len(rows.Spans)
	v.Violations = append(v.Violations, a.verifier.CheckTables(rows)...)
	return v, nil
}

// firstOffsets finds the first offset of the batches to check, by partition. The offset is the lower of two: the end
// of the last batch inserted before the time, and the start of the first batch inserted since. Without a batch before
// the time, the offset is the beginning of the log.
func (a *ProtocolWatch) firstOffsets(ctx context.Context, partitions []int32, at time.Time, before map[int32]Commit) (map[int32]int64, error) {
	bounds, err := a.books.Log.Bounds(ctx, a.topic, partitions)
	if err != nil {
		return nil, err
	}
	out := map[int32]int64{}
	for p, b := range bounds {
		out[p] = min(b.First, max(before[p].Offset, 0))
	}
	sql := fmt.Sprintf(`SELECT kafka_partition, countIf(new) > 0, countIf(NOT new) > 0, minIf(start_offset, new), maxIf(end_offset, NOT new)
		FROM (SELECT kafka_partition, start_offset, end_offset, inserted_at >= fromUnixTimestamp64Milli(%d, 'UTC') AS new FROM batches WHERE kafka_topic = '%s')
		GROUP BY kafka_partition`, max(at.UnixMilli(), 0), a.topic)
	err = a.tables.queryRows(ctx, sql, func(rows driver.Rows) error {
		var p int32
		var fresh, older bool
		var first, end int64
		if err := rows.Scan(&p, &fresh, &older, &first, &end); err != nil {
			return err
		}
		if older {
			out[p] = end
		}
		if fresh {
			out[p] = min(out[p], first)
		}
		return nil
	})
	return out, err
}

func (a *ProtocolWatch) readBatches(ctx context.Context, since map[int32]int64) ([]BatchesRow, error) {
	var out []BatchesRow
	for p, from := range since {
		sql := fmt.Sprintf(`SELECT start_offset, end_offset, fetched, stored, merged, rejected, ticks FROM batches
			WHERE kafka_topic = '%s' AND kafka_partition = %d AND end_offset > %d`, a.topic, p, from)
		err := a.tables.queryRows(ctx, sql, func(rows driver.Rows) error {
			s := BatchesRow{Partition: p}
			if err := rows.Scan(&s.Start, &s.End, &s.Fetched, &s.Stored, &s.Merged, &s.Rejected, &s.Ticks); err != nil {
				return err
			}
			out = append(out, s)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Print writes the verification for people.
func (v *ProtocolReport) Print(w io.Writer) error {
	how := "samples of the commits (this broker shows no history of them)"
	if v.Whole {
		how = "the whole history of commits"
	}
	verdict := "HOLDS"
	if len(v.Violations) > 0 {
		verdict = "BROKEN"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  plan, insert, commit of group %s: %d commits, %s; %d batches\n", verdict, v.Group, v.Commits, how, v.Batches)
	for _, x := range v.Violations {
		b.WriteString("BREACH " + x.String() + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Verify samples commits for the time sample, then checks the batches inserted within the time last; 0 = all batches.
func (b *Sources) Verify(ctx context.Context, last, sample time.Duration) (*ProtocolReport, error) {
	a, err := b.WatchProtocol(ctx)
	if err != nil {
		return nil, err
	}
	var sampled []Violation
	for until := time.Now().Add(sample); time.Now().Before(until); {
		found, err := a.SampleCommits(ctx)
		if err != nil {
			return nil, err
		}
		sampled = append(sampled, found...)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var since time.Time
	if last > 0 {
		since = time.Now().Add(-last)
	}
	v, err := a.CheckSince(ctx, since)
	if err != nil {
		return nil, err
	}
	v.Violations = append(sampled, v.Violations...)
	return v, nil
}

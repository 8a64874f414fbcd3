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

// Auditor runs a Verifier against the running system. It keeps what it has seen from one Look to the next; used by one
// goroutine.
type Auditor struct {
	books    *Books
	topic    string
	history  *History // nil: the broker shows none, commits are sampled
	verifier Verifier
	tables   tables
}

// Verification is the result of one look.
type Verification struct {
	Group      string      `json:"group"`
	Whole      bool        `json:"whole_history"` // every commit was seen; else samples
	Commits    int         `json:"commits"`       // seen by this look
	Batches    int         `json:"batches"`       // rows looked at
	Violations []Violation `json:"violations"`
}

// Audit begins to watch the group of the books.
func (b *Books) Audit(ctx context.Context) (*Auditor, error) {
	a := &Auditor{books: b, topic: b.Topic, tables: tables{b.DB}}
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

// Sample looks only at the commits of the moment. It is cheap: between two Looks it may be called as often as one likes, and where the
// broker shows no history that is how plans are seen at all.
func (a *Auditor) Sample(ctx context.Context) ([]Violation, error) {
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
	return a.sampled(commits), nil
}

func (a *Auditor) sampled(commits map[int32]Commit) (out []Violation) {
	for _, c := range commits {
		out = append(out, a.verifier.Commit(c)...)
	}
	return out
}

// Look reads the commits since the last look, and the batches inserted since a time, and returns what is broken and was not
// returned before. The zero time looks at all batches.
func (a *Auditor) Look(ctx context.Context, since time.Time) (*Verification, error) {
	v := &Verification{Group: a.books.Group, Whole: a.verifier.Whole, Violations: []Violation{}}
	partitions, err := a.books.Log.Partitions(ctx, a.topic)
	if err != nil {
		return nil, err
	}
	if a.history != nil {
		err := a.history.Read(ctx, func(c Commit) {
			v.Commits++
			v.Violations = append(v.Violations, a.verifier.Commit(c)...)
		})
		if err != nil {
			return nil, err
		}
	}
	rows := Rows{}
	if rows.Before, err = a.books.Log.Commits(ctx, a.books.Group, a.topic, partitions); err != nil {
		return nil, err
	}
	if a.history == nil {
		v.Commits = len(rows.Before)
		v.Violations = append(v.Violations, a.sampled(rows.Before)...)
	}
	if rows.Since, err = a.since(ctx, partitions, since, rows.Before); err != nil {
		return nil, err
	}
	if rows.Spans, err = a.spans(ctx, rows.Since); err != nil {
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
	v.Violations = append(v.Violations, a.verifier.Tables(rows)...)
	return v, nil
}

// since finds from which offset on batches are looked at: where the last one inserted before the time ends, or the first
// inserted since then begins, whichever is lower; of a partition without a batch before the time, where the log begins.
func (a *Auditor) since(ctx context.Context, partitions []int32, at time.Time, before map[int32]Commit) (map[int32]int64, error) {
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
	err = a.tables.query(ctx, sql, func(rows driver.Rows) error {
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

func (a *Auditor) spans(ctx context.Context, since map[int32]int64) ([]Span, error) {
	var out []Span
	for p, from := range since {
		sql := fmt.Sprintf(`SELECT start_offset, end_offset, fetched, stored, merged, rejected, ticks FROM batches
			WHERE kafka_topic = '%s' AND kafka_partition = %d AND end_offset > %d`, a.topic, p, from)
		err := a.tables.query(ctx, sql, func(rows driver.Rows) error {
			s := Span{Partition: p}
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
func (v *Verification) Print(w io.Writer) error {
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

// Verify samples commits for some time, then looks at the batches inserted within the last span; 0 = at all of them.
func (b *Books) Verify(ctx context.Context, last, sample time.Duration) (*Verification, error) {
	a, err := b.Audit(ctx)
	if err != nil {
		return nil, err
	}
	var sampled []Violation
	for until := time.Now().Add(sample); time.Now().Before(until); {
		found, err := a.Sample(ctx)
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
	v, err := a.Look(ctx, since)
	if err != nil {
		return nil, err
	}
	v.Violations = append(sampled, v.Violations...)
	return v, nil
}

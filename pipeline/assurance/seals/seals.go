// Package seals checks from outside that the stored offences are the decided offences. A [Walker] compares
//
//   - every column of every row with the sealed bytes,
//   - every row with the chain of seals of the camera and partition,
//   - the unsealed columns with the rows from which they come,
//   - the table with the offence topic, which the broker keeps and not the database.
//
// The seals have no key: anybody with the right to write the whole table can seal anew. The topic shows such a change
// as long as the topic keeps the offence, and so does a seal that somebody has noted.
package seals

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

// FaultKind names a kind of fault of a row.
type FaultKind string

// The kinds.
const (
	Altered FaultKind = "altered" // a column differs from the sealed record
	// the previous seal is not the seal of the row before: a row was removed, added or sealed anew
	Chain       FaultKind = "chain"
	Place       FaultKind = "place"       // site, zone, municipality or log place differs from the read or the decision
	Unpublished FaultKind = "unpublished" // in the table, but not on the topic with the same seal
	Removed     FaultKind = "removed"     // on the topic, but not in the table with the same seal
)

// FaultKinds lists all kinds.
func FaultKinds() []FaultKind { return []FaultKind{Altered, Chain, Place, Unpublished, Removed} }

// Fault is a row that differs from the decision. A fault names no plate.
type Fault struct {
	Kind      FaultKind `json:"kind"`
	Offence   string    `json:"offence_id"`
	Camera    string    `json:"camera,omitempty"`
	Partition int32     `json:"kafka_partition"`
	Offset    int64     `json:"kafka_offset"`
	Columns   []string  `json:"columns,omitempty"`
	Detail    string    `json:"detail,omitempty"`
}

// SealReport is the result of a walk. Faults holds the first [MaxFaults]; ByKind counts all.
type SealReport struct {
	Rows      uint64               `json:"rows"`
	Cameras   uint64               `json:"chains"`    // counts pairs of camera and partition
	Published uint64               `json:"published"` // offences on the topic
	ByKind    map[FaultKind]uint64 `json:"by_kind"`
	Faults    []Fault              `json:"faults"`
	Cannot    []string             `json:"cannot_tell,omitempty"`
}

// MaxFaults bounds the faults a report names.
const MaxFaults = 100

// IsClean reports whether nothing is wrong.
func (r *SealReport) IsClean() bool { return len(r.ByKind) == 0 }

func (r *SealReport) addFault(f Fault) {
	r.ByKind[f.Kind]++
	if len(r.Faults) < MaxFaults {
		r.Faults = append(r.Faults, f)
	}
}

// Print writes the report for people.
func (r *SealReport) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d offences in %d chains, %d on the topic\n", r.Rows, r.Cameras, r.Published)
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "%s: offence %s camera %s partition %d offset %d", f.Kind, f.Offence, f.Camera, f.Partition, f.Offset)
		if len(f.Columns) > 0 {
			fmt.Fprintf(&b, ": %s", strings.Join(f.Columns, ", "))
		}
		if f.Detail != "" {
			fmt.Fprintf(&b, ": %s", f.Detail)
		}
		b.WriteByte('\n')
	}
	for _, k := range FaultKinds() {
		if n := r.ByKind[k]; n > 0 {
			fmt.Fprintf(&b, "%d %s\n", n, k)
		}
	}
	for _, c := range r.Cannot {
		fmt.Fprintf(&b, "cannot tell: %s\n", c)
	}
	if r.IsClean() {
		b.WriteString("every offence is as it was sealed\n")
	} else {
		b.WriteString("OFFENCES ARE NOT AS THEY WERE SEALED\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// OffenceTopic visits the offence topic: id, seal and time of writing. begins is the topic's beginning when older
// records have left the topic, else the zero time.
type OffenceTopic func(ctx context.Context, visit func(offence schemas.ID, seal schemas.Sum, written time.Time)) (begins time.Time, err error)

// Walker checks the stored offences, camera by camera.
type Walker struct {
	DB    driver.Conn
	Topic OffenceTopic // nil = the tables alone
	Now   func() time.Time
}

// settle is the longest time between an offence's row and its record on the topic.
const settle = 2 * time.Minute

// sealedRow is a row of offences with the time of the insert.
type sealedRow struct{ evidence.Row }

// isSameOffence reports whether the rows differ in the time of the insert at most.
func (s *sealedRow) isSameOffence(other *sealedRow) bool {
	return s.IsSame(&other.Row)
}

type publishedOffence struct {
	seal    schemas.Sum
	written time.Time
}

// Walk checks all stored offences.
func (w *Walker) Walk(ctx context.Context) (*SealReport, error) {
	r := &SealReport{ByKind: map[FaultKind]uint64{}, Faults: []Fault{}}
	topic := map[schemas.ID][]publishedOffence{}
	var begins time.Time
	if w.Topic != nil {
		var err error
		begins, err = w.Topic(ctx, func(id schemas.ID, seal schemas.Sum, written time.Time) {
			topic[id] = append(topic[id], publishedOffence{seal, written})
			r.Published++
		})
		if err != nil {
			return nil, fmt.Errorf("read offence topic: %w", err)
		}
		if !begins.IsZero() {
			r.Cannot = append(r.Cannot, "the topic begins at "+begins.UTC().Format(time.RFC3339)+"; offences captured before are compared with their chains only")
		}
	} else {
		r.Cannot = append(r.Cannot, "the offence topic was not asked: a table that was sealed anew as a whole does not show")
	}
	table := map[schemas.ID][]schemas.Sum{}
	err := w.visitRows(ctx, r, func(row *sealedRow) {
		id := row.OffenceID.ID
		var seal schemas.Sum
		copy(seal[:], row.Seal)
		table[id] = append(table[id], seal)
		if w.Topic == nil || row.CapturedAt.Before(begins) || row.InsertedAt.After(w.Now().Add(-settle)) {
			return
		}
		for _, p := range topic[id] {
			if p.seal == seal {
				return
			}
		}
		r.addFault(faultOf(Unpublished, row, nil, "the topic does not have it with this seal"))
	})
	if err != nil {
		return nil, err
	}
	for id, ps := range topic {
		if w.wasRemoved(ps, table[id]) {
			r.addFault(Fault{Kind: Removed, Offence: id.String(), Partition: -1, Offset: -1, Detail: "the table does not have it with a seal that was published"})
		}
	}
	// the map has no order
	slices.SortStableFunc(r.Faults, func(a, b Fault) int { return cmp.Compare(a.Offence, b.Offence) })
	return r, nil
}

// wasRemoved reports whether the table has no published seal of an offence, when the publications are old enough. A
// restore may publish an offence anew; the table then has either seal.
func (w *Walker) wasRemoved(ps []publishedOffence, table []schemas.Sum) bool {
	for _, p := range ps {
		if slices.Contains(table, p.seal) || !p.written.Before(w.Now().Add(-settle)) {
			return false
		}
	}
	return true
}

func faultOf(k FaultKind, row *sealedRow, columns []string, detail string) Fault {
	return Fault{Kind: k, Offence: row.OffenceID.String(), Camera: row.Camera, Partition: row.Partition, Offset: row.Offset, Columns: columns, Detail: detail}
}

// visitRows visits every stored row once, camera by camera, and checks the row and its chain.
func (w *Walker) visitRows(ctx context.Context, r *SealReport, visit func(*sealedRow)) error {
	qctx := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"readonly": 2, "max_threads": 1, "max_bytes_before_external_sort": 256 << 20, "max_execution_time": 3600, "log_queries": 0,
	}))
	rows, err := w.DB.Query(qctx, "SELECT "+strings.Join(schemas.ColumnNames[evidence.Row](nil), ", ")+" FROM offences "+
		"ORDER BY kafka_partition, camera_id, kafka_offset, seq, offence_id")
	if err != nil {
		return fmt.Errorf("read offences: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Err is checked
	var chain evidence.Chain
	var last sealedRow
	chunk := make([]sealedRow, 0, placesAtOnce)
	for rows.Next() {
		var row sealedRow
		if err := rows.ScanStruct(&row); err != nil {
			return fmt.Errorf("read offences: %w", err)
		}
		if r.Rows > 0 && row.isSameOffence(&last) {
			continue // a repeated insert
		}
		if r.Rows == 0 || row.Partition != last.Partition {
			chain.Load(nil)
		}
		if r.Rows == 0 || row.Partition != last.Partition || row.Camera != last.Camera {
			r.Cameras++
		}
		r.Rows++
		last = row
		checkRow(r, &chain, &row)
		visit(&row)
		if chunk = append(chunk, row); len(chunk) == placesAtOnce {
			if err := w.comparePlaces(ctx, r, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read offences: %w", err)
	}
	return w.comparePlaces(ctx, r, chunk)
}

// checkRow checks a row and its place in the chain, and reports each fault once.
func checkRow(r *SealReport, chain *evidence.Chain, row *sealedRow) {
	columns := row.Altered()
	if len(columns) > 0 {
		r.addFault(faultOf(Altered, row, columns, ""))
	}
	d := schemas.Decision{On: schemas.Sighting{Camera: row.Camera}}
	copy(d.Seal[:], row.Seal)
	copy(d.PrevSeal[:], row.PrevSeal)
	want := chain.Last(row.Camera)
	sealed, err := row.Decision()
	if err == nil {
		sealed.On.Camera = row.Camera // as the row stands; an altered camera is reported above
		d = sealed
	}
	if err := chain.Follow(&d); err != nil && d.PrevSeal != want {
		r.addFault(faultOf(Chain, row, nil, fmt.Sprintf("it follows the seal %x, the row before has %x", d.PrevSeal[:8], want[:8])))
	}
}

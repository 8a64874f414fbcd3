package reconcile

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// Conclusion is the outcome of a reconciliation.
type Conclusion string

// The conclusions.
const (
	Balanced   Conclusion = "balanced"
	Residual   Conclusion = "residual"    // something is left over
	CannotTell Conclusion = "cannot tell" // no residual was found, but a part could not be checked
)

// ResidualKind names a kind of residual. The set is closed, because the kind is a metric label.
type ResidualKind string

// The kinds of residual.
const (
	// a gateway has the broker's receipt, but the log lacks the record
	NotOnLog ResidualKind = "accepted_not_on_log"
	// on the log and committed, but without a row in reads, merges and rejects
	RecordWithoutRow ResidualKind = "record_without_row"
	RecordInTwo      ResidualKind = "record_in_two_tables"  // in several tables
	RowWithoutRecord ResidualKind = "row_without_record"    // a row whose offset holds no record, or a tick
	HitUnpublished   ResidualKind = "hit_not_published"     // in the table, not on the topic
	HitUnstored      ResidualKind = "hit_not_stored"        // on the topic, not in the table
	OffUnpublished   ResidualKind = "offence_not_published" //
	OffUnstored      ResidualKind = "offence_not_stored"    //
	// a row of rejects without the bytes on the dead-letter topic
	RejUnpublished ResidualKind = "dead_letter_not_published"
	RejUnstored    ResidualKind = "dead_letter_not_stored" //
	// only where the cases can be asked
	OffWithoutCase  ResidualKind = "offence_without_case"  // on the topic, and no case
	CasesUnbalanced ResidualKind = "cases_unbalanced"      // cases, distinct offences, attempts, states, events and kept counts do not add up
	EventUnstored   ResidualKind = "case_event_not_stored" // published, and not in the table reviews
)

// ResidualKinds lists every kind.
func ResidualKinds() []ResidualKind {
	return []ResidualKind{NotOnLog, RecordWithoutRow, RecordInTwo, RowWithoutRecord, HitUnpublished, HitUnstored, OffUnpublished, OffUnstored, RejUnpublished, RejUnstored, OffWithoutCase, CasesUnbalanced, EventUnstored}
}

// AccountCounts are the sides of the account, for a cell or for all. Without a residual Log = Stored + Merged +
// Rejected + Ticks + InFlight; with the gateways' receipts also Accepted + Unreceipted + Ticks = Log + Lost.
type AccountCounts struct {
	Accepted uint64 `json:"accepted"`
	// on the log, but in no journal: another producer, a repeated produce, or a dead gateway
	Unreceipted uint64 `json:"without_receipt"`
	Log         uint64 `json:"log"`
	Stored      uint64 `json:"stored"`
	Merged      uint64 `json:"merged"`
	Rejected    uint64 `json:"rejected"`
	Ticks       uint64 `json:"ticks"`
	InFlight    uint64 `json:"in_flight"` // not yet committed by the pipeline
	Lost        uint64 `json:"lost"`      // accepted records within a recorded loss; not part of Log
	Residual    uint64 `json:"residual"`
}

func (c *AccountCounts) addCounts(o *AccountCounts) {
	c.Accepted += o.Accepted
	c.Unreceipted += o.Unreceipted
	c.Log += o.Log
	c.Stored += o.Stored
	c.Merged += o.Merged
	c.Rejected += o.Rejected
	c.Ticks += o.Ticks
	c.InFlight += o.InFlight
	c.Lost += o.Lost
	c.Residual += o.Residual
}

// AccountRow is the account of a camera, a minute of receipt, or both.
type AccountRow struct {
	Camera string     `json:"camera,omitempty"`
	Minute *time.Time `json:"minute,omitempty"`
	AccountCounts
}

// Item is a residual with its place. Offsets are offsets of anpr.reads.v1; at most MaxListed offsets and ids are
// listed.
type Item struct {
	Kind      ResidualKind `json:"kind"`
	Camera    string       `json:"camera"`
	Minute    time.Time    `json:"minute"`
	Partition int32        `json:"partition"`
	Count     uint64       `json:"count"`
	Offsets   []int64      `json:"offsets,omitempty"`
	IDs       []string     `json:"ids,omitempty"`
	Detail    string       `json:"detail,omitempty"`
}

// MaxListed bounds the offsets and ids of an item, MaxItems the items of a report.
const (
	MaxListed = 20
	MaxItems  = 1000
)

// Output compares a topic with its table, by distinct id.
type Output struct {
	Name  string `json:"name"`
	Table uint64 `json:"table"`
	Topic uint64 `json:"topic"`
}

// Lag is the distance of the pipeline from the end of a partition.
type Lag struct {
	Partition int32 `json:"partition"`
	Committed int64 `json:"committed"` // -1: nothing yet
	End       int64 `json:"end"`       // end of the records in the time range
	Records   int64 `json:"records"`
}

// AccountReport is the result of a reconciliation.
type AccountReport struct {
	From, To   time.Time               `json:"-"`
	Window     [2]time.Time            `json:"window"`
	Topic      string                  `json:"topic"`
	Group      string                  `json:"group"`
	Conclusion Conclusion              `json:"verdict"`
	Total      AccountCounts           `json:"total"`
	Rows       []AccountRow            `json:"rows,omitempty"`
	Outputs    []Output                `json:"outputs"`
	Cases      *CaseCounts             `json:"cases,omitempty"` // nil = the cases were not asked
	Residual   []Item                  `json:"residual"`
	ByKind     map[ResidualKind]uint64 `json:"residual_by_kind"`
	InFlight   []Lag                   `json:"in_flight"`
	Losses     []ingest.RecordedLoss   `json:"losses"` // losses in the time range, whose records are not looked for
	Cannot     []string                `json:"cannot_tell"`
	// second and further rows of an offset in reads, merges and rejects, not yet merged away
	Repeated   uint64 `json:"repeated_rows"`
	TookMillis int64  `json:"took_ms"`

	cells map[Cell]*AccountCounts
	items map[itemKey]*Item
}

// Cell is the unit of the accounts: a camera and a minute of receipt, in minutes since 1970.
type Cell struct {
	Camera string
	Minute int64
}

type itemKey struct {
	kind ResidualKind
	cell Cell
	part int32
}

func newReport(w TimeRange, topic, group string) *AccountReport {
	return &AccountReport{
		From: w.From, To: w.To, Window: [2]time.Time{w.From.UTC(), w.To.UTC()}, Topic: topic, Group: group,
		Outputs: []Output{}, Residual: []Item{}, ByKind: map[ResidualKind]uint64{}, InFlight: []Lag{}, Losses: []ingest.RecordedLoss{}, Cannot: []string{},
		cells: map[Cell]*AccountCounts{}, items: map[itemKey]*Item{},
	}
}

func (r *AccountReport) countsOf(c Cell) *AccountCounts {
	n := r.cells[c]
	if n == nil {
		n = &AccountCounts{}
		r.cells[c] = n
	}
	return n
}

// addResidual adds a residual. offset is -1 and id empty when unknown.
func (r *AccountReport) addResidual(kind ResidualKind, c Cell, partition int32, offset int64, id string) *Item {
	r.ByKind[kind]++
	r.countsOf(c).Residual++
	k := itemKey{kind, c, partition}
	it := r.items[k]
	if it == nil {
		it = &Item{Kind: kind, Camera: c.Camera, Minute: minuteTime(c.Minute), Partition: partition}
		if len(r.items) < MaxItems {
			r.items[k] = it
		}
	}
	it.Count++
	if offset >= 0 && len(it.Offsets) < MaxListed {
		it.Offsets = append(it.Offsets, offset)
	}
	if id != "" && len(it.IDs) < MaxListed {
		it.IDs = append(it.IDs, id)
	}
	return it
}

func (r *AccountReport) addUnknown(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Cannot, text) {
		r.Cannot = append(r.Cannot, text)
	}
}

func minuteTime(m int64) time.Time { return time.Unix(m*60, 0).UTC() }
func minuteOf(t time.Time) int64   { return max(t.Unix(), 0) / 60 }

// conclude sums up and decides.
func (r *AccountReport) conclude(by GroupBy, took time.Duration) {
	rows := map[Cell]*AccountCounts{}
	for c, n := range r.cells {
		r.Total.addCounts(n)
		key := Cell{Minute: -1}
		if by.Camera {
			key.Camera = c.Camera
		}
		if by.Minute {
			key.Minute = c.Minute
		}
		if rows[key] == nil {
			rows[key] = &AccountCounts{}
		}
		rows[key].addCounts(n)
	}
	if by.Camera || by.Minute {
		for c, n := range rows {
			row := AccountRow{Camera: c.Camera, AccountCounts: *n}
			if by.Minute {
				at := minuteTime(c.Minute)
				row.Minute = &at
			}
			r.Rows = append(r.Rows, row)
		}
		slices.SortFunc(r.Rows, func(a, b AccountRow) int {
			if by.Minute {
				if n := a.Minute.Compare(*b.Minute); n != 0 {
					return n
				}
			}
			return cmp.Compare(a.Camera, b.Camera)
		})
	}
	for _, it := range r.items {
		r.Residual = append(r.Residual, *it)
	}
	slices.SortFunc(r.Residual, func(a, b Item) int {
		return cmp.Or(a.Minute.Compare(b.Minute), cmp.Compare(a.Camera, b.Camera), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Partition, b.Partition))
	})
	switch {
	case len(r.ByKind) > 0:
		r.Conclusion = Residual
	case len(r.InFlight) > 0 || len(r.Cannot) > 0:
		r.Conclusion = CannotTell
	default:
		r.Conclusion = Balanced
	}
	r.TookMillis = took.Milliseconds()
}

// Print writes the report for people.
func (r *AccountReport) Print(w io.Writer) error {
	var b strings.Builder
	t := &r.Total
	fmt.Fprintf(&b, "%s  [%s, %s)  %s, group %s\n", strings.ToUpper(string(r.Conclusion)), r.Window[0].Format(time.RFC3339), r.Window[1].Format(time.RFC3339), r.Topic, r.Group)
	fmt.Fprintf(&b, "gateway accepted %d, without receipt %d; log %d = stored %d + merged %d + rejected %d + ticks %d + in flight %d; recorded as lost %d; residual %d\n",
		t.Accepted, t.Unreceipted, t.Log, t.Stored, t.Merged, t.Rejected, t.Ticks, t.InFlight, t.Lost, t.Residual)
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "%-12s table %d, topic %d (distinct ids)\n", o.Name, o.Table, o.Topic)
	}
	if r.Cases != nil {
		fmt.Fprintf(&b, "%-12s %s\n", "cases", r.Cases)
	}
	if r.Repeated > 0 {
		fmt.Fprintf(&b, "%d rows repeat another of the same offset and will be merged away\n", r.Repeated)
	}
	for _, l := range r.InFlight {
		fmt.Fprintf(&b, "in flight: partition %d: %d records, committed %d of %d\n", l.Partition, l.Records, l.Committed, l.End)
	}
	for _, l := range r.Losses {
		fmt.Fprintf(&b, "LOST, recorded: partition %d, offsets [%d, %d), by %s at %s: %s\n", l.Partition, l.Start, l.End, quoteCamera(l.By), l.At.UTC().Format(time.RFC3339), quoteCamera(l.Reason))
	}
	for _, c := range r.Cannot {
		fmt.Fprintf(&b, "cannot tell: %s\n", c)
	}
	for i := range r.Residual {
		it := &r.Residual[i]
		fmt.Fprintf(&b, "RESIDUAL %s: %d, camera %s, minute %s, partition %d", it.Kind, it.Count, quoteCamera(it.Camera), it.Minute.Format("2006-01-02T15:04Z"), it.Partition)
		if len(it.Offsets) > 0 {
			fmt.Fprintf(&b, ", offsets %v", it.Offsets)
		}
		if len(it.IDs) > 0 {
			fmt.Fprintf(&b, ", ids %v", it.IDs)
		}
		if it.Detail != "" {
			fmt.Fprintf(&b, " (%s)", it.Detail)
		}
		b.WriteByte('\n')
	}
	if err := r.printRows(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *AccountReport) printRows(w io.Writer) error {
	if len(r.Rows) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(tw, "minute\tcamera\taccepted\tno receipt\tlog\tstored\tmerged\trejected\tticks\tin flight\tresidual")
	for i := range r.Rows {
		row := &r.Rows[i]
		minute := "all"
		if row.Minute != nil {
			minute = row.Minute.Format("2006-01-02T15:04Z")
		}
		_, _ = fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", minute, quoteCamera(row.Camera), row.Accepted, row.Unreceipted, row.Log,
			row.Stored, row.Merged, row.Rejected, row.Ticks, row.InFlight, row.Residual)
	}
	return tw.Flush()
}

func quoteCamera(camera string) string {
	if camera == "" {
		return "-"
	}
	quoted := strconv.Quote(camera) // a stranger may have chosen the name
	return quoted[1 : len(quoted)-1]
}

// LeftOver returns the number of residuals of all kinds.
func (r *AccountReport) LeftOver() (n uint64) {
	for _, k := range r.ByKind {
		n += k
	}
	return n
}

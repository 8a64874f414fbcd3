package office

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// PrintJSON prints an answer as indented JSON.
func PrintJSON(w io.Writer, answer any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(answer)
}

// PrintReads prints a page of reads as a table. Times are Brussels time.
func PrintReads(w io.Writer, a *ReadsAnswer) error {
	t := newTable(w, "CAPTURED", "PLATE", "COUNTRY", "CAMERA", "SITE", "ZONE", "LANE", "KM/H", "CONF", "READ")
	for i := range a.Reads {
		t.read(&a.Reads[i])
	}
	if a.Count != nil {
		t.note("%d reads in all", *a.Count)
	}
	return t.end(a.Scope, len(a.Reads), a.Next)
}

// PrintLastSeen prints the newest read, or an empty table.
func PrintLastSeen(w io.Writer, a *ReadsAnswer) error {
	one := *a
	one.Next = "" // the question was for one row
	return PrintReads(w, &one)
}

// PrintJourney prints the reads of a day, earliest first.
func PrintJourney(w io.Writer, a *JourneyAnswer) error {
	t := newTable(w, "CAPTURED", "PLATE", "COUNTRY", "CAMERA", "SITE", "ZONE", "LANE", "KM/H", "CONF", "READ")
	for i := range a.Reads {
		t.read(&a.Reads[i])
	}
	if a.Cut {
		t.note("there are more; the earliest are left out")
	}
	return t.end(a.Scope, len(a.Reads), "")
}

// PrintDashboard prints counts of reads and hits.
func PrintDashboard(w io.Writer, a *DashboardAnswer) error {
	t := newTable(w, "FROM", "ZONE", "READS")
	for _, r := range a.Reads {
		t.row(clock(r.From), r.Zone, number(r.Count))
	}
	t.note("%d reads", a.Total)
	for _, h := range a.Hits {
		t.note("%d hits of list %s, %s", h.Count, printable(h.List), printable(h.Match))
	}
	return t.end(a.Scope, len(a.Reads), "")
}

// PrintHits prints a page of hits as a table.
func PrintHits(w io.Writer, a *HitsAnswer) error {
	t := newTable(w, "CAPTURED", "PLATE", "LISTED", "MATCH", "LIST", "PRIO", "CAMERA", "ZONE", "CASE", "REASON")
	for i := range a.Hits {
		h := &a.Hits[i]
		t.row(clock(h.CapturedAt), h.Plate, h.ListedPlate, h.Match, h.List, strconv.Itoa(int(h.Priority)), h.Camera, h.Zone,
			h.CaseRef, h.Reason)
	}
	return t.end(a.Scope, len(a.Hits), a.Next)
}

// PrintOffences prints a page of offences as a table.
func PrintOffences(w io.Writer, a *OffencesAnswer) error {
	t := newTable(w, "CAPTURED", "FAMILY", "STATUS", "REASON", "PLATE", "CAMERA", "KM/H", "LIMIT", "EUR", "OFFENCE")
	for i := range a.Offences {
		o := &a.Offences[i]
		speed, limit := "", "" // empty without a measurement
		if o.Limit != 0 {
			speed, limit = tenths(o.Corrected), tenths(o.Limit)
		}
		t.row(clock(o.CapturedAt), o.Family, o.Status, o.Reason, o.Plate, o.Camera, speed, limit, cents(o.Amount), o.OffenceID.String())
	}
	if a.Altered > 0 {
		t.note("%d ARE NOT AS THEY WERE SEALED and worth nothing:", a.Altered)
	}
	for i := range a.Offences {
		if o := &a.Offences[i]; len(o.Altered) > 0 {
			t.note("  %s: %s", o.OffenceID, strings.Join(o.Altered, ", "))
		}
	}
	return t.end(a.Scope, len(a.Offences), a.Next)
}

// PrintDecisions prints a page of decisions, with the explanations below the table.
func PrintDecisions(w io.Writer, a *DecisionsAnswer) error {
	t := newTable(w, "CAPTURED", "RULE", "OUTCOME", "REASON", "PLATE", "CAMERA", "OFFENCE")
	for i := range a.Decisions {
		d := &a.Decisions[i]
		offence := ""
		if !d.OffenceID.IsZero() {
			offence = d.OffenceID.String()
		}
		t.row(clock(d.CapturedAt), d.Rule, d.Outcome, d.Reason, d.Plate, d.Camera, offence)
		if len(d.Explanation) > 0 {
			t.note("%s %s:", clock(d.CapturedAt), printable(d.Rule))
		}
		for _, line := range d.Explanation {
			t.note("  %s", printable(line))
		}
	}
	return t.end(a.Scope, len(a.Decisions), a.Next)
}

// PrintRejects prints the counts by reason and a page of rejected records.
func PrintRejects(w io.Writer, a *RejectsAnswer) error {
	t := newTable(w, "REASON", "COUNT")
	for _, c := range a.ByReason {
		t.row(c.Reason, strconv.FormatUint(c.Count, 10))
	}
	t.row()
	t.row("RECEIVED", "REASON", "FIELD", "CAMERA", "BYTES", "PARTITION", "OFFSET", "DETAIL")
	for i := range a.Rejects {
		r := &a.Rejects[i]
		t.row(clock(r.ReceivedAt), r.Reason, r.Field, r.Camera, strconv.FormatUint(r.PayloadSize, 10),
			strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10), r.Detail)
	}
	return t.end(a.Scope, len(a.Rejects), a.Next)
}

// PrintReconcile prints ledger and tables side by side, and the verdict.
func PrintReconcile(w io.Writer, a *ReconcileAnswer) error {
	t := newTable(w, "PARTITION", "OFFSETS", "BATCHES", "FETCHED", "TICKS", "STORED", "MERGED", "REJECTED", "IN TWO", "VERDICT")
	for _, p := range a.Partitions {
		verdict := "ok"
		if !p.OK {
			verdict = "DOES NOT ADD UP"
		}
		t.row(strconv.Itoa(int(p.Partition)), fmt.Sprintf("[%d, %d)", p.First, p.End), number(p.Batches), number(p.Fetched),
			number(p.Ticks), both(p.Ledger.Stored, p.Tables.Stored), both(p.Ledger.Merged, p.Tables.Merged),
			both(p.Ledger.Rejected, p.Tables.Rejected), number(p.InTwo), verdict)
	}
	for _, f := range a.Faults {
		t.note("%s in partition %d: offsets [%d, %d)", f.Kind, f.Partition, f.From, f.To)
	}
	if a.OK {
		t.note("everything adds up")
	} else {
		t.note("IT DOES NOT ADD UP")
	}
	return t.end(a.Scope, len(a.Partitions), "")
}

// PrintAccessLog prints a page of the look-up log as a table.
func PrintAccessLog(w io.Writer, a *AccessLogAnswer) error {
	t := newTable(w, "SEQ", "AT", "USER", "ROLE", "ACTION", "PURPOSE", "OUTCOME", "CASE", "QUERY", "REASON")
	for i := range a.Entries {
		e := &a.Entries[i]
		t.row(strconv.FormatUint(e.Seq, 10), clock(e.At), e.User, e.Role, e.Action, e.Purpose, e.Outcome, e.CaseRef, e.Query,
			e.Reason+e.Refusal)
	}
	return t.end(a.Scope, len(a.Entries), a.Next)
}

// PrintDisclosures prints a page of answers that showed a plate as a table.
func PrintDisclosures(w io.Writer, a *DisclosuresAnswer) error {
	t := newTable(w, "SEQ", "AT", "USER", "ROLE", "ACTION", "PURPOSE", "CASE", "NAMED", "QUERY", "REASON")
	for i := range a.Disclosures {
		d := &a.Disclosures[i]
		t.row(strconv.FormatUint(d.Seq, 10), clock(d.At), d.User, d.Role, d.Action, d.Purpose, d.CaseRef, strconv.FormatBool(d.Named), d.Query, d.Reason)
	}
	return t.end(a.Scope, len(a.Disclosures), a.Next)
}

// PrintVerify prints whether the chain holds.
func PrintVerify(w io.Writer, a *VerifyAnswer) error {
	t := newTable(w)
	for _, s := range a.Segments {
		switch {
		case s.FirstBad == 0:
			t.note("entries %d to %d hold", s.First, s.Last)
		case len(s.ClosedBy) > 0:
			t.note("entries %d to %d are damaged from entry %d on: %s; closed by %s: %s", s.First, s.Last, s.FirstBad, printable(s.Problem), printable(strings.Join(s.ClosedBy, " and ")), printable(s.Reason))
		}
	}
	if a.OK {
		t.note("the chain holds: %d entries", a.Entries)
		if a.Entries > 0 {
			t.note("entry %d has %s; note it elsewhere: --seq %d --sha256 %s", a.HeadSeq, printable(a.Head), a.HeadSeq, printable(a.Head))
		}
	} else {
		t.note("THE CHAIN DOES NOT HOLD at entry %d: %s; %d entries before it hold", a.FirstBad, printable(a.Problem), a.Entries)
	}
	if a.Scope.Purpose == "" { // the table itself was asked, not the office
		return t.flush()
	}
	return t.end(a.Scope, int(a.Entries), "")
}

// grid writes aligned columns, then notes, then the scope. The first error is kept.
type grid struct {
	w     *tabwriter.Writer
	notes []string
	err   error
}

func newTable(w io.Writer, head ...string) *grid {
	t := &grid{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	if len(head) > 0 {
		t.row(head...)
	}
	return t
}

func (t *grid) row(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	if _, err := fmt.Fprintln(t.w, strings.Join(cells, "\t")); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *grid) read(r *query.Read) {
	t.row(clock(r.CapturedAt), r.Plate, r.Country, r.Camera, r.Site, r.Zone, strconv.Itoa(int(r.Lane)), tenths(r.Speed),
		tenths(int32(r.Confidence)), r.ReadID.String())
}

func (t *grid) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *grid) end(s Scope, rows int, next string) error {
	scope := "purpose " + s.Purpose
	if s.From != nil {
		scope += ", from " + clock(*s.From)
	}
	if s.To != nil {
		scope += ", to " + clock(*s.To)
	}
	if len(s.Zones) > 0 {
		scope += ", zones " + strings.Join(s.Zones, " ")
	}
	t.note("%d shown; %s; access log entry %d", rows, printable(scope), s.LogSeq)
	for _, n := range s.Narrowed {
		t.note("narrowed: %s", printable(n.Text))
	}
	if c := s.Coverage; c != nil && c.CompleteUntil != nil {
		t.note("complete until %s", clock(*c.CompleteUntil))
	}
	if next != "" {
		t.note("more: --after %s", printable(next))
	}
	return t.flush()
}

func (t *grid) flush() error {
	if err := t.w.Flush(); err != nil && t.err == nil {
		t.err = err
	}
	if t.err == nil {
		_, t.err = fmt.Fprintln(t.w, strings.Join(t.notes, "\n"))
	}
	if err := t.w.Flush(); err != nil && t.err == nil {
		t.err = err
	}
	return t.err
}

// Printable is [printable] for other printers of answers.
func Printable(s string) string { return printable(s) }

// printable replaces unprintable characters, so a camera's or list's text cannot move the terminal's cursor or the
// columns.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func clock(t time.Time) string {
	if t.UnixMicro() == 0 {
		return "-"
	}
	return t.In(schemas.Brussels()).Format("2006-01-02 15:04:05.000 MST")
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func tenths(n int32) string { return fmt.Sprintf("%d.%d", n/10, n%10) }

func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func both(ledger, tables uint64) string {
	if ledger == tables {
		return strconv.FormatUint(ledger, 10)
	}
	return fmt.Sprintf("%d/%d", ledger, tables)
}

func stepText(s *schemas.Step) string {
	mark := "no "
	if s.Holds {
		mark = "yes"
	}
	return mark + " " + s.Code + " " + strings.Join(s.Args, " ") + " " + s.Basis
}

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
	t := newTable(w, "CAPTURED", "PLATE", "COUNTRY", "CAMERA", "STREET", "SITE", "ZONE", "LANE", "KM/H", "CONF", "READ")
	for i := range a.Reads {
		t.addRead(&a.Reads[i])
	}
	if a.Count != nil {
		t.addNote("%d reads in all", *a.Count)
	}
	return t.finishTable(a.Scope, len(a.Reads), a.Next)
}

// PrintLastSeen prints the newest read, or an empty table.
func PrintLastSeen(w io.Writer, a *ReadsAnswer) error {
	one := *a
	one.Next = "" // the question was for one row
	return PrintReads(w, &one)
}

// PrintJourney prints the reads of a day, earliest first.
func PrintJourney(w io.Writer, a *JourneyAnswer) error {
	t := newTable(w, "CAPTURED", "PLATE", "COUNTRY", "CAMERA", "STREET", "SITE", "ZONE", "LANE", "KM/H", "CONF", "READ")
	for i := range a.Reads {
		t.addRead(&a.Reads[i])
	}
	if a.Cut {
		t.addNote("there are more; the earliest are left out")
	}
	return t.finishTable(a.Scope, len(a.Reads), "")
}

// PrintDashboard prints counts of reads and hits.
func PrintDashboard(w io.Writer, a *DashboardAnswer) error {
	t := newTable(w, "FROM", "ZONE", "READS")
	for _, r := range a.Reads {
		t.addRow(formatTime(r.From), r.Zone, formatCount(r.Count))
	}
	t.addNote("%d reads", a.Total)
	for _, h := range a.Hits {
		t.addNote("%d hits of list %s, %s", h.Count, replaceUnprintable(h.List), replaceUnprintable(h.Match))
	}
	return t.finishTable(a.Scope, len(a.Reads), "")
}

// PrintHits prints a page of hits as a table.
func PrintHits(w io.Writer, a *HitsAnswer) error {
	t := newTable(w, "CAPTURED", "PLATE", "LISTED", "MATCH", "LIST", "PRIO", "CAMERA", "STREET", "ZONE", "CASE", "REASON")
	for i := range a.Hits {
		h := &a.Hits[i]
		t.addRow(formatTime(h.CapturedAt), h.Plate, h.ListedPlate, h.Match, h.List, strconv.Itoa(int(h.Priority)), h.Camera, streetText(h.Street, ""), h.Zone,
			h.CaseRef, h.Reason)
	}
	return t.finishTable(a.Scope, len(a.Hits), a.Next)
}

// PrintDecisions prints a page of decisions, with the explanations below the table.
func PrintDecisions(w io.Writer, a *DecisionsAnswer) error {
	t := newTable(w, "CAPTURED", "RULE", "OUTCOME", "REASON", "PLATE", "CAMERA", "STREET", "OFFENCE")
	for i := range a.Decisions {
		d := &a.Decisions[i]
		offence := ""
		if !d.OffenceID.IsZero() {
			offence = d.OffenceID.String()
		}
		t.addRow(formatTime(d.CapturedAt), d.Rule, d.Outcome, d.Reason, d.Plate, d.Camera, streetText(d.Street, ""), offence)
		if len(d.Explanation) > 0 {
			t.addNote("%s %s:", formatTime(d.CapturedAt), replaceUnprintable(d.Rule))
		}
		for _, line := range d.Explanation {
			t.addNote("  %s", replaceUnprintable(line))
		}
	}
	return t.finishTable(a.Scope, len(a.Decisions), a.Next)
}

// PrintRejects prints the counts by reason and a page of rejected records.
func PrintRejects(w io.Writer, a *RejectsAnswer) error {
	t := newTable(w, "REASON", "COUNT")
	for _, c := range a.ByReason {
		t.addRow(c.Reason, strconv.FormatUint(c.Count, 10))
	}
	t.addRow()
	t.addRow("RECEIVED", "REASON", "FIELD", "CAMERA", "BYTES", "PARTITION", "OFFSET", "DETAIL")
	for i := range a.Rejects {
		r := &a.Rejects[i]
		t.addRow(formatTime(r.ReceivedAt), r.Reason, r.Field, r.Camera, strconv.FormatUint(r.PayloadSize, 10),
			strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10), r.Detail)
	}
	return t.finishTable(a.Scope, len(a.Rejects), a.Next)
}

// PrintReconcile prints ledger and tables side by side, and the verdict.
func PrintReconcile(w io.Writer, a *ReconcileAnswer) error {
	t := newTable(w, "PARTITION", "OFFSETS", "BATCHES", "FETCHED", "TICKS", "STORED", "MERGED", "REJECTED", "IN TWO", "VERDICT")
	for _, p := range a.Partitions {
		verdict := "ok"
		if !p.OK {
			verdict = "DOES NOT ADD UP"
		}
		t.addRow(strconv.Itoa(int(p.Partition)), fmt.Sprintf("[%d, %d)", p.First, p.End), formatCount(p.Batches), formatCount(p.Fetched),
			formatCount(p.Ticks), formatBoth(p.Ledger.Stored, p.Tables.Stored), formatBoth(p.Ledger.Merged, p.Tables.Merged),
			formatBoth(p.Ledger.Rejected, p.Tables.Rejected), formatCount(p.InTwo), verdict)
	}
	for _, f := range a.Faults {
		t.addNote("%s in partition %d: offsets [%d, %d)", f.Kind, f.Partition, f.From, f.To)
	}
	if a.OK {
		t.addNote("everything adds up")
	} else {
		t.addNote("IT DOES NOT ADD UP")
	}
	return t.finishTable(a.Scope, len(a.Partitions), "")
}

// PrintAccessLog prints a page of the look-up log as a table.
func PrintAccessLog(w io.Writer, a *AccessLogAnswer) error {
	t := newTable(w, "SEQ", "AT", "USER", "ROLE", "ACTION", "PURPOSE", "OUTCOME", "CASE", "QUERY", "REASON")
	for i := range a.Entries {
		e := &a.Entries[i]
		t.addRow(strconv.FormatUint(e.Seq, 10), formatTime(e.At), e.User, e.Role, e.Action, e.Purpose, e.Outcome, e.CaseRef, e.Query,
			e.Reason+e.Refusal)
	}
	return t.finishTable(a.Scope, len(a.Entries), a.Next)
}

// PrintDisclosures prints a page of answers that showed a plate as a table.
func PrintDisclosures(w io.Writer, a *DisclosuresAnswer) error {
	t := newTable(w, "SEQ", "AT", "USER", "ROLE", "ACTION", "PURPOSE", "CASE", "NAMED", "QUERY", "REASON")
	for i := range a.Disclosures {
		d := &a.Disclosures[i]
		t.addRow(strconv.FormatUint(d.Seq, 10), formatTime(d.At), d.User, d.Role, d.Action, d.Purpose, d.CaseRef, strconv.FormatBool(d.Named), d.Query, d.Reason)
	}
	return t.finishTable(a.Scope, len(a.Disclosures), a.Next)
}

// PrintVerify prints whether the chain holds.
func PrintVerify(w io.Writer, a *VerifyAnswer) error {
	t := newTable(w)
	for _, s := range a.Segments {
		switch {
		case s.FirstBad == 0:
			t.addNote("entries %d to %d hold", s.First, s.Last)
		case len(s.ClosedBy) > 0:
			t.addNote("entries %d to %d are damaged from entry %d on: %s; closed by %s: %s", s.First, s.Last, s.FirstBad, replaceUnprintable(s.Problem), replaceUnprintable(strings.Join(s.ClosedBy, " and ")), replaceUnprintable(s.Reason))
		}
	}
	if a.OK {
		t.addNote("the chain holds: %d entries", a.Entries)
		if a.Entries > 0 {
			t.addNote("entry %d has %s; note it elsewhere: --seq %d --sha256 %s", a.HeadSeq, replaceUnprintable(a.Head), a.HeadSeq, replaceUnprintable(a.Head))
		}
	} else {
		t.addNote("THE CHAIN DOES NOT HOLD at entry %d: %s; %d entries before it hold", a.FirstBad, replaceUnprintable(a.Problem), a.Entries)
	}
	if a.Scope.Purpose == "" { // the table itself was asked, not the office
		return t.flushTable()
	}
	return t.finishTable(a.Scope, int(a.Entries), "")
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
		t.addRow(head...)
	}
	return t
}

func (t *grid) addRow(cells ...string) {
	for i := range cells {
		cells[i] = replaceUnprintable(cells[i])
	}
	if _, err := fmt.Fprintln(t.w, strings.Join(cells, "\t")); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *grid) addRead(r *query.Read) {
	t.addRow(formatTime(r.CapturedAt), r.Plate, r.Country, r.Camera, streetText(r.Street, ""), r.Site, r.Zone, strconv.Itoa(int(r.Lane)), formatTenths(r.Speed),
		formatTenths(int32(r.Confidence)), r.ReadID.String())
}

func (t *grid) addNote(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func (t *grid) finishTable(s Scope, rows int, next string) error {
	scope := "purpose " + s.Purpose
	if s.From != nil {
		scope += ", from " + formatTime(*s.From)
	}
	if s.To != nil {
		scope += ", to " + formatTime(*s.To)
	}
	if len(s.Zones) > 0 {
		scope += ", zones " + strings.Join(s.Zones, " ")
	}
	t.addNote("%d shown; %s; access log entry %d", rows, replaceUnprintable(scope), s.LogSeq)
	for _, n := range s.Narrowed {
		t.addNote("narrowed: %s", replaceUnprintable(n.Text))
	}
	if c := s.Coverage; c != nil && c.CompleteUntil != nil {
		t.addNote("complete until %s", formatTime(*c.CompleteUntil))
	}
	if next != "" {
		t.addNote("more: --after %s", replaceUnprintable(next))
	}
	return t.flushTable()
}

func (t *grid) flushTable() error {
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

// ReplaceUnprintable is [replaceUnprintable] for other printers of answers.
func ReplaceUnprintable(s string) string { return replaceUnprintable(s) }

// replaceUnprintable replaces unprintable characters, so a camera's or list's text cannot move the terminal's cursor or the
// columns.
func replaceUnprintable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func formatTime(t time.Time) string {
	if t.UnixMicro() == 0 {
		return "-"
	}
	return t.In(schemas.Brussels()).Format("2006-01-02 15:04:05.000 MST")
}

// streetText names a street in a language; empty without a street.
func streetText(s *schemas.Street, lang string) string {
	if s == nil {
		return ""
	}
	return s.Text(lang)
}

func formatCount(n uint64) string { return strconv.FormatUint(n, 10) }

func formatTenths(n int32) string { return fmt.Sprintf("%d.%d", n/10, n%10) }

func formatBoth(ledger, tables uint64) string {
	if ledger == tables {
		return strconv.FormatUint(ledger, 10)
	}
	return fmt.Sprintf("%d/%d", ledger, tables)
}

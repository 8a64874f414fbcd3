package casework

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

// sheet writes aligned rows. The first error is kept.
type sheet struct {
	w   *tabwriter.Writer
	l   map[string]string
	err error
}

func (d *desk) newSheet(w io.Writer) *sheet {
	return &sheet{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0), l: labels[d.lang]}
}

// addRow writes the cells of a row. What a terminal would not print is replaced.
func (s *sheet) addRow(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	if _, err := fmt.Fprintln(s.w, strings.Join(cells, "\t")); err != nil && s.err == nil {
		s.err = err
	}
}

// addHead writes the titles of columns, by the names of their labels.
func (s *sheet) addHead(names ...string) {
	for i := range names {
		names[i] = strings.ToUpper(s.l[names[i]])
	}
	s.addRow(names...)
}

// addField writes a field with its label; nothing for an empty value.
func (s *sheet) addField(name, value string) {
	if value != "" {
		s.addRow("  "+s.l[name], value)
	}
}

func (s *sheet) finish() error {
	if err := s.w.Flush(); s.err == nil {
		s.err = err
	}
	return s.err
}

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// clock writes an instant on a Brussels clock.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return schemas.MicrosOf(t).Local().Format("02/01/2006 15:04:05")
}

func clockOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

// tenths writes tenths of km/h, with the comma of Dutch and French.
func (d *desk) tenths(v int64) string {
	text := strconv.FormatInt(v/10, 10)
	if v%10 != 0 {
		text += "." + strconv.FormatInt(v%10, 10)
	}
	return d.decimals(text)
}

func (d *desk) decimals(text string) string {
	if d.lang == "en" {
		return text
	}
	return strings.ReplaceAll(text, ".", ",")
}

// in returns the text in the language of the terminal.
func (d *desk) in(c *office.Cited) string {
	switch {
	case c == nil:
		return ""
	case d.lang == "nl":
		return c.NL
	case d.lang == "fr":
		return c.FR
	}
	return c.EN
}

// reason returns the reason of a hold in words: of the rules, or of a hold by hand.
func (d *desk) reason(code string, text *office.Cited) string {
	if words := d.in(text); words != "" && words != code {
		return words
	}
	return d.word(code)
}

// printItems prints items to decide.
func (d *desk) printItems(w io.Writer, a *office.LeaseAnswer) error {
	s := d.newSheet(w)
	if len(a.Items) == 0 {
		s.addRow(s.l["nothing"])
	}
	for i := range a.Items {
		d.addItem(s, &a.Items[i])
	}
	s.addRow(fmt.Sprintf("%s %d", s.l["logged"], a.Scope.LogSeq))
	return s.finish()
}

// addItem writes one item: the question first, then what the answer rests on, then what to type.
func (d *desk) addItem(s *sheet, item *office.Item) {
	s.addRow(d.question(item))
	s.addField("case", fmt.Sprintf("%s@%d", item.CaseID, item.Version))
	s.addField("due", clockOf(item.DueAt))
	if p := item.Plate; p != nil {
		s.addField("plate", fmt.Sprintf("%s %s (%s%%)", p.Text, p.Country, d.tenths(int64(p.Confidence))))
	}
	if p := item.Proposed; p != nil {
		s.addField("proposed", fmt.Sprintf("%s %s (%s)", p.Text, p.Country, d.word(p.Why)))
	}
	if v := item.Vehicle; v != nil {
		s.addField("register", d.vehicle(v))
	}
	if v := item.Seen; v != nil {
		s.addField("seen", strings.TrimSpace(strings.Join([]string{d.wordOf("vehicle", v.Kind), v.Make, v.Colour}, " ")))
	}
	d.addPlace(s, &item.Place)
	s.addField("captured", clock(item.At.Captured))
	if item.At.Clock == "suspect" {
		s.addField("clock", d.word("suspect"))
	}
	if v := item.Device; v != nil {
		s.addField("device", fmt.Sprintf("%s %s, %s", v.Serial, v.Approval, clock(v.Until)))
	}
	for _, p := range item.Pictures {
		s.addField("picture", d.wordOf("kind", p.Kind)+" "+p.SHA256)
	}
	for _, x := range item.Warnings {
		text := d.word(x.Code)
		if len(x.Args) > 0 { // the number of an incident
			text += " (" + strings.Join(x.Args, ", ") + ")"
		}
		if x.Blocks {
			text += " - " + s.l["blocks"]
		}
		s.addField("warning", text)
	}
	for _, v := range item.Verdicts {
		s.addField("verdict", strings.TrimSpace(strings.Join([]string{d.word(v.Verdict), d.word(v.Reason), v.Plate, v.Text}, " ")))
	}
	d.addTrace(s, item.Trace)
	s.addField("until", clock(item.Lease.Until))
	s.addRow("")
}

// vehicle writes the row of a register.
func (d *desk) vehicle(v *office.ItemVehicle) string {
	return strings.TrimSpace(strings.Join([]string{v.Register, d.wordOf("category", v.Category), d.wordOf("fuel", v.Fuel), "euro " + d.wordOf("euro", v.Euro), v.FirstRegistration}, " "))
}

func (d *desk) addPlace(s *sheet, p *office.ItemPlace) {
	street := ""
	if p.Street != nil {
		street = p.Street.Text(d.lang)
	}
	s.addField("place", strings.TrimSpace(fmt.Sprintf("%s  %s %s  %s %s", street, s.l["camera"], p.Camera, s.l["zone"], p.Zone)))
}

func (d *desk) addTrace(s *sheet, trace []office.ItemStep) {
	for i, line := range d.linesOf(trace) {
		if i > 0 {
			s.addRow("", line)
			continue
		}
		s.addField("because", line)
	}
}

// linesOf writes the clauses of a trace, one a line.
func (d *desk) linesOf(trace []office.ItemStep) (out []string) {
	for i := range trace {
		step := &trace[i]
		text := d.in(step.Text)
		if text == "" {
			text = step.Code + " " + strings.Join(step.Args, " ")
		}
		if basis := d.in(step.Basis); basis != "" && !strings.Contains(text, basis) {
			text += " (" + basis + ")"
		}
		out = append(out, text)
	}
	return out
}

// question asks the one question of an item.
func (d *desk) question(item *office.Item) string {
	l := labels[d.lang]
	switch m := item.Measured; {
	case item.Question.Code == "keying":
		return l["question.keying"]
	case m != nil:
		margin := ""
		if m.Margin != "" {
			margin = fmt.Sprintf(l["margin"], d.decimals(m.Margin), d.word(m.MarginUnit))
		}
		return fmt.Sprintf(l["question.speed"], d.tenths(m.Corrected), d.tenths(m.Measured), margin, d.tenths(m.Limit))
	case item.LEZ != nil:
		return fmt.Sprintf(l["question.lez"], d.wordOf("fuel", item.LEZ.Fuel), d.wordOf("euro", item.LEZ.Euro))
	}
	return fmt.Sprintf(l["question"], d.wordOf("family", item.Family))
}

// printAct prints what an act did.
func (d *desk) printAct(w io.Writer, a *office.CaseActAnswer) error {
	s := d.newSheet(w)
	d.addAct(s, a)
	return s.finish()
}

func (d *desk) addAct(s *sheet, a *office.CaseActAnswer) {
	text := fmt.Sprintf("%s@%d: %s", a.CaseID, a.Version, d.word(a.State))
	if a.State == "settling" && a.EffectiveAt != nil {
		text = fmt.Sprintf(s.l["settling"], a.CaseID, a.Version, clock(*a.EffectiveAt))
	}
	s.addRow(text)
	s.addRow(fmt.Sprintf("%s %d", s.l["logged"], a.LogSeq))
}

// printUndone prints the item that is to be decided again.
func (d *desk) printUndone(w io.Writer, a *office.UndoneAnswer) error {
	s := d.newSheet(w)
	d.addAct(s, &a.CaseActAnswer)
	if a.Item != nil {
		d.addItem(s, a.Item)
	}
	return s.finish()
}

// printPreview prints what the rules say about another plate.
func (d *desk) printPreview(w io.Writer, a *office.PreviewAnswer) error {
	s := d.newSheet(w)
	s.addField("plate", a.Plate.Text+" "+a.Plate.Country)
	if v := a.Vehicle; v != nil {
		s.addField("register", d.vehicle(v))
	}
	s.addField("would_be", strings.TrimSpace(d.word(a.Outcome)+" "+d.word(a.Reason)))
	for _, x := range a.Warnings {
		s.addField("warning", d.word(x.Code))
	}
	d.addTrace(s, a.Trace)
	return s.finish()
}

// printWork prints a list of cases.
func (d *desk) printWork(w io.Writer, rows []office.WorkRow, next string, logged uint64, held bool) error {
	s := d.newSheet(w)
	last := "who"
	if held {
		last = "held_for"
	}
	s.addHead("due", "state", "family", "plate", "place", "captured", "case", last)
	for i := range rows {
		r := &rows[i]
		place := r.Camera
		if r.Street != nil {
			place = r.Street.Text(d.lang)
		}
		who := r.HeldBy
		if held {
			who = strings.TrimSpace(d.reason(r.HoldReason, r.HoldText) + " " + clockOf(r.HoldUntil))
		}
		s.addRow(clockOf(r.DueAt), d.word(r.State), d.wordOf("family", r.Family), strings.TrimSpace(r.Plate+" "+r.Country), place, clock(r.CapturedAt), fmt.Sprintf("%s@%d", r.CaseID, r.Version), who)
	}
	s.addRow(fmt.Sprintf(s.l["shown"], len(rows), logged))
	if next != "" {
		s.addRow(s.l["more"] + " --after " + next)
	}
	return s.finish()
}

// printCounts prints how much there is to decide.
func (d *desk) printCounts(w io.Writer, a *office.WorkCountsAnswer) error {
	s := d.newSheet(w)
	s.addHead("queue", "due", "zone", "count", "free")
	for _, r := range a.Rows {
		s.addRow(d.word(r.Queue), d.word(r.Due), r.Zone, strconv.FormatInt(r.Count, 10), strconv.FormatInt(r.Free, 10))
	}
	if len(a.Held) > 0 {
		s.addRow("")
		s.addHead("held_for", "count", "since", "next")
	}
	for _, h := range a.Held {
		s.addRow(d.reason(h.Reason, h.Text), strconv.FormatInt(h.Count, 10), clockOf(h.Oldest), clockOf(h.Next))
	}
	if len(a.Last) > 0 {
		s.addRow("")
		s.addHead("mine", "case", "verdict", "until")
	}
	for _, e := range a.Last {
		s.addRow(clock(e.RecordedAt), fmt.Sprintf("%s@%d", e.CaseID, e.Version), strings.TrimSpace(d.word(e.Verdict)+" "+d.word(e.Reason)), clockOf(e.EffectiveAt))
	}
	s.addRow(fmt.Sprintf("%s %d", s.l["logged"], a.Scope.LogSeq))
	return s.finish()
}

// printMany prints what an act on several cases did.
func (d *desk) printMany(w io.Writer, a *office.ManyAnswer) error {
	s := d.newSheet(w)
	if a.Done {
		s.addRow(fmt.Sprintf(s.l["done"], a.Count))
	} else {
		s.addRow(fmt.Sprintf(s.l["would"], a.Count, a.Count))
	}
	for _, f := range a.Failed {
		s.addRow(f.CaseID, cmp.Or(problems[f.Code].in(d.lang), f.Code))
	}
	return s.finish()
}

// printCase prints all of one case.
func (d *desk) printCase(w io.Writer, a *office.CaseAnswer) error {
	s, c := d.newSheet(w), &a.Case
	for i := range a.Summary {
		s.addRow(d.in(&a.Summary[i]))
	}
	s.addField("case", fmt.Sprintf("%s@%d", c.CaseID, c.Version))
	s.addField("state", strings.TrimSpace(d.word(c.State)+" "+d.word(c.EndReason)))
	s.addField("offence", c.OffenceID)
	s.addField("rule", c.Rule)
	s.addField("plate", strings.TrimSpace(c.Plate+" "+c.Country))
	if c.Corrected != nil {
		s.addField("proposed", c.Corrected.Text+" "+c.Corrected.Country)
	}
	d.addPlace(s, &a.Place)
	s.addField("captured", clock(c.CapturedAt))
	s.addField("held_for", strings.TrimSpace(d.word(c.HoldReason)+" "+clockOf(c.HoldUntil)))
	s.addField("due", clockOf(c.DecideBy))
	s.addField("track", d.word(c.Track))
	s.addField("number", c.Number)
	d.addFile(s, a)
	if c.Amount != 0 {
		s.addField("amount", d.euros(c.Amount))
	}
	s.addField("basis", d.in(c.LegalBasis))
	for _, i := range c.Incidents {
		s.addField("warning", fmt.Sprintf("%s (%d)", d.word(i.Kind), i.N))
	}
	d.addTrace(s, a.Trace)
	for _, t := range a.Seals {
		text := map[bool]string{true: s.l["holds"], false: s.l["broken"]}[t.Holds]
		if t.Absent {
			text = s.l["absent"]
		}
		s.addField("seal", d.word(t.Part)+": "+text)
	}
	s.addRow("")
	if a.Blind {
		s.addRow(s.l["blind"])
	}
	for i := range a.Events {
		e := &a.Events[i]
		said := []string{d.word(e.Verdict), d.word(e.Reason), e.Text}
		if e.Plate != nil {
			said = append(said, e.Plate.Text)
		}
		s.addRow(strconv.FormatInt(e.N, 10), clock(e.RecordedAt), d.word(e.Kind), d.word(e.To), e.User, strings.Join(strings.Fields(strings.Join(said, " ")), " "))
	}
	s.addRow(fmt.Sprintf("%s %d", s.l["logged"], a.Scope.LogSeq))
	return s.finish()
}

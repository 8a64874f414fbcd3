package rules

import (
	"fmt"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// CopyAsOf implements [CopyAges].
func (w *world) CopyAsOf(c Copy) (schemas.Micros, bool) {
	at, ok := w.copies[c]
	return at, ok
}

// Standing implements [Reference].
func (w *world) Standing(p schemas.Plate, c schemas.Country) (schemas.Standing, bool) {
	for _, s := range w.papers[p] {
		if s.Country == c {
			return s, true
		}
	}
	return schemas.Standing{}, false
}

// printClocks prints the deadlines of a family's case.
func (r *runner) printClocks(l *line) []string {
	family, captured, takenIn := schemas.Family(l.takeValue("family")), l.parseTime("captured"), l.parseTime("taken_in")
	l.checkAllUsed()
	rules := r.engine.cat.CaseRulesAt(captured)
	k := rules.Clocks(family)
	day := func(name string, c ClockRule) string {
		return fmt.Sprintf("%s by %s verified=%t", name, formatMoment(c.Deadline(captured, takenIn)), c.Grounds.Verified)
	}
	return []string{day(clockDecide, k.Decide), day(clockSend, k.Send), day(clockDrop, k.Drop), "regime " + rules.Regime(family)}
}

// printHold prints what ends a hold.
func (r *runner) printHold(l *line) []string {
	reason, at := l.takeValue("reason"), l.parseTime("at")
	l.checkAllUsed()
	h, ok := r.engine.cat.CaseRulesAt(at).Holds[reason]
	if !ok {
		return []string{"no rule"}
	}
	return []string{strings.TrimSpace(fmt.Sprintf("ends by %s copies=%v longest=%d decide=%t then %s %s", h.Ends, h.Copies, h.LongestDays, h.AtDecideBy, h.Then, h.WithdrawReason))}
}

// printRipe prints what becomes of a case whose passage is decided again.
func (r *runner) printRipe(l *line) []string {
	now, rule := l.parseTime("now"), schemas.RuleID("")
	if info := InfoOf(schemas.Family(l.takeValue("family"))); info != nil {
		rule = info.Rule
	}
	s := r.world.makeSubject(l)
	s.Prior = nil
	l.checkAllUsed()
	d, ok := r.engine.ExplainRule(s, r.world, rule)
	if !ok {
		l.t.Fatalf("family=%s decides nothing", l.kv["family"])
	}
	ripe := r.engine.cat.RipenDecision(&d, r.world, now)
	head := ripe.Outcome + " " + ripe.Reason
	if ripe.Until != 0 {
		head += " until=" + formatMoment(ripe.Until)
	}
	return append([]string{head}, formatSteps(ripe.Trace[len(d.Trace):])...)
}

// printFile prints what the file of a vehicle says about a case. The input lines are the earlier entries.
func (r *runner) printFile(l *line, earlier []string) []string {
	var entries []FileEntry
	for _, s := range earlier {
		e := parseLine(l.t, s)
		entries = append(entries, e.parseEntry())
		e.checkAllUsed()
	}
	family, at := schemas.Family(l.takeValue("family")), l.parseTime("at")
	this := l.parseEntry()
	l.checkAllUsed()
	if at == 0 {
		at = this.CapturedAt
	}
	a, ok := r.engine.cat.VehicleFile(family, entries, this, at)
	if !ok {
		return []string{"no file"}
	}
	head := fmt.Sprintf("%s level=%d together=%d total=%d verified=%t", a.Outcome, a.Level, a.Together, a.TotalCents, a.Verified)
	if a.FreeFrom != 0 {
		head += " free=" + formatMoment(a.FreeFrom)
	}
	return append([]string{head}, formatSteps(a.Trace)...)
}

// parseEntry reads an entry of a vehicle's file.
func (l *line) parseEntry() FileEntry {
	e := FileEntry{
		Kind: FileFine, CapturedAt: l.parseTime("captured"), SentAt: l.parseTime("sent"), Reason: l.takeValue("reason"), AmountCents: int64(l.parseNumber("cents", 0)),
		Excess: l.parseSpeed("excess"), Surround: l.takeValue("surround"), Abroad: l.hasWord("abroad"),
	}
	if l.hasWord(FileWarning) {
		e.Kind = FileWarning
	}
	return e
}

func formatMoment(at schemas.Micros) string { return at.Local().Format("2006-01-02T15:04:05-07:00") }

// formatSteps prints clauses, one on a line.
func formatSteps(steps []schemas.Step) (out []string) {
	for _, st := range steps {
		out = append(out, fmt.Sprintf("  %s %t %q basis=%q verified=%t", st.Code, st.Holds, st.Args, RenderBasis(English, st.Basis), st.Verified))
	}
	return out
}

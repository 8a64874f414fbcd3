package roles

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// holdRow says how a hold of a reason ends.
type holdRow struct {
	by     string // what ends it early: date, copy, keying, hand
	days   int    // longest, to the end of the Brussels day; 0 = the decide clock, or for a date no longest
	then   cases.State
	reason cases.WithdrawReason // of Withdrawn
}

// holdRows is written from the table of the holds that mature. A reason that the rules add later has no row here, and the
// test below fails.
var holdRows = map[string]holdRow{
	"foreign_unregistered":   {by: "date"},
	"foreign_polluting":      {by: "date"},
	"pass_possible":          {by: "date"},
	"register_stale":         {"copy", 14, cases.Arbitration, ""},
	"vehicle_unknown":        {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"vehicle_incomplete":     {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"vehicle_class_unknown":  {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"euro_unknown":           {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"euro_assumed":           {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"oldtimer_age_unknown":   {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"speed_class_unknown":    {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"speed_class_unsure":     {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"country_unknown":        {"keying", 0, cases.Arbitration, ""},
	"country_doubtful":       {"keying", 0, cases.Arbitration, ""},
	"plate_ambiguous":        {"keying", 0, cases.Arbitration, ""},
	"lane_unknown":           {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"sign_unknown":           {"hand", 0, cases.Withdrawn, cases.LimitWrong},
	"clock_suspect":          {"hand", 0, cases.Withdrawn, cases.ClockWrong},
	"exemption_unconfirmed":  {"hand", 0, cases.Arbitration, ""},
	"kind_contradicts":       {"hand", 0, cases.Arbitration, ""},
	"duplicate_possible":     {"hand", 0, cases.Arbitration, ""},
	"norm_disputed":          {"hand", 0, cases.Arbitration, ""},
	"speed_implausible":      {"hand", 0, cases.Arbitration, ""},
	"amber_stop_unproven":    {"hand", 0, cases.Arbitration, ""},
	"light_contradicts":      {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"light_implausible":      {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"picture_missing":        {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"permits_incomplete":     {"copy", 14, cases.Arbitration, ""},
	"turn_possible":          {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"local_traffic_possible": {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"adr_numbers_unknown":    {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"adr_substance_unknown":  {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"adr_carriage_unknown":   {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"adr_exempt_possible":    {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"goods_mass_unknown":     {"copy", 30, cases.Withdrawn, cases.NotProvable},
	"school_day_unknown":     {"hand", 0, cases.Withdrawn, cases.NotProvable},
	"section_clock":          {"hand", 0, cases.Arbitration, ""},
	"impossible_travel":      {"hand", 0, cases.Arbitration, ""},
}

// rowCases are the cases of one reason: one that nothing cures, and one that is cured before its time.
type rowCases struct{ stuck, cured cases.ID }

// Every hold of the rules goes from the intake to its end: cured by what the table names, or at its longest time.
func TestEveryHoldEndsAsItsRowSays(t *testing.T) {
	ref := emptyReference(t)
	curedCopies := false
	until := schemas.Micros(0)
	cat := brusselsCatalogue(t)
	catalogue := cat.Version()
	stuck := map[schemas.OffenceID]bool{}
	w := newLooksWorld(t, cat, askRules(func(q cases.Question) (cases.Answer, error) {
		facts := cases.Facts{Catalogue: catalogue, Reference: ref.Current().Version()}
		row := holdRows[q.HoldReason]
		switch {
		case row.by == "date" && q.Now >= until,
			!stuck[q.Offence] && (row.by == "copy" && curedCopies || row.by == "keying" && q.Reading != nil || slices.Contains(q.Accepted, q.HoldReason)):
			return cases.Answer{Outcome: cases.OutcomeOpen, Facts: facts}, nil
		case row.by == "date":
			return cases.Answer{Outcome: cases.OutcomeHeld, Reason: q.HoldReason, HoldUntil: until, Facts: facts}, nil
		case q.HoldReason == "":
			return cases.Answer{Outcome: cases.OutcomeOpen, Facts: facts}, nil
		}
		return cases.Answer{Outcome: cases.OutcomeHeld, Reason: q.HoldReason, Facts: facts}, nil
	}), ref.Current)
	now := w.now()
	until = (now.Day() + 6).Start()
	all := map[string]rowCases{}
	for _, reason := range rules.HoldReasons() {
		if slices.Contains(rules.HandHoldReasons(), reason) {
			continue
		}
		row, ok := holdRows[reason]
		if !ok {
			t.Errorf("the rules hold for %s, and no row says how the hold ends", reason)
			continue
		}
		at := schemas.Micros(0)
		if row.by == "date" {
			at = until
		}
		r := rowCases{w.takeIn(lezQuestion(now), reason, at), w.takeIn(lezQuestion(now), reason, at)}
		all[reason] = r
		stuck[w.get(r.stuck).Case.Offence] = true
		want := cases.Held
		if row.by == "keying" {
			want = cases.Keying
		}
		if c := w.get(r.cured).Case; c.State != want || c.HoldReason != reason {
			t.Errorf("%s: taken in as %s for %q", reason, c.State, c.HoldReason)
		}
	}
	if len(all) != len(holdRows) {
		t.Errorf("%d reasons of the rules, %d rows", len(all), len(holdRows))
	}
	w.mustLook()
	w.cureByPersons(all)
	w.moveTo(until - 20*schemas.Second)
	w.mustLook()
	w.wantEnded(all, "a day before", func(row holdRow) bool { return row.by == "keying" || row.by == "hand" })
	w.moveTo(until)
	curedCopies = true
	catalogue += " with other values"
	w.adopted, w.catalogue = "", catalogue
	w.mustLook()
	w.wantEnded(all, "after the sixth day", func(holdRow) bool { return true })
	longest := map[string]schemas.Micros{}
	for reason, r := range all {
		longest[reason] = w.get(r.stuck).Case.HoldLongest
	}
	rows := slices.Sorted(maps.Keys(holdRows))
	slices.SortStableFunc(rows, func(a, b string) int { return cmp.Compare(longest[a], longest[b]) })
	for _, reason := range rows {
		row := holdRows[reason]
		if r, ok := all[reason]; ok && row.by == "date" {
			w.wantState(r.stuck, cases.Open, "")
		} else if ok {
			w.wantLongest(reason, row, r.stuck, longest[reason])
		}
	}
	if totals, err := w.store.Totals(t.Context()); err != nil || totals.Overlong != 0 || totals.ByState[cases.Held]+totals.ByState[cases.Keying] != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// cureByPersons lets two persons key, and a supervisor settle the doubts.
func (w *looksWorld) cureByPersons(all map[string]rowCases) {
	w.t.Helper()
	do := func(r casestore.Request) {
		w.t.Helper()
		if _, err := w.store.Do(w.t.Context(), &r); err != nil {
			w.t.Fatal(err)
		}
	}
	keyed := 0
	for reason, r := range all {
		switch holdRows[reason].by {
		case "keying":
			keyed++ // two cases of one plate and day would be one offence
			plate := fmt.Sprintf("ZZ%03dZZ", keyed)
			for _, name := range []string{"an", "bo"} {
				by := cases.Actor{User: name, Role: cases.Agent, Purpose: "p"}
				l, err := w.store.LeaseCase(w.t.Context(), &by, r.cured)
				if err != nil {
					w.t.Fatal(err)
				}
				for _, p := range l.Case.Pictures {
					if err := w.store.NotePicture(w.t.Context(), name, r.cured, p.Sum); err != nil {
						w.t.Fatal(err)
					}
				}
				do(casestore.Request{
					Case: r.cured, IfVersion: l.Case.Version, Key: name + reason, Lease: l.Lease.ID, By: by,
					Command: cases.Key{Reading: &cases.PlateReading{Plate: plate, Country: "FR"}},
				})
			}
		case "hand":
			su := cases.Actor{User: "su", Role: cases.Supervisor, Appointment: "A", StepUp: true}
			do(casestore.Request{Case: r.cured, Key: reason, By: su, Command: cases.EndHold{Accept: true, Text: "seen on the picture of the case"}})
		}
	}
	w.mustLook()
}

// wantEnded fails unless the cured cases of the rows are open, and those of the others held.
func (w *looksWorld) wantEnded(all map[string]rowCases, when string, isEnded func(holdRow) bool) {
	w.t.Helper()
	for reason, r := range all {
		if got := w.get(r.cured).Case.State; (got == cases.Open) != isEnded(holdRows[reason]) {
			w.t.Errorf("%s, %s: the case that was cured is %s", when, reason, got)
		}
	}
}

// wantLongest moves the clock to the longest time of a hold that nothing cures.
func (w *looksWorld) wantLongest(reason string, row holdRow, id cases.ID, longest schemas.Micros) {
	w.t.Helper()
	c := w.get(id).Case
	end := c.DecideBy
	if row.days > 0 {
		end = (c.TakenInAt.Day() + schemas.Day(row.days) + 1).Start()
	}
	if longest != end {
		w.t.Errorf("%s: the longest time ends %s, want %s", reason, longest, end)
	}
	if now := w.now(); now < end-schemas.Minute {
		w.moveTo(end - schemas.Minute)
		w.mustLook()
		if s := w.get(id).Case.State; s != cases.Held && s != cases.Keying {
			w.t.Errorf("%s: a minute before its longest time the case is %s", reason, s)
		}
		w.moveTo(end + schemas.Second)
	}
	w.mustLook()
	w.wantState(id, row.then, string(row.reason))
	if e := w.get(id).Events; e[len(e)-1].Kind != cases.ReDecided || e[len(e)-1].RecordedAt < end {
		w.t.Errorf("%s: it ended with %s at %s", reason, e[len(e)-1].Kind, fmt.Sprint(e[len(e)-1].RecordedAt))
	}
}

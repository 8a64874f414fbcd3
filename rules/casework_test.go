package rules

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// Every reason for which a family can hold has a row that says what ends the hold, on every day that the catalogue
// covers: found in the source code, so that a reason added later cannot be forgotten.
func TestEveryReasonOfAHoldHasARowThatEndsIt(t *testing.T) {
	cat := mustLoad(t, Brussels())
	want := slices.Collect(func(yield func(string) bool) {
		for reason := range heldReasons(t) {
			if !yield(reason) {
				return
			}
		}
	})
	want = append(want, HandHoldReasons()...)
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(HoldReasons())); !slices.Equal(got, want) {
		t.Errorf("HoldReasons:\ngot  %v\nwant %v", got, want)
	}
	for _, day := range []schemas.Day{schemas.DayOf(2018, 1, 1), schemas.DayOf(2026, 11, 29), schemas.DayOf(2059, 1, 1)} {
		rules := cat.CaseRulesAt(day.Start())
		for _, reason := range want {
			h, ok := rules.Holds[reason]
			if !ok {
				t.Errorf("%s on %s: nothing ends the hold", reason, day)
				continue
			}
			if h.Ends != EndsByDate && h.LongestDays == 0 && !h.AtDecideBy {
				t.Errorf("%s: may last for ever", reason)
			}
			if h.Grounds.LegalBasis == "" || h.Grounds.Source == "" {
				t.Errorf("%s: no basis", reason)
			}
		}
		for _, info := range Families() {
			k := rules.Clocks(info.Family)
			for _, c := range []ClockRule{k.Decide, k.Send, k.Drop} {
				if c.Grounds.LegalBasis == "" || c.Anchor == "" {
					t.Errorf("%s on %s: clock %+v", info.Family, day, c)
				}
			}
			at := day.Start()
			if d, s, x := k.Decide.Deadline(at, at), k.Send.Deadline(at, at), k.Drop.Deadline(at, at); d > s || s > x {
				t.Errorf("%s: decide by %s, send by %s, drop by %s", info.Family, d, s, x)
			}
			if info.Decides() && rules.Regime(info.Family) == "" {
				t.Errorf("%s has no regime", info.Family)
			}
		}
	}
}

func TestACatalogueForCasesIsWholeOrAbsent(t *testing.T) {
	without := patched(t, []string{"cases.yaml: remove"})
	cat := mustLoad(t, without)
	at := schemas.DayOf(2026, 11, 29).Start()
	if got, want := cat.CaseRulesAt(at), mustLoad(t, Brussels()).CaseRulesAt(at); !reflect.DeepEqual(got, want) {
		t.Error("a catalogue without the sections does not have the built-in values")
	}
	for edit, want := range map[string]string{
		"s|  - reason: sign_unknown|  - reason: awaits_partner|":                         "no row for the reason sign_unknown: nothing would end such a hold",
		"s|  - reason: sign_unknown|  - reason: sign_gone|":                              `"sign_gone" is not one`,
		"s|known_answers:\n|known_answers: []\nx:\n|":                                    "unknown field",
		"s|  - family: all\n    clock: send|  - family: lez\n    clock: drop|":           "no row for the clock send of family all",
		"s|longest_days: 14|longest_days: 0|":                                            "the hold has no end",
		"s|copies: [registrations]\n    then|then|":                                      "name the copies that could cure the hold",
		"s|withdraw_reason: limit_wrong|withdraw_reason: bad_weather|":                   `"bad_weather" is not one`,
		"s|form: \"^CD[A-Z]{2}[0-9]{3}$\"|form: \"CD[A-Z\"|":                             "write a regular expression",
		"s|anchor: captured|anchor: birth|1":                                             `"birth" is not one`,
		"s|fields: [offence_id, |fields: [offence_id, shoe_size, |1":                     `"shoe_size" is not known`,
		"s|  - settle_seconds: 10|  - settle_seconds: 1000|":                             "1000 is not plausible",
		"s|reason: prosecutor\n    track: prosecutor|reason: none\n    track: regional|": `"none" is not one`,
	} {
		if _, err := Load(patched(t, []string{"cases.yaml: " + edit})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", edit, err, want)
		}
	}
	if _, err := Load(patched(t, []string{"cases.yaml: write case_work:\n  - settle_seconds: 10\n    counter_hours: 24\n    preview_minutes: 10\n    agent_hold_days: 3\n    skips: 3\n    min_shown_ms: 250\n    valid_from: 2018-01-01\n    valid_to: open\n    legal_basis: operational\n    source: \"x\"\n    verified: true\n"})); err == nil ||
		strings.Count(err.Error(), "section missing") != 7 {
		t.Errorf("one section of all: got %v", err)
	}
}

func TestTheSecondLookAndTheTracksAreThoseOfTheCatalogue(t *testing.T) {
	rules := mustLoad(t, Brussels()).CaseRulesAt(schemas.DayOf(2026, 11, 29).Start())
	s := rules.SecondLook(familySpeed)
	if !s.NotBelgian || s.ConfidenceBelow == 0 || s.ExcessFrom != 300 || !slices.Equal(s.Tracks, []string{"prosecutor"}) || !s.Special || !s.Unverified || s.Confirms == 0 || s.Rejects == 0 {
		t.Errorf("got %+v", s)
	}
	if rules.Probes != 0 || rules.Work.Settle != 10*schemas.Second || rules.Work.Skips != 3 {
		t.Errorf("probes %d, work %+v", rules.Probes, rules.Work)
	}
	for _, c := range []struct{ family, reason, track, regime string }{
		{string(familySpeed), reasonCollection, "immediate_collection", "traffic"},
		{string(familySpeed), reasonProsecutor, "prosecutor", "traffic"},
		{string(familySpeed), reasonSignUnknown, "", "traffic"},
		{string(familyLEZ), reasonPolluting, "regional", "lez"},
		{string(familyLEZ), reasonForeign, "regional", "lez"},
		{"parking", "any", "", "traffic"},
	} {
		f := schemas.Family(c.family)
		if got := rules.TrackOf(f, c.reason); got != c.track || rules.Regime(f) != c.regime {
			t.Errorf("%s %s: track %q, regime %q, want %q, %q", c.family, c.reason, got, rules.Regime(f), c.track, c.regime)
		}
	}
	for _, name := range trackNames {
		x, ok := rules.Track(name)
		if !ok || len(x.Fields) < 8 || !slices.Contains(regimeNames, x.Regime) {
			t.Errorf("track %s: %+v", name, x)
		}
		if got := x.Missing(func(f string) bool { return f != "seal" }); !slices.Equal(got, []string{"seal"}) {
			t.Errorf("track %s without a seal: %v", name, got)
		}
	}
	if len(rules.Tracks()) != len(trackNames) {
		t.Errorf("got %d tracks", len(rules.Tracks()))
	}
	for plate, kind := range map[string]string{"CDAB123": "diplomatic", "A12": "government", "7": "royal", "1ABC234": "", "CDAB12": ""} {
		got := ""
		for _, x := range rules.Special {
			if x.Form.MatchString(plate) {
				got = x.Kind
			}
		}
		if got != kind {
			t.Errorf("%s is %q, want %q", plate, got, kind)
		}
	}
}

// Every reason with which the rules withdraw a case is of the closed list, and each sort of an outcome that is no
// offence has one.
func TestEveryOutcomeThatIsNoOffenceIsWithdrawnWithAReason(t *testing.T) {
	cat := mustLoad(t, Brussels())
	for _, info := range Families() {
		for _, reason := range cat.Reasons(info.Family) {
			for _, o := range schemas.Outcomes() {
				d := Explained{Decision: schemas.Decision{Family: info.Family, Outcome: o, Reason: reason}, Finding: reason}
				ripe := cat.RipenDecision(&d, newWorld(), 0)
				if o == schemas.OutcomeOffence || o == schemas.OutcomeHeld {
					if ripe.Outcome != RipeOpen {
						t.Errorf("%s %s without a hold: %+v", o, reason, ripe)
					}
					continue
				}
				if ripe.Outcome != RipeWithdrawn || !slices.Contains(withdrawReasons, ripe.Reason) {
					t.Errorf("%s %s: %+v", o, reason, ripe)
				}
			}
		}
	}
}

// A case never opens while a copy that could cure its hold is older than the end of the hold, and never while a hold
// lasts. Time only moves a case from held to open.
func TestAHoldOpensOnlyWithRecentCopies(t *testing.T) {
	cat := mustLoad(t, Brussels())
	w, plates := city()
	e := New(cat)
	met := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		for _, info := range Families() {
			d, ok := e.ExplainRule(s, w, info.Rule)
			if !ok {
				continue
			}
			if rapid.Bool().Draw(t, "made up") { // few passages of the city wait for a date
				d.Outcome, d.Holds, d.Finding = schemas.OutcomeHeld, nil, reasonPolluting
				for range rapid.IntRange(1, 3).Draw(t, "holds") {
					until := s.Passage.Best.CapturedAt + schemas.Micros(rapid.IntRange(1, 12).Draw(t, "until"))*12*schemas.Hour
					d.Holds = append(d.Holds, HeldFor{rapid.SampledFrom([]string{reasonForeign, reasonForeignPolluting, reasonPassPossible}).Draw(t, "reason"), until})
				}
			}
			w.copies = map[Copy]schemas.Micros{}
			for _, c := range []Copy{CopyRegistrations, CopyPasses} {
				if rapid.Bool().Draw(t, "said") {
					w.copies[c] = s.Passage.Best.CapturedAt + schemas.Micros(rapid.IntRange(-10, 15).Draw(t, "age"))*12*schemas.Hour
				}
			}
			now := s.Passage.Best.CapturedAt + schemas.Micros(rapid.IntRange(0, 20).Draw(t, "now"))*12*schemas.Hour
			ripe := cat.RipenDecision(&d, w, now)
			met[ripe.Outcome]++
			if ripe.Outcome == RipeOpen {
				for _, h := range d.Holds {
					if h.Until == 0 || h.Until > now {
						t.Fatalf("open at %s with %+v", now, h)
					}
					if c := (map[string]Copy{reasonForeign: CopyRegistrations, reasonForeignPolluting: CopyRegistrations, reasonPassPossible: CopyPasses})[h.Reason]; w.copies[c] < h.Until {
						t.Fatalf("open with a copy as of %s: %+v", w.copies[c], h)
					}
				}
			}
			if later := cat.RipenDecision(&d, w, now+schemas.Hour); ripe.Outcome != RipeHeld && later.Outcome != ripe.Outcome {
				t.Fatalf("%s at %s, %s an hour later", ripe.Outcome, now, later.Outcome)
			}
			for _, x := range d.Holds {
				if !slices.Contains(HoldReasons(), x.Reason) {
					t.Fatalf("held for %s, which has no row", x.Reason)
				}
			}
		}
	})
	if met[RipeOpen] == 0 || met[RipeHeld] == 0 || met[RipeWithdrawn] == 0 {
		t.Errorf("met only %v", met)
	}
}

// A hold whose row has ended, with nothing after it, lasts: no value says what cures it.
func TestAHoldWithoutAValueInForceLasts(t *testing.T) {
	until := schemas.DayOf(2026, 11, 25).Start()
	d := Explained{Decision: schemas.Decision{Family: familyLEZ, Outcome: schemas.OutcomeHeld, Reason: reasonForeign, HoldUntil: until}, Finding: reasonForeign, Holds: []HeldFor{{reasonForeign, until}}}
	w := newWorld()
	w.copies[CopyRegistrations] = until
	ended := mustLoad(t, patched(t, []string{"cases.yaml: s|copies: [registrations]\n    then: open\n    valid_from: 2018-01-01\n    valid_to: open|copies: [registrations]\n    then: open\n    valid_from: 2018-01-01\n    valid_to: 2026-01-01|1"}))
	if got := ended.RipenDecision(&d, w, until); got.Outcome != RipeHeld || got.Reason != reasonForeign {
		t.Errorf("got %+v", got)
	}
	if got := mustLoad(t, Brussels()).RipenDecision(&d, w, until); got.Outcome != RipeOpen {
		t.Errorf("with the row: got %+v", got)
	}
}

// The engine's explanation of one rule is its explanation of all.
func TestExplainRuleAgreesWithExplain(t *testing.T) {
	w, plates := city()
	e := New(mustLoad(t, Brussels()))
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t, plates)
		for _, want := range e.Explain(s, w) {
			got, ok := e.ExplainRule(s, w, want.Rule)
			if !ok || !reflect.DeepEqual(got.Decision, want) {
				t.Fatalf("%s:\ngot  %+v\nwant %+v", want.Rule, got.Decision, want)
			}
			if held := want.Outcome == schemas.OutcomeHeld; held && (len(got.Holds) == 0 || got.Finding == "" && want.AmountCents != 0) {
				t.Fatalf("%s is held for %s, and its holds are %+v", want.Rule, want.Reason, got.Holds)
			}
		}
		if _, ok := e.ExplainRule(s, w, "no.such.rule"); ok {
			t.Fatal("a rule that is not there was found")
		}
	})
}

func drawEntries(t *rapid.T, kinds ...string) []FileEntry {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) FileEntry {
		e := FileEntry{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), CapturedAt: schemas.DayOf(2026, 1, 1).Start() + schemas.Micros(rapid.IntRange(0, 700).Draw(t, "day"))*24*schemas.Hour,
			Reason: rapid.SampledFrom([]string{reasonPolluting, reasonForeign, reasonCollection, reasonProsecutor}).Draw(t, "reason"),
			Excess: schemas.Speed(rapid.IntRange(0, 600).Draw(t, "excess")), Surround: rapid.SampledFrom(surroundings).Draw(t, "surround"),
			AmountCents: int64(rapid.IntRange(0, 40_000).Draw(t, "cents")),
		}
		if rapid.Bool().Draw(t, "sent") {
			e.SentAt = e.CapturedAt + schemas.Micros(rapid.IntRange(0, 60).Draw(t, "after"))*24*schemas.Hour
		}
		return e
	}), 0, 8).Draw(t, "earlier")
}

// The order in which the earlier cases are handed over changes nothing, and neither does an entry of the future.
func TestAFileIsTheSameInEveryOrder(t *testing.T) {
	cat := mustLoad(t, Brussels())
	rapid.Check(t, func(t *rapid.T) {
		entries := drawEntries(t, FileWarning, FileFine)
		this := FileEntry{Kind: FileFine, CapturedAt: schemas.DayOf(2027, 3, 1).Start(), Reason: reasonPolluting, Excess: 400, Surround: "built_up", AmountCents: 10_000}
		f := rapid.SampledFrom([]schemas.Family{familyLEZ, familySpeed}).Draw(t, "family")
		want, ok := cat.VehicleFile(f, entries, this, this.CapturedAt)
		mixed := rapid.Permutation(entries).Draw(t, "mixed")
		mixed = append(mixed, FileEntry{Kind: FileFine, CapturedAt: this.CapturedAt + 1, SentAt: this.CapturedAt + 2, Excess: 500, Surround: "school"})
		got, _ := cat.VehicleFile(f, mixed, this, this.CapturedAt)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

// However the passages of a vehicle fall, and in whatever order they are decided, no notice lies in the window of another,
// no twelve months have more fines than the catalogue says, and each answer is the same when the file is read again.
func TestAVehicleNeverGetsTwoFinesInAWindow(t *testing.T) {
	cat := mustLoad(t, Brussels())
	rapid.Check(t, func(t *rapid.T) {
		var file []FileEntry
		for range rapid.IntRange(2, 30).Draw(t, "passages") {
			seen := schemas.DayOf(2026, 7, 1) + schemas.Day(rapid.IntRange(0, 800).Draw(t, "day"))
			this := FileEntry{Kind: FileFine, CapturedAt: seen.Start() + 9*schemas.Hour, Reason: rapid.SampledFrom([]string{reasonPolluting, reasonForeign}).Draw(t, "reason")}
			a, _ := cat.VehicleFile(familyLEZ, file, this, schemas.DayOf(2030, 1, 1).Start())
			this.SentAt = this.CapturedAt + schemas.Micros(rapid.IntRange(1, 20).Draw(t, "sent after"))*24*schemas.Hour
			switch a.Outcome {
			case FileAnswerFine:
				file = append(file, this)
			case FileAnswerWarning:
				this.Kind = FileWarning
				file = append(file, this)
			case FileAnswerWindow, FileAnswerCap:
			default:
				t.Fatalf("outcome %q", a.Outcome)
			}
		}
		for i, x := range file {
			year := 0
			for k, y := range file {
				a, b := x.CapturedAt.Day(), y.CapturedAt.Day()
				if i != k && b >= a && b < x.SentAt.Day().AddMonths(3) {
					t.Fatalf("%s of %s, sent on %s, and %s of %s", x.Kind, a, x.SentAt.Day(), y.Kind, b)
				}
				if y.Kind == FileFine && b >= a && b < a.AddMonths(12) {
					year++
				}
			}
			if year > 4 {
				t.Fatalf("%d fines from %s in twelve months", year, x.CapturedAt.Day())
			}
			others, again := slices.Delete(slices.Clone(file), i, i+1), x
			again.Kind = FileFine
			if a, _ := cat.VehicleFile(familyLEZ, others, again, schemas.DayOf(2030, 1, 1).Start()); a.Outcome != x.Kind {
				t.Fatalf("%s of %s, read again: %+v in %+v", x.Kind, x.CapturedAt.Day(), a, others)
			}
		}
	})
}

// A file and a hold are told in every language, without a word of another and without a code.
func TestTheTraceOfACaseIsToldInEveryLanguage(t *testing.T) {
	steps := []schemas.Step{
		{Code: stepHoldPassed.Key, Holds: true, Args: []string{reasonForeign, "2026-11-25T23:00:00.000000Z"}, Verified: true},
		{Code: stepCopyFresh.Key, Args: []string{string(CopyRegistrations), "", "2026-11-25T23:00:00.000000Z"}, Verified: true},
		{Code: stepFileWindow.Key, Args: []string{"3", "2026-03-20", anchorSending, "2026-06-20"}, Verified: true},
		{Code: stepFileTotal.Key, Args: []string{"43600", "34700"}, Verified: true},
	}
	want := map[Lang][]string{
		Dutch: {
			"De wachttijd is voorbij (26/11/2026 00.00 uur): ",
			"De kopie \"registraties voor de zone\" is volledig tot het einde van de wachttijd (kopie: niet gekend, einde: 26/11/2026 00.00 uur): nee",
			"Deze doorrit valt niet in de 3 maanden na een eerdere waarschuwing of boete (eerder: 20/03/2026, gerekend vanaf: ", "Het totaal van 436,00 EUR laat een onmiddellijke inning toe (ten hoogste 347,00 EUR): nee",
		},
		French: {
			"Le délai de cette suspension est écoulé (26/11/2026 à 00h00) : ",
			"La copie « enregistrements pour la zone » est complète jusqu'à la fin du délai (copie : ",
			"Ce passage ne tombe pas dans les 3 mois qui suivent un avertissement ou une amende (antérieur : 20/03/2026, ", "Le total de 436,00 EUR permet une perception immédiate (au plus 347,00 EUR)",
		},
		English: {
			"The time of this hold has passed (26/11/2026 00:00): ", "The copy \"registrations for the zone\" is complete up to the end of the hold (copy: ",
			"No earlier warning or fine has this passage in the 3 months that follow it (earlier: 20/03/2026, ", "The total of EUR 436.00 allows an immediate collection (at most EUR 347.00)",
		},
	}
	code := regexp.MustCompile(`[a-z]+_[a-z]+|\{`)
	for lang, lines := range want {
		for i, s := range steps {
			if got := RenderStep(lang, s); !strings.HasPrefix(got, lines[i]) || code.MatchString(got) {
				t.Errorf("%s: got %q, want %q", lang, got, lines[i])
			}
		}
	}
}

package rules

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// placeholders lists the placeholders of a message, sorted.
func placeholders(text string) []string {
	var out []string
	for {
		_, after, ok := strings.Cut(text, "{")
		if !ok {
			slices.Sort(out)
			return out
		}
		inside, rest, _ := strings.Cut(after, "}")
		out = append(out, inside)
		text = rest
	}
}

// allClauses lists the clauses of all families, of holds and of files; shared clauses repeat.
func allClauses() (out []Clause) {
	out = slices.Concat(ripeClauses, fileClauses, tripwireClauses)
	for _, info := range Families() {
		out = append(out, info.Clauses...)
	}
	return out
}

// wantedOfSections adds the words of every section of the catalogue and of every field of its rows.
func wantedOfSections(add func(group string, words ...string)) {
	var fields func(row reflect.Type)
	fields = func(row reflect.Type) {
		for f := range row.Fields() {
			switch {
			case f.Type == reflect.TypeFor[rawProvenance]():
			case f.Type.Kind() == reflect.Struct:
				fields(f.Type)
			default:
				add("field", f.Tag.Get("yaml"))
			}
		}
	}
	rd := newReader()
	for i := range rd.sections.all {
		add("section", rd.sections.all[i].name)
		fields(rd.sections.all[i].rows.Elem())
	}
	add("field", fieldFrom, fieldBasis, fieldSource, fieldVerified)
}

// wanted lists every key the code may ask for.
func wanted(t *testing.T) []string {
	var keys []string
	add := func(group string, words ...string) {
		for _, w := range words {
			keys = append(keys, group+"."+w)
		}
	}
	add("ui", "head", "step", "yes", "no", "none", "basis", "unverified", "hold", "amount", "exempt")
	add("diff", "head", "same", "texts", "count", "past", "from", "span", "announced", "added", "removed", "words", "source", "unwritten", "open")
	add("quantity", quantities...)
	add("unverified", "jurist", "centre", "count")
	for m := time.January; m <= time.December; m++ {
		add("month", fmt.Sprintf("%02d", int(m)))
	}
	wantedOfSections(add)
	add("clock", clockDecide, clockSend, clockDrop)
	add("anchor", AnchorCaptured, AnchorTakenIn)
	add("end", string(EndsByDate), string(EndsByCopy), string(EndsByKeying), string(EndsByHand))
	add("then", thenArbitration, thenWithdrawn, thenOpen)
	add("track", trackNames...)
	add("regime", regimeNames...)
	add("series", seriesKinds...)
	add("handling", "automatic", "on_request")
	add("purpose", "judicial", "administrative")
	add("plates", "belgium", "abroad")
	add("rounding", roundDown, roundNone)
	add("fine", amountInfringement, amountForeign)
	add("family", FamilyNames((*Info).Decides)...)
	for _, o := range schemas.Outcomes() {
		add("outcome", o.String())
	}
	add("reason", reasonTripwire)
	for _, c := range slices.Concat(ripeClauses, fileClauses, tripwireClauses) {
		add("step", c.Key)
	}
	add("copy", copyNames...)
	for _, info := range Families() {
		add("reason", info.Reasons...)
		for _, c := range info.Clauses {
			add("step", c.Key)
		}
		for _, action := range info.Todo {
			add("todo", action)
		}
	}
	for f := schemas.FuelUnknown; f <= schemas.Hydrogen; f++ {
		add("fuel", f.String())
	}
	for e := schemas.EuroUnknown; e <= schemas.Euro6d; e++ {
		add("euro", e.String())
	}
	add("euro", "any", "banned")
	add("anchor", "sending", "event")
	add("surround", surroundings...)
	add("unit", "kmh", "percent")
	for k := schemas.KindCar; k.Valid(); k++ {
		add("kind", k.String())
	}
	for d := schemas.DirectionUnknown; d <= schemas.Departing; d++ {
		add("direction", d.String())
	}
	add("zonekind", schemas.ZoneKindNames()...)
	add("aspect", aspectRed, aspectAmber)
	add("check", slices.Concat(checkNames, cloneNames)...)
	add("use", schemas.LaneBus.String(), schemas.LaneBusTaxi.String())
	// All kinds in the catalogue, even announced kinds: staff see them in the reference data.
	rd := newReader()
	for i := range rd.sections.all {
		if d := &rd.sections.all[i]; d.name == "exemptions" {
			d.convert = func(_ *checker, rows reflect.Value) {
				for _, r := range rows.Interface().([]rawExemption) {
					add("exemption", r.Kind)
				}
			}
		}
	}
	for _, file := range []string{"general.yaml"} {
		b, err := catalogs.ReadFile("catalog/brussels/" + file)
		if err != nil {
			t.Fatal(err)
		}
		rd.readFile(file, b)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestEveryMessageIsThereInEveryLanguageAndUsed(t *testing.T) {
	want := wanted(t)
	for _, lang := range Langs() {
		got := slices.Sorted(maps.Keys(messages[lang]))
		for _, k := range want {
			if strings.TrimSpace(messages[lang][k]) == "" {
				t.Errorf("messages/%s.yaml lacks %s", lang, k)
			}
		}
		for _, k := range got {
			if !slices.Contains(want, k) {
				t.Errorf("messages/%s.yaml: nothing uses %s", lang, k)
			}
			if x, y := placeholders(messages[lang][k]), placeholders(messages[English][k]); !slices.Equal(x, y) {
				t.Errorf("messages/%s.yaml: %s has the placeholders %v, English has %v", lang, k, x, y)
			}
		}
	}
}

func TestEveryPlaceholderHasAnArgumentAndAForm(t *testing.T) {
	groups := map[string]bool{}
	for _, k := range wanted(t) {
		group, _, _ := strings.Cut(k, ".")
		groups[group] = true
	}
	for _, c := range allClauses() {
		used := make([]bool, c.Args)
		for _, p := range placeholders(messages[English]["step."+c.Key]) {
			n, form := parsePlaceholder(p)
			if n < 0 || n >= c.Args {
				t.Errorf("step.%s: {%s} has no argument", c.Key, p)
				continue
			}
			used[n] = true
			if forms[form] == nil && !groups[form] {
				t.Errorf("step.%s: {%s} has an unknown form", c.Key, p)
			}
		}
		for i, u := range used {
			if !u {
				t.Errorf("step.%s: argument %d is not told to staff", c.Key, i)
			}
		}
	}
}

func TestArgumentsAreWrittenTheWayOfTheLanguage(t *testing.T) {
	f := func(lang Lang, form, arg, want string) {
		t.Helper()
		if got := textsOf(lang).formatArg(form, arg); got != want {
			t.Errorf("%s {%s} of %q: got %q, want %q", lang, form, arg, got, want)
		}
	}
	f(Dutch, "day", "2026-07-01", "01/07/2026")
	f(Dutch, "day", "no day", "no day")
	f(French, "time", "2026-06-30T22:00:00.000000Z", "01/07/2026 00:00:00")
	f(English, "time", "?", "?")
	f(English, "eur", "35000", "350.00")
	f(Dutch, "eur", "5", "0,05")
	f(French, "eur", "-1", "-1")
	f(Dutch, "kmh", "505", "50,5")
	f(English, "kmh", "500", "50")
	f(English, "kmh", "5", "0.5")
	f(French, "fuel", "petrol", "essence")
	f(French, "fuel", "peat", "peat")
	f(Dutch, "day", "", "niet gekend")
}

func TestUnknownLanguageAndClauseAreStillWritten(t *testing.T) {
	if got, want := textsOf("de").Reason("day_pass"), "day pass"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := textsOf(French).Reason("exempt_motorhome"), "dérogation : motorhome"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got := RenderStep(Dutch, schemas.Step{Code: "lez.of_2031", Args: []string{"7"}, Basis: "art. 1", Verified: false})
	if want := "lez.of_2031 7: nee [rechtsgrond: art. 1] (waarde nog niet door een jurist geverifieerd)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = RenderStep(English, schemas.Step{Code: stepNotSeen.Key, Holds: true, Verified: true})
	if want := "No candidate yet for this plate and rule in the period of {0:day}: yes"; got != want {
		t.Errorf("missing argument: got %q, want %q", got, want)
	}
}

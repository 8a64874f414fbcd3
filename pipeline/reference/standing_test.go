package reference

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

const standingFile = `plate,country,insured_until,inspected_until,registered_until,plate_cancelled_from
1ABC123,BE,2026-11-01,2027-03-01,,
1ABC124,BE,2027-01-01,2027-03-01,,
1ABC125,BE,2026-11-20,,,
1ABC126,BE,2026-11-19,,,
1ABC127,BE,,,,2026-11-20
1ABC128,BE,,,,2026-11-21
1ABC129,BE,,,,
AB12CD,NL,,,2026-10-31,
`

const standingCopy = "copies: [{name: standing, as_of: 2026-11-20}]\n"

// Only vehicles of which a paper had ended when the copy was made are kept; of all others the copy proves nothing.
func TestOnlyEndedPapersAreKept(t *testing.T) {
	dir := copyRegion(t)
	registers := readFile(t, dir, fileRegisters)
	writeFile(t, dir, fileStanding, standingFile)
	writeFile(t, dir, fileRegisters, registers+standingCopy)
	s := mustLoad(t, dir)
	be, nl := schemas.Belgium, schemas.Country{'N', 'L'}
	for _, c := range []struct {
		plate   string
		country schemas.Country
		want    bool
	}{
		{"1ABC123", be, true},
		{"1ABC123", nl, false},
		{"1ABC123", schemas.Country{}, false},
		{"1ABC124", be, false},
		{"1ABC125", be, false},
		{"1ABC126", be, true},
		{"1ABC127", be, true},
		{"1ABC128", be, false},
		{"1ABC129", be, false},
		{"AB12CD", nl, true},
		{"NONE", be, false},
	} {
		if _, got := s.Standing(schemas.MustPlate(c.plate), c.country); got != c.want {
			t.Errorf("%s %s is kept: %t", c.plate, c.country, got)
		}
	}
	one, _ := s.Standing(schemas.MustPlate("1ABC123"), be)
	if want := (schemas.Standing{Country: be, InsuredUntil: schemas.DayOf(2026, 11, 1), InspectedUntil: schemas.DayOf(2027, 3, 1)}); one != want || s.Stats().Standing != 4 {
		t.Errorf("got %+v of %d, want %+v of 4", one, s.Stats().Standing, want)
	}
	if at, ok := s.CopyAsOf(rules.CopyStanding); !ok || at != schemas.DayOf(2026, 11, 20).Start() {
		t.Errorf("copy of %s %t", at, ok)
	}
	for _, c := range []struct{ name, file, registers, want string }{
		{"age not stated", standingFile, "", "registers.yaml: field copies: do not say up to when standing.csv is complete"},
		{"twice, and the longer one in order", standingFile + "1ABC123,BE,2027-11-01,,,\n", standingCopy, "standing.csv: has a vehicle twice"},
		{"no register of the country", standingFile + "AB123CD,FR,2026-11-01,,,\n", standingCopy, "standing.csv:10: field country: FR has no entry in registers.yaml"},
		{"no day", strings.Replace(standingFile, "2027-03-01", "2027-02-29", 1), standingCopy, "standing.csv:2: field inspected_until"},
		{"cut off", strings.TrimSuffix(standingFile, ",\n"), standingCopy, "standing.csv: does not end in a newline"},
	} {
		writeFile(t, dir, fileStanding, c.file)
		writeFile(t, dir, fileRegisters, registers+c.registers)
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// A delivery in which far more papers have ended than before is one of wrong dates: it is refused.
func TestFarMoreEndedPapersAreRefused(t *testing.T) {
	file := func(ended int) string {
		var b strings.Builder
		b.WriteString(strings.SplitAfter(standingFile, "\n")[0])
		for i := range 300 {
			until := "2027-01-01"
			if i < ended {
				until = "2026-11-01"
			}
			fmt.Fprintf(&b, "1ABD%03d,BE,%s,,,\n", i, until)
		}
		return b.String()
	}
	dir := copyRegion(t)
	writeFile(t, dir, fileRegisters, readFile(t, dir, fileRegisters)+standingCopy)
	load := func(ended int) *Snapshot { writeFile(t, dir, fileStanding, file(ended)); return mustLoad(t, dir) }
	before := load(100)
	if got := suspiciousChanges(before.Stats(), before.dates(), load(200), "the version in use has"); len(got) != 0 {
		t.Errorf("twice as many: %v", got)
	}
	got := suspiciousChanges(before.Stats(), before.dates(), load(201), "the version in use has")
	if len(got) != 1 || got[0].File != fileStanding || !strings.Contains(got[0].Detail, "has 201 vehicles") {
		t.Errorf("more than twice as many: %v", got)
	}
}

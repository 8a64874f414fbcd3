package access

import (
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// A number's year is compared with the year in Brussels, where the next year begins an hour earlier than in London.
func TestTheYearOfANumberIsComparedWithTheYearInBrussels(t *testing.T) {
	forms := &Forms{FileNumbers: map[string][]string{"judicial": {"AA.99.A9.999999/yyyy"}}, FirstYears: map[string]int{"judicial": 2001}}
	for at, want := range map[string]bool{"2026-12-31T22:59:59Z": false, "2026-12-31T23:00:00Z": true, "2027-01-01T00:00:00Z": true} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		j := Justification{Purpose: Judicial, Reason: "witness of an accident with flight", CaseRef: "BR.43.L2.000001/2027"}
		if faults := j.Check(forms, schemas.MicrosOf(instant)); (len(faults) == 0) != want {
			t.Errorf("%s: got %+v", at, faults)
		}
	}
}

package reference

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

const reservedText = `      - number: 0
        reserved:
          - {sign: F17, use: bus_taxi, days: [monday, tuesday], from_time: 07:00, to_time: 09:00, valid_from: 2026-01-01, legal_basis: {nl: "reglement 9", fr: "règlement 9"}}
          - {sign: F18, use: bus, days: [monday], from_time: 16:00, to_time: 18:00, valid_from: 2026-01-01, legal_basis: {nl: "reglement 9", fr: "règlement 9"}, verified: true}
`

// A lane is reserved as its rows say, and a row that cannot be right is refused with its line.
func TestReservedLanes(t *testing.T) {
	load := func(from, to string) (*Snapshot, error) {
		dir := copyRegion(t)
		editFile(t, dir, fileCameras, "      - number: 0\n", strings.Replace(reservedText, from, to, 1))
		return Load(dir)
	}
	s, err := load("", "")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := s.Camera("BRU-0001")
	all := c.Lanes[1].Reserved
	if len(all) != 2 || !all[0].TurnAllowed || all[0].Use != schemas.LaneBusTaxi || all[1].TurnAllowed || all[1].Sign != schemas.SignF18 || !all[1].Verified {
		t.Fatalf("got %+v", all)
	}
	for at, want := range map[string]bool{
		"2026-11-23T07:00:00+01:00": true, "2026-11-23T09:00:00+01:00": false, "2026-11-25T08:00:00+01:00": false, "2025-11-24T08:00:00+01:00": false,
	} {
		if got := all[0].HoldsAt(parseTime(t, at)); got != want {
			t.Errorf("%s: reserved %t", at, got)
		}
	}
	for _, c := range []struct{ from, to, want string }{
		{"sign: F17", "sign: F19", "lanes[1].reserved[0].sign: \"F19\" is neither"},
		{"use: bus_taxi", "use: cab", "lanes[1].reserved[0].use: \"cab\" is neither"},
		{"use: bus,", "use: bus, turn_allowed: true,", "lanes[1].reserved[1].turn_allowed: is true at a sign F18"},
		{"from_time: 16:00", "from_time: 08:59", "lanes[1].reserved[1]: overlaps reserved[0]"},
		{`, legal_basis: {nl: "reglement 9", fr: "règlement 9"}}`, "}", "lanes[1].reserved[0].legal_basis: is empty"},
		{"bus_taxi, days: [monday, tuesday], from_time: 07:00, to_time: 09:00", "bus_taxi, hours: 07:00-09:00", "\"hours\": is not known"},
	} {
		if _, err := load(c.from, c.to); len(problemsOf(err)) == 0 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

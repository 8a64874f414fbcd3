package reference

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

const tunnelRows = `    tunnels:
      - {id: LEOPOLD, category: C, lanes: [1, 2], direction: approaching, from_time: 06:00, to_time: 22:00, valid_from: 2026-01-01, legal_basis: {nl: "besluit 1", fr: "arrêté 1"}, verified: true}
      - {id: LEOPOLD, category: E, lanes: [1, 2], direction: approaching, from_time: 22:00, to_time: 06:00, valid_from: 2026-01-01, legal_basis: {nl: "besluit 2", fr: "arrêté 2"}}
      - {id: LEOPOLD, category: A, lanes: [3], valid_from: 2026-01-01, legal_basis: {nl: "besluit 3", fr: "arrêté 3"}}
`

// A camera has the categories of its tunnel by lane, direction, hour and day; two at once are refused.
func TestTunnelsHaveACategoryAtACamera(t *testing.T) {
	dir := copyRegion(t)
	cameras := readFile(t, dir, fileCameras)
	with := func(rows string) {
		writeFile(t, dir, fileCameras, strings.Replace(cameras, "    purposes: [hotlist]\n", "    purposes: [hotlist, adr]\n"+rows, 1))
	}
	with(tunnelRows)
	var cam *schemas.Camera
	for _, c := range mustLoad(t, dir).Cameras() {
		if len(c.Tunnels) > 0 {
			cam = c
		}
	}
	if cam == nil || len(cam.Tunnels) != 3 {
		t.Fatalf("camera %+v", cam)
	}
	one, two := &cam.Tunnels[0], &cam.Tunnels[1]
	if yes, _ := one.Place.Covers(2, schemas.Approaching); !yes || one.Category != 'C' || !one.Verified || two.Verified || rules.RenderBasis(rules.Dutch, one.LegalBasis) != "besluit 1 (2026-01-01)" {
		t.Errorf("tunnels %+v %+v", one, two)
	}
	noon, night := parseTime(t, "2026-11-19T12:00:00+01:00"), parseTime(t, "2026-11-19T22:00:00+01:00")
	if !one.HoldsAt(noon) || one.HoldsAt(night) || two.HoldsAt(noon) || !two.HoldsAt(night) || one.HoldsAt(parseTime(t, "2025-12-31T12:00:00+01:00")) {
		t.Error("the hours are not those that were written")
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"no category", "category: E", "category: F", `category: "F" is none of A, B, C, D, E`},
		{"two at once", "from_time: 22:00", "from_time: 21:59", "gives tunnel LEOPOLD another category at the time of tunnels[0]"},
		{"two on a lane", "lanes: [3]", "lanes: [2]", "gives tunnel LEOPOLD another category"},
		{"lane zero", "lanes: [3]", "lanes: [0]", "lanes[0]: 0 is outside"},
		{"no French basis", `{nl: "besluit 2", fr: "arrêté 2"}`, `{nl: "besluit 2"}`, "legal_basis.fr: is empty"},
		{"a key that is none", "category: A", "category: A, kind: road", "kind"},
	} {
		with(strings.Replace(tunnelRows, c.old, c.new, 1))
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

package reference

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

const roadTimeHeader = "from_site,to_site,seconds,valid_from,valid_to\n"

// Two sites get their times when every camera there may be compared and the time can be right; a change of the file alone is
// seen, and cameras elsewhere get nothing.
func TestRoadTimesAreOfSitesThatMayBeCompared(t *testing.T) {
	dir := t.TempDir()
	camera := func(id, site, purposes, position string) string {
		return "  - {id: " + id + ", site: " + site + ", kind: fixed, municipality: 21004, zone: \"5339\", purposes: [" + purposes + "]" + position + "}\n"
	}
	cameras := "cameras:\n" + camera("A1", "north", "clone", ", lat_e6: 50860000, lon_e6: 4350000") + camera("A2", "north", "lez, clone", "") +
		camera("B1", "south", "clone", ", lat_e6: 50820000, lon_e6: 4350000") + camera("C1", "east", "lez", ", lat_e6: 50840000, lon_e6: 4390000") +
		camera("D1", "west", "clone", "")
	writeFile(t, dir, fileCameras, cameras)
	const rows = "north,south,240,2026-01-01,2026-07-01\nnorth,south,300,2026-07-01,\nsouth,north,240,2026-01-01,\n"
	writeFile(t, dir, fileRoadTimes, roadTimeHeader+rows)
	s := mustLoad(t, dir)
	find := func(id string) *schemas.Camera {
		c, ok := s.Camera(id)
		if !ok {
			t.Fatalf("no camera %s", id)
		}
		return c
	}
	north, south := find("A1"), find("B1")
	if find("A2").RoadTimes != north.RoadTimes || find("C1").RoadTimes != nil || find("D1").RoadTimes != nil || !north.RoadTimes.Compares(south.SiteHash) {
		t.Error("the matrix is not at the cameras of its sites alone")
	}
	for at, want := range map[string]schemas.Micros{
		"2025-12-31T23:59:59+01:00": 0, "2026-01-01T00:00:00+01:00": 240, "2026-06-30T23:59:59+02:00": 240, "2026-07-01T00:00:00+02:00": 300,
	} {
		if got, ok := north.RoadTimes.Shortest(north.SiteHash, south.SiteHash, parseTime(t, at)); got != want*schemas.Second || ok != (want != 0) {
			t.Errorf("%s: %s %t, want %d s", at, got, ok, want)
		}
	}
	writeFile(t, dir, fileRoadTimes, roadTimeHeader+"north,south,200,2026-01-01,\n")
	next, err := loadSnapshot(t.Context(), dir, indexDir{}, s)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := next.Camera("B1")
	if got, _ := c.RoadTimes.Shortest(north.SiteHash, south.SiteHash, parseTime(t, "2026-02-01T00:00:00+01:00")); got != 200*schemas.Second || len(c.RoadTimes.Times(south.SiteHash, north.SiteHash)) > 0 {
		t.Errorf("another file, and the time is %s", got)
	}
	for _, c := range []struct{ name, row, want string }{
		{"no such site", "north,nowhere,240,2026-01-01,", "nowhere is the site of no camera"},
		{"a camera that may not", "north,east,240,2026-01-01,", "camera C1 of the site is not authorised"},
		{"no position", "north,west,240,2026-01-01,", "camera D1 has no position"},
		{"to itself", "north,north,240,2026-01-01,", "is from_site"},
		{"an hour for four kilometres", "north,south,3600,2020-01-01,2021-01-01", "which a driver beats on an empty road"},
		{"minutes", "north,south,5,2020-01-01,2021-01-01", "write the shortest time in seconds"},
		{"twice", "north,south,250,2026-06-30,2026-07-02", "overlaps the days of another line"},
		{"no time", "north,south,0,2020-01-01,2021-01-01", "0 is outside"},
		{"days", "north,south,240,2021-01-01,2020-01-01", "valid_to"},
	} {
		writeFile(t, dir, fileRoadTimes, roadTimeHeader+rows+c.row+"\n")
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

package reference

import (
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// sectionCameras stand some 1,000 m apart on a line to the north, and one beside the first; the last has no position,
// the one before no purpose.
const sectionCameras = `cameras:
  - {id: IN, site: S-IN, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50850000, lon_e6: 4350000, purposes: [section_control]}
  - {id: IN2, site: S-IN2, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50850000, lon_e6: 4351000, purposes: [section_control]}
  - {id: OUT, site: S-OUT, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50859000, lon_e6: 4350000, purposes: [section_control, speed]}
  - {id: OUTB, site: S-IN, kind: fixed, municipality: 21004, zone: "5339", lat_e6: 50859000, lon_e6: 4350000, purposes: [section_control]}
  - {id: MID, site: S-MID, kind: fixed, municipality: 21004, zone: "5339", purposes: [speed]}
  - {id: NOWHERE, site: S-NW, kind: fixed, municipality: 21004, zone: "5339", purposes: [section_control]}
`

const sectionFile = `sections:
  - id: T-1
    street: {nl: Leopold II-tunnel, fr: Tunnel Léopold II}
    entries:
      - {camera: IN, lanes: [1, 2], direction: approaching, clock_ms: 100}
      - {camera: IN2, clock_ms: 100}
    exits: [{camera: OUT, lanes: [1], clock_ms: 50}]
    inside: [{camera: MID, direction: departing}]
    length_m: 1010
    lengths: [{from: IN, to: OUT, from_lane: 2, length_m: 1020}]
    certificates: [{serial: TC-1, approval: B-44, valid_from: 2026-01-01, valid_to: 2028-01-01}]
    limits:
      - {limit_kmh: 50, surround: built_up, valid_from: 2025-01-01, valid_to: 2026-06-01}
      - {limit_kmh: 70, surround: other, valid_from: 2026-06-01}
      - {limit_kmh: 30, surround: school, days: [monday], from_time: 07:30, to_time: 08:30, valid_from: 2026-01-01}
    valid_from: 2026-02-01
`

func loadSections(t *testing.T, file string) (*Snapshot, error) {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, fileCameras, sectionCameras)
	writeFile(t, dir, fileSections, file)
	return Load(dir)
}

func TestASectionIsLinkedToItsCameras(t *testing.T) {
	s, err := loadSections(t, sectionFile)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := s.Camera("IN")
	out, _ := s.Camera("OUT")
	mid, _ := s.Camera("MID")
	none, _ := s.Camera("NOWHERE")
	if len(in.Sections) != 1 || len(out.Sections) != 1 || len(mid.Sections) != 1 || none.Sections != nil || in.Sections[0] != out.Sections[0] {
		t.Fatalf("%d %d %d %d sections", len(in.Sections), len(out.Sections), len(mid.Sections), len(none.Sections))
	}
	x, at := in.Sections[0], schemas.DayOf(2026, 11, 20).Start()
	if x.ID != "T-1" || x.Street.NL != "Leopold II-tunnel" || x.Entries[0].Clock != 100*schemas.Millisecond || x.Exits[0].Clock != 50*schemas.Millisecond || len(x.Limits) != 3 {
		t.Errorf("%+v", x)
	}
	for _, c := range []struct {
		lane uint8
		want int64
	}{{1, 1010}, {2, 1020}, {0, 1010}} {
		if got := x.LengthBetween(in, out, c.lane, 1); got != c.want {
			t.Errorf("lane %d: %d m, want %d", c.lane, got, c.want)
		}
	}
	for name, c := range map[string]struct {
		cam       *schemas.Camera
		lane      uint8
		direction schemas.Direction
		at        schemas.Micros
		want      bool
	}{
		"entry":                  {in, 1, schemas.Approaching, at, true},
		"entry, other lane":      {in, 3, schemas.Approaching, at, false},
		"entry, other direction": {in, 1, schemas.Departing, at, false},
		"exit":                   {out, 1, schemas.Departing, at, true},
		"inside":                 {mid, 9, schemas.Departing, at, true},
		"inside, other way":      {mid, 9, schemas.Approaching, at, false},
		"before it is valid":     {in, 1, schemas.Approaching, schemas.DayOf(2026, 2, 1).Start() - 1, false},
		"from when it is valid":  {in, 1, schemas.Approaching, schemas.DayOf(2026, 2, 1).Start(), true},
		"without a certificate":  {in, 1, schemas.Approaching, schemas.DayOf(2028, 1, 1).Start(), false},
	} {
		if got := c.cam.SectionOver(c.lane, c.direction, c.at) != nil; got != c.want {
			t.Errorf("%s: a section is active %t", name, got)
		}
	}
}

func TestRefusesBrokenSections(t *testing.T) {
	second := "  - id: T-2\n    entries: [{camera: IN, lanes: [2], clock_ms: 1}]\n    exits: [{camera: OUT, lanes: [2], clock_ms: 1}]\n    length_m: 1100\n" +
		"    certificates: [{serial: x, approval: y, valid_from: 2026-01-01, valid_to: 2028-01-01}]\n    limits: [{limit_kmh: 50, surround: other, valid_from: 2020-01-01}]\n    valid_from: 2026-02-01\n"
	for name, c := range map[string]struct{ from, to, want string }{
		"camera unknown":                {"clock_ms: 50}]", "clock_ms: 50}, {camera: GONE, clock_ms: 9}]", "sections.yaml:7: field sections[0].exits[1].camera: GONE is not in cameras.yaml"},
		"camera without the purpose":    {"clock_ms: 50}]", "clock_ms: 50}, {camera: MID, clock_ms: 9}]", "sections.yaml:7: field sections[0].exits[1].camera: MID is not authorised"},
		"camera without a position":     {"camera: IN2,", "camera: NOWHERE,", "sections.yaml:6: field sections[0].entries[1].camera: NOWHERE has no position"},
		"the entry is the exit":         {"clock_ms: 50}]", "clock_ms: 50}, {camera: IN2, clock_ms: 9}]", "sections.yaml:2: field sections[0].exits[1].camera: IN2 stands at site S-IN2"},
		"entry and exit of one site":    {"clock_ms: 50}]", "clock_ms: 50}, {camera: OUTB, clock_ms: 9}]", "sections.yaml:2: field sections[0].exits[1].camera: OUTB stands at site S-IN"},
		"no exit":                       {"    exits: [{camera: OUT, lanes: [1], clock_ms: 50}]\n    inside: [{camera: MID, direction: departing}]\n    length_m: 1010\n    lengths: [{from: IN, to: OUT, from_lane: 2, length_m: 1020}]\n", "    length_m: 1010\n", "sections.yaml:2: field sections[0].exits: is empty"},
		"no clock":                      {", clock_ms: 50}", "}", "sections.yaml:7: field sections[0].exits[0].clock_ms: is empty"},
		"clock of zero":                 {"clock_ms: 50", "clock_ms: 0", "sections.yaml:7: field sections[0].exits[0].clock_ms: 0 is outside 1..10000"},
		"lane zero":                     {"lanes: [1, 2]", "lanes: [0]", "sections.yaml:5: field sections[0].entries[0].lanes[0]: 0 is outside 1..32"},
		"lane twice":                    {"lanes: [1, 2]", "lanes: [1, 1]", "sections.yaml:5: field sections[0].entries[0].lanes[1]: is there twice"},
		"shorter than the way":          {"length_m: 1010", "length_m: 999", "sections.yaml:2: field sections[0].length_m: 999 is below the straight distance of its ends, 1001 m"},
		"longer than three times":       {"length_m: 1010\n    lengths: [{from: IN, to: OUT, from_lane: 2, length_m: 1020}]", "length_m: 3003", "sections.yaml:2: field sections[0].length_m: 3003 is more than 3 times the straight distance"},
		"a pair longer than that":       {"length_m: 1020", "length_m: 3100", "sections.yaml:2: field sections[0].lengths[0].length_m: 3100 is more than 3 times"},
		"a pair below the shortest":     {"length_m: 1020", "length_m: 1005", "sections.yaml:10: field sections[0].lengths[0].length_m: 1005 is below 1010 of the section"},
		"a pair from elsewhere":         {"from: IN, to", "from: OUT, to", "sections.yaml:10: field sections[0].lengths[0].from: OUT is no entry"},
		"a pair to elsewhere":           {"to: OUT, from", "to: IN, from", "sections.yaml:10: field sections[0].lengths[0].to: IN is no exit"},
		"no length":                     {"    length_m: 1010\n", "", "sections.yaml:2: field sections[0].length_m: is empty"},
		"no certificate":                {"    certificates: [{serial: TC-1, approval: B-44, valid_from: 2026-01-01, valid_to: 2028-01-01}]\n", "", "sections.yaml:2: field sections[0].certificates: is empty"},
		"certificate reversed":          {"valid_to: 2028-01-01", "valid_to: 2025-01-01", "sections.yaml:11: field sections[0].certificates[0].valid_to: is not after"},
		"a gap of limits":               {"surround: other, valid_from: 2026-06-01", "surround: other, valid_from: 2026-06-02", "sections.yaml:2: field sections[0].limits: have none for all hours from"},
		"limits begin too late":         {"valid_from: 2025-01-01, valid_to: 2026-06-01", "valid_from: 2026-02-02, valid_to: 2026-06-01", "sections.yaml:2: field sections[0].limits: have none for all hours from"},
		"limits end before the section": {"surround: other, valid_from: 2026-06-01", "surround: other, valid_from: 2026-06-01, valid_to: 2030-01-01", "sections.yaml:2: field sections[0].limits: have none for all hours from"},
		"limits overlap":                {"surround: other, valid_from: 2026-06-01", "surround: other, valid_from: 2026-05-31", "sections.yaml:14: field sections[0].limits[1]: overlaps limits[0]"},
		"too slow to be remembered":     {"limit_kmh: 30,", "limit_kmh: 6,", "sections.yaml:2: field sections[0].length_m: at 6 km/h the section takes 612 s"},
		"no begin":                      {"    valid_from: 2026-02-01\n", "", "sections.yaml:2: field sections[0].valid_from: is empty"},
		"key unknown":                   {"    length_m: 1010\n", "    length_m: 1010\n    metres: 7\n", "sections.yaml:10: field sections[0].\"metres\": is not known here"},
		"id twice":                      {"    valid_from: 2026-02-01\n", "    valid_from: 2026-02-01\n" + strings.Replace(second, "T-2", "T-1", 1), "sections.yaml:17: field sections[1].id: is also that of the section in line 2"},
		"a lane in two sections":        {"    valid_from: 2026-02-01\n", "    valid_from: 2026-02-01\n" + second, "sections.yaml:17: field sections[1].id: uses a lane of camera IN that is an end of section T-1"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(sectionFile, c.from, c.to, 1)
			if text == sectionFile {
				t.Fatal("the edit changes nothing")
			}
			_, err := loadSections(t, text)
			found := problemsOf(err)
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want) {
				t.Errorf("got  %v\nwant %s...", err, c.want)
			}
		})
	}
	later := strings.ReplaceAll(second, "valid_from: 2026-02-01", "valid_from: 2030-01-01")
	if _, err := loadSections(t, strings.Replace(sectionFile, "    valid_from: 2026-02-01\n", "    valid_from: 2026-02-01\n    valid_to: 2030-01-01\n"+strings.Replace(later, "T-2", "T-1", 1), 1)); err != nil {
		t.Errorf("a section that follows another one of the same id is refused: %v", err)
	}
}

// A new version of the sections alone brings new cameras too: a link into an older version would be a mixture.
func TestANewVersionOfTheSectionsLinksNewCameras(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, fileCameras, sectionCameras)
	old, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, fileSections, sectionFile)
	s, err := loadSnapshot(t.Context(), dir, indexDir{}, old)
	if err != nil {
		t.Fatal(err)
	}
	was, _ := old.Camera("IN")
	is, _ := s.Camera("IN")
	if was.Sections != nil || len(is.Sections) != 1 || is.Number != was.Number || old.Version() == s.Version() {
		t.Errorf("%d and %d sections, numbers %d and %d, versions %s and %s", len(was.Sections), len(is.Sections), was.Number, is.Number, old.Version(), s.Version())
	}
	again, err := loadSnapshot(t.Context(), dir, indexDir{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if same, _ := again.Camera("IN"); same != is {
		t.Error("nothing changed, and the cameras are others")
	}
}

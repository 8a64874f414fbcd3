package reference

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

const zonesFile = `calendars:
  - id: school-fr
    valid_from: 2026-08-24
    valid_to: 2027-07-03
    days_off:
      - {from: 2026-10-19, to: 2026-11-02}
access_zones:
  - id: school-1
    kind: school
    name: {nl: Schoolstraat, fr: "Rue de l'École"}
    school_days: school-fr
    slots:
      - {days: [monday, tuesday], from_time: 08:00, to_time: 08:30}
      - {days: [wednesday], from_time: 12:00, to_time: 12:30}
    entries: [{camera: BRU-0001, lanes: [1], direction: approaching}, {camera: BRU-0003}]
    valid_from: 2026-09-01
    legal_basis: {nl: "reglement 7", fr: "règlement 7"}
    verified: false
  - id: goods-1
    kind: no_goods
    name: {nl: Laan, fr: Avenue}
    above_kg: 3500
    local_traffic: true
    entries: [{camera: BRU-0001}]
    valid_from: 2026-01-01
    legal_basis: {nl: "reglement 8", fr: "règlement 8", en: "regulation 8"}
`

const suspensionsFile = `suspensions:
  - id: car-free
    author: Region
    reason: {nl: autoloze zondag, fr: dimanche sans voiture, en: car-free Sunday}
    families: [all]
    everywhere: true
    from: 2026-09-20T09:30:00+02:00
    to: 2026-09-20T19:00:00+02:00
  - id: works-7
    author: "5339"
    reason: {nl: werken, fr: travaux}
    families: [access]
    zones: [school-1]
    cameras: [BRU-0002]
    municipalities: [21004]
    from: 2026-11-01
    to: 2026-11-08
`

const permitsFile = `plate,zone,reason,valid_from,valid_to,country,days,from_time,to_time,version
1ABC123,school-1,resident,2026-09-01,2027-09-01,,,,,3
1ABC123,goods-1,supplier,2026-09-01,,BE,monday|friday,08:00,10:00,3
AB123CD,school-1,carer,2026-09-01,,FR,,,,3
`

// copyZones is copyRegion with access zones, suspensions and permits.
func copyZones(t testing.TB) string {
	dir := copyRegion(t)
	writeFile(t, dir, fileZones, zonesFile)
	writeFile(t, dir, fileSuspensions, suspensionsFile)
	writeFile(t, dir, filePermits, permitsFile)
	return dir
}

func TestZonesAndSuspensionsStandAtTheirCameras(t *testing.T) {
	dir := copyZones(t)
	writeFile(t, dir, fileRegisters, readFile(t, dir, fileRegisters)+"copies: [{name: permits, as_of: 2026-11-20, rows: 3}]\n")
	s := mustLoad(t, dir)
	one, _ := s.Camera("BRU-0001")
	two, _ := s.Camera("BRU-0002")
	three, _ := s.Camera("BRU-0003")
	if len(one.AccessZones) != 2 || len(two.AccessZones) != 0 || len(three.AccessZones) != 1 || one.AccessZones[0].Zone != three.AccessZones[0].Zone {
		t.Fatalf("zones %+v, %+v, %+v", one.AccessZones, two.AccessZones, three.AccessZones)
	}
	z := one.AccessZones[0].Zone
	if got := rules.RenderBasis(rules.Dutch, z.LegalBasis) + "; " + rules.RenderBasis(rules.English, z.LegalBasis); got != "reglement 7 (2026-09-01); règlement 7 (2026-09-01)" {
		t.Errorf("legal basis %s", got)
	}
	for at, want := range map[string]string{
		"2026-09-07T08:15:00+02:00": "true true", "2026-10-19T08:15:00+02:00": "false true", "2026-09-07T08:30:00+02:00": "false true",
		"2027-07-05T08:15:00+02:00": "false false", "2026-08-31T08:15:00+02:00": "false true",
	} {
		barred, known := z.BarredAt(parseTime(t, at))
		if got := fmt.Sprint(barred, known); got != want {
			t.Errorf("%s: barred, known %s, want %s", at, got, want)
		}
	}
	sunday, week := parseTime(t, "2026-09-20T12:00:00+02:00"), parseTime(t, "2026-11-02T12:00:00+01:00")
	for _, c := range []*schemas.Camera{one, two, three} {
		if x := c.SuspendedAt("speed", sunday); x == nil || x.ID != "car-free" {
			t.Errorf("%s on the Sunday: %+v", c.ID, x)
		}
		if x := c.SuspendedAt("access", week); x == nil || x.ID != "works-7" || c.SuspendedAt("speed", week) != nil {
			t.Errorf("%s during the works: %+v", c.ID, x)
		}
	}
	be, fr := schemas.Belgium, schemas.Country{'F', 'R'}
	monday := parseTime(t, "2026-11-23T09:00:00+01:00")
	for _, c := range []struct {
		plate   string
		country schemas.Country
		zone    string
		at      schemas.Micros
		want    bool
	}{
		{"1ABC123", be, "school-1", monday, true},
		{"1ABC123", fr, "school-1", monday, false},
		{"1ABC123", schemas.Country{}, "school-1", monday, true},
		{"AB123CD", be, "school-1", monday, false},
		{"AB123CD", fr, "school-1", monday, true},
		{"1ABC123", be, "goods-1", monday, true},
		{"1ABC123", be, "goods-1", monday + schemas.Hour, false},
		{"1ABC123", be, "goods-1", monday + 24*schemas.Hour, false},
		{"1ABC123", be, "school-2", monday, false},
		{"1ABC123", be, "school-1", parseTime(t, "2027-09-01T00:00:00+02:00"), false},
	} {
		if _, got := s.Permit(schemas.MustPlate(c.plate), c.country, c.zone, c.at); got != c.want {
			t.Errorf("permit of %s %s for %s on %s: %t", c.plate, c.country, c.zone, c.at, got)
		}
	}
}

func TestRefusesBrokenZonesSuspensionsAndPermits(t *testing.T) {
	for _, c := range []edits{
		{"kind", fileZones, "kind: school", "kind: forest", "access_zones.yaml:9: field access_zones[0].kind: \"forest\" is none of"},
		{"calendar unknown", fileZones, "school_days: school-fr", "school_days: school-nl", "access_zones.yaml:11: field access_zones[0].school_days: names no calendar"},
		{"camera unknown", fileZones, "{camera: BRU-0003}", "{camera: BRU-0009}", "access_zones.yaml:15: field access_zones[0].entries[1].camera: BRU-0009 is not in"},
		{"camera twice", fileZones, "{camera: BRU-0003}", "{camera: BRU-0001}", "access_zones.yaml:15: field access_zones[0].entries[1].camera: is an entry"},
		{"no camera", fileZones, "entries: [{camera: BRU-0001}]", "entries: []", "access_zones.yaml:19: field access_zones[1].entries: is empty"},
		{"slots overlap", fileZones, "{days: [wednesday], from_time: 12:00", "{days: [tuesday], from_time: 08:29", "access_zones.yaml:14: field access_zones[0].slots[1].from_time: overlaps slots[0]"},
		{"slot over midnight on school days", fileZones, "to_time: 12:30", "to_time: 11:30", "access_zones.yaml:14: field access_zones[0].slots[1].to_time: is before from_time"},
		{"lane zero", fileZones, "lanes: [1]", "lanes: [0]", "access_zones.yaml:15: field access_zones[0].entries[0].lanes[0]: 0 is outside"},
		{"mass at a school", fileZones, "kind: no_goods", "kind: restricted", "access_zones.yaml:19: field access_zones[1].kind: is not no_goods"},
		{"holidays reversed", fileZones, "to: 2026-11-02", "to: 2026-10-19", "access_zones.yaml:6: field calendars[0].days_off[0].to: is not after"},
		{"holidays of another year", fileZones, "{from: 2026-10-19, to: 2026-11-02}", "{from: 2025-10-19, to: 2025-11-02}", "access_zones.yaml:6: field calendars[0].days_off[0].from: is outside"},
		{"two zones of an id at one time", fileZones, "id: goods-1", "id: school-1", "access_zones.yaml:19: field access_zones[1].valid_from: overlaps the zone"},
		{"no French basis", fileZones, `{nl: "reglement 7", fr: "règlement 7"}`, `{nl: "reglement 7"}`, "access_zones.yaml:17: field access_zones[0].legal_basis.fr: is empty"},
		{"family unknown", fileSuspensions, "families: [access]", "families: [parking]", "suspensions.yaml:12: field suspensions[1].families[0]: \"parking\" is neither"},
		{"a family that decides nothing", fileSuspensions, "families: [access]", "families: [hotlist]", "suspensions.yaml:12: field suspensions[1].families[0]: \"hotlist\" is neither"},
		{"all and one", fileSuspensions, "families: [access]", "families: [all, access]", "suspensions.yaml:9: field suspensions[1].families: names no family"},
		{"nowhere", fileSuspensions, "    everywhere: true\n", "", "suspensions.yaml:2: field suspensions[0].cameras: is empty"},
		{"zone unknown", fileSuspensions, "zones: [school-1]", "zones: [school-2]", "suspensions.yaml:13: field suspensions[1].zones[0]: \"school-2\" is not in"},
		{"reversed", fileSuspensions, "to: 2026-11-08", "to: 2026-11-01", "suspensions.yaml:9: field suspensions[1].to: is not after"},
		{"no author", fileSuspensions, `author: "5339"`, `author: ""`, "suspensions.yaml:10: field suspensions[1].author: is empty"},
		{"permit for no zone", filePermits, "1ABC123,school-1", "1ABC123,school-2", "permits.csv:2: field zone: school-2 is no zone"},
		{"permit of a day unknown", filePermits, "monday|friday", "monday|fri", "permits.csv:3: field days: \"fri\" is none of"},
		{"permit with one time", filePermits, "08:00,10:00", "08:00,", "permits.csv:3: field from_time: stands without"},
		{"permits cut in a line", filePermits, "FR,,,,3\n", "FR,,", "permits.csv: does not end in a newline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyZones(t)
			editFile(t, dir, c.file, c.from, c.to)
			_, err := Load(dir)
			found := problemsOf(err)
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), c.want) {
				t.Errorf("got  %v\nwant %s...", err, c.want)
			}
		})
	}
}

// A list of permits that was cut between two lines is refused: by the number that the delivery states, also at a start,
// and by the version before.
func TestAListOfPermitsThatWasCutIsRefused(t *testing.T) {
	dir := copyZones(t)
	registers := readFile(t, dir, fileRegisters)
	writeFile(t, dir, fileRegisters, registers+"copies: [{name: permits, as_of: 2026-11-20, rows: 4}]\n")
	if _, err := Load(dir); len(problemsOf(err)) != 1 || !strings.Contains(err.Error(), "has 3 permits, and registers.yaml says 4") {
		t.Errorf("a list that is shorter than stated: %v", err)
	}
	writeFile(t, dir, fileRegisters, registers)
	text := permitsFile
	for i := range 27 {
		text += fmt.Sprintf("1AAA%03d,school-1,resident,2026-09-01,,,,,,3\n", i)
	}
	writeFile(t, dir, filePermits, text)
	st, err := NewStore(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cut := func(rows int) error {
		lines := strings.SplitAfter(text, "\n")
		writeFile(t, dir, filePermits, strings.Join(lines[:len(lines)-1-rows], ""))
		return st.Reload(t.Context())
	}
	if err := cut(3); err == nil || !strings.Contains(err.Error(), "has 26 permits for zone school-1, the version in use has 29") {
		t.Errorf("3 of 29 gone: %v", err)
	}
	if err := cut(2); err != nil {
		t.Errorf("2 of 29 gone: %v", err)
	}
	if _, ok := st.Current().Permit(schemas.MustPlate("1AAA024"), schemas.Belgium, "school-1", parseTime(t, "2026-11-23T09:00:00+01:00")); !ok {
		t.Error("a permit that is left is not found")
	}
}

// A changed calendar of suspensions comes with a reload, without a change of the registry; what is unchanged is shared.
func TestSuspensionsComeWithAReload(t *testing.T) {
	dir := copyZones(t)
	st, err := NewStore(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := parseTime(t, "2026-11-12T12:00:00+01:00")
	before, _ := st.Current().Camera("BRU-0001")
	permits := st.Current().permits
	editFile(t, dir, fileSuspensions, "to: 2026-11-08", "to: 2026-11-20")
	if err := st.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, _ := st.Current().Camera("BRU-0001")
	if before.SuspendedAt("access", at) != nil || after.SuspendedAt("access", at) == nil || before.Number != after.Number {
		t.Errorf("before %+v, after %+v", before.SuspendedAt("access", at), after.SuspendedAt("access", at))
	}
	if err := st.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, _ := st.Current().Camera("BRU-0001"); again != after || len(permits.rows) != len(st.Current().permits.rows) {
		t.Error("an unchanged version was not shared")
	}
}

package reference

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// edits are a single change to testdata/brussels and the only problem expected from it.
type edits struct{ name, file, from, to, want string }

func (c edits) runEdits(t *testing.T) {
	dir := copyRegion(t)
	editFile(t, dir, c.file, c.from, c.to)
	_, err := Load(dir)
	found := problemsOf(err)
	if len(found) != 1 {
		t.Fatalf("got %d problems, want 1: %v", len(found), err)
	}
	if got := found[0].String(); !strings.HasPrefix(got, c.want) {
		t.Errorf("got  %s\nwant %s...", got, c.want)
	}
	if len(found[0].Detail) < 15 {
		t.Errorf("%q does not say what to do", found[0].Detail)
	}
}

func TestRefusesBrokenCameras(t *testing.T) {
	const lane0, f = "      - number: 0\n", fileCameras
	for _, c := range []edits{
		{"id twice", f, "id: BRU-0003", "id: BRU-0001", "cameras.yaml:33: field cameras[2].id: is also that of the camera in line 11"},
		{"id with a space", f, "id: BRU-0003", "id: BRU 3", "cameras.yaml:33: field cameras[2].id: character 4"},
		{"id too long", f, "id: BRU-0003", "id: " + strings.Repeat("x", 65), "cameras.yaml:33: field cameras[2].id: is longer than 64"},
		{"no id", f, "  - id: BRU-0003\n    site", "  - site", "cameras.yaml:33: field cameras[2].id: is empty"},
		{"kind unknown", f, "kind: mobile", "kind: drone", "cameras.yaml:35: field cameras[2].kind: \"drone\" is none of"},
		{"municipality outside the 19", f, "21009", "21020", "cameras.yaml:6: field cameras[0].municipality: 21020 is none of"},
		{"municipality of four digits", f, "23088", "2308", "cameras.yaml:36: field cameras[2].municipality: 2308 is outside"},
		{"municipality in octal", f, "23088", "0o55060", "cameras.yaml:36: field cameras[2].municipality: \"0o55060\" is not a whole number"},
		{"latitude", f, "50846700", "508467000", "cameras.yaml:16: field cameras[1].lat_e6: 508467000 is outside"},
		{"purpose unknown", f, "purposes: [hotlist]", "purposes: [hotlist, parking]", "cameras.yaml:8: field cameras[0].purposes[1]: \"parking\" is none of"},
		{"purpose twice", f, "purposes: [hotlist]", "purposes: [hotlist, hotlist]", "cameras.yaml:8: field cameras[0].purposes[1]: is there twice"},
		{"purposes no list", f, "purposes: [hotlist]", "purposes: hotlist", "cameras.yaml:8: field cameras[0].purposes: is not a list"},
		{"validity reversed", f, "valid_from: 2025-01-01\n", "valid_from: 2027-01-01\n", "cameras.yaml:10: field cameras[0].valid_to: is not after valid_from"},
		{"impossible day", f, "valid_from: 2025-01-01\n", "valid_from: 2025-02-29\n", "cameras.yaml:9: field cameras[0].valid_from: \"2025-02-29\" is not a day"},
		{"instant without zone", f, "2026-12-31T23:00:00Z", "2026-12-31T23:00:00", "cameras.yaml:10: field cameras[0].valid_to: \"2026-12-31T23:00:00\" is neither"},
		{"lateness", f, "10m", "-10m", "cameras.yaml:21: field cameras[1].allowed_lateness: \"-10m\" is not a duration"},
		{"boolean", f, "inside_lez: true", "inside_lez: yes", "cameras.yaml:22: field cameras[1].inside_lez: \"yes\" is neither true nor false"},
		{"token too short", f, "token_sha256: 3f", "token_sha256: 3", "cameras.yaml:23: field cameras[1].token_sha256: has 63 characters"},
		{"token not hexadecimal", f, "token_sha256: 3f", "token_sha256: 3g", "cameras.yaml:23: field cameras[1].token_sha256: has a character"},
		{"lane above 32", f, lane0, "      - number: 33\n", "cameras.yaml:26: field cameras[1].lanes[1].number: 33 is outside 0..32"},
		{"lane that is never used", f, "{number: 1, direction: approaching,", "{number: 0, direction: unknown,", "cameras.yaml:26: field cameras[1].lanes[1]: is never used"},
		{"direction unknown", f, "direction: approaching", "direction: north", "cameras.yaml:25: field cameras[1].lanes[0].direction: \"north\" is none of"},
		{"limit zero", f, "limit_kmh: 50", "limit_kmh: 0", "cameras.yaml:25: field cameras[1].lanes[0].limits[0].limit_kmh: 0 is outside 1..150"},
		{"limits overlap", f, "valid_to: 2021-01-01", "valid_to: 2021-01-02", "cameras.yaml:25: field cameras[1].lanes[0].limits[1]: overlaps limits[0]"},
		{"two open limits", f, "valid_to: 2021-01-01, ", "", "cameras.yaml:25: field cameras[1].lanes[0].limits[1]: overlaps limits[0]"},
		{"day unknown", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, days: [mon], valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].days[0]: \"mon\" is none of monday"},
		{"day twice", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, days: [monday, monday], valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].days[1]: is there twice"},
		{"time unknown", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, from_time: 7h30, to_time: 08:30, valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].from_time: \"7h30\" is no time of day"},
		{"time past the day", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, from_time: 07:30, to_time: 24:30, valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].to_time: \"24:30\" is no time of day"},
		{"one time", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, from_time: 07:30, valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].from_time: stands without to_time"},
		{"no time between", f, "surround: zone_30, valid_from: 2021-01-01, legal", "surround: zone_30, from_time: 07:30, to_time: 07:30, valid_from: 2021-01-01, legal", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].to_time: is from_time"},
		{"hours overlap", f, "limits: [{limit_kmh: 50, surround: built_up, valid_from: 2018-01-01, valid_to: 2021-01-01,", "limits: [{limit_kmh: 30, surround: school, days: [sunday], from_time: 22:00, to_time: 06:00, valid_from: 2018-01-01}, {limit_kmh: 30, surround: school, days: [monday], from_time: 05:59, to_time: 07:00, valid_from: 2018-01-01}, {limit_kmh: 50, surround: built_up, valid_from: 2018-01-01, valid_to: 2021-01-01,", "cameras.yaml:25: field cameras[1].lanes[0].limits[1]: overlaps limits[0] in time"},
		{"surround unknown", f, "surround: built_up", "surround: village", "cameras.yaml:25: field cameras[1].lanes[0].limits[0].surround: \"village\" is none of"},
		{"limit without begin", f, "            valid_from: 2021-01-01\n", "", "cameras.yaml:28: field cameras[1].lanes[1].limits[0].valid_from: is empty"},
		{"verified without basis", f, "legal_basis: \"\", verified: false", "verified: true", "cameras.yaml:25: field cameras[1].lanes[0].limits[1].legal_basis: is empty in a verified"},
		{"certificate reversed", f, "valid_to: 2027-11-01", "valid_to: 2025-11-01", "cameras.yaml:31: field cameras[1].certificates[0].valid_to: is not after"},
		{"certificate without end", f, ", valid_to: 2027-11-01", "", "cameras.yaml:31: field cameras[1].certificates[0].valid_to: is empty"},
		{"certificate without serial", f, "serial: X-1", "serial: ''", "cameras.yaml:31: field cameras[1].certificates[0].serial: is empty"},
		{"loans overlap", f, "valid_to: 2026-02-01}", "valid_to: 2026-02-01}, {zone: a, valid_from: 2026-01-31, valid_to: 2026-03-01}", "cameras.yaml:32: field cameras[1].loans[1]: overlaps loans[0]"},
		{"street of one name", f, "{nl: Wetstraat, fr: \"Rue de la Loi\"}", "{nl: Wetstraat}", "cameras.yaml:39: field cameras[2].street.fr: is empty"},
		{"street as a text", f, "{nl: Wetstraat, fr: \"Rue de la Loi\"}", "Wetstraat", "cameras.yaml:39: field cameras[2].street: is not a mapping"},
		{"street in a third language", f, "{nl: Wetstraat,", "{nl: Wetstraat, de: Gesetz,", "cameras.yaml:39: field cameras[2].street.\"de\": is not known"},
		{"street with a control character", f, "nl: Wetstraat", "nl: \"Wet\\astraat\"", "cameras.yaml:39: field cameras[2].street.nl: is longer than"},
		{"key misspelt", f, "inside_lez", "inside_LEZ", "cameras.yaml:22: field cameras[1].\"inside_LEZ\": is not known"},
		{"key twice", f, "    kind: mobile\n", "    kind: mobile\n    kind: fixed\n", "cameras.yaml:36: is not YAML: mapping key"},
		{"key of the file misspelt", f, "cameras:\n", "cameras: []\ncamera:\n", "cameras.yaml:3: field \"camera\": is not known"},
		{"anchor", f, "kind: mobile", "kind: &k mobile", "cameras.yaml:35: field cameras[2].kind: is not a plain value"},
		{"list instead of mapping", f, "cameras:\n", "", "cameras.yaml:2: is not a mapping"},
		{"not YAML", f, "purposes: [hotlist]", "purposes: [hotlist", "cameras.yaml:"},
	} {
		t.Run(c.name, c.runEdits)
	}
}

func TestRefusesYAMLThatNestsTooDeep(t *testing.T) {
	var indented strings.Builder
	for i := range 300 {
		indented.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	for _, s := range []string{
		strings.Repeat("[", 20_000), strings.Repeat("a: [", 20_000), strings.Repeat("{a: ", 20_000), strings.Repeat("[\n", 20_000),
		strings.Repeat("- ", 20_000), strings.Repeat("? ", 20_000), indented.String(),
	} {
		p := &problems{file: fileCameras}
		loadCameras([]byte(s), p)
		if len(p.list) != 1 || !strings.Contains(p.list[0].Detail, "nests deeper") {
			t.Errorf("%.20q: got %v", s, p.list)
		}
	}
}

func TestRefusesBrokenRegisters(t *testing.T) {
	const f = fileRegisters
	for _, c := range []edits{
		{"country twice", f, "country: NL", "country: BE", "registers.yaml:1: field registers[1]: has the name or country of registers[0]"},
		{"country of one letter", f, "country: NL", "country: N", "registers.yaml:1: field registers[1].country: \"N\" is no country"},
		{"no as_of", f, ", as_of: 2026-11-20", "", "registers.yaml:1: field registers[1].as_of: is empty"},
		{"age of an unknown copy", f, "\n", "\ncopies: [{name: vehicles, as_of: 2026-11-20}]\n", "registers.yaml:2: field copies[0].name: \"vehicles\" is none of"},
		{"a copy without an age", f, "\n", "\ncopies: [{name: passes}]\n", "registers.yaml:2: field copies[0].as_of: is empty"},
		{"two ages", f, "\n", "\ncopies: [{name: passes, as_of: 2026-11-20}, {name: passes, as_of: 2026-11-21}]\n", "registers.yaml:2: field copies[1]: says the age of passes again"},
		{"two documents", f, "\n", "\n---\nregisters: []\n", "registers.yaml: has 2 YAML documents"},
	} {
		t.Run(c.name, c.runEdits)
	}
}

func TestRefusesBrokenVehicles(t *testing.T) {
	const f, last = fileVehicles, "XX99XX,NL,L5,lpg,6d,false,,2020-01-01,\n"
	for _, c := range []edits{
		{"plate not canonical", f, "XX99XX", "XX-99-XX", "vehicles.csv:7: field plate: character 3 is not one of"},
		{"plate in small letters", f, "XX99XX", "xx99xx", "vehicles.csv:7: field plate: character 1 is not one of"},
		{"plate empty", f, "XX99XX", "", "vehicles.csv:7: field plate: is empty"},
		{"plate too long", f, "XX99XX", "A123456789012345", "vehicles.csv:7: field plate: is longer than 15"},
		{"country empty", f, "XX99XX,NL", "XX99XX,", "vehicles.csv:7: field country: \"\" is no country"},
		{"country in small letters", f, "XX99XX,NL", "XX99XX,nl", "vehicles.csv:7: field country: \"nl\" is no country"},
		{"country without register", f, "XX99XX,NL", "XX99XX,FR", "vehicles.csv:7: field country: FR has no entry in registers.yaml"},
		{"category", f, "L5", "L9", "vehicles.csv:7: field category: \"L9\" is no vehicle category"},
		{"fuel", f, "lpg", "coal", "vehicles.csv:7: field fuel: \"coal\" is none of"},
		{"euro", f, "6d,", "7,", "vehicles.csv:7: field euro: \"7\" is no Euro norm"},
		{"old-timer", f, "6d,false", "6d,no", "vehicles.csv:7: field oldtimer: \"no\" is neither"},
		{"first registration", f, "1969-06-01", "1969-06-31", "vehicles.csv:6: field first_registration: \"1969-06-31\" is not a day"},
		{"first registration in 1800", f, "1969-06-01", "1869-06-01", "vehicles.csv:6: field first_registration: \"1869-06-01\" is outside"},
		{"no begin", f, last, strings.Replace(last, "2020-01-01", "", 1), "vehicles.csv:7: field valid_from: \"\" is not a day"},
		{"reversed", f, last, strings.Replace(last, ",\n", ",2019-12-31\n", 1), "vehicles.csv:7: field valid_to: is not after valid_from"},
		{"empty period", f, last, strings.Replace(last, ",\n", ",2020-01-01\n", 1), "vehicles.csv:7: field valid_to: is not after valid_from"},
		{"end that stands for open", f, last, strings.Replace(last, "2020-01-01,", "1960-01-01,1970-01-01", 1), "vehicles.csv:7: field valid_to: 1970-01-01 stands for open"},
		{"periods overlap by a day", f, "2015-05-01,2022-01-01", "2015-05-01,2022-01-02", "vehicles.csv:4: field valid_from: the period from 2022-01-01 shares days"},
		{"the same row twice", f, last, last + last, "vehicles.csv:8: field valid_from: the period from 2020-01-01 shares days"},
		{"a field too few", f, "6d,false,,", "6d,false,", "vehicles.csv:7: has 8 fields, want 9"},
		{"a bare quote", f, "6d,false", "6d\",false", "vehicles.csv:7: bare \""},
		{"cut off", f, last, strings.TrimSuffix(last, "\n"), "vehicles.csv: does not end in a newline"},
		{"column missing", f, ",oldtimer,first_registration", ",first_registration,first_registration", "vehicles.csv:1: field oldtimer: is not in the header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "column missing" { // the column that is there twice is a second problem
				dir := copyRegion(t)
				editFile(t, dir, c.file, c.from, c.to)
				_, err := Load(dir)
				if got := problemsOf(err); len(got) != 2 || !strings.HasPrefix(got[0].String(), c.want) {
					t.Errorf("got %v, want %s...", err, c.want)
				}
				return
			}
			c.runEdits(t)
		})
	}
}

func TestRefusesBrokenLists(t *testing.T) {
	const f = "lists/stolen.csv"
	for _, c := range []edits{
		{"id twice", f, "s-2,", "s-1,", "lists/stolen.csv:3: field id: is also that of line 2"},
		{"id empty", f, "s-2,", ",", "lists/stolen.csv:3: field id: is empty"},
		{"plate", f, "XX99XX", "XX 99XX", "lists/stolen.csv:4: field plate: character 3"},
		{"country", f, "XX99XX,NL", "XX99XX,NLD", "lists/stolen.csv:4: field country: \"NLD\" is no country"},
		{"priority above 100", f, ",100,", ",101,", "lists/stolen.csv:4: field priority: 101 is outside 0..100"},
		{"priority empty", f, ",100,", ",,", "lists/stolen.csv:4: field priority: \"\" is not a whole number"},
		{"reversed", f, "2026-01-01,2026-02-01", "2026-03-01,2026-02-01", "lists/stolen.csv:3: field valid_to: is not after valid_from"},
		{"zone twice", f, "5339|5340", "5339|5339", "lists/stolen.csv:2: field audience: names a zone twice"},
		{"zone empty", f, "5339|5340", "5339|", "lists/stolen.csv:2: field audience: zone 2 is empty"},
		{"confusable", f, ",5339|5340,true", ",5339|5340,1", "lists/stolen.csv:2: field confusable: \"1\" is neither"},
		{"control character", f, "stolen, armed", "stolen,\x07armed", "lists/stolen.csv:4: field reason: is longer than 256 bytes, not UTF-8 or has control"},
		{"not UTF-8", f, "stolen, armed", "vol\xe9", "lists/stolen.csv:4: field reason: is longer than 256 bytes, not UTF-8"},
	} {
		t.Run(c.name, c.runEdits)
	}
}

func TestRefusesBrokenPermits(t *testing.T) {
	for _, c := range []edits{
		{"family", fileExemptions, "1ABC123,speed", "1ABC123,hotlist", "exemptions.csv:4: field family: \"hotlist\" is neither"},
		{"kind", fileExemptions, "disabled_card", "disabled card", "exemptions.csv:2: field kind: character 9"},
		{"exemption reversed", fileExemptions, "lez,priority,D-1,2023-01-01", "lez,priority,D-1,2025-01-01", "exemptions.csv:3: field valid_to: is not after"},
		{"pass without a day", filePasses, "1ABC123,2026-07-01", "1ABC123,", "passes.csv:4: field day: \"\" is not a day"},
		{"registration from Belgium", fileRegistrations, "XX99XX,DE", "XX99XX,BE", "registrations.csv:4: field country: is BE"},
		{"no header", filePasses, readFile(t, "testdata/brussels", filePasses), "", "passes.csv: has no header line"},
	} {
		t.Run(c.name, c.runEdits)
	}
}

func TestRefusesAListNameThatIsNoIdentifier(t *testing.T) {
	dir := copyRegion(t)
	writeFile(t, dir, "lists/a list.csv", strings.Join(listColumns.names, ",")+"\n")
	_, err := Load(dir)
	if got := problemsOf(err); len(got) != 1 || got[0].File != "lists/a list.csv" {
		t.Errorf("got %v", err)
	}
}

func TestAllProblemsOfAllFilesAreReportedUpTo20AFile(t *testing.T) {
	dir := copyRegion(t)
	editFile(t, dir, fileCameras, "kind: mobile", "kind: drone")
	editFile(t, dir, fileCameras, "limit_kmh: 50", "limit_kmh: 0")
	var b strings.Builder
	b.WriteString("plate,day\n")
	for i := range 30 {
		fmt.Fprintf(&b, "1ABC%03d,2026-13-01\n", i)
	}
	writeFile(t, dir, filePasses, b.String())
	_, err := Load(dir)
	count := map[string]int{}
	for _, p := range problemsOf(err) {
		count[p.File]++
	}
	if count[fileCameras] != 2 || count[filePasses] != 20 || len(count) != 2 {
		t.Errorf("problems by file: %v", count)
	}
	if !strings.Contains(err.Error(), "22 problems") || !strings.Contains(err.Error(), "and more in") {
		t.Errorf("the text does not say how many and that there are more: %v", err)
	}
}

func TestProblemsNeverRepeatPlatesTokensOrCases(t *testing.T) {
	dir := copyRegion(t)
	editFile(t, dir, fileCameras, "token_sha256: 3f", "token_sha256: SECRET3")
	editFile(t, dir, fileVehicles, "XX99XX", "SECRET-99")
	editFile(t, dir, "lists/stolen.csv", "\"stolen, armed\",PV-3", "SECRET\x01,SECRET\x01")
	editFile(t, dir, "lists/stolen.csv", "s-2,1A8C1Z3", "s-2,SECRET.1")
	editFile(t, dir, fileExemptions, "D-2", "SECRET\x01")
	_, err := Load(dir)
	if got := len(problemsOf(err)); got != 6 {
		t.Errorf("got %d problems, want 6: %v", got, err)
	}
	if strings.Contains(err.Error(), "SECRET") {
		t.Errorf("repeats what it must not: %v", err)
	}
}

func TestSumsMustMatchWhenThereAreAny(t *testing.T) {
	dir := copyRegion(t)
	var b strings.Builder
	inv, err := readInventory(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range inv.names {
		fmt.Fprintf(&b, "%x  %s\n", inv.files[n].sum, n)
	}
	fmt.Fprintf(&b, "%064x *./users.yaml\n", 1) // not ours
	writeFile(t, dir, fileSums, b.String())
	mustLoad(t, dir)

	f := func(want string) {
		t.Helper()
		_, err := Load(dir)
		if got := problemsOf(err); len(got) != 1 || !strings.Contains(got[0].String(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	editFile(t, dir, filePasses, "XX99XX,2026-07-02", "XX99XX,2026-07-03")
	f("passes.csv has other content")
	editFile(t, dir, filePasses, "XX99XX,2026-07-03", "XX99XX,2026-07-02")
	if err := os.Remove(filepath.Join(dir, "lists", "stolen.csv")); err != nil {
		t.Fatal(err)
	}
	f("names lists/stolen.csv, which is not there")
	writeFile(t, dir, "lists/stolen.csv", readFile(t, "testdata/brussels", "lists/stolen.csv"))
	writeFile(t, dir, "lists/new.csv", strings.Join(listColumns.names, ",")+"\n")
	f("does not name lists/new.csv")
}

func TestRefusesBrokenOptionalColumns(t *testing.T) {
	const head = "plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to,class,reference_mass_kg,body\n"
	f := func(name, content, want string) {
		t.Helper()
		dir := copyRegion(t)
		writeFile(t, dir, name, content)
		_, err := Load(dir)
		if got := problemsOf(err); len(got) != 1 || !strings.Contains(got[0].String(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	f(fileVehicles, head+"A,BE,M1,diesel,5,,,2020-01-01,,1,,\n", "vehicles.csv:2: field class: is 1 for a vehicle of category M1")
	f(fileVehicles, head+"A,BE,N1,diesel,5,,,2020-01-01,,4,,\n", "vehicles.csv:2: field class: \"4\" is no class of N1")
	f(fileVehicles, head+"A,BE,N1,diesel,5,,,2020-01-01,,,1.7,\n", "vehicles.csv:2: field reference_mass_kg: \"1.7\" is not a whole number")
	f(fileVehicles, head+"A,BE,N1,diesel,5,,,2020-01-01,,,1700000,\n", "vehicles.csv:2: field reference_mass_kg: 1700000 is outside")
	f(fileVehicles, head+"A,BE,N1,diesel,5,,,2020-01-01,,,,van\n", "vehicles.csv:2: field body: \"van\" is no bodywork code")
	f(fileExemptions, "plate,family,kind,ref,valid_from,valid_to,country\nA,lez,market,,2020-01-01,,fr\n", "exemptions.csv:2: field country: \"fr\" is no country")
	f(filePasses, "plate,day,country,issued\nA,2026-01-01,FR,10:00\n", "passes.csv:2: field issued: \"10:00\" is neither a day")
	f(filePasses, "plate,day,land\nA,2026-01-01,FR\n", "passes.csv:1: field \"land\": is no column of this file")
	f(fileRegistrations, "plate,country,valid_from,valid_to,euro\nA,FR,2026-01-01,,7\n", "registrations.csv:2: field euro: \"7\" is no Euro norm")
}

// A spreadsheet of a country with decimal commas writes semicolons. The message says so, whatever the file, the line
// and the separator.
func TestAnotherSeparatorThanTheCommaIsNamed(t *testing.T) {
	const cure = "save as CSV with commas"
	commas := strings.NewReplacer(",", ";")
	row := "XX99XX,NL,L5,lpg,6d,false,,2020-01-01,\n"
	for _, c := range []edits{
		{"a row with semicolons", fileVehicles, row, commas.Replace(row), "vehicles.csv:7: has 1 field, want 9; it looks separated by ';'"},
		{"a row with tabs", fileVehicles, row, strings.ReplaceAll(row, ",", "\t"), "vehicles.csv:7: has 1 field, want 9; it looks separated by a tab"},
		{"a row with bars", fileVehicles, row, strings.ReplaceAll(row, ",", "|"), "vehicles.csv:7: has 1 field, want 9; it looks separated by '|'"},
		{"a row with semicolons and a decimal comma", fileVehicles, row, strings.Replace(commas.Replace(row), "6d", "6,5", 1), "vehicles.csv:7: has 2 fields, want 9; it looks separated by ';'"},
		{"a spreadsheet's own first line", fileVehicles, "plate,country", "sep=;\nplate,country", "vehicles.csv:1: is a line that spreadsheets write"},
	} {
		t.Run(c.name, c.runEdits)
	}
	for _, sign := range []string{";", "\t", "|"} {
		f := newCSVFile(func() error { return nil }, strings.NewReader("plate"+sign+"country"+sign+"fuel\nA"+sign+"BE"+sign+"x\n"),
			csvColumns{names: []string{"plate", "country", "fuel"}}, &problems{file: "a.csv"})
		if got := (&Error{Problems: f.p.list}).Error(); len(f.p.list) != 1 || !strings.Contains(got, cure) || strings.Contains(got, "not in the header") {
			t.Errorf("a header separated by %q: got %q, want one problem with %q", sign, got, cure)
		}
	}
	for _, rec := range [][]string{{"a"}, {"a", "b"}, {"a;b", "c"}, {""}} {
		if got := separatorProblem(rec, 9); got != "" {
			t.Errorf("%q: got %q, want nothing about separators", rec, got)
		}
	}
}

func TestEveryProblemOfRefusedFilesHasALineOfTheLog(t *testing.T) {
	for _, c := range []struct{ problems, lines int }{{1, 1}, {2, 3}, {7, 8}, {20, 21}, {21, 21}, {57, 21}} {
		e := &Error{}
		for i := range c.problems {
			e.Problems = append(e.Problems, Problem{File: "vehicles.csv", Line: i + 2, Field: "fuel", Detail: "is none of the fuels"})
		}
		var log bytes.Buffer
		s := &Store{opt: Options{Log: zerolog.New(&log)}}
		s.logRefused(e, "v1")
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != c.lines {
			t.Errorf("%d problems: got %d lines, want %d:\n%s", c.problems, len(lines), c.lines, log.String())
		}
		for i := range min(c.problems, 20) {
			if want := "vehicles.csv:" + strconv.Itoa(i+2) + ": field fuel"; !strings.Contains(lines[i], want) {
				t.Errorf("%d problems: line %d is %s, want %q in it", c.problems, i, lines[i], want)
			}
		}
		last := lines[len(lines)-1]
		if !strings.Contains(last, "the previous version stays") {
			t.Errorf("%d problems: the last line is %s, want that the previous version stays", c.problems, last)
		}
		if more := "and " + strconv.Itoa(c.problems-20) + " more"; (c.problems > 20) != strings.Contains(last, more) {
			t.Errorf("%d problems: the last line is %s, want %q there: %t", c.problems, last, more, c.problems > 20)
		}
	}
}

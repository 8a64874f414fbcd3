package reference

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestCamerasCarryEverythingTheFileSays(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	got, ok := s.Camera("BRU-0001")
	if !ok {
		t.Fatal("no camera BRU-0001")
	}
	day := func(x string) schemas.Micros { return mustDay(t, x).Start() }
	want := &schemas.Camera{
		ID: "BRU-0001", Number: 1, Site: "S-0001", SiteHash: xxhash.Sum64String("S-0001"), Kind: schemas.CameraFixed,
		Municipality: 21004, Zone: "5339", LatE6: 50846700, LonE6: 4352500,
		Purposes:  0b111,
		ValidFrom: day("2018-01-01"), AllowedLateness: 10 * schemas.Minute, InsideLEZ: true,
		Lanes: []schemas.Lane{
			{Number: 1, Direction: schemas.Approaching, LEZExcluded: true, Limits: []schemas.SpeedLimit{
				{Limit: 500, Surround: "built_up", ValidFrom: day("2018-01-01"), ValidTo: day("2021-01-01"), LegalBasis: "RD 1/12/1975 art. 11.1", Verified: true},
				{Limit: 300, Surround: "zone_30", ValidFrom: day("2021-01-01")},
			}},
			{Limits: []schemas.SpeedLimit{{Limit: 300, Surround: "zone_30", ValidFrom: day("2021-01-01")}}},
		},
		Certificates: []schemas.Certificate{{Serial: "X-1", Approval: "BE-77", ValidFrom: day("2025-11-01"), ValidTo: day("2027-11-01")}},
		Loans:        []schemas.Loan{{Zone: "5340", ValidFrom: day("2026-01-01"), ValidTo: day("2026-02-01")}},
		TokenSum:     got.TokenSum,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, want := got.TokenSum[0], byte(0x3f); got != want {
		t.Errorf("first byte of the token sum: got %#x, want %#x", got, want)
	}
}

// TestACameraNamesItsStreetInBothLanguages: the office shows the name, so the file gives both or none.
func TestACameraNamesItsStreetInBothLanguages(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	named, _ := s.Camera("BRU-0003")
	unnamed, _ := s.Camera("BRU-0001")
	if want := (schemas.Street{NL: "Wetstraat", FR: "Rue de la Loi"}); named.Street != want || !unnamed.Street.IsZero() {
		t.Errorf("got %+v and %+v, want %+v and none", named.Street, unnamed.Street, want)
	}
}

// A registry cites a limit's regulation in one text, as files had it first, or in Dutch and French.
func TestALimitsLegalBasisIsOneTextOrOneALanguage(t *testing.T) {
	for _, x := range []struct{ basis, nl, fr string }{
		{`"reglement 7"`, "reglement 7", "reglement 7"},
		{`{nl: "reglement 7", fr: "règlement 7"}`, "reglement 7 (2021-01-01)", "règlement 7 (2021-01-01)"},
	} {
		dir := copyRegion(t)
		editFile(t, dir, fileCameras, "surround: zone_30, valid_from: 2021-01-01, legal_basis: \"\", verified: false}]", "surround: zone_30, valid_from: 2021-01-01, legal_basis: "+x.basis+"}]")
		cam, _ := mustLoad(t, dir).Camera("BRU-0001")
		if got := cam.Lanes[0].Limits[1].LegalBasis; rules.RenderBasis(rules.Dutch, got) != x.nl || rules.RenderBasis(rules.French, got) != x.fr {
			t.Errorf("%s: got %q in Dutch, %q in French", x.basis, rules.RenderBasis(rules.Dutch, got), rules.RenderBasis(rules.French, got))
		}
	}
	dir := copyRegion(t)
	editFile(t, dir, fileCameras, "surround: zone_30, valid_from: 2021-01-01, legal_basis: \"\", verified: false}]", "surround: zone_30, valid_from: 2021-01-01, legal_basis: {nl: x}}]")
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "legal_basis.fr: is empty") {
		t.Errorf("a basis in one language: %v", err)
	}
}

// TestALimitMayHoldAtSomeHours: days and times on a Brussels clock, beside a limit without hours, and after one
// another.
func TestALimitMayHoldAtSomeHours(t *testing.T) {
	dir := copyRegion(t)
	editFile(t, dir, fileCameras, "surround: zone_30, valid_from: 2021-01-01, legal_basis: \"\", verified: false}]", "surround: zone_30, valid_from: 2021-01-01}, "+
		"{limit_kmh: 20, surround: school, days: [monday, friday], from_time: 07:30, to_time: 08:30, valid_from: 2021-01-01}, "+
		"{limit_kmh: 20, surround: school, days: [monday, friday], from_time: 08:30, to_time: 24:00, valid_from: 2021-01-01}, "+
		"{limit_kmh: 20, surround: school, days: [sunday], valid_from: 2021-01-01, variable_sign: true}]")
	cam, _ := mustLoad(t, dir).Camera("BRU-0001")
	got := cam.Lanes[0].Limits
	want := []schemas.Hours{{}, {}, {Days: 1<<0 | 1<<4, From: 450, To: 510}, {Days: 1<<0 | 1<<4, From: 510, To: 1440}, {Days: 1 << 6}}
	for i, h := range want {
		if got[i].Hours != h || got[i].Variable != (i == 4) {
			t.Errorf("limit %d: got %+v, want %+v", i, got[i], h)
		}
	}
}

func TestCamerasAreSortedAndNumberedWhateverTheOrderInTheFile(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	var ids []string
	for i, c := range s.Cameras() {
		ids = append(ids, c.ID)
		if int(c.Number) != i+1 {
			t.Errorf("%s has number %d at place %d", c.ID, c.Number, i)
		}
	}
	if want := []string{"BRU-0001", "BRU-0002", "BRU-0003"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

func TestCameraDefaultsDependOnItsKind(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	for id, want := range map[string]schemas.Micros{"BRU-0002": 24 * schemas.Hour, "BRU-0003": schemas.Hour} {
		c, _ := s.Camera(id)
		if c.AllowedLateness != want {
			t.Errorf("%s: allowed lateness %d, want %d", id, c.AllowedLateness, want)
		}
	}
	c, _ := s.Camera("BRU-0003")
	if c.Zone != "5341" || c.ValidFrom != 0 || c.ValidTo != 0 || !c.TokenSum.IsZero() || c.Purposes != 0 {
		t.Errorf("empty fields have other defaults: %+v", c)
	}
	if c, _ := s.Camera("BRU-0002"); c.ValidTo != parseTime(t, "2027-01-01T00:00:00+01:00") {
		t.Errorf("an instant with zone reads as %s", c.ValidTo)
	}
	if _, ok := s.Camera("BRU-0009"); ok {
		t.Error("found a camera that is not there")
	}
}

func TestVehicleIsThatOfTheBrusselsDay(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	p := schemas.MustPlate("1ABC123")
	f := func(when string, c schemas.Country, fuel schemas.Fuel, want bool) {
		t.Helper()
		v, ok := s.Vehicle(p, c, parseTime(t, when))
		if ok != want || v.Fuel != fuel {
			t.Errorf("%s: got %v %v, want %v %v", when, v.Fuel, ok, fuel, want)
		}
	}
	f("2015-04-30T21:59:59Z", schemas.Belgium, schemas.FuelUnknown, false)
	f("2015-04-30T22:00:00Z", schemas.Belgium, schemas.Diesel, true)
	f("2021-12-31T22:59:59Z", schemas.Belgium, schemas.Diesel, true)
	f("2021-12-31T23:00:00Z", schemas.Belgium, schemas.Electric, true)
	f("2020-06-01T00:00:00Z", schemas.Country{'N', 'L'}, schemas.Petrol, true)
	f("2020-06-01T00:00:00Z", schemas.Country{'D', 'E'}, schemas.FuelUnknown, false)
	f("2020-06-01T00:00:00Z", schemas.Country{}, schemas.FuelUnknown, false) // both registers have it
	f("2021-06-01T00:00:00Z", schemas.Country{}, schemas.Diesel, true)       // only the Belgian one still has
	f("2014-06-01T00:00:00Z", schemas.Country{}, schemas.FuelUnknown, false) // none has
}

func TestVehicleCarriesEverythingTheRowSays(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	got, _ := s.Vehicle(schemas.MustPlate("OAAA001"), schemas.Country{}, parseTime(t, "2026-07-01T12:00:00Z"))
	want := schemas.Vehicle{
		Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Petrol, Euro: schemas.EuroNone, Oldtimer: true,
		FirstRegistration: mustDay(t, "1969-06-01"), ValidFrom: mustDay(t, "1990-01-01"),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestRegisterAsOfKnowsOnlyItsCountries(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	if got, ok := s.RegisterAsOf(schemas.Belgium); !ok || got != parseTime(t, "2026-11-21T02:00:00Z") {
		t.Errorf("BE: got %s %v", got, ok)
	}
	if got, ok := s.RegisterAsOf(schemas.Country{'N', 'L'}); !ok || got != parseTime(t, "2026-11-19T23:00:00Z") {
		t.Errorf("NL: got %s %v", got, ok)
	}
	if _, ok := s.RegisterAsOf(schemas.Country{'F', 'R'}); ok {
		t.Error("FR has a register")
	}
}

func TestExemptionIsTheOneThatBeganFirst(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	f := func(p string, family schemas.Family, day, kind string) {
		t.Helper()
		e, ok := s.Exemption(schemas.MustPlate(p), schemas.Belgium, family, mustDay(t, day))
		if e.Kind != kind || ok != (kind != "") {
			t.Errorf("%s %s %s: got %q %v, want %q", p, family, day, e.Kind, ok, kind)
		}
	}
	f("1ABC123", "lez", "2022-12-31", "")
	f("1ABC123", "lez", "2024-06-01", "priority")
	f("1ABC123", "lez", "2025-01-01", "disabled_card")
	f("1ABC123", "speed", "2024-12-31", "priority")
	f("1ABC123", "speed", "2025-01-01", "")
	f("XX99XX", "lez", "2024-06-01", "")
}

func TestDayPassCoversItsDayOnly(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	f := func(p, day string, want bool) {
		t.Helper()
		if _, got := s.DayPass(schemas.MustPlate(p), schemas.Belgium, mustDay(t, day)); got != want {
			t.Errorf("%s %s: got %v, want %v", p, day, got, want)
		}
	}
	f("XX99XX", "2026-06-30", false)
	f("XX99XX", "2026-07-01", true)
	f("XX99XX", "2026-07-02", true)
	f("XX99XX", "2026-07-03", false)
	f("1ABC123", "2026-07-01", true)
	f("1ABC123", "2026-07-02", false)
	f("1ABC124", "2026-07-01", false)
}

func TestRegistrationWithoutCountryNeedsOneCountry(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	f := func(c, day, from string) {
		t.Helper()
		country, _ := schemas.CountryFrom(c)
		r, ok := s.Registration(schemas.MustPlate("XX99XX"), country, mustDay(t, day))
		if ok != (from != "") || (ok && r.ValidFrom != mustDay(t, from)) {
			t.Errorf("%q %s: got %s %v, want %q", c, day, r.ValidFrom, ok, from)
		}
	}
	f("NL", "2023-12-31", "")
	f("NL", "2025-06-01", "2024-01-01")
	f("NL", "2026-01-01", "2025-01-01")
	f("NL", "2030-01-01", "")
	f("DE", "2026-01-01", "")
	f("DE", "2031-01-01", "2029-01-01")
	f("", "2026-01-01", "2025-01-01")
	f("", "2029-06-01", "") // NL and DE
	f("", "2031-01-01", "2029-01-01")
}

func TestEntriesComeInAFixedOrder(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	f := func(plate, when string, want ...string) {
		t.Helper()
		var got []string
		for _, e := range s.Entries(nil, schemas.MustPlate(plate).Class(), parseTime(t, when)) {
			got = append(got, e.List+"/"+e.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s: got %v, want %v", plate, when, got, want)
		}
	}
	f("1ABC123", "2026-01-15T00:00:00Z", "stolen/s-2", "missing/m-1", "stolen/s-1") // priority, list, id
	f("IA8C1Z3", "2026-01-15T00:00:00Z", "stolen/s-2", "missing/m-1", "stolen/s-1") // of the same class
	f("1ABC123", "2026-01-31T23:00:00Z", "missing/m-1", "stolen/s-1")
	f("1ABC123", "2025-12-31T22:59:59Z")
	f("XX99XX", "2026-01-01T06:59:59Z")
	f("XX99XX", "2026-01-01T07:00:00Z", "stolen/s-3")
	f("1ABC124", "2026-01-15T00:00:00Z")
}

func TestEntryCarriesEverythingTheRowSays(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	p := schemas.MustPlate("1ABC123")
	got := s.Entries(nil, p.Class(), parseTime(t, "2026-03-01T00:00:00Z"))
	want := schemas.ListEntry{
		List: "stolen", ID: "s-1", Plate: p, Reason: "stolen vehicle", CaseRef: "PV-1", Priority: 90,
		ValidFrom: mustDay(t, "2026-01-01").Start(), Audience: []string{"5339", "5340"}, Confusable: true,
	}
	if len(got) != 2 || !reflect.DeepEqual(*got[1], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatsCountRecords(t *testing.T) {
	got := mustLoad(t, "testdata/brussels").Stats()
	want := Stats{
		Cameras: 3, Registers: 2, Vehicles: 5, ListEntries: 4, Lists: map[string]int{"missing": 1, "stolen": 3},
		Exemptions: 3, DayPasses: 3, Registrations: 3,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestVersionIsThatOfNamesAndContents(t *testing.T) {
	dir := copyRegion(t)
	first := mustLoad(t, dir).Version()
	if len(first) != 12 || strings.Trim(first, "0123456789abcdef") != "" {
		t.Errorf("version %q is not 12 hexadecimal digits", first)
	}
	writeFile(t, dir, "users.yaml", "users: []\n")
	writeFile(t, dir, "lists/notes.txt", "not a list\n")
	if got := mustLoad(t, dir).Version(); got != first {
		t.Errorf("a file that is not loaded changed the version from %s to %s", first, got)
	}
	if err := os.Rename(filepath.Join(dir, "lists", "missing.csv"), filepath.Join(dir, "lists", "gone.csv")); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, dir).Version(); got == first {
		t.Error("renaming a list left the version")
	}
	if err := os.Rename(filepath.Join(dir, "lists", "gone.csv"), filepath.Join(dir, "lists", "missing.csv")); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, dir).Version(); got != first {
		t.Errorf("the same content is version %s, was %s", got, first)
	}
	editFile(t, dir, "passes.csv", "XX99XX,2026-07-02", "XX99XX,2026-07-03")
	if got := mustLoad(t, dir).Version(); got == first {
		t.Error("changing a pass left the version")
	}
}

func TestOnlyTheCameraRegistryMustBeThere(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(dir)
	if got := problemsOf(err); len(got) != 1 || got[0].File != fileCameras {
		t.Errorf("empty directory: %v", err)
	}
	writeFile(t, dir, fileCameras, "cameras: [{id: A, site: A, kind: fixed, municipality: 21001, zone: a}]\n")
	s := mustLoad(t, dir)
	if _, ok := s.Vehicle(schemas.MustPlate("1ABC123"), schemas.Belgium, parseTime(t, "2026-01-01T00:00:00Z")); ok {
		t.Error("found a vehicle without vehicles.csv")
	}
	if got := s.Entries(nil, schemas.MustPlate("1ABC123").Class(), 1); len(got) != 0 {
		t.Error("found an entry without lists")
	}
	if hasPass(s, schemas.MustPlate("1ABC123"), 1) {
		t.Error("found a pass without passes.csv")
	}
	if _, err := Load(filepath.Join(dir, "absent")); err == nil {
		t.Error("loaded a directory that is not there")
	}
}

func TestColumnsMayComeInAnyOrderWithMarkAndCarriageReturns(t *testing.T) {
	dir := copyRegion(t)
	writeFile(t, dir, filePasses, "\xef\xbb\xbfday,plate\r\n2026-07-01,1ABC123\r\n")
	if !hasPass(mustLoad(t, dir), schemas.MustPlate("1ABC123"), mustDay(t, "2026-07-01")) {
		t.Error("the pass is not found")
	}
}

func TestOptionalColumnsMayBeAbsentEmptyOrInAnyOrder(t *testing.T) {
	dir := copyRegion(t)
	writeFile(t, dir, fileVehicles, "body,plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to,class,reference_mass_kg\n"+
		"BC,1VAN001,BE,N1,diesel,5,,,2020-01-01,,II,1700\n"+
		",1VAN002,BE,N1,diesel,5,,,2020-01-01,,3,\n"+
		"SA,1VAN003,BE,M1,diesel,5,,,2020-01-01,,,\n"+
		"AC,1VAN004,BE,N3,diesel,5,,,2020-01-01,,,7200\n")
	s := mustLoad(t, dir)
	f := func(p string, class schemas.N1Class, mass uint16, body schemas.Body) {
		t.Helper()
		v, ok := s.Vehicle(schemas.MustPlate(p), schemas.Belgium, parseTime(t, "2026-01-15T00:00:00Z"))
		if !ok || v.Class != class || v.ReferenceMass != mass || v.Body != body {
			t.Errorf("%s: got %+v", p, v)
		}
	}
	f("1VAN001", schemas.N1Class2, 1700, schemas.BodyTractor)
	f("1VAN002", schemas.N1Class3, 0, schemas.BodyUnknown)
	f("1VAN003", schemas.N1ClassUnknown, 0, schemas.BodyMotorhome)
	f("1VAN004", schemas.N1ClassUnknown, schemas.MaxReferenceMass, schemas.BodyOther)
	writeFile(t, dir, fileVehicles, readFile(t, "testdata/brussels", fileVehicles))
	if v, ok := mustLoad(t, dir).Vehicle(schemas.MustPlate("1ABC123"), schemas.Belgium, parseTime(t, "2026-01-15T00:00:00Z")); !ok || v.Class != 0 || v.Body != 0 || v.ReferenceMass != 0 {
		t.Errorf("a file without the columns: got %+v", v)
	}
}

// One plate of two countries is two vehicles, in every look-up by plate.
func TestEveryLookUpByPlateAsksForItsCountry(t *testing.T) {
	dir := copyRegion(t)
	writeFile(t, dir, fileRegisters, "registers: [{name: A, country: FR, as_of: 2026-11-21}, {name: B, country: IT, as_of: 2026-11-21}]\n")
	writeFile(t, dir, fileVehicles, strings.Join(vehicleColumns.names[:9], ",")+"\nAB123CD,FR,M1,diesel,4,,,2020-01-01,\nAB123CD,IT,M1,petrol,6,,,2020-01-01,\n")
	writeFile(t, dir, fileExemptions, "plate,family,kind,ref,valid_from,valid_to,country\nAB123CD,lez,market,X,2020-01-01,,FR\nAB123CD,speed,priority,Y,2020-01-01,,IT\n1ABC123,lez,market,Z,2020-01-01,,\n")
	writeFile(t, dir, filePasses, "plate,day,country,issued\nAB123CD,2026-07-01,FR,2026-07-01T10:00:00+02:00\nAB123CD,2026-07-01,FR,2026-07-01T09:00:00+02:00\nAB123CD,2026-07-02,IT,\n1ABC123,2026-07-01,,\n")
	writeFile(t, dir, fileRegistrations, "plate,country,valid_from,valid_to,euro,fuel,category\nAB123CD,FR,2020-01-01,,4,diesel,M1\nAB123CD,IT,2020-01-01,,,,\n")
	s := mustLoad(t, dir)
	p, day, none := schemas.MustPlate("AB123CD"), mustDay(t, "2026-07-01"), schemas.Country{}
	fr, it := schemas.Country{'F', 'R'}, schemas.Country{'I', 'T'}
	same := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	vehicle := func(c schemas.Country) schemas.Fuel { v, _ := s.Vehicle(p, c, day.Start()); return v.Fuel }
	same("vehicle FR", vehicle(fr), schemas.Diesel)
	same("vehicle IT", vehicle(it), schemas.Petrol)
	same("vehicle of no country", vehicle(none), schemas.FuelUnknown)
	exemption := func(p schemas.Plate, c schemas.Country, f schemas.Family) string {
		e, _ := s.Exemption(p, c, f, day)
		return e.Ref
	}
	same("exemption FR", exemption(p, fr, "lez"), "X")
	same("exemption IT", exemption(p, it, "lez"), "")
	same("speed exemption FR", exemption(p, fr, "speed"), "")
	same("speed exemption IT", exemption(p, it, "speed"), "Y")
	same("an exemption without a country is Belgian", exemption(schemas.MustPlate("1ABC123"), schemas.Belgium, "lez"), "Z")
	same("and not French", exemption(schemas.MustPlate("1ABC123"), fr, "lez"), "")
	pass := func(p schemas.Plate, c schemas.Country, day schemas.Day) bool {
		_, ok := s.DayPass(p, c, day)
		return ok
	}
	same("pass FR", pass(p, fr, day), true)
	same("pass IT", pass(p, it, day), false)
	same("pass of no country", pass(p, none, day), false)
	same("pass IT of the day after", pass(p, it, day+1), true)
	same("a pass without a country is Belgian", pass(schemas.MustPlate("1ABC123"), schemas.Belgium, day), true)
	first, _ := s.DayPass(p, fr, day)
	same("of two passes the one issued first", first.Issued, parseTime(t, "2026-07-01T07:00:00Z"))
	same("passes of FR in the year", s.DayPasses(p, fr, mustDay(t, "2026-01-01"), mustDay(t, "2027-01-01")), 1)
	registered := func(c schemas.Country) schemas.Euro { r, _ := s.Registration(p, c, day); return r.Euro }
	same("registration FR", registered(fr), schemas.Euro4)
	same("registration IT", registered(it), schemas.EuroUnknown)
}

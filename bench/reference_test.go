package bench

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gvc-brussels/anpr/schemas"
)

func openReader(t *testing.T, name string) (r *fileReader, done func()) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return newFileReader(f, false), func() { _ = f.Close() }
}

func writeReference(t *testing.T, c *City) string {
	t.Helper()
	dir := t.TempDir()
	if err := c.WriteReference(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readRows(t *testing.T, dir, name, header string) [][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comment = '#'
	all, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if got := strings.Join(all[0], ","); got != header {
		t.Fatalf("%s: header %q, want %q", name, got, header)
	}
	return all[1:]
}

func unmarshalFile(t *testing.T, dir, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalWithOptions(b, v, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// cameraFile is the format of cameras.yaml, written down a second time.
type cameraFile struct {
	Zones   []string
	Cameras []struct {
		ID, Site, Kind, Zone string
		Municipality         int
		Lat                  int64 `yaml:"lat_e6"`
		Lon                  int64 `yaml:"lon_e6"`
		Street               struct{ NL, FR string }
		Purposes             []string
		From                 string `yaml:"valid_from"`
		To                   string `yaml:"valid_to"`
		Lateness             string `yaml:"allowed_lateness"`
		Inside               bool   `yaml:"inside_lez"`
		Token                string `yaml:"token_sha256"`
		Lanes                []struct {
			Number    int
			Direction string
			Excluded  bool `yaml:"lez_excluded"`
			Limits    []struct {
				Limit    int `yaml:"limit_kmh"`
				Surround string
				From     string            `yaml:"valid_from"`
				Basis    map[string]string `yaml:"legal_basis"`
				Verified bool
			}
		}
		Certificates []struct {
			Serial, Approval string
			From             string `yaml:"valid_from"`
			To               string `yaml:"valid_to"`
		}
		Loans []struct {
			Zone string
			From string `yaml:"valid_from"`
			To   string `yaml:"valid_to"`
		}
	}
}

func TestCamerasFileHoldsTheRegion(t *testing.T) {
	c := testCity(t, 21, func(cfg *CityConfig) { cfg.Cameras, cfg.Temporary = 450, 48 })
	dir := writeReference(t, c)
	var f cameraFile
	unmarshalFile(t, dir, "cameras.yaml", &f)
	if len(f.Zones) != len(zones) {
		t.Errorf("zones %v, want all %d", f.Zones, len(zones))
	}
	if len(f.Cameras) != 498 {
		t.Errorf("got %d cameras, want 450 fixed and 48 temporary", len(f.Cameras))
	}
	towns, zoneSet, limits := map[int]int{}, map[string]int{}, map[int]int{}
	ids := map[string]bool{}
	var temporary, expired, lapsed, excluded, loans, outside int
	for i := range f.Cameras {
		cam := &f.Cameras[i]
		ids[cam.ID] = true
		towns[cam.Municipality]++
		zoneSet[cam.Zone]++
		temporary += boolToInt(cam.Kind == "temporary")
		outside += boolToInt(!cam.Inside)
		loans += len(cam.Loans)
		expired += boolToInt(cam.To != "" && cam.To <= testDay.String())
		if cam.Lat < latMin || cam.Lat > latMax || cam.Lon < lonMin || cam.Lon > lonMax {
			t.Errorf("%s lies outside the region: %d, %d", cam.ID, cam.Lat, cam.Lon)
		}
		if cam.Street != (struct{ NL, FR string }{c.cameras[i].Street.NL, c.cameras[i].Street.FR}) || cam.Street.NL == "" || cam.Street.FR == "" {
			t.Errorf("%s: street %+v, the city has %+v", cam.ID, cam.Street, c.cameras[i].Street)
		}
		if b, err := hex.DecodeString(cam.Token); err != nil || len(b) != 32 {
			t.Errorf("%s: token_sha256 %q", cam.ID, cam.Token)
		}
		if n := len(cam.Certificates); n > 0 && cam.Certificates[n-1].To <= testDay.String() {
			lapsed++
		}
		if slices.Contains(cam.Purposes, "speed") != (len(cam.Certificates) > 0) {
			t.Errorf("%s: purposes %v with %d certificates", cam.ID, cam.Purposes, len(cam.Certificates))
		}
		for _, l := range cam.Lanes {
			excluded += boolToInt(l.Excluded)
			limits[l.Limits[0].Limit]++
			if b := l.Limits[0].Basis; b["nl"] == "" || b["fr"] == "" {
				t.Errorf("%s: the limit's legal basis is %v, want Dutch and French", cam.ID, b)
			}
		}
	}
	if len(towns) != 19 || len(zoneSet) != 6 || len(ids) != 498 || temporary != 48 {
		t.Errorf("%d municipalities, %d zones, %d ids, %d temporary: want 19, 6, 498, 48", len(towns), len(zoneSet), len(ids), temporary)
	}
	if expired != 4 || lapsed == 0 || excluded == 0 || loans == 0 || outside == 0 {
		t.Errorf("expired %d, lapsed certificates %d, excluded lanes %d, loans %d, outside the zone %d: want 4 and some of each", expired, lapsed, excluded, loans, outside)
	}
	if limits[30] <= limits[50] || limits[50] == 0 || limits[90]+limits[100]+limits[120] == 0 {
		t.Errorf("limits %v: want mostly 30, some 50, a few of motorways", limits)
	}
}

func TestEverySiteCanBeReached(t *testing.T) {
	c := testCity(t, 22)
	for i, ok := range c.markReachable() {
		alone := slices.Contains(c.expired, c.sites[i].cameras[0])
		if ok == alone {
			t.Errorf("site %s: reachable %t, expired camera %t", c.sites[i].name, ok, alone)
		}
	}
}

func TestVehiclesFileHoldsTheRegisters(t *testing.T) {
	c := testCity(t, 23)
	dir := writeReference(t, c)
	all := readRows(t, dir, "vehicles.csv", "plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to,class")
	s := c.Stats()
	own := map[string]int{}
	perCountry := map[string]int{}
	for _, r := range all {
		own[r[0]]++
		perCountry[r[1]]++
		if _, ok := schemas.PlateFrom(r[0]); !ok {
			t.Fatalf("plate %q is not canonical", r[0])
		}
		if _, ok := schemas.ParseFuel(r[3]); !ok {
			t.Fatalf("fuel %q", r[3])
		}
		if _, ok := schemas.ParseEuro(r[4]); !ok {
			t.Fatalf("norm %q", r[4])
		}
		if _, ok := schemas.ParseCategory(r[2]); !ok {
			t.Fatalf("category %q", r[2])
		}
		if r[8] != "" && r[8] <= r[7] {
			t.Fatalf("a row is valid from %s to %s", r[7], r[8])
		}
	}
	if len(perCountry) != 2 || perCountry["NL"] == 0 {
		t.Errorf("registers of %v, want BE and NL", perCountry)
	}
	classes := map[string]bool{}
	for _, r := range all {
		if r[9] != "" && r[2] != "N1" {
			t.Errorf("class %s of a vehicle of category %s", r[9], r[2])
		}
		classes[r[9]] = true
	}
	if len(classes) != 4 {
		t.Errorf("classes %v, want 1, 2, 3 and none", classes)
	}
	earlier := len(all) - len(own)
	if earlier == 0 {
		t.Error("no plate was on another vehicle before")
	}
	if s.Unregistered == 0 || s.Unregistered > s.Vehicles/100 {
		t.Errorf("%d of %d vehicles are missing from the register", s.Unregistered, s.Vehicles)
	}
	if share := s.Foreign * 1000 / s.Vehicles; share < 105 || share > 135 {
		t.Errorf("%d per mille foreign, want about 120", share)
	}
	if share := s.BelowNorm * 1000 / s.Vehicles; share < 20 || share > 45 {
		t.Errorf("%d per mille below the norm, want about 30", share)
	}
	if n := len(readRows(t, dir, "exemptions.csv", "plate,country,family,kind,ref,valid_from,valid_to")); n != s.Exemptions || n == 0 {
		t.Errorf("exemptions: file %d, city %d", n, s.Exemptions)
	}
	if n := len(readRows(t, dir, "passes.csv", "plate,country,day")); n != s.DayPasses || n == 0 {
		t.Errorf("passes: file %d, city %d", n, s.DayPasses)
	}
	if n := len(readRows(t, dir, "registrations.csv", "plate,country,valid_from,valid_to")); n != s.Registrations || n == 0 {
		t.Errorf("registrations: file %d, city %d", n, s.Registrations)
	}
}

func TestPlatePeriodsAreDisjoint(t *testing.T) {
	dir := writeReference(t, testCity(t, 24))
	type period struct{ from, to string }
	by := map[string][]period{}
	for _, r := range readRows(t, dir, "vehicles.csv", "plate,country,category,fuel,euro,oldtimer,first_registration,valid_from,valid_to,class") {
		if r[8] == "" {
			r[8] = "9999-12-31"
		}
		by[r[0]] = append(by[r[0]], period{r[7], r[8]})
	}
	for plate, ps := range by {
		slices.SortFunc(ps, func(a, b period) int { return strings.Compare(a.from, b.from) })
		for i := 1; i < len(ps); i++ {
			if ps[i].from < ps[i-1].to {
				t.Errorf("plate %s: %v overlaps %v", plate, ps[i], ps[i-1])
			}
		}
	}
}

func TestListsHoldTheEntriesAndTheDrivers(t *testing.T) {
	c := testCity(t, 25)
	dir := writeReference(t, c)
	drives := map[string]bool{}
	for i := range c.vehicles {
		drives[c.vehicles[i].plate.String()] = true
	}
	total, driving, confusable, audience := 0, 0, 0, 0
	ids := map[string]bool{}
	for i := range lists {
		for _, r := range readRows(t, dir, filepath.Join("lists", lists[i].name+".csv"), "id,plate,country,reason,case_ref,priority,valid_from,valid_to,audience,confusable") {
			total++
			ids[r[0]] = true
			driving += boolToInt(drives[r[1]])
			confusable += boolToInt(r[9] == "true")
			audience += boolToInt(r[8] != "")
		}
	}
	s := c.Stats()
	if total != 400 || len(ids) != 400 || s.ListedDrive != 100 || driving < 100 {
		t.Errorf("%d entries, %d ids, %d drivers, %d of them found driving: want 400, 400, 100, 100 or more", total, len(ids), s.ListedDrive, driving)
	}
	if confusable == 0 || audience == 0 || len(s.ListEntries) != 4 {
		t.Errorf("%d confusable, %d with an audience, lists %v", confusable, audience, s.ListEntries)
	}
}

func TestSecretsAreSecretAndOpenTheDoors(t *testing.T) {
	c := testCity(t, 26)
	dir := writeReference(t, c)
	for _, name := range []string{"camera-tokens.csv", "camera-digest.csv", "user-tokens.csv"} {
		info, err := os.Stat(filepath.Join(dir, "secrets", name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v: want 0600", name, info.Mode(), err)
		}
	}
	tokens, err := ReadCameraTokens(dir)
	if err != nil || len(tokens) != len(c.cameras) {
		t.Fatalf("%d tokens of %d cameras: %v", len(tokens), len(c.cameras), err)
	}
	for i := range c.cameras {
		cam := &c.cameras[i]
		if sha256Hex(tokens[cam.ID]) != hex.EncodeToString(cam.TokenSum[:]) {
			t.Fatalf("the token of %s does not open it", cam.ID)
		}
	}
	var f struct {
		Users []struct {
			Name, Role string
			Zones      []string
			Grants     []string
			Token      string `yaml:"token_sha256"`
			To         string `yaml:"valid_to"`

			Appointment struct{ Number, From string }
		}
	}
	unmarshalFile(t, dir, "users.yaml", &f)
	roles := map[string]bool{}
	for _, u := range f.Users {
		if decides := u.Role == "gvc_agent" || u.Role == "gvc_supervisor"; decides && u.Appointment.Number == "" {
			t.Errorf("user %s decides cases without an appointment", u.Name)
		}
		roles[u.Role] = true
		if u.Token != sha256Hex(c.UserToken(u.Name)) || (len(u.Zones) == 0) == (u.Role == "zone_officer") || u.To == "" {
			t.Errorf("user %s: zones %v, token sum %s", u.Name, u.Zones, u.Token)
		}
	}
	if len(roles) != 7 {
		t.Errorf("roles %v, want one user of each of the seven", roles)
	}
}

func TestRegistersAreOfTheMorning(t *testing.T) {
	dir := writeReference(t, testCity(t, 27))
	var f struct {
		Registers []struct {
			Name, Country string
			AsOf          string `yaml:"as_of"`
		}
		Copies []struct {
			Name string
			AsOf string `yaml:"as_of"`
		}
	}
	unmarshalFile(t, dir, "registers.yaml", &f)
	if len(f.Registers) != 2 || f.Registers[0].AsOf != "2026-11-21T03:00:00+01:00" {
		t.Errorf("got %+v, want DIV and RDW as of 2026-11-21T03:00:00+01:00", f.Registers)
	}
	if len(f.Copies) != 2 || f.Copies[0].AsOf != f.Registers[0].AsOf || f.Copies[1].AsOf != f.Registers[0].AsOf {
		t.Errorf("got %+v, want registrations and passes of the same morning", f.Copies)
	}
}

func TestSameSeedWritesTheSameFiles(t *testing.T) {
	a, b, other := writeReference(t, testCity(t, 28)), writeReference(t, testCity(t, 28)), writeReference(t, testCity(t, 29))
	files, differ := 0, 0
	err := filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		rel, _ := filepath.Rel(a, path)
		x, _ := os.ReadFile(path)
		y, err := os.ReadFile(filepath.Join(b, rel))
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs between two runs of one seed (%v)", rel, err)
		}
		z, _ := os.ReadFile(filepath.Join(other, rel))
		differ += boolToInt(!bytes.Equal(x, z))
		return nil
	})
	if err != nil || files != 15 {
		t.Errorf("%d files, %v: want 15", files, err)
	}
	if differ < 10 {
		t.Errorf("only %d of %d files differ for another seed", differ, files)
	}
}

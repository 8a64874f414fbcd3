package reference

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

const oneCamera = "cameras: [{id: A, site: A, kind: fixed, municipality: 21001, zone: a}]\n"

func TestLookUpsDoNotAllocate(t *testing.T) {
	s := mustLoad(t, "testdata/brussels")
	p, day := schemas.MustPlate("1ABC123"), mustDay(t, "2024-06-01")
	when, foreign := parseTime(t, "2026-01-15T00:00:00Z"), schemas.MustPlate("XX99XX")
	dst := make([]*schemas.ListEntry, 0, 8)
	buffer := []byte("{camera:BRU-0001}")
	f := func(name string, call func() bool) {
		t.Helper()
		if !call() {
			t.Errorf("%s finds nothing", name)
		}
		if got := testing.AllocsPerRun(100, func() { call() }); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
	f("Vehicle", func() bool { _, ok := s.Vehicle(p, schemas.Belgium, when); return ok })
	f("Vehicle at midnight", func() bool { _, ok := s.Vehicle(p, schemas.Belgium, day.Start()); return ok })
	f("Vehicle of any country", func() bool { _, ok := s.Vehicle(p, schemas.Country{}, when); return ok })
	nowhere := schemas.MustPlate("NOWHERE1").Class()
	f("Entries of a plate that is not listed", func() bool { return len(s.Entries(dst, nowhere, when)) == 0 })
	f("Entries before they are valid", func() bool { return len(s.Entries(dst, p.Class(), 1)) == 0 })
	if got := testing.AllocsPerRun(100, func() { s.Entries(dst, p.Class(), when) }); got != 6 {
		t.Errorf("Entries: %v allocations for three entries, want 6: each and its texts", got)
	}
	f("Camera", func() bool { _, ok := s.Camera(string(buffer[8:16])); return ok })
	f("Exemption", func() bool { _, ok := s.Exemption(p, schemas.Belgium, "lez", day); return ok })
	f("DayPass", func() bool { _, ok := s.DayPass(p, schemas.Belgium, mustPassDay); return ok })
	f("DayPasses", func() bool { return s.DayPasses(p, schemas.Belgium, mustPassDay, mustPassDay+1) == 1 })
	f("Registration", func() bool { _, ok := s.Registration(foreign, schemas.Country{}, mustPassDay); return ok })
	f("Prefetch", func() bool { s.Prefetch([]schemas.Class{p.Class()}, []schemas.Plate{p, foreign}); return true })
	f("RegisterAsOf", func() bool { _, ok := s.RegisterAsOf(schemas.Belgium); return ok })
}

var mustPassDay = schemas.DayOf(2026, 7, 1)

// benchPlate spreads n plates over the Belgian form 1ABC123, without a gap and without a repeat.
func benchPlate(i int) schemas.Plate {
	b := [7]byte{'1'}
	for j := 6; j >= 4; j-- {
		b[j] = byte('0' + i%10)
		i /= 10
	}
	for j := 3; j >= 1; j-- {
		b[j] = byte('A' + i%26)
		i /= 26
	}
	b[0] += byte(i)
	p, ok := schemas.PlateFrom(b[:])
	if !ok {
		panic("BUG: not a plate")
	}
	return p
}

// writeVehicles writes n vehicles as a register would deliver them.
func writeVehicles(t testing.TB, dir string, n int) {
	t.Helper()
	writeFile(t, dir, fileCameras, oneCamera)
	writeFile(t, dir, fileRegisters, "registers: [{name: DIV, country: BE, as_of: 2026-11-21}]\n")
	b := []byte(strings.Join(vehicleColumns.names[:9], ",") + "\n")
	for i := range n {
		b = fmt.Appendf(b, "%s,BE,M1,%s,%d,false,2%03d-03-%02d,2019-%02d-01,\n", benchPlate(i), schemas.Fuel(1+i%5), i%7, i%24, 1+i%28, 1+i%12)
	}
	if err := os.WriteFile(filepath.Join(dir, fileVehicles), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// benchVehicles is 1 million, or REFDATA_VEHICLES.
func benchVehicles(b *testing.B) int {
	b.Helper()
	s := os.Getenv("REFDATA_VEHICLES")
	if s == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		b.Fatalf("REFDATA_VEHICLES: %v", err)
	}
	return n
}

// BenchmarkVehicle looks random plates up, three in four registered, among 1 million vehicles or
// REFDATA_VEHICLES=8000000: one by one, and 64 at a time after Prefetch. It reports the memory per vehicle.
func BenchmarkVehicle(b *testing.B) {
	n := benchVehicles(b)
	table := mustTable(b, n)
	for i := range n {
		v := schemas.Vehicle{Country: schemas.Belgium, Category: schemas.M1, Fuel: schemas.Diesel, ValidFrom: 18000}
		if table.putPlate(benchPlate(i), &v) != putDone {
			b.Fatal("BUG: a vehicle was refused")
		}
	}
	perVehicle := float64(len(table.viewBytes())) / float64(n)
	s := &Snapshot{vehicles: table, lists: mustIndex(b, newListLoader(0))}
	const batch = 64
	asked := make([]schemas.Plate, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range asked {
		asked[i] = benchPlate(r.IntN(n * 4 / 3))
	}
	at := schemas.DayOf(2026, 7, 1).Start() + 12*schemas.Hour
	run := func(name string, prefetch bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i, found := 0, 0
			for b.Loop() {
				j := i & (1<<20 - 1)
				if prefetch && j%batch == 0 {
					s.Prefetch(nil, asked[j:j+batch])
				}
				if _, ok := s.Vehicle(asked[j], schemas.Belgium, at); ok {
					found++
				}
				i++
			}
			b.ReportMetric(perVehicle, "B/vehicle")
			b.ReportMetric(float64(found)/float64(i), "found/op")
		})
	}
	run("one-by-one", false)
	run("prefetched", true)
}

// BenchmarkLoadVehicles loads a directory of 1 million vehicles or REFDATA_VEHICLES.
func BenchmarkLoadVehicles(b *testing.B) {
	n := benchVehicles(b)
	dir := b.TempDir()
	writeVehicles(b, dir, n)
	for b.Loop() {
		if s := mustLoad(b, dir); s.Stats().Vehicles != n {
			b.Fatalf("%d vehicles, want %d", s.Stats().Vehicles, n)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "vehicles/s")
}

// BenchmarkStart is a start with 1 million vehicles or REFDATA_VEHICLES and an eighth as many list entries: from the
// files, from the files keeping index files, and from these.
func BenchmarkStart(b *testing.B) {
	n := benchVehicles(b)
	dir, index := b.TempDir(), b.TempDir()
	writeList(b, dir, n/8)
	writeVehicles(b, dir, n)
	start := func(b *testing.B, opt Options) {
		s, err := NewStore(dir, opt)
		if err != nil {
			b.Fatal(err)
		}
		if st := s.Current().Stats(); st.Vehicles != n || st.ListEntries != n/8 {
			b.Fatalf("%+v", st)
		}
		b.ReportMetric(s.indexFilesUsed(), "index-files")
	}
	b.Run("files", func(b *testing.B) {
		for b.Loop() {
			start(b, Options{})
		}
	})
	b.Run("files-keeping-index", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			for _, kind := range []string{indexVehicles, indexLists} {
				indexDir{path: index}.removeOld(kind, "")
			}
			b.StartTimer()
			start(b, Options{IndexDir: index})
		}
	})
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			start(b, Options{IndexDir: index})
		}
	})
}

// BenchmarkReloadUnchangedVehicles reloads after a change of another file.
func BenchmarkReloadUnchangedVehicles(b *testing.B) {
	dir := b.TempDir()
	writeVehicles(b, dir, benchVehicles(b))
	s := newStore(b, dir, Options{})
	i := 0
	for b.Loop() {
		i++
		writeFile(b, dir, filePasses, fmt.Sprintf("plate,day\n%s,2026-07-01\n", benchPlate(i)))
		if err := s.Reload(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func writeList(t testing.TB, dir string, n int) {
	t.Helper()
	var sb strings.Builder
	w := csv.NewWriter(&sb)
	rows := [][]string{listColumns.names}
	for i := range n {
		rows = append(rows, []string{strconv.Itoa(i), benchPlate(i * 7).String(), "BE", "stolen vehicle", "PV-" + strconv.Itoa(i), "50", "2026-01-01", "", "5339|5340", "true"})
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, fileCameras, oneCamera)
	if err := os.MkdirAll(filepath.Join(dir, listDir), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "lists/stolen.csv", sb.String())
}

// BenchmarkEntries looks random plates up in 1 million list entries, one in seven listed.
func BenchmarkEntries(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	writeList(b, dir, n)
	s := mustLoad(b, dir)
	perEntry := float64(len(s.lists.mem.b)) / n
	asked := make([]schemas.Class, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range asked {
		asked[i] = benchPlate(r.IntN(n * 7)).Class()
	}
	at := schemas.DayOf(2026, 7, 1).Start()
	dst := make([]*schemas.ListEntry, 0, 64)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = s.Entries(dst[:0], asked[i&(1<<20-1)], at)
		i++
	}
	b.ReportMetric(perEntry, "B/entry")
}

// BenchmarkLoadList loads 1 million list entries.
func BenchmarkLoadList(b *testing.B) {
	dir := b.TempDir()
	writeList(b, dir, 1_000_000)
	for b.Loop() {
		mustLoad(b, dir)
	}
}

// BenchmarkLoadCameras loads a country's registry of 10,000 cameras.
func BenchmarkLoadCameras(b *testing.B) {
	dir := b.TempDir()
	var sb strings.Builder
	sb.WriteString("cameras:\n")
	for i := range 10_000 {
		fmt.Fprintf(&sb, "  - id: BRU-%05d\n    site: S-%05d\n    kind: fixed\n    municipality: 21004\n    zone: \"5339\"\n    purposes: [lez, speed]\n"+
			"    token_sha256: %064x\n    lanes:\n      - {number: 1, direction: approaching, limits: [{limit_kmh: 30, surround: zone_30, valid_from: 2021-01-01}]}\n"+
			"    certificates: [{serial: X, approval: Y, valid_from: 2025-11-01, valid_to: 2027-11-01}]\n", i, i, i+1)
	}
	writeFile(b, dir, fileCameras, sb.String())
	for b.Loop() {
		mustLoad(b, dir)
	}
}

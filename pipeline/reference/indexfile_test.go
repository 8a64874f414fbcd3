package reference

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/schemas"
)

// indexResults returns how often each result came, by "kind result".
func indexResults(t testing.TB, s *Store) map[string]int {
	t.Helper()
	reg := prometheus.NewRegistry()
	if err := reg.Register(s.opt.Metrics.index); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, m := range families[0].GetMetric() {
		if n := int(m.GetCounter().GetValue()); n > 0 {
			out[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = n
		}
	}
	return out
}

func indexFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(name string) bool { return strings.HasPrefix(filepath.Base(name), "last-good-") })
}

var (
	bothBuilt = map[string]int{"vehicles built": 1, "lists built": 1}
	bothUsed  = map[string]int{"vehicles used": 1, "lists used": 1}
)

// sameAnswers compares two snapshots on every plate and entry of the test data and some others.
func sameAnswers(t *testing.T, got, want *Snapshot) {
	t.Helper()
	if got.Version() != want.Version() || !reflect.DeepEqual(got.Stats(), want.Stats()) {
		t.Fatalf("got version %s %+v, want %s %+v", got.Version(), got.Stats(), want.Version(), want.Stats())
	}
	for _, plate := range []string{"1ABC123", "1OBC123", "XX99XX", "2XYZ987", "AB123C", "NOWHERE", "9ZZZ999"} {
		p := schemas.MustPlate(plate)
		for _, at := range []schemas.Micros{schemas.DayOf(2019, 1, 1).Start(), schemas.DayOf(2024, 6, 1).Start(), schemas.DayOf(2026, 7, 1).Start()} {
			for _, c := range []schemas.Country{{}, schemas.Belgium, {'N', 'L'}} {
				a, okA := got.Vehicle(p, c, at)
				b, okB := want.Vehicle(p, c, at)
				if a != b || okA != okB {
					t.Errorf("%s %s %s: got %+v %v, want %+v %v", plate, c, at, a, okA, b, okB)
				}
			}
			if a, b := got.Entries(nil, p.Class(), at), want.Entries(nil, p.Class(), at); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: got entries %v, want %v", plate, a, b)
			}
		}
	}
}

func TestAStartUsesTheIndexFilesOfTheOneBefore(t *testing.T) {
	dir, index := copyRegion(t), filepath.Join(t.TempDir(), "made", "by", "us")
	want := mustLoad(t, dir)
	first := newStore(t, dir, Options{IndexDir: index})
	if got := indexResults(t, first); !reflect.DeepEqual(got, bothBuilt) {
		t.Errorf("first start: %v", got)
	}
	sameAnswers(t, first.Current(), want)
	second := newStore(t, dir, Options{IndexDir: index})
	if got := indexResults(t, second); !reflect.DeepEqual(got, bothUsed) {
		t.Errorf("second start: %v", got)
	}
	sameAnswers(t, second.Current(), want)
	for _, name := range indexFiles(t, index) {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v, want mode 0600: it holds plates", name, info.Mode(), err)
		}
	}
}

func TestABrokenIndexFileIsMadeAgain(t *testing.T) {
	dir, index := copyRegion(t), t.TempDir()
	want := mustLoad(t, dir)
	newStore(t, dir, Options{IndexDir: index})
	files := indexFiles(t, index)
	if len(files) != 2 {
		t.Fatalf("%v, want two files", files)
	}
	r := newSeededRand(t)
	for _, name := range files {
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		broken := map[string][]byte{
			"empty": nil, "cut in the header": good[:100], "cut by a byte": good[:len(good)-1], "longer": append(bytes.Clone(good), 0),
			"zeros": make([]byte, len(good)), "header only": good[:indexHeader],
		}
		flips := []int{0, atKey, atInts, atData, atMeta, atSum, atCheck, indexHeader, len(good) - 1}
		for range 30 {
			flips = append(flips, indexHeader+r.IntN(len(good)-indexHeader))
		}
		for _, at := range flips {
			b := bytes.Clone(good)
			b[at] ^= 1 << r.IntN(8)
			broken[fmt.Sprintf("byte %d", at)] = b
		}
		for what, b := range broken {
			writeFile(t, index, filepath.Base(name), string(b))
			var log bytes.Buffer
			s := newStore(t, dir, Options{IndexDir: index, Log: zerolog.New(&log)})
			kind, _, _ := strings.Cut(filepath.Base(name), "-")
			if got := indexResults(t, s); got[kind+" refused"] != 1 || got[kind+" built"] != 1 || !strings.Contains(log.String(), filepath.Base(name)) {
				t.Errorf("%s, %s: %v, log %s", kind, what, got, log.String())
			}
			sameAnswers(t, s.Current(), want)
			if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, good) {
				t.Errorf("%s, %s: the file made again is another (%v)", kind, what, err)
			}
		}
	}
}

func TestAnIndexFileOfOtherContentIsNotUsed(t *testing.T) {
	dir, index := copyRegion(t), t.TempDir()
	newStore(t, dir, Options{IndexDir: index})
	before := indexFiles(t, index)
	editFile(t, dir, fileVehicles, "1ABC123,BE,M1,diesel", "1ABC123,BE,M1,petrol")
	s := newStore(t, dir, Options{IndexDir: index})
	if got, want := indexResults(t, s), map[string]int{"vehicles built": 1, "lists used": 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	sameAnswers(t, s.Current(), mustLoad(t, dir))
	after := indexFiles(t, index)
	if len(after) != 2 || reflect.DeepEqual(before, after) {
		t.Errorf("got %v after %v: the old file must go", after, before)
	}
	// The new file under the old name has the wrong key, whatever its check sums say.
	var old, now string
	for i := range before {
		if before[i] != after[i] {
			old, now = before[i], after[i]
		}
	}
	b, err := os.ReadFile(now)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, index, filepath.Base(old), string(b))
	editFile(t, dir, fileVehicles, "1ABC123,BE,M1,petrol", "1ABC123,BE,M1,diesel")
	if s = newStore(t, dir, Options{IndexDir: index}); indexResults(t, s)["vehicles refused"] != 1 {
		t.Errorf("got %v", indexResults(t, s))
	}
	sameAnswers(t, s.Current(), mustLoad(t, dir))
}

// A register that is gone makes the same vehicles wrong: the index file must not let them in.
func TestAnIndexFileDoesNotBypassWhatDependsOnOtherFiles(t *testing.T) {
	dir, index := copyRegion(t), t.TempDir()
	newStore(t, dir, Options{IndexDir: index})
	editFile(t, dir, fileRegisters, "country: NL", "country: FR")
	if _, err := NewStore(dir, Options{IndexDir: index}); len(problemsOf(err)) == 0 {
		t.Errorf("got %v, want a refusal", err)
	}
	editFile(t, dir, fileRegisters, "country: FR", "country: NL")
	writeFile(t, dir, fileVehicles, readFile(t, dir, fileVehicles)+"BROKEN!\n")
	if _, err := NewStore(dir, Options{IndexDir: index}); len(problemsOf(err)) == 0 {
		t.Errorf("got %v, want a refusal", err)
	}
	if got := indexFiles(t, index); len(got) != 2 {
		t.Errorf("a refused version left %v", got)
	}
}

func TestAnIndexDirectoryThatCannotBeWrittenCostsNothingButTime(t *testing.T) {
	dir := copyRegion(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t, dir, Options{IndexDir: filepath.Join(file, "below")})
	if got := indexResults(t, s); got["vehicles refused"] == 0 || got["lists refused"] == 0 || got["vehicles built"] != 0 {
		t.Errorf("got %v", got)
	}
	sameAnswers(t, s.Current(), mustLoad(t, dir))
}

func TestStartsAtTheSameTimeShareADirectory(t *testing.T) {
	dir, index := copyRegion(t), t.TempDir()
	want := mustLoad(t, dir)
	var wg sync.WaitGroup
	stores := make([]*Store, 8)
	for i := range stores {
		wg.Go(func() { stores[i], _ = NewStore(dir, Options{IndexDir: index}) })
	}
	wg.Wait()
	for i, s := range stores {
		if s == nil {
			t.Fatalf("start %d failed", i)
		}
		sameAnswers(t, s.Current(), want)
	}
}

// Memory outside the collector goes when the table goes, and not before.
func TestMemoryGoesWithItsTable(t *testing.T) {
	freed := make(chan int, 1)
	useTable(t, &arena{b: make([]byte, 3*bucketSize), free: func(b []byte) { freed <- len(b) }}, freed)
	deadline := time.After(time.Minute)
	for {
		runtime.GC()
		select {
		case n := <-freed:
			if n != 3*bucketSize {
				t.Errorf("freed %d bytes, want %d", n, 3*bucketSize)
			}
			return
		case <-deadline:
			t.Fatal("not freed")
		case <-time.After(time.Millisecond):
		}
	}
}

func useTable(t *testing.T, m *arena, freed <-chan int) {
	t.Helper()
	table := tableIn(m, m.b, 0, 3)
	for range 3 {
		runtime.GC()
	}
	v := schemas.Vehicle{Country: schemas.Belgium, ValidFrom: 1}
	if len(freed) > 0 || table.putPlate(schemas.MustPlate("1ABC123"), &v) != putDone {
		t.Fatal("freed while the table is in use")
	}
}

func TestIndexFileKeepsARandomTable(t *testing.T) {
	r := newSeededRand(t)
	d := indexDir{path: t.TempDir(), report: func(_, _ string, err error) {
		if err != nil {
			t.Error(err)
		}
	}}
	for round := range 20 {
		table, model := mustTable(t, 1+r.IntN(500)), naive{}
		for range table.limit {
			from := schemas.Day(1 + r.IntN(400))
			p, v := randomPlate(r, 5, "AB1"), randomVehicle(r, from, from+schemas.Day(1+r.IntN(60)))
			if table.putPlate(p, &v) == putDone {
				model.putVehicle(p, v)
			}
		}
		key := d.fileKey(indexVehicles, fmt.Sprint(round))
		kept := table.saveIndex(d, key)
		for _, x := range []*vehicleTable{kept, openVehicles(d, key)} {
			checkTable(t, x)
			for range 500 {
				p, c, day := randomPlate(r, 5, "AB1"), countries[r.IntN(len(countries))], schemas.Day(r.IntN(480))
				got, gotOK := x.findVehicle(p, c, day)
				if want, wantOK := model.findVehicle(p, c, day); got != want || gotOK != wantOK {
					t.Fatalf("round %d: %s %s %s: got %+v %v, want %+v %v", round, p, c, day, got, gotOK, want, wantOK)
				}
			}
		}
	}
}

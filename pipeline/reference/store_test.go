package reference

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	s, err := NewStore(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReloadTakesValidChanges(t *testing.T) {
	dir := copyRegion(t)
	s := newStore(t, dir, Options{})
	before := s.Current()
	editFile(t, dir, filePasses, "1ABC123,2026-07-01", "1ABC123,2026-07-09")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, day := schemas.MustPlate("1ABC123"), mustDay(t, "2026-07-09")
	if !hasPass(s.Current(), p, day) || s.Current().Version() == before.Version() {
		t.Error("the change is not in the current version")
	}
	if hasPass(before, p, day) {
		t.Error("the change is in the previous version too")
	}
}

func TestReloadKeepsTheSnapshotWhenTheContentIsTheSame(t *testing.T) {
	s := newStore(t, copyRegion(t), Options{})
	before := s.Current()
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Current() != before {
		t.Error("another snapshot of the same content")
	}
}

func TestReloadSharesWhatDidNotChange(t *testing.T) {
	dir := copyRegion(t)
	s := newStore(t, dir, Options{})
	a := s.Current()
	editFile(t, dir, filePasses, "1ABC123,2026-07-01", "1ABC123,2026-07-09")
	editFile(t, dir, fileRegisters, "2026-11-20", "2026-11-22")
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := s.Current()
	if a.cameras != b.cameras || a.vehicles != b.vehicles || a.lists != b.lists || a.exemptions != b.exemptions || a.registrations != b.registrations {
		t.Error("unchanged files were parsed again")
	}
	if a.passes == b.passes {
		t.Error("a changed file was not parsed again")
	}
	editFile(t, dir, fileRegisters, "country: NL", "country: FR")
	opt := s.opt
	s.opt.AllowShrink = true
	if err := s.Reload(t.Context()); len(problemsOf(err)) != 2 {
		t.Errorf("vehicles of a country whose register is gone: got %v, want 2 problems", err)
	}
	s.opt = opt
}

func TestReloadRefusesBrokenFilesAndKeepsThePreviousVersion(t *testing.T) {
	dir := copyRegion(t)
	reg := prometheus.NewRegistry()
	s := newStore(t, dir, Options{Metrics: NewMetrics(reg, nil)})
	before := s.Current()
	f := func(name, broken, want string) {
		t.Helper()
		good := readFile(t, dir, name)
		writeFile(t, dir, name, broken)
		err := s.Reload(t.Context())
		if len(problemsOf(err)) == 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
		if s.Current() != before {
			t.Errorf("%s: the previous version did not stay", name)
		}
		writeFile(t, dir, name, good)
	}
	cameras, vehicles := readFile(t, dir, fileCameras), readFile(t, dir, fileVehicles)
	f(fileCameras, cameras[:len(cameras)/2], "cameras.yaml:")
	f(fileCameras, "", "cameras.yaml:")
	f(fileVehicles, vehicles[:len(vehicles)/2], "vehicles.csv: does not end in a newline")
	f(fileVehicles, "", "vehicles.csv: has no header line")
	f(fileRegisters, "registers: [{name: DIV, country: BE, as_of: never}]\n", "registers.yaml:1: field registers[0].as_of")
	if got := metricValue(t, reg, "anpr_refdata_reload_failures_total", ""); got != 5 {
		t.Errorf("failures: got %v, want 5", got)
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Errorf("the good files again: %v", err)
	}
}

func TestReloadRefusesSuspiciousChangesUnlessAllowed(t *testing.T) {
	header := strings.Join(listColumns.names, ",") + "\n"
	vehicles := strings.SplitAfter(readFile(t, "testdata/brussels", fileVehicles), "\n")
	f := func(name, want string, change func(dir string)) {
		t.Helper()
		dir := copyRegion(t)
		s := newStore(t, dir, Options{})
		before := s.Current()
		change(dir)
		err := s.Reload(t.Context())
		if got := problemsOf(err); len(got) != 1 || got[0].String() != want+"; if that is right, allow it to shrink" || s.Current() != before {
			t.Errorf("%s: got  %v\nwant %s", name, err, want)
		}
		s.opt.AllowShrink = true
		if err := s.Reload(t.Context()); err != nil || s.Current() == before {
			t.Errorf("%s: allowed to shrink: %v", name, err)
		}
	}
	f("vehicles by more than half", "vehicles.csv: has 2 vehicles, the version in use has 5", func(dir string) {
		writeFile(t, dir, fileVehicles, vehicles[0]+vehicles[2]+vehicles[3])
	})
	f("a list by more than half", "lists/stolen.csv: has 1 entries, the version in use has 3", func(dir string) {
		writeFile(t, dir, "lists/stolen.csv", header+"s-1,A,,,,1,2026-01-01,,,\n")
	})
	f("an empty list", "lists/missing.csv: has 0 entries, the version in use has 1", func(dir string) {
		writeFile(t, dir, "lists/missing.csv", header)
	})
	f("a list that is gone", "lists/missing.csv: has 0 entries, the version in use has 1", func(dir string) {
		if err := os.Remove(filepath.Join(dir, "lists", "missing.csv")); err != nil {
			t.Fatal(err)
		}
	})
	f("exemptions gone", "exemptions.csv: has 0 exemptions, the version in use has 3", func(dir string) {
		if err := os.Remove(filepath.Join(dir, fileExemptions)); err != nil {
			t.Fatal(err)
		}
	})
	f("an older register", "registers.yaml: the register of NL goes back from 2026-11-19T23:00:00.000000Z to 2026-11-18T23:00:00.000000Z", func(dir string) {
		editFile(t, dir, fileRegisters, "as_of: 2026-11-20", "as_of: 2026-11-19")
	})
}

func TestReloadTakesAChangeOfExactlyHalf(t *testing.T) {
	dir := copyRegion(t)
	writeFile(t, dir, "lists/stolen.csv", strings.Join(listColumns.names, ",")+"\na,A,,,,1,2026-01-01,,,\nb,B,,,,1,2026-01-01,,,\n")
	s := newStore(t, dir, Options{})
	writeFile(t, dir, "lists/stolen.csv", strings.Join(listColumns.names, ",")+"\na,A,,,,1,2026-01-01,,,\n")
	if err := s.Reload(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReloadEndsWithItsContext(t *testing.T) {
	s := newStore(t, copyRegion(t), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Reload(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestNewStoreRefusesADirectoryThatIsNotThere(t *testing.T) {
	if _, err := NewStore(filepath.Join(t.TempDir(), "absent"), Options{}); err == nil {
		t.Error("a store of a directory that is not there")
	}
}

// startWatched runs a store and returns a function that makes the watcher look once and waits until it has.
func startWatched(t *testing.T, dir string, log *bytes.Buffer) (s *Store, look func()) {
	t.Helper()
	ticks := make(chan time.Time)
	s = newStore(t, dir, Options{Ticks: ticks, Log: zerolog.New(log)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v, want nil", err)
		}
	})
	// Run takes the second tick only when it has dealt with the first, and the third when with the second.
	return s, func() { ticks <- time.Time{}; ticks <- time.Time{}; ticks <- time.Time{} }
}

func TestRunReloadsWhenFilesChange(t *testing.T) {
	dir := copyRegion(t)
	var log bytes.Buffer
	s, look := startWatched(t, dir, &log)
	first := s.Current()
	look()
	if s.Current() != first {
		t.Error("reloaded without a change")
	}
	writeFile(t, dir, "lists/new.csv", strings.Join(listColumns.names, ",")+"\na,A,,,,1,2026-01-01,,,\n")
	look()
	if got := s.Current().Stats().Lists["new"]; got != 1 {
		t.Errorf("the new list has %d entries, want 1", got)
	}
	writeFile(t, dir, filePasses, "broken\n")
	look()
	look()
	if !hasPass(s.Current(), schemas.MustPlate("1ABC123"), mustDay(t, "2026-07-01")) {
		t.Error("a broken file replaced the passes")
	}
	if got := strings.Count(log.String(), "refused"); got != 1 {
		t.Errorf("the refusal is logged %d times, want once: %s", got, log.String())
	}
	writeFile(t, dir, filePasses, "plate,day\n1ABC123,2026-07-03\nA,2026-07-03\nB,2026-07-03\n")
	look()
	if !hasPass(s.Current(), schemas.MustPlate("1ABC123"), mustDay(t, "2026-07-03")) {
		t.Error("the corrected file was not loaded")
	}
}

func TestLookWaitsUntilFilesRest(t *testing.T) {
	dir := copyRegion(t)
	s := newStore(t, dir, Options{})
	first := s.Current()
	var seen uint64
	for i := range 5 { // another size at every look
		writeFile(t, dir, filePasses, "plate,day\nA,2026-07-01\n"+strings.Repeat("XX99XX,2026-07-01\n", 3+i)+"B,2026-07-01\n")
		if seen = s.checkForChange(t.Context(), seen); s.Current() != first {
			t.Fatal("loaded a file that was still changing")
		}
	}
	if s.checkForChange(t.Context(), seen); s.Current() == first {
		t.Error("did not load the file that rests")
	}
}

func TestTriggerReloadsWithoutATick(t *testing.T) {
	dir := copyRegion(t)
	var log bytes.Buffer
	s, look := startWatched(t, dir, &log)
	info, err := os.Stat(filepath.Join(dir, filePasses))
	if err != nil {
		t.Fatal(err)
	}
	editFile(t, dir, filePasses, "1ABC123,2026-07-01", "1ABC123,2026-07-09") // same size
	if err := os.Chtimes(filepath.Join(dir, filePasses), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	look()
	p, day := schemas.MustPlate("1ABC123"), mustDay(t, "2026-07-09")
	if hasPass(s.Current(), p, day) {
		t.Fatal("BUG: the watcher saw a change it cannot see")
	}
	s.Trigger()
	s.Trigger() // does not block
	look()
	look() // select may prefer ticks; many looks cannot all win
	for range 100 {
		if hasPass(s.Current(), p, day) {
			return
		}
		look()
	}
	t.Error("the trigger did not reload")
}

func TestLookUpsGoOnDuringReloads(t *testing.T) {
	dir := copyRegion(t)
	s := newStore(t, dir, Options{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	p, when := schemas.MustPlate("1ABC123"), parseTime(t, "2026-03-01T00:00:00Z")
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				now := s.Current()
				v, ok := now.Vehicle(p, schemas.Belgium, when)
				if _, found := now.Camera("BRU-0001"); !ok || !found || v.Fuel != schemas.Electric || len(now.Entries(nil, p.Class(), when)) != 2 {
					t.Error("a half-loaded version")
					return
				}
			}
		})
	}
	for i := range 30 {
		writeFile(t, dir, filePasses, "plate,day\n"+strings.Repeat("A,2026-07-01\n", 1+i%2)+"B,2026-07-01\nC,2026-07-01\n")
		if err := s.Reload(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func metricValue(t *testing.T, reg *prometheus.Registry, name, kind string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != name || (kind != "" && m.GetLabel()[0].GetValue() != kind) {
				continue
			}
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s %s", name, kind)
	return 0
}

func TestMetricsSayVersionAgeAndCounts(t *testing.T) {
	reg := prometheus.NewRegistry()
	now := parseTime(t, "2026-11-21T04:00:00+01:00").Time()
	clock := func() time.Time { return now }
	s := newStore(t, copyRegion(t), Options{Metrics: NewMetrics(reg, clock), Now: clock})
	now = now.Add(90 * time.Second)
	f := func(name, kind string, want float64) {
		t.Helper()
		if got := metricValue(t, reg, name, kind); got != want {
			t.Errorf("%s %s: got %v, want %v", name, kind, got, want)
		}
	}
	var version int64
	for _, c := range s.Current().Version() {
		version = version<<4 | int64(strings.IndexRune("0123456789abcdef", c))
	}
	f("anpr_refdata_version_info", "", float64(version))
	f("anpr_refdata_age_seconds", "", 90)
	f("anpr_refdata_oldest_register_age_seconds", "", (28*time.Hour + 90*time.Second).Seconds())
	f("anpr_refdata_reloads_total", "", 1)
	f("anpr_refdata_reload_failures_total", "", 0)
	f("anpr_refdata_records_count", "camera", 3)
	f("anpr_refdata_records_count", "vehicle", 5)
	f("anpr_refdata_records_count", "list_entry", 4)
	f("anpr_refdata_records_count", "exemption", 3)
	f("anpr_refdata_records_count", "day_pass", 3)
	f("anpr_refdata_records_count", "registration", 3)
	f("anpr_refdata_records_count", "register", 2)
}

func TestAFileThatChangesWhileItIsReadIsNoContentProblem(t *testing.T) {
	dir := copyRegion(t)
	inv, err := readInventory(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{fileVehicles, fileCameras, filePasses} {
		was := inv.files[name]
		changed := was
		changed.sum[0]++
		changed.quick++
		inv.files[name] = changed
		l := &snapshotLoader{ended: t.Context().Err, files: inv, bad: &Error{}}
		s := &Snapshot{}
		err := errors.Join(l.loadCameras(s), l.loadRegisters(s), l.loadVehicles(s), l.loadPasses(s))
		if !errors.Is(err, errChanged) {
			t.Errorf("%s: got %v, want %v", name, err, errChanged)
		}
		inv.files[name] = was
	}
	if _, err := digestOf(t.Context(), filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

package reference

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
)

// startIn starts a store as a process does, and returns what it logged and its doubts by kind.
func startIn(t *testing.T, dir, index string, allow bool) (s *Store, log string, doubts map[string]int, err error) {
	t.Helper()
	var out bytes.Buffer
	m := NewMetrics(prometheus.NewRegistry(), nil)
	s, err = NewStore(dir, Options{IndexDir: index, AllowShrink: allow, Metrics: m, Log: zerolog.New(&out)})
	doubts = map[string]int{}
	for _, k := range doubtKinds {
		if n := int(testutil.ToFloat64(m.doubts.WithLabelValues(k))); n > 0 {
			doubts[k] = n
		}
	}
	return s, out.String(), doubts, err
}

// keepHalf keeps the head and less than half of the rows of a file.
func keepHalf(t *testing.T, dir, name string) {
	t.Helper()
	lines := strings.SplitAfter(strings.TrimSuffix(readFile(t, dir, name), "\n"), "\n")
	writeFile(t, dir, name, strings.Join(lines[:1+(len(lines)-1)*2/5], ""))
}

// keepHeadOnly keeps the head alone.
func keepHeadOnly(t *testing.T, dir, name string) {
	t.Helper()
	head, _, _ := strings.Cut(readFile(t, dir, name), "\n")
	writeFile(t, dir, name, head+"\n")
}

func removeFile(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// Each file absent, empty and half, at a start and at a reload: never without a word.
func TestAbsenceIsNotTakenForEmptiness(t *testing.T) {
	const refused, doubted = true, false
	for _, c := range []struct {
		what    string
		change  func(t *testing.T, dir string)
		refused bool   // at the start; at a reload the version in use stays whatever it is
		kind    string // of the doubt
		says    string
	}{
		{"vehicles.csv absent", func(t *testing.T, dir string) { removeFile(t, dir, fileVehicles) }, refused, "", "vehicles.csv: is not there"},
		{"vehicles.csv empty", func(t *testing.T, dir string) { keepHeadOnly(t, dir, fileVehicles) }, doubted, doubtRegisterEmpty, "every plate is unknown"},
		{"vehicles.csv half", func(t *testing.T, dir string) { keepHalf(t, dir, fileVehicles) }, doubted, doubtShrunk, "vehicles.csv has"},
		{"registers.yaml absent", func(t *testing.T, dir string) { removeFile(t, dir, fileRegisters) }, refused, "", ""},
		{"lists absent", func(t *testing.T, dir string) { removeFile(t, dir, listDir) }, doubted, doubtListsEmpty, "no listed vehicle is ever told"},
		{"one list absent", func(t *testing.T, dir string) { removeFile(t, dir, "lists/stolen.csv") }, doubted, doubtShrunk, "lists/stolen.csv has 0 entries"},
		{"one list empty", func(t *testing.T, dir string) { keepHeadOnly(t, dir, "lists/stolen.csv") }, doubted, doubtShrunk, "lists/stolen.csv has 0 entries"},
		{"one list half", func(t *testing.T, dir string) { keepHalf(t, dir, "lists/stolen.csv") }, doubted, doubtShrunk, "lists/stolen.csv has"},
		{"exemptions.csv absent", func(t *testing.T, dir string) { removeFile(t, dir, fileExemptions) }, doubted, doubtShrunk, "exemptions.csv has 0"},
		{"passes.csv empty", func(t *testing.T, dir string) { keepHeadOnly(t, dir, filePasses) }, doubted, doubtShrunk, "passes.csv has 0"},
		{"registrations.csv absent", func(t *testing.T, dir string) { removeFile(t, dir, fileRegistrations) }, doubted, doubtShrunk, "registrations.csv has 0"},
		{"cameras.yaml absent", func(t *testing.T, dir string) { removeFile(t, dir, fileCameras) }, refused, "", "cameras.yaml: is not there"},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir, index := copyRegion(t), t.TempDir()
			s, _, doubts, err := startIn(t, dir, index, false)
			if err != nil || len(doubts) > 0 {
				t.Fatalf("whole: doubts %v, %v", doubts, err)
			}
			before := s.Current().Version()
			c.change(t, dir)
			if err := s.Reload(t.Context()); err == nil || s.Current().Version() != before {
				t.Errorf("reload: %v, version changed %v; want a refusal", err, s.Current().Version() != before)
			}
			for range 2 { // a second start knows it still
				_, log, doubts, err := startIn(t, dir, index, false)
				switch {
				case c.refused:
					if err == nil || !strings.Contains(err.Error(), c.says) {
						t.Errorf("start: %v, want a refusal with %q", err, c.says)
					}
				case err != nil || doubts[c.kind] == 0 || !strings.Contains(log, c.says):
					t.Errorf("start: %v, doubts %v, log %s; want %s with %q", err, doubts, log, c.kind, c.says)
				}
			}
			if c.refused {
				return
			}
			if _, _, doubts, err := startIn(t, dir, index, true); err != nil || doubts[doubtShrunk] > 0 {
				t.Errorf("allowed to shrink: doubts %v, %v", doubts, err)
			}
			if _, _, doubts, err := startIn(t, dir, index, false); err != nil || doubts[doubtShrunk] > 0 {
				t.Errorf("after it was allowed once: doubts %v, %v", doubts, err)
			}
		})
	}
}

func TestAZoneThatNoListHasIsRefused(t *testing.T) {
	dir := copyRegion(t)
	cameras := readFile(t, dir, fileCameras)
	writeFile(t, dir, fileCameras, "zones: [\"1111\"]\n"+cameras)
	if _, _, _, err := startIn(t, dir, "", false); err == nil || !strings.Contains(err.Error(), "is not in the list `zones`") {
		t.Errorf("a camera of another zone: %v", err)
	}
	writeFile(t, dir, fileCameras, "zones: {a: 1}\n"+cameras)
	if _, _, _, err := startIn(t, dir, "", false); err == nil || !strings.Contains(err.Error(), "zones") {
		t.Errorf("zones that are no list: %v", err)
	}
}

func TestAZoneWithOneCameraIsADoubtWhereNoListSaysOtherwise(t *testing.T) {
	var b strings.Builder
	for i := range fewCameras + 1 {
		zone := "5339"
		if i == 7 {
			zone = "9999"
		}
		b.WriteString("  - {id: C" + string(rune('A'+i)) + ", site: S, kind: fixed, municipality: 21004, zone: \"" + zone + "\", valid_from: 2026-01-01}\n")
	}
	dir := t.TempDir()
	writeFile(t, dir, fileCameras, "cameras:\n"+b.String())
	if _, log, doubts, err := startIn(t, dir, "", false); err != nil || doubts[doubtZoneAlone] != 1 || !strings.Contains(log, "zone 9999 has one camera, CH") {
		t.Errorf("%v, doubts %v, log %s", err, doubts, log)
	}
	writeFile(t, dir, fileCameras, "zones: [\"5339\", '9999']\ncameras:\n"+b.String())
	if _, _, doubts, err := startIn(t, dir, "", false); err != nil || len(doubts) > 0 {
		t.Errorf("with the list of zones: %v, doubts %v", err, doubts)
	}
}

package reference

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// copyRegion copies testdata/brussels to a directory of the test.
func copyRegion(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/brussels")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeFile writes a file by rename, as operators are told to.
func writeFile(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// editFile replaces text that must be there once.
func editFile(t testing.TB, dir, name, from, to string) {
	t.Helper()
	s := readFile(t, dir, name)
	if strings.Count(s, from) != 1 {
		t.Fatalf("BUG: %q is %d times in %s", from, strings.Count(s, from), name)
	}
	writeFile(t, dir, name, strings.Replace(s, from, to, 1))
}

func mustLoad(t testing.TB, dir string) *Snapshot {
	t.Helper()
	s, err := Load(dir)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return s
}

// hasPass reports whether the Belgian plate has a pass for the day.
func hasPass(s *Snapshot, p schemas.Plate, day schemas.Day) bool {
	_, ok := s.DayPass(p, schemas.Belgium, day)
	return ok
}

// problemsOf unwraps the refusal; nil when err is none.
func problemsOf(err error) []Problem {
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	return e.Problems
}

func parseTime(t testing.TB, s string) schemas.Micros {
	t.Helper()
	x, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.MicrosOf(x)
}

func mustDay(t testing.TB, s string) schemas.Day {
	t.Helper()
	d, err := schemas.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newSeededRand returns a random source whose seed is printed when the test fails.
func newSeededRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

const plateChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func randomPlate(r *rand.Rand, maxLen int, chars string) schemas.Plate {
	b := make([]byte, 1+r.IntN(maxLen))
	for i := range b {
		b[i] = chars[r.IntN(len(chars))]
	}
	return schemas.MustPlate(string(b))
}

func mustTable(t testing.TB, rows int) *vehicleTable {
	t.Helper()
	table, err := newVehicleTable(rows)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func mustIndex(t testing.TB, l *listLoader) *lists {
	t.Helper()
	all, err := l.buildIndex()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

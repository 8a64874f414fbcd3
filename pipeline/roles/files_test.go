package roles

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/reference"
)

// filesBelow returns name, mode and content of everything below a directory.
func filesBelow(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&out, "%s %v", path, info.Mode())
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(&out, " %x", sha256.Sum256(b))
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("real "+filepath.Base(path)), 0o640); err != nil {
		t.Fatal(err)
	}
}

// A start changes nothing in a reference directory. A start without cameras.yaml ends with the names of the files.
func TestAStartChangesNoReferenceDataThatExists(t *testing.T) {
	files := []string{"vehicles.csv", "registers.yaml", "users.yaml", "lists/stolen.csv", "secrets/user-tokens.csv", "cameras.yml", "SAMPLE"}
	for subset := 1; subset < 1<<len(files); subset++ {
		dir := t.TempDir()
		for i, name := range files {
			if subset>>i&1 == 1 {
				write(t, filepath.Join(dir, name))
			}
		}
		before := filesBelow(t, dir)
		_, err := checkReference(dir)
		if err == nil || !strings.Contains(err.Error(), "nothing was written") {
			t.Fatalf("subset %b: %v, want a refusal", subset, err)
		}
		for i, name := range files {
			if first, _, _ := strings.Cut(name, "/"); subset>>i&1 == 1 && !strings.Contains(err.Error(), first) {
				t.Errorf("subset %b: %v does not name %s", subset, err, first)
			}
		}
		if err := bench.WriteNewCity(dir, bench.CityConfig{Seed: 1, Cameras: 10, Vehicles: 100}); err == nil || !strings.Contains(err.Error(), "nothing was written") {
			t.Fatalf("subset %b: sample: %v, want a refusal", subset, err)
		}
		if after := filesBelow(t, dir); after != before {
			t.Fatalf("subset %b: changed\nfrom\n%s\nto\n%s", subset, before, after)
		}
	}
	// With cameras.yaml the data are taken as they are.
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cameras.yaml"))
	before := filesBelow(t, dir)
	if madeUp, err := checkReference(dir); madeUp || err != nil || filesBelow(t, dir) != before {
		t.Errorf("real data: made up %v, %v, changed %v", madeUp, err, filesBelow(t, dir) != before)
	}
}

func TestTheMadeUpCityIsWrittenIntoAnEmptyDirectoryOnly(t *testing.T) {
	root := t.TempDir()
	empty := filepath.Join(root, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for _, dir := range []string{empty, filepath.Join(root, "absent", "reference")} {
		if _, err := checkReference(dir); err == nil || !strings.Contains(err.Error(), "no reference data in") || !strings.Contains(err.Error(), "make up") {
			t.Fatalf("a start without reference data: %v", err)
		}
		if err := bench.WriteMissingCity(dir, 1); err != nil {
			t.Fatal(err)
		}
		before := filesBelow(t, dir)
		if madeUp, err := checkReference(dir); !madeUp || err != nil {
			t.Fatal(madeUp, err)
		}
		if err := bench.WriteMissingCity(dir, 2); err != nil || filesBelow(t, dir) != before {
			t.Fatalf("second start: %v, or the city changed", err)
		}
		if err := bench.WriteNewCity(dir, bench.CityConfig{Seed: 2}); err == nil || filesBelow(t, dir) != before {
			t.Fatalf("sample: %v, or the city changed", err)
		}
		got, err := bench.ReadCameraTokens(dir)
		if err != nil {
			t.Fatal(err)
		}
		tokens[got["BRU-0001"]] = true
		info, err := os.Stat(filepath.Join(dir, "secrets", "user-tokens.csv"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("tokens: %v %v", info.Mode(), err)
		}
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".sample-city-*"))
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if len(tokens) != 2 || tokens[""] {
		t.Error("two made-up cities have the same tokens, or none")
	}
}

func TestTokensThatTheSourceTellsAreRefusedWhereOthersReachTheOffice(t *testing.T) {
	users := func(token string) *access.Users {
		sum := sha256.Sum256([]byte(token))
		u, err := access.ReadUsers(strings.NewReader(fmt.Sprintf("users:\n  - name: auditor1\n    role: auditor\n    token_sha256: \"%x\"\n", sum)))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	public := users(bench.PublicUserToken(1, "auditor1"))
	for name, token := range publicTokens {
		if token != bench.PublicUserToken(1, name) {
			t.Errorf("the public token of %s is not among those that are refused", name)
		}
	}
	if len(publicTokens) != 7 {
		t.Errorf("%d public tokens, want that of every user whom earlier versions had", len(publicTokens))
	}
	if reference.SampleMarker != bench.SampleMarker {
		t.Errorf("the marker of made-up data is %s here and %s there", reference.SampleMarker, bench.SampleMarker)
	}
	madeUp, genuine := t.TempDir(), t.TempDir()
	write(t, filepath.Join(madeUp, bench.SampleMarker))
	for _, c := range []struct {
		name      string
		users     *access.Users
		reference string
		addr      string
		refused   bool
	}{
		{"made-up data on loopback", public, madeUp, "127.0.0.1:8082", false},
		{"made-up data on localhost", public, madeUp, "localhost:8082", false},
		{"made-up data on every address", public, madeUp, "0.0.0.0:8082", true},
		{"made-up data on an empty host", public, madeUp, ":8082", true},
		{"real data with a token of the made-up city", public, genuine, "127.0.0.1:8082", true},
		{"real data with tokens of their own", users("a token of their own"), genuine, "0.0.0.0:8082", false},
	} {
		if err := refusePublicTokens(c.users, c.reference, c.addr); (err != nil) != c.refused {
			t.Errorf("%s: %v, want refused %v", c.name, err, c.refused)
		}
	}
}

package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/roles"
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

// A path that somebody mistyped starts nothing and writes nothing, by flag or by environment; nor does the default
// directory get a made-up city.
func TestAMistypedReferenceStartsNoMadeUpCity(t *testing.T) {
	root := t.TempDir()
	empty := filepath.Join(root, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(root, "nothere"), filepath.Join(root, "not", "there"), empty} {
		for _, command := range []string{"up"} {
			for _, how := range []string{"flag", "environment"} {
				args := []string{command, "--data=" + filepath.Join(root, "data"), "--port-base=21900"}
				if how == "flag" {
					args = append(args, "--reference="+dir)
				} else {
					t.Setenv("ANPR_REFERENCE", dir)
				}
				code, out := captured(t, args...)
				want := "anpr: --reference " + dir + ": there is no reference data. Correct the path, or write a made-up city with `anprload city --out " + dir + "`"
				if code != 1 || !strings.Contains(out, want) {
					t.Errorf("%s by %s: exit code %d, want 1 and %q:\n%s", command, how, code, want, out)
				}
			}
			t.Setenv("ANPR_REFERENCE", "")
		}
	}
	if left := filesBelow(t, root); strings.Contains(left, "cameras.yaml") || strings.Contains(left, "kafka") {
		t.Errorf("something was written:\n%s", left)
	}
	if err := roles.CheckNamedReference(""); err != nil {
		t.Errorf("the default directory: %v", err)
	}
}

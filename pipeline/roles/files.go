package roles

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/reference"
)

// checkReference reports whether dir holds the reference data of the made-up city. Nothing is written. A directory
// without cameras.yaml is an error, which names the files there or the commands that fill the directory.
func checkReference(dir string) (madeUp bool, err error) {
	names, err := listFiles(dir)
	if err != nil {
		return false, fmt.Errorf("reference data: %w", err)
	}
	switch {
	case names["cameras.yaml"]:
		return names[reference.SampleMarker], nil
	case len(names) > 0:
		return false, fmt.Errorf("%s holds %s and no cameras.yaml%s: nothing was written; complete the directory, or name another with --reference", dir, joinNames(names), likelyMisspelling(names))
	case isLink(dir):
		return false, fmt.Errorf("%s is a symbolic link, and what it leads to is empty or not there: nothing was written; is it mounted?", dir)
	}
	return false, fmt.Errorf("no reference data in %s: put cameras.yaml, registers.yaml, users.yaml and the files they name there, or name another directory with --reference; to look around, `make up` starts with a made-up city and `anprload city --out %s` writes one", dir, dir)
}

// isLink reports whether the path is a symbolic link. The link is not followed.
func isLink(path string) bool {
	info, err := os.Lstat(filepath.Clean(path))
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// CheckNamedReference refuses a named directory that is empty or missing: a mistyped path must not start a made-up
// city among real cameras. The default directory, "", passes.
func CheckNamedReference(dir string) error {
	if dir == "" {
		return nil
	}
	names, err := listFiles(dir)
	if err != nil {
		return fmt.Errorf("--reference %s: %w", dir, err)
	}
	if len(names) > 0 {
		return nil
	}
	return fmt.Errorf("--reference %s: there is no reference data. Correct the path, or write a made-up city with `anprload city --out %s`", dir, dir)
}

// listFiles returns the names in a directory; none when the directory is missing.
func listFiles(dir string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names, nil
}

// likelyMisspelling names a file that was probably meant to be cameras.yaml.
func likelyMisspelling(names map[string]bool) string {
	for _, n := range []string{"cameras.yml", "Cameras.yaml", "camera.yaml", "cameras.yaml.txt", "cameras.yaml.tmp", "cameras.json"} {
		if names[n] {
			return " (is " + n + " meant to be it?)"
		}
	}
	return ""
}

// joinNames names at most eight files.
func joinNames(names map[string]bool) string {
	const most = 8
	all := slices.Sorted(maps.Keys(names))
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// CheckData refuses a data directory that is a file, and names the flag to correct.
func CheckData(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; name a directory with --data", dir)
	}
	return nil
}

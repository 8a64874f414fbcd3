package bench

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// CityOfToday makes the city of a seed as WriteNewCity does, without its tokens: who only sends traffic reads them from the files.
func CityOfToday(seed uint64) (*City, error) {
	return NewCity(CityConfig{Seed: seed, At: schemas.MicrosOf(time.Now())})
}

// WriteMissingCity writes the made-up city of the demo and of rehearsals into a directory that is empty or not there, and leaves any other alone.
func WriteMissingCity(dir string, seed uint64) error {
	names, err := listFiles(dir)
	if err != nil || len(names) > 0 {
		return err
	}
	return WriteNewCity(dir, CityConfig{Seed: seed})
}

// WriteNewCity writes a city that is made for today, with tokens of its own. It makes the directory in one step, so that whoever is killed half-way leaves no half city. A directory that holds anything is
// refused; the rename fails when the directory got a file meanwhile.
func WriteNewCity(dir string, cfg CityConfig) error {
	names, err := listFiles(dir)
	switch {
	case err != nil:
		return fmt.Errorf("sample city: %w", err)
	case len(names) > 0:
		return fmt.Errorf("sample city: %s holds %s: nothing was written; name an empty directory", dir, joinNames(names))
	case isLink(dir):
		return fmt.Errorf("sample city: %s is a symbolic link: nothing was written; name the directory that it should lead to", dir)
	}
	cfg.Secret, cfg.At = rand.Text(), schemas.MicrosOf(time.Now())
	city, err := NewCity(cfg)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return fmt.Errorf("sample city: %w", err)
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), ".sample-city-")
	if err != nil {
		return fmt.Errorf("sample city: %w", err)
	}
	defer func() { _ = os.RemoveAll(part) }()
	if err := city.WriteReference(part); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("sample city: %s cannot be replaced: %w; name an empty directory of its own", dir, err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fmt.Errorf("sample city: %w", err)
	}
	return nil
}

// listFiles returns what lies in a directory; nothing when it is not there.
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

// joinNames names at most eight files.
func joinNames(names map[string]bool) string {
	const most = 8
	all := slices.Sorted(maps.Keys(names))
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// isLink reports whether the path itself is a symbolic link, whatever it leads to.
func isLink(path string) bool {
	info, err := os.Lstat(filepath.Clean(path))
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

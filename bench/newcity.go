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

// CityOfToday makes a seed's city like WriteNewCity, without tokens: a mere sender reads the tokens from the files.
func CityOfToday(seed uint64) (*City, error) {
	return NewCity(CityConfig{Seed: seed, Signs: true, At: schemas.MicrosOf(time.Now())})
}

// WriteMissingCity writes the made-up city for the demo and for rehearsals into an empty or missing directory, and
// leaves any other directory alone.
func WriteMissingCity(dir string, seed uint64) error {
	names, err := listFiles(dir)
	if err != nil || len(names) > 0 {
		return err
	}
	return WriteNewCity(dir, CityConfig{Seed: seed, Signs: true})
}

// WriteNewCity writes a city made for today, with its own tokens. It creates the directory in a single step, so a
// killed process leaves no half city. A directory with any content is refused; the rename fails when the directory got
// a file meanwhile.
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

// listFiles returns a directory's file names; nothing for a missing directory.
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

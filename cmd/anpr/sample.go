package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// sampleCity is made for today, so that its registers are fresh and its certificates valid. The secret is what its tokens are made of; who
// only sends traffic reads the tokens from the files and needs none.
func sampleCity(seed uint64, cameras, vehicles int, secret string) (*bench.City, error) {
	return bench.NewCity(bench.CityConfig{Seed: seed, Cameras: cameras, Vehicles: vehicles, Secret: secret, At: schemas.MicrosOf(time.Now())})
}

// checkReference reports whether the reference data in dir are those of the made-up city. It writes nothing: a directory without cameras.yaml is
// refused, with the names of what it holds or with the commands that fill it.
func checkReference(dir string) (madeUp bool, err error) {
	names, err := fileNames(dir)
	if err != nil {
		return false, fmt.Errorf("reference data: %w", err)
	}
	switch {
	case names["cameras.yaml"]:
		return names[bench.SampleMarker], nil
	case len(names) > 0:
		return false, fmt.Errorf("%s holds %s and no cameras.yaml%s: nothing was written; complete the directory, or name another with --reference", dir, nameList(names), likelyMisspelling(names))
	case isLink(dir):
		return false, fmt.Errorf("%s is a symbolic link, and what it leads to is empty or not there: nothing was written; is it mounted?", dir)
	}
	return false, fmt.Errorf("no reference data in %s: put cameras.yaml, registers.yaml, users.yaml and the files they name there, or name another directory with --reference; to look around, `make up` starts with a made-up city and `anpr sample --out %s` writes one", dir, dir)
}

// writeMissingCity writes the made-up city of the demo and of rehearsals into a directory that is empty or not there, and leaves any other alone.
func writeMissingCity(dir string, seed uint64) error {
	names, err := fileNames(dir)
	if err != nil || len(names) > 0 {
		return err
	}
	return writeSample(dir, sampleSize{Seed: seed})
}

// sampleSize says which made-up city; zero numbers mean the usual size.
type sampleSize struct {
	Seed              uint64
	Cameras, Vehicles int
}

// isLink reports whether the path itself is a symbolic link, whatever it leads to.
func isLink(path string) bool {
	info, err := os.Lstat(filepath.Clean(path))
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// checkNamedReference refuses a directory that somebody named and that is empty or not there: a mistyped path must not start a made-up city
// among real cameras. Nobody named the default one, "".
func checkNamedReference(dir string) error {
	if dir == "" {
		return nil
	}
	names, err := fileNames(dir)
	if err != nil {
		return fmt.Errorf("--reference %s: %w", dir, err)
	}
	if len(names) > 0 {
		return nil
	}
	return fmt.Errorf("--reference %s: there is no reference data. Correct the path, or write a made-up city with `anpr sample --out %s`", dir, dir)
}

// writeSample makes the directory in one step, so that whoever is killed half-way leaves no half city. A directory that holds anything is
// refused; the rename fails when the directory got a file meanwhile.
func writeSample(dir string, size sampleSize) error {
	names, err := fileNames(dir)
	switch {
	case err != nil:
		return fmt.Errorf("sample city: %w", err)
	case len(names) > 0:
		return fmt.Errorf("sample city: %s holds %s: nothing was written; name an empty directory", dir, nameList(names))
	case isLink(dir):
		return fmt.Errorf("sample city: %s is a symbolic link: nothing was written; name the directory that it should lead to", dir)
	}
	city, err := sampleCity(size.Seed, size.Cameras, size.Vehicles, rand.Text())
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

// fileNames returns what lies in a directory; nothing when it is not there.
func fileNames(dir string) (map[string]bool, error) {
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

// likelyMisspelling names a file that may have been meant for cameras.yaml.
func likelyMisspelling(names map[string]bool) string {
	for _, n := range []string{"cameras.yml", "Cameras.yaml", "camera.yaml", "cameras.yaml.txt", "cameras.yaml.tmp", "cameras.json"} {
		if names[n] {
			return " (is " + n + " meant to be it?)"
		}
	}
	return ""
}

func nameList(names map[string]bool) string {
	const most = 8
	all := slices.Sorted(maps.Keys(names))
	if len(all) > most {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// refusePublicTokens refuses the tokens that earlier versions of this program gave the users of its made-up city, the same on every machine:
// whoever reads the source knows them. On a machine of one's own, with the made-up data, they open nothing of value.
func refusePublicTokens(users *access.Users, reference, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	loopback := err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
	_, err = os.Stat(filepath.Join(reference, bench.SampleMarker))
	madeUp := err == nil
	if loopback && madeUp {
		return nil
	}
	for _, u := range bench.Users {
		if _, known := users.Find(bench.PublicUserToken(1, u.Name)); known {
			return fmt.Errorf("users.yaml has the token of %s of the made-up city, which is public: give every user a token of their own (deploy/README.md), or start a made-up city in an empty directory, whose tokens are random", u.Name)
		}
	}
	return nil
}

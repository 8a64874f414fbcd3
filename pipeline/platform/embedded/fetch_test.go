package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fakePackage is a package like the engine's, small, with its pins.
func fakePackage(t *testing.T) (pkg enginePackage, archive, library []byte) {
	t.Helper()
	library = make([]byte, 300_000)
	rand.NewChaCha8([32]byte{7}).Read(library) //nolint:errcheck // never fails
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, m := range []struct {
		name string
		data []byte
	}{{"package/package.json", []byte("{}")}, {"package/libchdb.so", library}} {
		if err := tw.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(b.Bytes())
	return enginePackage{
		title: "Fake", binary: "fake", version: engineVersion, folder: "fake-" + engineVersion, needs: "1 MB", name: "@fake/lib", integrity: base64.StdEncoding.EncodeToString(sum[:]), packed: int64(b.Len()),
		member: "package/libchdb.so", library: sha256.Sum256(library), unpacked: int64(len(library)),
	}, b.Bytes(), library
}

// registry serves an archive and counts how often.
type registry struct {
	archive []byte
	served  atomic.Int64
	err     error
}

func (r *registry) pack(_ context.Context, _ *enginePackage, dir string) (string, error) {
	r.served.Add(1)
	if r.err != nil {
		return "", r.err
	}
	path := filepath.Join(dir, "a.tgz")
	return path, os.WriteFile(path, r.archive, 0o600)
}

func newFetcher(t *testing.T) (*fetcher, *registry, *bytes.Buffer) {
	t.Helper()
	pkg, archive, _ := fakePackage(t)
	r := &registry{archive: archive}
	var said bytes.Buffer
	return &fetcher{pkg: pkg, cache: filepath.Join(t.TempDir(), "cache"), progress: &said, pack: r.pack}, r, &said
}

// checkLibrary fails unless the file at path is the pinned library and the cache holds nothing half-done.
func checkLibrary(t *testing.T, f *fetcher, path string) {
	t.Helper()
	if err := f.verifyLibrary(path); err != nil {
		t.Errorf("library: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(f.cache, tmpPrefix+"*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestFetchDownloadsOnceAndThenUsesTheCache(t *testing.T) {
	f, r, said := newFetcher(t)
	for range 3 {
		path, err := f.ensureLibrary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkLibrary(t, f, path)
	}
	if got := r.served.Load(); got != 1 {
		t.Errorf("%d downloads, want 1", got)
	}
	for _, want := range []string{"Downloading", f.pkg.name, engineVersion, f.cache, "100 %", "ready"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("progress does not say %q:\n%s", want, said)
		}
	}
}

func TestFetchAgainWhenTheLibraryIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"cut short": func(path string) error { return os.Truncate(path, 1000) },
		"a byte changed": func(path string) error {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			b[77] ^= 1
			return os.WriteFile(path, b, 0o600)
		},
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			f, r, _ := newFetcher(t)
			path, err := f.ensureLibrary(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			if path, err = f.ensureLibrary(t.Context()); err != nil {
				t.Fatal(err)
			}
			checkLibrary(t, f, path)
			if got := r.served.Load(); got != 2 {
				t.Errorf("%d downloads, want 2", got)
			}
		})
	}
}

func TestFetchTrustsAWholeLibraryWithoutStamp(t *testing.T) {
	f, r, _ := newFetcher(t)
	if _, err := f.ensureLibrary(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", `{"library_sha256":"00"}`} {
		if err := os.WriteFile(f.stampPath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := f.ensureLibrary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !f.isPresent(path) {
			t.Errorf("stamp %q was not renewed", text)
		}
	}
	if got := r.served.Load(); got != 1 {
		t.Errorf("%d downloads, want 1", got)
	}
}

func TestFetchRefusesAnArchiveThatIsNotThePinnedOne(t *testing.T) {
	_, whole, _ := fakePackage(t)
	changed := bytes.Clone(whole)
	changed[len(changed)/2] ^= 1
	for name, archive := range map[string][]byte{"cut short": whole[:len(whole)/2], "changed": changed, "empty": nil, "with a tail": append(bytes.Clone(whole), 0)} {
		t.Run(name, func(t *testing.T) {
			f, r, _ := newFetcher(t)
			r.archive = archive
			if _, err := f.ensureLibrary(t.Context()); err == nil || !strings.Contains(err.Error(), "SHA-512") {
				t.Fatalf("error %v, want one of the SHA-512", err)
			}
			if _, err := os.Stat(f.libraryPath()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a library was installed (%v)", err)
			}
			r.archive = whole // and the next attempt succeeds
			path, err := f.ensureLibrary(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkLibrary(t, f, path)
		})
	}
}

func TestFetchRefusesALibraryThatIsNotThePinnedOne(t *testing.T) {
	f, _, _ := newFetcher(t)
	f.pkg.library[0] ^= 1 // the archive matches the pin, the content does not
	if _, err := f.ensureLibrary(t.Context()); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("error %v, want one of the SHA-256", err)
	}
	f.pkg.member = "package/other.so"
	if _, err := f.ensureLibrary(t.Context()); err == nil || !strings.Contains(err.Error(), "package/other.so") {
		t.Errorf("error %v, want one that names the missing member", err)
	}
}

func TestFetchClearsWhatAKilledDownloadLeft(t *testing.T) {
	f, _, _ := newFetcher(t)
	half := filepath.Join(f.cache, tmpPrefix+"123", "npm")
	if err := os.MkdirAll(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "half"), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := f.ensureLibrary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkLibrary(t, f, path)
}

func TestFetchOfManyAtOnceDownloadsOnce(t *testing.T) {
	f, r, _ := newFetcher(t)
	var wg sync.WaitGroup
	for range 8 { // each takes the file lock through a separate descriptor, as processes do
		wg.Go(func() {
			own := *f
			own.progress = new(bytes.Buffer)
			path, err := own.ensureLibrary(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if err := own.verifyLibrary(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := r.served.Load(); got != 1 {
		t.Errorf("%d downloads, want 1", got)
	}
}

func TestFetchPassesOnWhatNpmSays(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	fake := &enginePackage{title: "Fake", binary: "fake", name: "@fake/lib", version: "1"}
	_, err := npmPack(t.Context(), fake, dir)
	if err == nil || !strings.Contains(err.Error(), "npm is not installed") || !strings.Contains(err.Error(), "fake binary on PATH") {
		t.Errorf("without npm: %v", err)
	}
	script := "#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = npmPack(t.Context(), fake, dir)
	if err == nil || !strings.Contains(err.Error(), "E404") || !strings.Contains(err.Error(), "@fake/lib@1") {
		t.Errorf("npm failing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err = npmPack(t.Context(), fake, dir); err == nil || !strings.Contains(err.Error(), "0 archives") {
		t.Errorf("npm without a result: %v", err)
	}
}

func TestFetchAsksNpmForThePinnedVersionIntoTheCache(t *testing.T) {
	f, _, said := newFetcher(t)
	_, archive, _ := fakePackage(t)
	bin := t.TempDir()
	source := filepath.Join(bin, "source")
	if err := os.WriteFile(source, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = pack ] && [ \"$2\" = '%s@%s' ] && [ \"$3\" = --pack-destination ] || exit 9\n"+
		"while read -r line; do echo \"$line\"; done <'%s' >/dev/null\nexec /bin/cp '%s' \"$4/fake-lib.tgz\"\n", f.pkg.name, engineVersion, source, source)
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	f.pack = npmPack
	path, err := f.ensureLibrary(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	checkLibrary(t, f, path)
}

func TestFetchEndsWithItsContext(t *testing.T) {
	f, _, _ := newFetcher(t)
	ctx, cancel := context.WithCancel(t.Context())
	inner := f.pack
	f.pack = func(c context.Context, pkg *enginePackage, dir string) (string, error) {
		path, err := inner(c, pkg, dir)
		cancel() // while the archive is verified and unpacked
		return path, err
	}
	if _, err := f.ensureLibrary(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if _, err := os.Stat(f.libraryPath()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a library was installed (%v)", err)
	}
}

func TestCacheFolderFollowsTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(envCache, dir)
	if got, err := DefaultCacheDir(); err != nil || got != dir {
		t.Errorf("%q, %v, want %q", got, err, dir)
	}
	t.Setenv(envCache, "")
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	if got, err := DefaultCacheDir(); err != nil || filepath.Base(got) != "anpr" || !strings.HasPrefix(got, dir) {
		t.Errorf("%q, %v, want anpr below %q", got, err, dir)
	}
}

func TestProgressGrowsByTenths(t *testing.T) {
	var b bytes.Buffer
	show, finish := progressBar(&b, 1000e6)
	for _, n := range []int64{0, 50e6, 100e6, 120e6, 450e6, 440e6, 2000e6} {
		show(n)
	}
	finish(true)
	if got, want := b.String(), "  10 % of 1000 MB\n  40 % of 1000 MB\n  100 % of 1000 MB\n"; got != want {
		t.Errorf("progress\n%swant\n%s", got, want)
	}
}

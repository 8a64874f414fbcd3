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

// The files in the directory, and the optional file with their check sums.
const (
	fileCameras       = "cameras.yaml"
	fileSections      = "sections.yaml"
	fileRegisters     = "registers.yaml"
	fileVehicles      = "vehicles.csv"
	fileExemptions    = "exemptions.csv"
	filePasses        = "passes.csv"
	fileRegistrations = "registrations.csv"
	fileZones         = "access_zones.yaml"
	fileSuspensions   = "suspensions.yaml"
	filePermits       = "permits.csv"
	fileStanding      = "standing.csv"
	fileRoadTimes     = "road_times.csv"
	fileSums          = "SHA256SUMS"
	listDir           = "lists"
	listExt           = ".csv"
)

// plainFiles are the files with a fixed name, without the check sums.
var plainFiles = []string{
	fileCameras, fileSections, fileRegisters, fileVehicles, fileExemptions, filePasses, fileRegistrations, fileZones, fileSuspensions, filePermits, fileStanding, fileRoadTimes,
}

// maxYAML bounds the YAML files, which are read whole.
const maxYAML = 64 << 20

// errChanged means that two readings of a file differed.
var errChanged = errors.New("changed while it was read: replace files by rename, and load again")

// digest is the result of a pass over a file.
type digest struct {
	sum   schemas.Sum
	quick uint64 // xxhash, a cheap comparison with a second reading
	size  int64
	lines int  // newlines
	whole bool // ends in a newline, or is empty
}

// maxRows bounds the records in a CSV file whose shortest possible record has shortest bytes, newline included.
// Without the file's size, a file full of empty lines would reserve any amount of memory.
func (d digest) maxRows(shortest int64) int { return min(d.lines, int(d.size/shortest)+1) }

// inventory is the directory's loaded files, by slash-separated relative name.
type inventory struct {
	dir   string
	names []string // sorted
	files map[string]digest
}

func (v *inventory) pathOf(name string) string { return filepath.Join(v.dir, filepath.FromSlash(name)) }

func (v *inventory) hasFile(name string) bool { _, ok := v.files[name]; return ok }

// sumOf returns a file's check sum; nil when the file is absent.
func (v *inventory) sumOf(name string) []byte {
	d, ok := v.files[name]
	if !ok {
		return nil
	}
	return d.sum[:]
}

// listFiles returns the list files' names, sorted.
func (v *inventory) listFiles() []string {
	var out []string
	for _, n := range v.names {
		if strings.HasPrefix(n, listDir+"/") {
			out = append(out, n)
		}
	}
	return out
}

// sameContent reports whether each name is in both inventories with the same content, or in neither.
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

// versionName returns the first 12 hexadecimal digits of SHA-256 over names and contents, in name order.
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

// filesToLoad returns the names of the files to load, sorted.
func filesToLoad(dir string) ([]string, error) {
	var out []string
	for _, n := range plainFiles {
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
	defer func() { _ = f.Close() }() // opened for reading
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

// fingerprintOf is a cheap sign of change: names, sizes and modification times. An unreadable directory has the
// fingerprint 1.
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

// checkSums compares the files with SHA256SUMS, when present.
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
	for _, n := range plainFiles {
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

// sum256 reads a SHA-256 in hexadecimal. The error does not repeat the text.
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

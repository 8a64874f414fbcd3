package reference

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// Index files keep compiled tables from one start to the next. An index file is a cache, never a source: its key is
// the SHA-256 over the source files and everything else in the result, and header and contents have check sums. A file
// which is missing, has another key, or is cut, changed or unreadable is made again from the source.

// indexFormat goes into every key. Raise it when a record's layout or a hash changes, or when a row check becomes
// stricter.
const indexFormat = 2

// Layout of the header.
const (
	indexMagic  = "ANPRIDX\n"
	indexHeader = 4096 // a page, so the data behind it is aligned
	indexSuffix = ".idx"

	indexUnfinished = ".tmp"

	atKey   = 8
	atInts  = atKey + 32
	atData  = atInts + 4*8
	atMeta  = atData + 8
	atSum   = atMeta + 8
	atCheck = atSum + 8
)

// The kinds of index files.
const (
	indexVehicles = "vehicles"
	indexLists    = "lists"
)

// indexFile is an index file in memory: numbers, the table, and a small JSON text.
type indexFile struct {
	ints [4]uint64
	data []byte
	meta []byte
	mem  *arena
}

// The results for an index file.
const (
	indexUsed    = "used"
	indexBuilt   = "built"
	indexRefused = "refused"
)

// indexDir is the directory for index files; the zero value keeps none.
type indexDir struct {
	path   string
	report func(kind, result string, err error) // err is for indexRefused
}

func (d indexDir) refuseFile(kind string, key schemas.Sum, err error) {
	d.report(kind, indexRefused, fmt.Errorf("index file %s: %w", d.filePath(kind, key), err))
}

// fileKey names an index file's content: its sources, and the program's layout.
func (d indexDir) fileKey(kind string, of ...string) schemas.Sum {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s %d %d\n", kind, indexFormat, runtime.GOARCH, bucketSize, listRowSize)
	for _, s := range of {
		fmt.Fprintf(h, "%d:%s\n", len(s), s)
	}
	return schemas.Sum(h.Sum(nil))
}

func (d indexDir) filePath(kind string, key schemas.Sum) string {
	return filepath.Join(d.path, fmt.Sprintf("%s-%x%s", kind, key[:8], indexSuffix))
}

// openFile returns the file with the key, or nil when there is no trustworthy file.
func (d indexDir) openFile(kind string, key schemas.Sum) *indexFile {
	if d.path == "" {
		return nil
	}
	x, err := readIndex(d.filePath(kind, key), key)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			d.refuseFile(kind, key, err)
		}
		return nil
	}
	return x
}

// saveIndex writes an index file, removes older files of the same kind, and opens the new file: all processes which
// map a file share its pages, and the kernel can reclaim them. It returns nil when the caller must go on with x. A
// failure costs the next start some time and nothing else.
func (d indexDir) saveIndex(kind string, key schemas.Sum, x *indexFile) *indexFile {
	if d.path == "" {
		return nil
	}
	if err := d.replaceFile(kind, key, x); err != nil {
		d.refuseFile(kind, key, err)
		return nil
	}
	d.report(kind, indexBuilt, nil)
	return d.openFile(kind, key)
}

func (d indexDir) replaceFile(kind string, key schemas.Sum, x *indexFile) error {
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	name := d.filePath(kind, key)
	d.removeOld(kind, name)
	f, err := os.CreateTemp(d.path, kind+"-*"+indexUnfinished) // mode 0600: it holds plates
	if err != nil {
		return err
	}
	head := x.buildHeader(key)
	for _, part := range [][]byte{head, x.data, x.meta} {
		if err == nil {
			_, err = f.Write(part)
		}
	}
	// No sync: a file left half-written by a crash fails its check sum.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// removeOld removes every file of the kind except one, unfinished files included.
func (d indexDir) removeOld(kind, but string) {
	old, _ := os.ReadDir(d.path) // an unreadable directory is not cleared
	for _, e := range old {
		rest, ok := strings.CutPrefix(e.Name(), kind+"-")
		ext := filepath.Ext(rest)
		if name := filepath.Join(d.path, e.Name()); ok && name != but && (ext == indexSuffix || ext == indexUnfinished) {
			_ = os.Remove(name)
		}
	}
}

func (x *indexFile) checkSum() uint64 {
	h := xxhash.New()
	_, _ = h.Write(x.data) // never fails
	_, _ = h.Write(x.meta)
	return h.Sum64()
}

func (x *indexFile) buildHeader(key schemas.Sum) []byte {
	h := make([]byte, indexHeader)
	copy(h, indexMagic)
	copy(h[atKey:], key[:])
	for i, v := range x.ints {
		binary.LittleEndian.PutUint64(h[atInts+8*i:], v)
	}
	binary.LittleEndian.PutUint64(h[atData:], uint64(len(x.data)))
	binary.LittleEndian.PutUint64(h[atMeta:], uint64(len(x.meta)))
	binary.LittleEndian.PutUint64(h[atSum:], x.checkSum())
	binary.LittleEndian.PutUint64(h[atCheck:], xxhash.Sum64(h[:atCheck]))
	return h
}

var errIndex = errors.New("it is cut, changed or of another version")

// readIndex maps a file and checks all bytes, which also loads them into memory. Files are replaced only by rename, so
// the mapped bytes do not change.
func readIndex(name string, key schemas.Sum) (*indexFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	var h [indexHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	data, meta := binary.LittleEndian.Uint64(h[atData:]), binary.LittleEndian.Uint64(h[atMeta:])
	body := uint64(info.Size() - indexHeader)
	if string(h[:atKey]) != indexMagic || !bytes.Equal(h[atKey:atInts], key[:]) || data > body || meta != body-data ||
		binary.LittleEndian.Uint64(h[atCheck:]) != xxhash.Sum64(h[:atCheck]) {
		return nil, errIndex
	}
	mem, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, err
	}
	x := &indexFile{mem: mem, data: mem.b[indexHeader:][:data:data], meta: mem.b[indexHeader+data:]}
	for i := range x.ints {
		x.ints[i] = binary.LittleEndian.Uint64(h[atInts+8*i:])
	}
	if x.checkSum() != binary.LittleEndian.Uint64(h[atSum:]) {
		mem.freeNow()
		return nil, errIndex
	}
	return x, nil
}

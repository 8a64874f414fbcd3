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

// This file keeps compiled tables from one start to the next. An index file is a cache, never a source: its key is the SHA-256
// of the files it was made from and of all else it depends on, its header and contents have check sums, and one that is
// missing, of another key, cut, changed or unreadable is made again from the source.

// indexFormat goes into every key. Raise it with the layout of a record, with a hash, and with any check of a row that becomes
// stricter.
const indexFormat = 2

// Layout of the header.
const (
	indexMagic  = "ANPRIDX\n"
	indexHeader = 4096 // a page, so that what follows is aligned
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

// indexFile is an index file in memory: numbers, the table itself, and a little beside it.
type indexFile struct {
	ints [4]uint64
	data []byte
	meta []byte
	mem  *arena
}

// What became of an index file.
const (
	indexUsed    = "used"
	indexBuilt   = "built"
	indexRefused = "refused"
)

// indexDir is the directory of index files; the zero value keeps none.
type indexDir struct {
	path   string
	report func(kind, result string, err error) // err is for indexRefused
}

func (d indexDir) refuseFile(kind string, key schemas.Sum, err error) {
	d.report(kind, indexRefused, fmt.Errorf("index file %s: %w", d.filePath(kind, key), err))
}

// fileKey names the content of an index file: what it is made of, and how.
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

// openFile returns the file of the key, or nil when there is none that can be trusted.
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

// saveIndex writes an index file, removes those of its kind that are older, and opens the new one: pages of a file are shared by all
// processes that map it and can be given back. It returns nil when x is what there is to use. What goes wrong costs the next
// start some time and nothing else.
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
	// No sync: what a crash leaves half-written does not have its check sum.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// removeOld removes the files of the kind but one, unfinished ones included.
func (d indexDir) removeOld(kind, but string) {
	old, _ := os.ReadDir(d.path) // what cannot be read is not cleared
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

// readIndex maps a file and checks all of it, which also brings it into memory. Files are only ever replaced by rename, so
// what is mapped does not change.
func readIndex(name string, key schemas.Sum) (*indexFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
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

package reconcile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// JournalReceipt is a record that the broker acknowledged to a gateway.
type JournalReceipt struct {
	Partition int32
	Offset    int64
	Camera    string
	At        time.Time // time of receipt, the record's Kafka time
	Sum       uint32    // SumOf the record's value
}

// SumOf is the fingerprint that identifies a record: the lower half of xxhash64.
func SumOf(value []byte) uint32 { return uint32(xxhash.Sum64(value)) }

// JournalConfig sets up a journal. Zero values take the defaults in brackets.
type JournalConfig struct {
	Dir   string
	Sync  time.Duration    // interval at which receipts are forced to the disk [1 s]
	Turn  time.Duration    // age at which a file is closed and the next begun [1 h]
	Keep  time.Duration    // age at which a file is deleted; longer than the log keeps records [45 days]
	Now   func() time.Time // [time.Now]
	Error func(error)      // called with errors of writes [ignored]
}

// Journal is the append-only list of a gateway's receipts. A receipt is written to the file before the sender gets
// an answer, so the receipt survives the death of the process. Receipts are forced to the disk within a second. A
// power cut loses at most a second's receipts, whose records are then on the log without a receipt. Safe for
// concurrent use.
//
// A file is a sequence of frames: length and CRC-32C of a payload, each four bytes little-endian, then the payload.
// A payload is either
//
//   - 'c' and the name of the next camera, or
//   - 'a', partition, first offset, number of records, and for each record the camera's number, the step in time in
//     microseconds and the four bytes SumOf(value). Numbers are varints.
type Journal struct {
	cfg  JournalConfig
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex // guards the fields below
	file    *os.File
	opened  time.Time
	cameras map[string]uint64
	buf     []byte
	dirty   bool
	failed  error // the file ends with a torn frame: the next write begins another file
}

const (
	journalSuffix = ".receipts"
	frameHead     = 8
	maxFrame      = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenJournal begins a new file in the directory and deletes files older than Keep. A missing directory is made.
func OpenJournal(cfg JournalConfig) (*Journal, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Sync, time.Second)
	def(&cfg.Turn, time.Hour)
	def(&cfg.Keep, 45*24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Error == nil {
		cfg.Error = func(error) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("journal of receipts: %w", err)
	}
	j := &Journal{cfg: cfg, stop: make(chan struct{}), done: make(chan struct{})}
	j.mu.Lock()
	err := j.turnLocked(cfg.Now())
	j.mu.Unlock()
	if err != nil {
		return nil, err
	}
	go j.syncUntilClosed()
	return j, nil
}

// Append writes the receipts of an acknowledged batch: a single partition, rising offsets without a hole. An error
// means that these receipts are not in the journal; cfg.Error gets the error too.
func (j *Journal) Append(batch []JournalReceipt) error {
	if len(batch) == 0 {
		return nil
	}
	j.mu.Lock()
	err := j.appendLocked(batch)
	j.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("journal of receipts: %w; %d receipts are not in it", err, len(batch))
		j.cfg.Error(err)
	}
	return err
}

func (j *Journal) appendLocked(batch []JournalReceipt) error {
	if now := j.cfg.Now(); j.failed != nil || now.Sub(j.opened) >= j.cfg.Turn {
		if err := j.turnLocked(now); err != nil {
			return err
		}
	}
	b := j.buf[:0]
	for i := range batch {
		if _, ok := j.cameras[batch[i].Camera]; !ok {
			j.cameras[batch[i].Camera] = uint64(len(j.cameras))
			b = appendFrame(b, func(b []byte) []byte { return append(append(b, 'c'), batch[i].Camera...) })
		}
	}
	b = appendFrame(b, func(b []byte) []byte { return j.appendAcks(b, batch) })
	j.buf = b
	if _, err := j.file.Write(b); err != nil {
		j.failed = err
		return err
	}
	j.dirty = true
	return nil
}

func (j *Journal) appendAcks(b []byte, batch []JournalReceipt) []byte {
	b = append(b, 'a')
	b = binary.AppendUvarint(b, uint64(batch[0].Partition))
	b = binary.AppendUvarint(b, uint64(batch[0].Offset))
	b = binary.AppendUvarint(b, uint64(len(batch)))
	var last int64
	for i := range batch {
		r := &batch[i]
		b = binary.AppendUvarint(b, j.cameras[r.Camera])
		b = binary.AppendVarint(b, r.At.UnixMicro()-last)
		b = binary.LittleEndian.AppendUint32(b, r.Sum)
		last = r.At.UnixMicro()
	}
	return b
}

// appendFrame appends a frame. f appends the payload.
func appendFrame(b []byte, f func([]byte) []byte) []byte {
	at := len(b)
	b = f(append(b, make([]byte, frameHead)...))
	payload := b[at+frameHead:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(payload, castagnoli))
	return b
}

// turnLocked closes the file and begins the next, named after the time in microseconds.
func (j *Journal) turnLocked(now time.Time) error {
	if j.file != nil {
		if err := errors.Join(j.file.Sync(), j.file.Close()); err != nil && j.failed == nil {
			j.cfg.Error(fmt.Errorf("journal of receipts: close %s: %w", j.file.Name(), err))
		}
		j.file = nil
	}
	for at := now.UnixMicro(); ; at++ {
		f, err := os.OpenFile(filepath.Join(j.cfg.Dir, fmt.Sprintf("%016d%s", at, journalSuffix)), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o640)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			j.failed = err
			return err
		}
		j.file, j.opened, j.cameras, j.dirty, j.failed = f, now, map[string]uint64{}, false, nil
		break
	}
	j.forgetLocked(now)
	return nil
}

func (j *Journal) forgetLocked(now time.Time) {
	names, err := journalFiles(j.cfg.Dir)
	if err != nil {
		j.cfg.Error(err)
		return
	}
	for i := 0; i+1 < len(names); i++ {
		// the last receipt is older than the next file's start
		if next, ok := fileStart(names[i+1]); ok && now.Sub(next) > j.cfg.Keep {
			if err := os.Remove(filepath.Join(j.cfg.Dir, names[i])); err != nil {
				j.cfg.Error(fmt.Errorf("journal of receipts: %w", err))
			}
		}
	}
}

// fileStart reads the time at which a file was begun from the name.
func fileStart(name string) (time.Time, bool) {
	n, err := strconv.ParseInt(strings.TrimSuffix(name, journalSuffix), 10, 64)
	return time.UnixMicro(n), err == nil && strings.HasSuffix(name, journalSuffix)
}

// journalFiles lists the files of a directory, oldest first.
func journalFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("journal of receipts: %w", err)
	}
	var out []string
	for _, e := range entries { // sorted by name, and so by time
		if _, ok := fileStart(e.Name()); ok {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Sync forces the written receipts to the disk.
func (j *Journal) Sync() error {
	j.mu.Lock()
	f, dirty := j.file, j.dirty
	j.dirty = false
	j.mu.Unlock()
	if f == nil || !dirty {
		return nil
	}
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("journal of receipts: %w", err)
	}
	return nil
}

func (j *Journal) syncUntilClosed() {
	defer close(j.done)
	tick := time.NewTicker(j.cfg.Sync)
	defer tick.Stop()
	for {
		select {
		case <-j.stop:
			return
		case <-tick.C:
			if err := j.Sync(); err != nil {
				j.cfg.Error(err)
			}
		}
	}
}

// Close forces the last receipts to the disk. Nothing may be appended afterwards.
func (j *Journal) Close() error {
	close(j.stop)
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), j.file.Close())
	j.file = nil
	j.failed = os.ErrClosed
	return err
}

// Package witness keeps the look-up log's heads outside the database. The heads are leaves in a Merkle log (tessera,
// POSIX), in a directory beside the office. The site's key signs heads and checkpoints, and the office hands both to a
// place with another owner.
package witness

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Times for the Merkle log: the wait for further leaves, the time between checkpoints, and the longest wait for a
// checkpoint.
const (
	batchAge           = 10 * time.Millisecond
	checkpointInterval = 100 * time.Millisecond
	checkpointPatience = 10 * time.Second
)

// HeadStatement is a message to a witness: a head and the Merkle log's checkpoint over it, each a signed note.
type HeadStatement struct {
	Head       string `json:"head"`
	Checkpoint string `json:"checkpoint"`
	Host       string `json:"host"` // office's host
}

// Encode writes the statement as JSON.
func (s HeadStatement) Encode() ([]byte, error) { return json.Marshal(s) }

// DecodeHeadStatement reads a statement and checks the site's signature under the head.
func DecodeHeadStatement(raw []byte, key *access.PublicKey) (access.Head, error) {
	var s HeadStatement
	if err := json.Unmarshal(raw, &s); err != nil {
		return access.Head{}, fmt.Errorf("a statement of a witness is no JSON: %w", err)
	}
	return access.OpenNote([]byte(s.Head), key)
}

// MerkleLog is a Merkle log of heads in a directory. Safe for concurrent use; several processes may share the
// directory.
type MerkleLog struct {
	dir    string
	key    *access.SiteKey
	add    tessera.AddFn
	reader tessera.LogReader
	stop   func(context.Context) error
	end    context.CancelFunc

	mu   sync.Mutex // guards last
	last access.Head
}

var quiet sync.Once

// Open opens the Merkle log in a directory, and makes a missing one. A checkpoint without the site's signature is an
// error: an office adds nothing to a stranger's log. Close ends the log.
func Open(ctx context.Context, dir string, key *access.SiteKey) (m *MerkleLog, err error) {
	quiet.Do(func() { // the library logs to the standard error
		fs := flag.NewFlagSet("klog", flag.ContinueOnError)
		klog.InitFlags(fs)
		_ = fs.Set("logtostderr", "false")     // klog has both flags
		_ = fs.Set("stderrthreshold", "FATAL") // else errors still go there, ten a second
		klog.SetOutput(io.Discard)
	})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("Merkle log of heads: %w", err)
	}
	if _, err := readCheckpoint(ctx, dir, &key.PublicKey); err != nil {
		return nil, adviseCure(err, dir)
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, fmt.Errorf("open the Merkle log of heads: %w", err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if r := recover(); r != nil { // the library panics when it cannot open its lock
			end()
			m, err = nil, fmt.Errorf("open the Merkle log of heads in %s: %v", dir, r)
		}
	}()
	appender, stop, reader, err := tessera.NewAppender(life, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(key.Signer()).WithBatching(1, batchAge).WithCheckpointInterval(checkpointInterval).WithGarbageCollectionInterval(0))
	if err != nil {
		end()
		return nil, fmt.Errorf("open the Merkle log of heads in %s: %w", dir, err)
	}
	return &MerkleLog{dir: dir, key: key, add: appender.Add, reader: reader, stop: stop, end: end}, nil
}

// Close waits until the added leaves are in the log, 10 s at most: a missing directory must not hold up the office.
func (m *MerkleLog) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkpointPatience)
	defer cancel()
	err := m.stop(ctx)
	m.end()
	if err != nil {
		return fmt.Errorf("close the Merkle log in %s: %w", m.dir, err)
	}
	return nil
}

// Note adds a head, and returns the statement for other witnesses once a checkpoint covers it. The same head again
// gives nil.
func (m *MerkleLog) Note(ctx context.Context, h access.Head) (*HeadStatement, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h == m.last || h.Seq == 0 {
		return nil, nil
	}
	if err := m.checkDir(); err != nil {
		return nil, err
	}
	raw, err := h.Note(m.key)
	if err != nil {
		return nil, fmt.Errorf("sign the head: %w", err)
	}
	index, err := m.add(ctx, tessera.NewEntry(raw))()
	if err != nil {
		return nil, fmt.Errorf("add the head to the Merkle log in %s: %w", m.dir, err)
	}
	checkpoint, err := m.awaitCheckpoint(ctx, index.Index)
	if err != nil {
		return nil, err
	}
	m.last = h
	host, _ := os.Hostname()
	return &HeadStatement{Head: string(raw), Checkpoint: string(checkpoint), Host: host}, nil
}

// checkDir returns an error when the library could not open its lock in the directory. The library would panic then, in
// another goroutine.
func (m *MerkleLog) checkDir() error {
	f, err := os.OpenFile(filepath.Join(m.dir, ".state", "treeState.lock"), os.O_RDWR, 0)
	if err != nil {
		return adviseCure(fmt.Errorf("the Merkle log in %s was taken away under the office: %w", m.dir, err), m.dir)
	}
	return f.Close() // takes no lock: one call of Note adds at a time
}

// awaitCheckpoint returns the first checkpoint that covers a leaf.
func (m *MerkleLog) awaitCheckpoint(ctx context.Context, index uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, checkpointPatience)
	defer cancel()
	tick := time.NewTicker(checkpointInterval / 4)
	defer tick.Stop()
	for {
		raw, err := m.reader.ReadCheckpoint(ctx)
		if err == nil {
			c, err := openCheckpoint(raw, &m.key.PublicKey)
			if err != nil {
				return nil, err
			}
			if c.size > index {
				return raw, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("no checkpoint of the Merkle log in %s covers leaf %d: %w", m.dir, index, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// Heads returns the heads in the directory's Merkle log, checked against the newest checkpoint. A directory without a
// log has none. The error names the directory and the cure.
func Heads(ctx context.Context, dir string, key *access.PublicKey) ([]access.Head, error) {
	heads, err := readHeads(ctx, dir, key)
	if err != nil {
		return nil, adviseCure(err, dir)
	}
	return heads, nil
}

// adviseCure adds the cure to an error about a changed directory.
func adviseCure(err error, dir string) error {
	return fmt.Errorf("%w; find out who changed %s, put it back from a backup, or move it aside and start the office again: the office begins another, and the heads on the topic %s remain",
		err, dir, schemas.TopicLookUpLog)
}

// readCheckpoint returns a directory's newest checkpoint; nil = nothing was noted yet.
func readCheckpoint(ctx context.Context, dir string, key *access.PublicKey) (*checkpoint, error) {
	raw, err := client.FileFetcher{Root: dir}.ReadCheckpoint(ctx)
	if errors.Is(err, os.ErrNotExist) {
		if tiles, _ := filepath.Glob(filepath.Join(dir, "tile", "*")); len(tiles) > 0 {
			return nil, fmt.Errorf("the Merkle log in %s has no checkpoint any more", dir)
		}
		return nil, nil //nolint:nilnil // nothing was noted
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of the Merkle log: %w", err)
	}
	c, err := openCheckpoint(raw, key)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

func readHeads(ctx context.Context, dir string, key *access.PublicKey) ([]access.Head, error) {
	c, err := readCheckpoint(ctx, dir, key)
	if c == nil || err != nil {
		return nil, err
	}
	files := client.FileFetcher{Root: dir}
	var heads []access.Head
	hashes := map[int64]tlog.Hash{}
	stored := tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(at))
		for i, n := range at {
			out[i] = hashes[n]
		}
		return out, nil
	})
	for n := range c.size {
		if n%bundleSize == 0 {
			bundle, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, n/bundleSize, c.size)
			if err != nil {
				return nil, fmt.Errorf("read leaf %d of the Merkle log in %s: %w", n, dir, err)
			}
			for i, leaf := range bundle.Entries {
				at := int64(n) + int64(i)
				if uint64(at) >= c.size {
					break
				}
				h, err := access.OpenNote(leaf, key)
				if err != nil {
					return nil, fmt.Errorf("leaf %d of the Merkle log in %s: %w", at, dir, err)
				}
				heads = append(heads, h)
				leafHash := tlog.Hash(rfc6962.DefaultHasher.HashLeaf(leaf))
				more, err := tlog.StoredHashesForRecordHash(at, leafHash, stored)
				if err != nil {
					return nil, err
				}
				for j, s := range more {
					hashes[tlog.StoredHashIndex(0, at)+int64(j)] = s
				}
			}
		}
	}
	root, err := tlog.TreeHash(int64(c.size), stored)
	if err != nil {
		return nil, err
	}
	if uint64(len(heads)) != c.size || root != c.root {
		return nil, fmt.Errorf("the Merkle log in %s has %d leaves that are not those of its signed checkpoint (%d leaves): it was changed", dir, len(heads), c.size)
	}
	return heads, nil
}

// bundleSize is the number of leaves in a full file.
const bundleSize = 256

// checkpoint is the root over the first size leaves.
type checkpoint struct {
	size uint64
	root tlog.Hash
}

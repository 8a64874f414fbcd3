// Package witness keeps the heads of the look-up log outside the database: as leaves of a Merkle log in a directory beside the office
// (tessera, POSIX), whose checkpoints and heads are signed by the site's key and handed to a place of another owner.
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

// Times of the Merkle log: how long it waits for others before it takes a leaf in, between checkpoints, and for a checkpoint at most.
const (
	batchAge           = 10 * time.Millisecond
	checkpointInterval = 100 * time.Millisecond
	checkpointPatience = 10 * time.Second
)

// Statement is what a witness is told: a head and the checkpoint of the Merkle log that has it as a leaf, each a signed note.
type Statement struct {
	Head       string `json:"head"`
	Checkpoint string `json:"checkpoint"`
	Host       string `json:"host"` // of the office
}

// Encode writes the statement as it is sent.
func (s Statement) Encode() ([]byte, error) { return json.Marshal(s) }

// DecodeStatement reads a statement and checks that the site signed its head.
func DecodeStatement(raw []byte, key *access.PublicKey) (access.Head, error) {
	var s Statement
	if err := json.Unmarshal(raw, &s); err != nil {
		return access.Head{}, fmt.Errorf("a statement of a witness is no JSON: %w", err)
	}
	return access.OpenNote([]byte(s.Head), key)
}

// MerkleLog is a Merkle log of heads in a directory. Safe for concurrent use; several processes may share the directory.
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

// Open opens the Merkle log of a directory, and makes it when it is not there. A checkpoint that the site did not sign is an error: nothing is
// added to the log of somebody else. Close ends it.
func Open(ctx context.Context, dir string, key *access.SiteKey) (m *MerkleLog, err error) {
	quiet.Do(func() { // the library logs by itself, to the standard error
		fs := flag.NewFlagSet("klog", flag.ContinueOnError)
		klog.InitFlags(fs)
		_ = fs.Set("logtostderr", "false")     // flags that klog has
		_ = fs.Set("stderrthreshold", "FATAL") // else errors go there all the same, ten a second
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
		if r := recover(); r != nil { // the library panics where it cannot open its lock
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

// Close lets what was added be taken in, and waits for that 10 s at most: not longer for a directory that is gone.
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

// Note adds a head, and returns the statement for other witnesses once a checkpoint covers it. A head that was noted last gives nil.
func (m *MerkleLog) Note(ctx context.Context, h access.Head) (*Statement, error) {
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
	return &Statement{Head: string(raw), Checkpoint: string(checkpoint), Host: host}, nil
}

// checkDir returns an error when the library could not open its lock in the directory: there it panics, in a goroutine of its own.
func (m *MerkleLog) checkDir() error {
	f, err := os.OpenFile(filepath.Join(m.dir, ".state", "treeState.lock"), os.O_RDWR, 0)
	if err != nil {
		return adviseCure(fmt.Errorf("the Merkle log in %s was taken away under the office: %w", m.dir, err), m.dir)
	}
	return f.Close() // it holds no lock: one call of Note adds at a time
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

// Heads returns the heads that the directory's Merkle log has, and checks them against the newest checkpoint. A directory without one has none.
// The error names the directory and the cure.
func Heads(ctx context.Context, dir string, key *access.PublicKey) ([]access.Head, error) {
	heads, err := readHeads(ctx, dir, key)
	if err != nil {
		return nil, adviseCure(err, dir)
	}
	return heads, nil
}

// adviseCure adds the cure to an error of a directory that was changed.
func adviseCure(err error, dir string) error {
	return fmt.Errorf("%w; find out who changed %s, put it back from a backup, or move it aside and start the office again: the office begins another, and the heads on the topic %s remain",
		err, dir, schemas.TopicLookUpLog)
}

// readCheckpoint returns the newest checkpoint of a directory; nil = nothing was noted yet.
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

// bundleSize is how many leaves a file of them has.
const bundleSize = 256

// checkpoint is the root over so many leaves.
type checkpoint struct {
	size uint64
	root tlog.Hash
}

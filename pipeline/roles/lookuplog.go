package roles

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// merkleDir is the directory of the Merkle log in that of the office's keys.
const merkleDir = "heads"

// lookUps is what an office needs of the look-up log.
type lookUps struct {
	pool    *pgxpool.Pool
	people  *pgxpool.Pool // of purposes, searches and limits: many queries keep no entry waiting
	store   *store.LookUps
	keys    *access.Keys
	witness *lookUpWitness
}

// peopleConnections is how many connections purposes, searches and limits have.
const peopleConnections = 8

// lookUpConnections is how many connections the log has: those that append, one that verifies and one that an auditor's search holds.
const lookUpConnections = 6

// openLookUps opens what an office needs of the look-up log. A database that does not answer is no error: the office is shut until it does.
func openLookUps(ctx context.Context, c *OfficeConfig, log zerolog.Logger) (*lookUps, error) {
	if c.Postgres.IsZero() {
		return nil, errors.New("no PostgreSQL is named for the look-up log: give --postgres")
	}
	keys, err := access.LoadKeys(c.LookUpKeys)
	if err != nil {
		return nil, fmt.Errorf("%w; name another directory with --lookup-keys", platform.AdviseRights(err))
	}
	w, err := openLookUpWitness(ctx, c.LookUpKeys, keys, c.Kafka, log)
	if err != nil {
		return nil, err
	}
	pool, err := c.Postgres.Open(ctx, "look-up log", lookUpConnections)
	if err != nil {
		return nil, errors.Join(err, w.Close(ctx))
	}
	people, err := c.Postgres.Open(ctx, "office", peopleConnections)
	if err != nil {
		pool.Close()
		return nil, errors.Join(err, w.Close(ctx))
	}
	return &lookUps{pool, people, store.New(pool), keys, w}, nil
}

// Close ends the connections.
func (l *lookUps) Close(ctx context.Context) error {
	l.pool.Close()
	l.people.Close()
	return l.witness.Close(ctx)
}

// lookUpWitness hands heads of the look-up log to the Merkle log beside the office, and from there to a topic and the process's log. Safe for
// concurrent use.
type lookUpWitness struct {
	merkle *witness.MerkleLog
	dir    string
	key    *access.PublicKey
	kafka  platform.Kafka
	topic  *TopicHeads // nil = there are no brokers
	log    zerolog.Logger
}

// openLookUpWitness opens the Merkle log in the directory of the keys.
func openLookUpWitness(ctx context.Context, keyDir string, keys *access.Keys, kafka platform.Kafka, log zerolog.Logger) (*lookUpWitness, error) {
	w := &lookUpWitness{dir: filepath.Join(keyDir, merkleDir), key: &keys.Site.PublicKey, kafka: kafka, log: log}
	var err error
	if w.merkle, err = witness.Open(ctx, w.dir, keys.Site); err != nil {
		return nil, err
	}
	if kafka.Addr == "" {
		log.Warn().Msg("no brokers are named: the heads of the access log are on this machine alone")
		return w, nil
	}
	w.topic = NewTopicHeads(kafka, w.key, log)
	return w, nil
}

// Close lets what was handed over be taken in.
func (w *lookUpWitness) Close(ctx context.Context) error {
	if w.topic != nil {
		w.topic.Close()
	}
	return w.merkle.Close(ctx)
}

// Note hands a head over.
func (w *lookUpWitness) Note(ctx context.Context, h access.Head) error {
	s, err := w.merkle.Note(ctx, h)
	if err != nil || s == nil {
		return err
	}
	w.log.Info().Str("head", s.Head).Str("checkpoint", s.Checkpoint).Msg("signed head of the access log")
	if w.topic == nil {
		return nil
	}
	raw, err := s.Encode()
	if err != nil {
		return err
	}
	return w.kafka.Publish(ctx, "anpr-office", schemas.TopicLookUpLog, raw)
}

// Heads returns the heads of the Merkle log and those of the topic.
func (w *lookUpWitness) Heads(ctx context.Context) ([]access.Head, error) {
	heads, err := witness.Heads(ctx, w.dir, w.key)
	if err != nil || w.topic == nil {
		return heads, err
	}
	more, err := w.topic.Heads(ctx)
	return append(heads, more...), err
}

// TopicHeads reads the heads on the topic of the look-up log. It remembers what it read. Safe for concurrent use.
type TopicHeads struct {
	admin *platform.Admin
	key   *access.PublicKey
	log   zerolog.Logger

	mu    sync.Mutex // guards what follows
	heads []access.Head
	next  int64
}

// NewTopicHeads makes a reader. It does not connect yet. The caller closes it.
func NewTopicHeads(kafka platform.Kafka, key *access.PublicKey, log zerolog.Logger) *TopicHeads {
	return &TopicHeads{admin: kafka.NewAdmin("anpr-office"), key: key, log: log}
}

// Close ends idle connections.
func (t *TopicHeads) Close() { t.admin.Close() }

// Heads returns the heads that are on the topic and signed by the site. A record of anybody else counts for nothing and is named in the log.
func (t *TopicHeads) Heads(ctx context.Context) ([]access.Head, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next, err := t.admin.ReadFrom(ctx, schemas.TopicLookUpLog, 0, t.next, func(offset int64, value []byte) error {
		h, err := witness.DecodeStatement(value, t.key)
		if err != nil {
			t.log.Warn().Err(err).Int64("offset", offset).Msg("a record on the topic of the access log is not of this site")
			return nil
		}
		t.heads = append(t.heads, h)
		return nil
	})
	t.next = next
	if errors.Is(err, platform.ErrNoTopic) {
		err = fmt.Errorf("%w; create it (deploy/kafka/topics.sh)", err)
	}
	return append([]access.Head(nil), t.heads...), err
}

// LookUpBooks is the look-up log with the witnesses that are there, for a command beside the office.
type LookUpBooks struct {
	Store *store.LookUps
	Keys  *access.Keys

	dir   string
	topic *TopicHeads
	pool  *pgxpool.Pool
}

// OpenLookUpBooks opens the look-up log of a database. It does not connect yet. The caller closes it.
func OpenLookUpBooks(ctx context.Context, p platform.Postgres, kafka platform.Kafka, keyDir string, log zerolog.Logger) (*LookUpBooks, error) {
	keys, err := access.ReadKeys(keyDir)
	if err != nil {
		return nil, fmt.Errorf("%w; give --lookup-keys", err)
	}
	pool, err := p.Open(ctx, "access-log", 2)
	if err != nil {
		return nil, err
	}
	b := &LookUpBooks{Store: store.New(pool), Keys: keys, dir: keyDir, pool: pool}
	if kafka.Addr != "" {
		b.topic = NewTopicHeads(kafka, &keys.Site.PublicKey, log)
	}
	return b, nil
}

// Heads returns the heads that the Merkle log and the topic have.
func (b *LookUpBooks) Heads(ctx context.Context) ([]access.Head, error) {
	heads, err := MerkleHeads(ctx, b.dir, &b.Keys.Site.PublicKey)
	if err != nil || b.topic == nil {
		return heads, err
	}
	more, err := b.topic.Heads(ctx)
	return append(heads, more...), err
}

// MerkleHeads returns the heads of the Merkle log in a directory of keys.
func MerkleHeads(ctx context.Context, keyDir string, key *access.PublicKey) ([]access.Head, error) {
	return witness.Heads(ctx, filepath.Join(keyDir, merkleDir), key)
}

// Close ends the connections.
func (b *LookUpBooks) Close() {
	if b.topic != nil {
		b.topic.Close()
	}
	b.pool.Close()
}

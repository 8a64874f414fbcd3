package roles

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// merkleDir is the directory of the Merkle log, below the directory of the office's keys.
const merkleDir = "heads"

// lookUps holds the look-up log of an office with its connections.
type lookUps struct {
	pool    *pgxpool.Pool
	people  *pgxpool.Pool // for purposes, searches and limits: many queries keep no entry waiting
	store   *store.LookUps
	keys    *access.Keys
	witness *lookUpWitness
}

// peopleConnections is the number of connections for purposes, searches and limits.
const peopleConnections = 8

// lookUpConnections is the number of connections for the log. A verification holds one, an auditor's search another;
// the rest append.
const lookUpConnections = 6

// openLookUps opens the look-up log for an office. A database without an answer is no error: the office stays shut
// until the database answers.
func openLookUps(ctx context.Context, c *OfficeConfig, log zerolog.Logger) (*lookUps, error) {
	if c.Postgres.IsZero() {
		return nil, errors.New("no PostgreSQL is named for the look-up log: give --postgres")
	}
	keys, err := access.LoadKeys(c.LookUpKeys)
	if err != nil {
		return nil, fmt.Errorf("%w; name another directory with --lookup-keys", platform.AdviseRights(err))
	}
	w := openLookUpWitness(ctx, c.LookUpKeys, keys, c.Kafka, log)
	pool, err := c.Postgres.Open(ctx, "look-up log", lookUpConnections)
	if err != nil {
		return nil, errors.Join(err, w.Close(ctx))
	}
	people, err := c.Postgres.Open(ctx, "office", peopleConnections)
	if err != nil {
		pool.Close()
		return nil, errors.Join(err, w.Close(ctx))
	}
	return &lookUps{pool, people, store.NewLookUps(pool), keys, w}, nil
}

// Close ends the connections.
func (l *lookUps) Close(ctx context.Context) error {
	l.pool.Close()
	l.people.Close()
	return l.witness.Close(ctx)
}

// lookUpWitness hands heads of the look-up log to the Merkle log beside the office, and from there to a topic and to
// the log of the process. Safe for concurrent use.
type lookUpWitness struct {
	dir   string
	key   *access.SiteKey
	kafka platform.Kafka
	topic *TopicHeads // nil = no brokers
	log   zerolog.Logger

	mu     sync.Mutex         // guards the fields below
	merkle *witness.MerkleLog // nil = not opened yet
}

// openLookUpWitness opens the Merkle log in the directory of the keys. A broken Merkle log stops no office: each head
// is an error until the Merkle log opens.
func openLookUpWitness(ctx context.Context, keyDir string, keys *access.Keys, kafka platform.Kafka, log zerolog.Logger) *lookUpWitness {
	w := &lookUpWitness{dir: filepath.Join(keyDir, merkleDir), key: keys.Site, kafka: kafka, log: log}
	if _, err := w.openMerkle(ctx); err != nil {
		log.Error().Err(err).Msg("heads of the access log cannot be kept beside the office")
	}
	if kafka.Addr == "" {
		log.Warn().Msg("no brokers are named: the heads of the access log are on this machine alone")
		return w
	}
	w.topic = NewTopicHeads(kafka, &w.key.PublicKey, log)
	return w
}

// openMerkle returns the Merkle log, and opens the log first when not yet open.
func (w *lookUpWitness) openMerkle(ctx context.Context) (*witness.MerkleLog, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.merkle != nil {
		return w.merkle, nil
	}
	m, err := witness.Open(ctx, w.dir, w.key)
	if err != nil {
		return nil, err
	}
	w.merkle = m
	return m, nil
}

// dropMerkle gives up a Merkle log that took no head. The next head opens the Merkle log again.
func (w *lookUpWitness) dropMerkle(ctx context.Context, m *witness.MerkleLog) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.merkle == m {
		w.merkle = nil
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = m.Close(ctx) // the fault was logged
	}
}

// Close waits until the Merkle log has taken in all heads, and ends the connections.
func (w *lookUpWitness) Close(ctx context.Context) error {
	if w.topic != nil {
		w.topic.Close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.merkle == nil {
		return nil
	}
	return w.merkle.Close(ctx)
}

// Note hands a head to the witnesses. Without the Merkle log only the topic gets the head.
func (w *lookUpWitness) Note(ctx context.Context, h access.Head) error {
	m, err := w.openMerkle(ctx)
	if err != nil {
		return errors.Join(err, w.noteOnTopic(ctx, h))
	}
	s, err := m.Note(ctx, h)
	if err != nil {
		w.dropMerkle(ctx, m)
		return errors.Join(err, w.noteOnTopic(ctx, h))
	}
	if s == nil {
		return nil
	}
	return w.publishHead(ctx, s)
}

// noteOnTopic sends a head to the topic, without a checkpoint.
func (w *lookUpWitness) noteOnTopic(ctx context.Context, h access.Head) error {
	raw, err := h.Note(w.key)
	if err != nil {
		return fmt.Errorf("sign the head: %w", err)
	}
	return w.publishHead(ctx, &witness.HeadStatement{Head: string(raw)})
}

// publishHead makes witnesses of the process's log and the topic.
func (w *lookUpWitness) publishHead(ctx context.Context, s *witness.HeadStatement) error {
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

// Heads returns the heads of the Merkle log and of the topic. A witness that fails is an error beside the heads of the
// other witness.
func (w *lookUpWitness) Heads(ctx context.Context) ([]access.Head, error) {
	heads, err := witness.Heads(ctx, w.dir, &w.key.PublicKey)
	return withTopic(ctx, w.topic, heads, err)
}

// withTopic adds the heads and the error of the topic, if any.
func withTopic(ctx context.Context, topic *TopicHeads, heads []access.Head, err error) ([]access.Head, error) {
	if topic == nil {
		return heads, err
	}
	more, topicErr := topic.Heads(ctx)
	return append(heads, more...), errors.Join(err, topicErr)
}

// TopicHeads reads the heads on the topic of the look-up log, and remembers them. Safe for concurrent use.
type TopicHeads struct {
	admin *platform.Admin
	key   *access.PublicKey
	log   zerolog.Logger

	mu    sync.Mutex // guards the fields below
	heads []access.Head
	next  int64
}

// NewTopicHeads makes a reader without a connection. The caller closes the reader.
func NewTopicHeads(kafka platform.Kafka, key *access.PublicKey, log zerolog.Logger) *TopicHeads {
	return &TopicHeads{admin: kafka.NewAdmin("anpr-office"), key: key, log: log}
}

// Close ends idle connections.
func (t *TopicHeads) Close() { t.admin.Close() }

// Heads returns the heads on the topic that the site has signed. Other records count for nothing and are named in the
// log. A topic that was made anew is read again, and the older heads still count.
func (t *TopicHeads) Heads(ctx context.Context) ([]access.Head, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bounds, err := t.admin.Bounds(ctx, schemas.TopicLookUpLog, []int32{0}); err == nil && bounds[0].End < t.next {
		t.log.Error().Int64("end", bounds[0].End).Int64("read", t.next).
			Msg("the topic of the access log has lost records that this process read: find out who made it anew")
		t.next = 0
	}
	next, err := t.admin.ReadFrom(ctx, schemas.TopicLookUpLog, 0, t.next, func(offset int64, value []byte) error {
		h, err := witness.DecodeHeadStatement(value, t.key)
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

// LookUpBooks is the look-up log with its witnesses, for a command beside the office.
type LookUpBooks struct {
	Store *store.LookUps
	Keys  *access.Keys

	dir   string
	topic *TopicHeads
	pool  *pgxpool.Pool
	log   zerolog.Logger
}

// OpenLookUpBooks opens the look-up log of a database, without a connection yet. The caller closes the result.
func OpenLookUpBooks(ctx context.Context, p platform.Postgres, kafka platform.Kafka, keyDir string, log zerolog.Logger) (*LookUpBooks, error) {
	keys, err := access.ReadKeys(keyDir)
	if err != nil {
		return nil, fmt.Errorf("%w; give --lookup-keys", err)
	}
	pool, err := p.Open(ctx, "access-log", 2)
	if err != nil {
		return nil, err
	}
	b := &LookUpBooks{Store: store.NewLookUps(pool), Keys: keys, dir: keyDir, pool: pool, log: log}
	if kafka.Addr != "" {
		b.topic = NewTopicHeads(kafka, &keys.Site.PublicKey, log)
	}
	return b, nil
}

// Heads returns the heads of the Merkle log and of the topic. Beside an error the heads of the sound witness return.
func (b *LookUpBooks) Heads(ctx context.Context) ([]access.Head, error) {
	heads, err := MerkleHeads(ctx, b.dir, &b.Keys.Site.PublicKey)
	return withTopic(ctx, b.topic, heads, err)
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

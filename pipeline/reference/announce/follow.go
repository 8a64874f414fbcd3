package announce

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

const (
	// followEvery is how often the topic is read.
	followEvery = time.Second
	// awaitPatience bounds one call of Await.
	awaitPatience = 5 * time.Second
	client        = "anpr-reference"
)

// Follower reads the topic from its beginning, and everything that comes. Safe for concurrent use.
type Follower struct {
	kafka  platform.Kafka
	admin  *platform.Admin
	log    zerolog.Logger
	cancel context.CancelFunc
	ended  chan struct{}
	wake   chan struct{}

	mu      sync.Mutex // guards the fields below
	state   *state
	next    int64
	reached time.Time     // everything written before then is known
	err     error         // of the last round
	changed chan struct{} // closed after a round
}

// Follow makes a follower and starts it; [Follower.Close] ends it.
func Follow(ctx context.Context, k platform.Kafka, log zerolog.Logger) *Follower {
	f := newFollower(k, log)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.cancel = cancel
	go f.run(run)
	return f
}

func newFollower(k platform.Kafka, log zerolog.Logger) *Follower {
	return &Follower{
		kafka: k, admin: k.NewAdmin(client), log: log, ended: make(chan struct{}), wake: make(chan struct{}, 1), state: newState(), changed: make(chan struct{}),
	}
}

// Read reads the topic once, to its end.
func Read(ctx context.Context, k platform.Kafka, log zerolog.Logger) (*Follower, error) {
	f := newFollower(k, log)
	f.cancel = func() {}
	close(f.ended)
	if err := f.read(ctx); err != nil {
		f.admin.Close()
		return nil, err
	}
	return f, nil
}

// Close ends the follower; what it knows stays readable.
func (f *Follower) Close() {
	f.cancel()
	<-f.ended
	f.admin.Close()
}

func (f *Follower) run(ctx context.Context) {
	defer close(f.ended)
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failed := false
	for ctx.Err() == nil {
		err := f.read(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			f.log.Warn().Err(err).Msg("announcements of reference data are not followed; trying again")
		}
		failed = err != nil
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// read reads what has come. One goroutine at a time.
func (f *Follower) read(ctx context.Context) error {
	began := time.Now()
	f.mu.Lock()
	next := f.next
	f.mu.Unlock()
	next, err := f.readFrom(ctx, next)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.err = next, err
	if err == nil {
		f.reached = began
	}
	close(f.changed)
	f.changed = make(chan struct{})
	return err
}

func (f *Follower) readFrom(ctx context.Context, next int64) (int64, error) {
	if next == 0 {
		switch _, err := f.admin.Partitions(ctx, schemas.TopicReference); {
		case errors.Is(err, platform.ErrNoTopic):
			return 0, nil // nothing was ever announced
		case err != nil:
			return 0, err
		}
	} else if bounds, err := f.admin.Bounds(ctx, schemas.TopicReference, []int32{0}); err == nil && bounds[0].End < next {
		return next, fmt.Errorf("topic %s ends before offset %d, which was read: it was made anew; put its records back, or start the program again", schemas.TopicReference, next)
	}
	return f.admin.ReadFrom(ctx, schemas.TopicReference, 0, next, func(offset int64, value []byte) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err := f.state.take(value); err != nil {
			f.log.Error().Err(err).Int64("offset", offset).Str("topic", schemas.TopicReference).Msg("a record that announces nothing is passed over")
		}
		return nil
	})
}

// Await returns when everything written before the moment, by this machine's clock, is known. After some seconds it
// returns the error for which it is not; the caller tries again.
func (f *Follower) Await(ctx context.Context, before time.Time) error {
	patience := time.NewTimer(awaitPatience)
	defer patience.Stop()
	for {
		f.mu.Lock()
		reached, err, changed := f.reached, f.err, f.changed
		f.mu.Unlock()
		if !reached.Before(before) {
			return nil
		}
		select {
		case f.wake <- struct{}{}:
		default:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return fmt.Errorf("announcements on %s are not known since %s: %w", schemas.TopicReference, reached.UTC().Format(time.RFC3339), cmp.Or(err, context.DeadlineExceeded))
		}
	}
}

// Reached returns the moment up to which everything is known; zero before the first round.
func (f *Follower) Reached() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reached
}

// Activations returns those of a kind that count, in the order of their instants. The caller changes none.
func (f *Follower) Activations(kind string) []Activation {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.activations[kind]
}

// Void returns the announcements of a kind that do not count, in the order in which they came.
func (f *Follower) Void(kind string) []Void {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.void[kind]
}

// Content returns the packed content of a version; nil while the topic does not have all of it.
func (f *Follower) Content(kind, hash string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state.content(kind, hash)
}

// PlaceOf returns where a partition began with an activation. ok is false when it has not.
func (f *Follower) PlaceOf(kind, activation string, partition int32) (offset int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	offset, ok = f.state.places[placeKey{kind, activation, partition}]
	return offset, ok
}

// Places returns where each partition began with an activation, by partition.
func (f *Follower) Places(kind, activation string) (out []Place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, offset := range f.state.places {
		if key.kind == kind && key.activation == activation {
			out = append(out, Place{key.partition, offset})
		}
	}
	slices.SortFunc(out, func(a, b Place) int { return int(a.Partition - b.Partition) })
	return out
}

// RecordPlace writes down where a partition began with an activation, and returns when the follower knows it.
func (f *Follower) RecordPlace(ctx context.Context, kind, activation string, partition int32, offset int64) error {
	if _, known := f.PlaceOf(kind, activation, partition); known {
		return nil
	}
	if err := write(ctx, f.kafka, &record{Place: &place{kind, activation, partition, offset}}); err != nil {
		return err
	}
	return f.Await(ctx, time.Now())
}

// partBytes is the size of a part: encoded it fits a record of 1 MB, which brokers take unasked.
const partBytes = 256 << 10

// Announce writes the content, then the announcement. Written again, both are as once.
func Announce(ctx context.Context, k platform.Kafka, a *Activation, content []byte) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("not announced: %w", err)
	}
	of := (len(content) + partBytes - 1) / partBytes
	if of == 0 || of > maxParts {
		return fmt.Errorf("not announced: the content has %d bytes; up to %d MiB can be announced", len(content), maxParts*partBytes>>20)
	}
	for i := range of {
		piece := content[i*partBytes : min((i+1)*partBytes, len(content))]
		if err := write(ctx, k, &record{Part: &part{a.Kind, a.Hash, i, of, piece}}); err != nil {
			return err
		}
	}
	return write(ctx, k, &record{Activation: a})
}

func write(ctx context.Context, k platform.Kafka, r *record) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return k.PublishKeyed(ctx, client, schemas.TopicReference, []byte(r.key()), value)
}

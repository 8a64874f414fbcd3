package roles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/pipeline/reference/announce"
	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

const (
	// contentPatience is how long a partition waits for the content of an activation before it is parked.
	contentPatience = 30 * time.Second
	contentAsk      = 250 * time.Millisecond
	// preloadEvery is how often announced catalogues that are not loaded are tried.
	preloadEvery = 2 * time.Second
)

// heldCatalogue is a loaded catalogue with what is compiled of it, and its files.
type heldCatalogue struct {
	catalogue *rules.Catalogue
	engines   *rules.Engines
	files     fs.FS // nil = those of the role's start
}

// catalogues are the catalogue of a role's start and those that were announced since. It implements
// [ingest.Activations]. Safe for concurrent use.
type catalogues struct {
	start    heldCatalogue
	follower *announce.Follower
	store    *reference.Store
	signers  string // file of those who approve; "" = signatures are not asked for
	patience time.Duration
	role     string
	metrics  *announce.Metrics // nil = none
	log      zerolog.Logger
	end      context.CancelFunc
	ended    chan struct{}

	mu     sync.Mutex // guards the fields below
	loaded map[string]heldCatalogue
	failed map[string]string // by hash: why the content cannot be had, as it was logged
}

var _ ingest.Activations = (*catalogues)(nil)

// followCatalogues starts with a catalogue and follows what is announced, until Close. role names the metrics.
func followCatalogues(ctx context.Context, k platform.Kafka, start *rules.Catalogue, store *reference.Store, signers, role string, o *platform.Ops, log zerolog.Logger) *catalogues {
	c := &catalogues{
		start: heldCatalogue{catalogue: start, engines: rules.NewEngines(start)}, follower: announce.Follow(ctx, k, log), store: store, signers: signers, patience: contentPatience,
		log: log, ended: make(chan struct{}), loaded: map[string]heldCatalogue{}, failed: map[string]string{},
	}
	if c.role = role; o != nil {
		c.metrics = announce.NewMetrics(o.Registry)
	}
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	c.end = end
	go c.preload(run)
	return c
}

// Close ends the following.
func (c *catalogues) Close() {
	c.end()
	<-c.ended
	c.follower.Close()
}

// preload loads what was announced before its instant, and says what cannot be had.
func (c *catalogues) preload(ctx context.Context) {
	defer close(c.ended)
	tick := time.NewTicker(preloadEvery)
	defer tick.Stop()
	void := 0
	for {
		for _, a := range c.follower.Activations(catalogueKind) {
			if _, err := c.load(&a); err != nil {
				c.noteFailure(&a, err)
			}
		}
		if c.metrics != nil {
			c.mu.Lock()
			missing := len(c.failed)
			c.mu.Unlock()
			c.metrics.Set(c.role, c.follower, catalogueKind, missing, time.Now())
		}
		for all := c.follower.Void(catalogueKind); void < len(all); void++ {
			c.log.Error().Str("activation", all[void].ID()).Str("by", all[void].By).Str("why", all[void].Why).Msg("an announcement that does not count: nobody follows it")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *catalogues) noteFailure(a *announce.Activation, err error) {
	c.mu.Lock()
	before := c.failed[a.Hash]
	c.failed[a.Hash] = err.Error()
	c.mu.Unlock()
	if before != err.Error() {
		c.log.Error().Err(err).Str("activation", a.ID()).Str("runbook", "AnprCatalogueMissing").Time("instant", a.Instant).
			Msg("an announced catalogue cannot be had: partitions stop at its instant; announce it again with anpr rules activate, the same catalogue and instant")
	}
}

// load returns the content of an activation, verified: its hash, and with a file of signers its signatures.
func (c *catalogues) load(a *announce.Activation) (heldCatalogue, error) {
	c.mu.Lock()
	held, ok := c.loaded[a.Hash]
	c.mu.Unlock()
	if ok {
		return held, nil
	}
	held, signed, err := openContent(a.Hash, c.follower.Content(catalogueKind, a.Hash))
	if err != nil {
		return held, err
	}
	if c.signers != "" {
		if _, err := verifyHeld(held.files, held.catalogue, c.signers, time.Now()); err != nil {
			return heldCatalogue{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.loaded[a.Hash]; ok {
		return before, nil
	}
	c.loaded[a.Hash] = held
	delete(c.failed, a.Hash)
	c.log.Info().Str("activation", a.ID()).Time("instant", a.Instant).Str("by", a.By).Str("reason", a.Reason).Int("signatures", signed).Msg("announced catalogue loaded")
	return held, nil
}

// openContent unpacks and loads announced content, and counts its signatures. The hash must be that of what was loaded.
func openContent(hash string, content []byte) (held heldCatalogue, signatures int, err error) {
	if content == nil {
		return held, 0, fmt.Errorf("catalogue %.16s: its content is not on topic %s", hash, schemas.TopicReference)
	}
	files, err := openArchive(hash[:min(16, len(hash))], content)
	if err != nil {
		return held, 0, err
	}
	cat, err := rules.Load(files)
	if err != nil {
		return held, 0, fmt.Errorf("catalogue %.16s: %w", hash, err)
	}
	if cat.Hash() != hash {
		return held, 0, fmt.Errorf("catalogue %.16s: what was announced under this hash has the hash %.16s", hash, cat.Hash())
	}
	signed, err := fs.Glob(files, approval.Folder+"/*.json")
	return heldCatalogue{cat, rules.NewEngines(cat), files}, len(signed), err
}

// find returns an activation by its name.
func (c *catalogues) find(id string) (i int, a announce.Activation, ok bool) {
	for i, a := range c.follower.Activations(catalogueKind) {
		if a.ID() == id {
			return i, a, true
		}
	}
	return -1, a, false
}

// Await implements [ingest.Activations].
func (c *catalogues) Await(ctx context.Context, before time.Time) error {
	return c.follower.Await(ctx, before)
}

// errUnknownActivation says that a commit is younger than the topic.
func errUnknownActivation(id string) error {
	return fmt.Errorf("%w: a partition was decided under the activation %s, which topic %s does not have: put back its records", ingest.ErrStop, id, schemas.TopicReference)
}

// Resume implements [ingest.Activations].
func (c *catalogues) Resume(partition int32, offset int64, planned string) (string, error) {
	at := -1
	if planned != "" {
		i, _, ok := c.find(planned)
		if !ok {
			return "", errUnknownActivation(planned)
		}
		at = i
	}
	for i, a := range c.follower.Activations(catalogueKind) {
		if place, ok := c.follower.PlaceOf(catalogueKind, a.ID(), partition); ok && place <= offset && i > at {
			at, planned = i, a.ID()
		}
	}
	return planned, nil
}

// Next implements [ingest.Activations].
func (c *catalogues) Next(partition int32, after string) (ingest.Activation, bool) {
	all := c.follower.Activations(catalogueKind)
	if len(all) == 0 {
		return ingest.Activation{}, false
	}
	i, _, _ := c.find(after) // -1 before the first
	if i++; i >= len(all) {
		return ingest.Activation{}, false
	}
	next := ingest.Activation{ID: all[i].ID(), Instant: schemas.MicrosOf(all[i].Instant), Offset: -1}
	if place, ok := c.follower.PlaceOf(catalogueKind, next.ID, partition); ok {
		next.Offset = place
	}
	return next, true
}

// Versions implements [ingest.Activations]. Content that is missing is waited for.
func (c *catalogues) Versions(ctx context.Context, activation string) (shard.Versions, error) {
	engines := c.start.engines
	if activation != "" {
		_, a, ok := c.find(activation)
		if !ok {
			return shard.Versions{}, errUnknownActivation(activation)
		}
		held, err := c.await(ctx, &a)
		if err != nil {
			return shard.Versions{}, err
		}
		engines = held.engines
	}
	registry := c.store.Current()
	return shard.Versions{Reference: registry, Engine: engines.For(registry.Cameras())}, nil
}

func (c *catalogues) await(ctx context.Context, a *announce.Activation) (heldCatalogue, error) {
	until := time.Now().Add(c.patience)
	for {
		held, err := c.load(a)
		if err == nil {
			return held, nil
		}
		c.noteFailure(a, err)
		if time.Now().After(until) {
			return held, fmt.Errorf("%w: activation %s: %w", ingest.ErrStop, a.ID(), err)
		}
		select {
		case <-time.After(contentAsk):
		case <-ctx.Done():
			return held, ctx.Err()
		}
	}
}

// Record implements [ingest.Activations].
func (c *catalogues) Record(ctx context.Context, partition int32, activation string, offset int64) error {
	return c.follower.RecordPlace(ctx, catalogueKind, activation, partition, offset)
}

// errNotHeld says that the catalogue in force cannot be had.
var errNotHeld = errors.New("the catalogue in force cannot be had")

// InForce returns the catalogue that counts at a moment, for what is no record of a log. With an error the answer is the newest
// that can be had.
func (c *catalogues) InForce(now time.Time) (held heldCatalogue, err error) {
	held = c.start
	for _, a := range c.follower.Activations(catalogueKind) {
		if a.Instant.After(now) {
			break
		}
		next, loadErr := c.load(&a)
		if err = nil; loadErr != nil {
			err = fmt.Errorf("%w: %w", errNotHeld, loadErr)
			continue
		}
		held = next
	}
	return held, err
}

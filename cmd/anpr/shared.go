package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// loadCatalogue reads the catalogue of a directory, or the built-in one.
func loadCatalogue(dir string) (*rules.Catalogue, error) {
	files, err := catalogueFiles(dir)
	if err != nil {
		return nil, err
	}
	c, err := rules.Load(files)
	if err != nil && dir != "" {
		err = fmt.Errorf("catalogue %s: %w", dir, err)
	}
	return c, err
}

// gcPercent is how much garbage a process with reference data gathers before a collection, unless GOGC says otherwise. Most of
// its heap is tables without pointers that live as long as it does, which are quick to pass over and dear to hold twice.
const gcPercent = 25

// openReference loads the reference data and watches it until ctx ends.
func openReference(ctx context.Context, f referenceFlags, o *platform.Ops, log zerolog.Logger) (*reference.Store, error) {
	if f.Reference == "" {
		return nil, fmt.Errorf("no reference data: give its directory with --reference; `anpr sample --out DIR` writes a made-up city to try with")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	store, err := reference.NewStore(f.Reference, reference.Options{
		IndexDir: f.indexDir(), AllowShrink: f.AllowShrink, Metrics: reference.NewMetrics(o.Registry, time.Now), Log: log.With().Str("part", "refdata").Logger(),
	})
	if err != nil {
		return nil, adviseRights(fmt.Errorf("reference data %s: %w", f.Reference, err))
	}
	st := store.Current().Stats()
	log.Info().Str("version", store.Current().Version()).Interface("counts", st).Msg("reference data loaded")
	go func() {
		if err := store.Run(ctx); err != nil && ctx.Err() == nil {
			log.Error().Err(err).Msg("reference data is no longer watched; restart to take changes")
		}
	}()
	return store, nil
}

// indexDir is where compiled reference data is kept; empty = nowhere. Services of one user share it, and so the memory.
func (f referenceFlags) indexDir() string {
	switch f.Index {
	case "":
	case "off":
		return ""
	default:
		return f.Index
	}
	cache := os.Getenv("CACHE_DIRECTORY") // set by systemd
	if cache == "" {
		var err error
		if cache, err = os.UserCacheDir(); err != nil {
			return "" // no home directory: parse at every start
		}
		cache = filepath.Join(cache, "anpr")
	}
	return filepath.Join(cache, "reference-index")
}

// partitionsOf asks the broker how many partitions anpr.reads.v1 has: producers and workers must agree on it.
func partitionsOf(ctx context.Context, k platform.Kafka) (int, error) {
	admin := k.Admin("anpr")
	defer admin.Close()
	partitions, err := admin.Partitions(ctx, schemas.TopicReads)
	if errors.Is(err, platform.ErrNoTopic) {
		err = fmt.Errorf("Kafka at %s has no topic %s; create the topics first (deploy/kafka/topics.sh)", k.Addr, schemas.TopicReads)
	}
	return len(partitions), err
}

// topics lists what the embedded broker creates.
func topics(partitions int) map[string]int {
	return map[string]int{
		schemas.TopicReads: partitions, schemas.TopicHits: partitions, schemas.TopicOffences: partitions, schemas.TopicRejects: 1, schemas.TopicProbe: 1,
	}
}

// Package roles starts the jobs of the program: ingest, gateway, office, continuous reconciliation and restores. A
// [Machine] is all of them in one process.
//
// A configuration comes in; a running role with a Stop method goes out. Each interface of the pipeline gets its
// implementation here and in no other package.
//
// The package never reads a command line. Tests and demonstrations therefore start a role as the program does.
// Error texts name a flag only as a cure.
package roles

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// LoadCatalogue reads the catalogue in a directory; dir "" means the built-in catalogue.
func LoadCatalogue(dir string) (*rules.Catalogue, error) {
	files, err := CatalogueFiles(dir)
	if err != nil {
		return nil, err
	}
	c, err := rules.Load(files)
	if err != nil && dir != "" {
		err = fmt.Errorf("catalogue %s: %w", dir, err)
	}
	return c, err
}

// gcPercent is the share of garbage that a process with reference data gathers before a collection, unless GOGC is
// set. Most of the heap is tables without pointers that live as long as the process. A collection skips these tables
// quickly, and a second copy costs much memory.
const gcPercent = 25

// CatalogueFiles returns the files of a directory or an archive, or the built-in catalogue when dir is empty. A directory that
// cannot be a catalogue is one error, instead of one for each missing file.
func CatalogueFiles(dir string) (fs.FS, error) {
	if dir == "" {
		return rules.Brussels(), nil
	}
	if filepath.Ext(dir) == archiveExt {
		return readArchive(dir)
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("catalogue %s: there is no such folder; correct the path", dir)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("catalogue %s: %w for user %s; make the folder readable", dir, fs.ErrPermission, platform.UserName())
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("catalogue %s is a file; name the folder it is in", dir)
	case err != nil:
		return nil, fmt.Errorf("catalogue %s: %w", dir, err)
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return filepath.Ext(e.Name()) == ".yaml" }) {
		return nil, fmt.Errorf("catalogue %s: the folder holds no *.yaml; copy rules/catalog/brussels there and change it", dir)
	}
	return os.DirFS(dir), nil
}

// ReferenceConfig names the places of the reference data.
type ReferenceConfig struct {
	Dir         string // holds cameras, vehicles, lists, exemptions and passes
	IndexDir    string // holds compiled tables, which the next start maps; empty = none are kept
	AllowShrink bool   // accept data in which a file lost more than half
}

// OpenReference loads the reference data and watches them until ctx ends.
func OpenReference(ctx context.Context, c ReferenceConfig, o *platform.Ops, log zerolog.Logger) (*reference.Store, error) {
	if c.Dir == "" {
		return nil, fmt.Errorf("no reference data: give its directory with --reference; `anprload city --out DIR` writes a made-up city to try with")
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	store, err := reference.NewStore(c.Dir, reference.Options{
		IndexDir: c.IndexDir, AllowShrink: c.AllowShrink, Metrics: reference.NewMetrics(o.Registry, time.Now), Log: log.With().Str("part", "refdata").Logger(),
	})
	if err != nil {
		return nil, platform.AdviseRights(fmt.Errorf("reference data %s: %w", c.Dir, err))
	}
	st := store.Current().Stats()
	log.Info().Str("version", store.Current().Version()).Interface("counts", st).Msg("reference data loaded")
	go func() {
		if err := store.Run(ctx); err != nil && ctx.Err() == nil {
			log.Error().Err(err).Msg("reference data is no longer watched; restart to take changes")
		}
	}()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go reloadOnHangup(ctx, hangups, store, log)
	return store, nil
}

// reloadOnHangup reads the reference data again at each SIGHUP until ctx ends, also when no file looks changed. The
// signal comes from `systemctl reload`, and would otherwise end the process.
func reloadOnHangup(ctx context.Context, hangups chan os.Signal, store *reference.Store, log zerolog.Logger) {
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
			log.Info().Msg("SIGHUP: reference data are read again")
			store.Trigger()
		case <-ctx.Done():
			return
		}
	}
}

// countPartitions asks the broker for the number of partitions of anpr.reads.v1. Producers and workers must use the
// same number.
func countPartitions(ctx context.Context, k platform.Kafka) (int, error) {
	admin := k.NewAdmin("anpr")
	defer admin.Close()
	partitions, err := admin.Partitions(ctx, schemas.TopicReads)
	if errors.Is(err, platform.ErrNoTopic) {
		err = fmt.Errorf("Kafka at %s has no topic %s; create the topics first (deploy/kafka/topics.sh)", k.Addr, schemas.TopicReads)
	}
	return len(partitions), err
}

// embeddedTopics lists the topics of the embedded broker and their numbers of partitions.
func embeddedTopics(partitions int) map[string]int {
	return map[string]int{
		schemas.TopicReads: partitions, schemas.TopicHits: partitions, schemas.TopicOffences: partitions, schemas.TopicReviews: partitions,
		schemas.TopicRejects: 1, schemas.TopicProbe: 1, schemas.TopicLookUpLog: 1, schemas.TopicReference: 1,
	}
}

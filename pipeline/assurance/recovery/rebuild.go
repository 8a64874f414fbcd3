package recovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// RebuildConfig describes a restore. With FromBackup the restore begins with the backup; without, everything comes
// from the log.
type RebuildConfig struct {
	Log        *reconcile.KafkaLog
	Tables     BackupStore // the database to make; the connection names another database, as the target may be missing
	Group      string      // the pipeline's consumer group; its offsets end the rebuild, and do not change
	FromBackup string      // backup to restore first; empty = rebuild all from the log
	BackedUp   string      // name of the database in the backup
	Compare    string      // database with which a rehearsal compares the result, row for row; workers may go on meanwhile
	Drop       bool        // drop the rehearsed database afterwards
	Lost       []string    // unreadable records, as partition:from-to

	// Migrate makes missing tables.
	Migrate func(context.Context) error
	// Work starts an ordinary worker that publishes nothing and stops, for each partition, before the end.
	Work   func(ctx context.Context, group string, ends map[int32]int64) (RebuildWorker, error)
	Logger zerolog.Logger
}

// RebuildWorker rebuilds tables from the log.
type RebuildWorker interface {
	Done() <-chan struct{} // closed when the worker has ended by itself
	Parked() []ingest.Parked
	RecordLoss(ctx context.Context, topic string, l *ingest.RecordedLoss) error
	Stop(ctx context.Context) error
}

// GroupOf names the group that rebuilds a database. A later start finds an interrupted restore by this fixed name. The
// group is deleted at the end.
func GroupOf(group, database string) string { return group + "-restore-" + database }

// Rebuild is a restore.
type Rebuild struct {
	cfg RebuildConfig

	partitions []int32
	live       map[int32]platform.GroupCommit // commits by the pipeline's group
	ends       map[int32]int64                // offsets at which the rebuild ends
	steps      []restoreStep
}

// restoreStep is a line of the result.
type restoreStep struct {
	what string
	took time.Duration
	rows uint64
}

// NewRebuild makes a restore for Run.
func NewRebuild(c RebuildConfig) *Rebuild { return &Rebuild{cfg: c} }

// Group returns the name of the rebuilding group.
func (r *Rebuild) Group() string { return GroupOf(r.cfg.Group, r.cfg.Tables.Database) }

// Run carries out the whole restore and prints each step.
func (r *Rebuild) Run(ctx context.Context, out io.Writer) error {
	if err := r.surveyPartitions(ctx, out); err != nil {
		return err
	}
	resumed, err := r.prepareTables(ctx)
	if err != nil {
		return err
	}
	if resumed {
		_, _ = fmt.Fprintln(out, "going on with the restore that was interrupted")
	}
	if err := r.rebuildFromLog(ctx); err != nil {
		return err
	}
	for _, s := range r.steps {
		_, _ = fmt.Fprintf(out, "%-28s %10s  %d\n", s.what, s.took.Round(time.Millisecond), s.rows)
	}
	if r.cfg.Compare == "" {
		_, _ = fmt.Fprintf(out, "database %s is rebuilt: %s; start the workers, then check with anpr reconcile\n", r.cfg.Tables.Database, OffsetsText(r.ends, "up to"))
		if r.cfg.FromBackup == "" {
			_, _ = fmt.Fprintln(out, "access_log is not on the log: anpr restore --only access_log --from-backup NAME, before the office is started (deploy/README.md, Restore)")
		}
		return nil
	}
	return errors.Join(r.compareSums(ctx, out), r.dropTrial(ctx, out))
}

// surveyPartitions finds the records to rebuild.
func (r *Rebuild) surveyPartitions(ctx context.Context, out io.Writer) (err error) {
	if r.partitions, err = r.cfg.Log.Partitions(ctx, schemas.TopicReads); err != nil {
		return err
	}
	bounds, err := r.cfg.Log.Bounds(ctx, schemas.TopicReads, r.partitions)
	if err != nil {
		return err
	}
	if r.cfg.Compare == "" {
		if n, err := r.cfg.Log.CountMembers(ctx, r.cfg.Group); err != nil {
			return err
		} else if n > 0 {
			return fmt.Errorf("group %s has %d members: stop all workers first (on one machine: anpr up), then start this again; for a rehearsal beside them give --compare", r.cfg.Group, n)
		}
	}
	if r.live, err = r.cfg.Log.Commits(ctx, r.cfg.Group, schemas.TopicReads, r.partitions); err != nil {
		return err
	}
	r.ends = map[int32]int64{}
	for p, c := range r.live {
		first := bounds[p].First
		r.ends[p] = max(c.Offset, first)
		switch {
		case c.Offset >= 0 && c.Offset < first:
			return fmt.Errorf("partition %d: group %s stands at %d and the log begins at %d: those records are lost to it; set the group by hand first", p, r.cfg.Group, c.Offset, first)
		case first > 0 && r.cfg.FromBackup == "":
			_, _ = fmt.Fprintf(out, "partition %d: the log begins at offset %d; what was made of earlier records is not on it and comes back only from a backup\n", p, first)
		}
	}
	return nil
}

// prepareTables makes the tables ready to be filled and sets the rebuilding group, unless an interrupted restore did.
func (r *Rebuild) prepareTables(ctx context.Context) (resumed bool, err error) {
	begun, err := r.cfg.Log.Commits(ctx, r.Group(), schemas.TopicReads, r.partitions)
	if err != nil {
		return false, err
	}
	some := false
	for _, c := range begun {
		some = some || c.Offset >= 0
	}
	switch err := r.cfg.Tables.CheckEmpty(ctx); {
	case err == nil && some: // left by a restore whose tables were dropped since
		if err := r.cfg.Log.DeleteGroup(ctx, r.Group()); err != nil {
			return false, err
		}
	case err == nil:
	case errors.Is(err, ErrNotEmpty) && some:
		return true, nil
	default:
		return false, err
	}
	began := time.Now()
	plans := map[int32]ingest.Plan{}
	if r.cfg.FromBackup != "" {
		cut, err := r.cfg.Tables.Restore(ctx, r.cfg.FromBackup, r.cfg.BackedUp)
		if err != nil {
			return false, err
		}
		if cut.Group != r.cfg.Group {
			return false, fmt.Errorf("backup %s was made with group %s, not %s: its offsets are another's", r.cfg.FromBackup, cut.Group, r.cfg.Group)
		}
		for p, end := range cut.EndOffsets() {
			if end > r.ends[p] {
				return false, fmt.Errorf("partition %d: the backup holds records up to %d and group %s has committed %d: the group was set back, or it is another Kafka", p, end, r.cfg.Group, r.ends[p])
			}
		}
		plans = cut.Plans
		r.addStep(ctx, "restore backup "+r.cfg.FromBackup, began)
	}
	if err := r.cfg.Migrate(ctx); err != nil {
		return false, err
	}
	return false, r.cfg.Log.SetGroup(ctx, r.Group(), schemas.TopicReads, commitsOf(plans))
}

// addStep adds a step with the number of rows of reads there are now.
func (r *Rebuild) addStep(ctx context.Context, what string, began time.Time) {
	s := restoreStep{what: what, took: time.Since(began)}
	// reported as 0 on an error
	_ = r.cfg.Tables.Conn.QueryRow(ctx, "SELECT count() FROM `"+r.cfg.Tables.Database+"`.reads").Scan(&s.rows)
	r.steps = append(r.steps, s)
}

// rebuildFromLog runs the worker to the ends.
func (r *Rebuild) rebuildFromLog(ctx context.Context) error {
	began := time.Now()
	lost, err := r.knownLosses(ctx)
	if err != nil {
		return err
	}
	w, err := r.cfg.Work(ctx, r.Group(), r.ends)
	if err != nil {
		return err
	}
	err = errors.Join(r.waitUntilCommitted(ctx, w, lost), w.Stop(ctx))
	if err != nil {
		return fmt.Errorf("rebuild from the log: %w; start the restore again to go on", err)
	}
	r.addStep(ctx, "rebuild from the log", began)
	if err := r.cfg.Tables.NoteRebuilt(ctx, r.ends); err != nil {
		return err
	}
	return r.cfg.Log.DeleteGroup(ctx, r.Group())
}

// waitUntilCommitted returns when the rebuilding group has committed everything to rebuild. Known losses of parked
// partitions are recorded again.
func (r *Rebuild) waitUntilCommitted(ctx context.Context, w RebuildWorker, lost []ingest.RecordedLoss) error {
	said := time.Now()
	for {
		commits, err := r.cfg.Log.Commits(ctx, r.Group(), schemas.TopicReads, r.partitions)
		left := int64(0)
		for p, end := range r.ends {
			if plan, err := ingest.ParsePlan(commits[p].Metadata, commits[p].Offset); end > 0 && (err != nil || plan.UnderWay() || plan.Start < end) {
				left += max(end-max(commits[p].Offset, 0), 1)
			}
		}
		if err == nil && left == 0 {
			return nil
		}
		if err := giveUpKnown(ctx, w, lost); err != nil {
			return err
		}
		if time.Since(said) > 10*time.Second {
			said = time.Now()
			r.cfg.Logger.Info().Int64("records", left).Msg("rebuilding; records left")
		}
		select {
		case <-w.Done():
			return errors.New("the worker ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// dropTrial removes the database of a rehearsal, a second copy of all plates, when asked to, and otherwise reports the
// copy. An interrupted rehearsal keeps the copy, to go on.
func (r *Rebuild) dropTrial(ctx context.Context, out io.Writer) error {
	db := r.cfg.Tables.Database
	if !r.cfg.Drop {
		_, _ = fmt.Fprintf(out, "database %s stays, a second copy of all plates: remove it as anpr_backup with DROP DATABASE %s SYNC, or rehearse with --drop\n", db, db)
		return nil
	}
	if err := execSQL(ctx, r.cfg.Tables.Conn, "DROP DATABASE "+db+" SYNC"); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "database %s is removed\n", db)
	return nil
}

// compareSums proves the result.
func (r *Rebuild) compareSums(ctx context.Context, out io.Writer) error {
	names := [2]string{r.cfg.Compare, r.cfg.Tables.Database}
	var sums [2]map[string]TableSum
	for i, db := range names {
		var err error
		if sums[i], err = SumTables(ctx, r.cfg.Tables.Conn, db, r.ends); err != nil {
			return err
		}
	}
	if !CompareSums(out, names, sums) {
		return fmt.Errorf("database %s differs from %s; if only decisions, offences and hits do, other versions of the catalogue or the reference data decided then: compare the columns catalogue_version and reference_version", names[1], names[0])
	}
	return nil
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

type backupCmd struct {
	booksFlags
	Name string `arg:"" help:"Name of the backup on the disk."`
	Base string `help:"Write only what changed since this backup; it is needed for a restore then."`
	Only string `help:"One table alone, for what is not on the log: access_log." placeholder:"TABLE"`
	Disk string `help:"Disk of ClickHouse's configuration that backups go to." default:"backups" env:"ANPR_BACKUP_DISK"`
}

// Run makes a backup while everything runs.
func (c *backupCmd) Run(ctx context.Context, log zerolog.Logger) error {
	b, err := findBooks(c.booksFlags, embedded.Backup, log)
	if err != nil {
		return err
	}
	defer closeBooks(b)
	began := time.Now()
	st := &recovery.Store{Conn: b.DB, Disk: c.Disk, Database: c.ClickhouseDatabase}
	if c.Only != "" {
		if err := st.BackupTable(ctx, c.Only, c.Name, c.Base); err != nil {
			return err
		}
		fmt.Printf("backup %s of table %s in %s\n", c.Name, c.Only, time.Since(began).Round(time.Millisecond))
		return nil
	}
	cut, err := takeBackup(ctx, b, st, c.Name, c.Base)
	if err != nil {
		return err
	}
	fmt.Printf("backup %s in %s; the log completes it: %s\n", c.Name, time.Since(began).Round(time.Millisecond), offsetsText(cut.Ends(), "from"))
	return nil
}

// offsetsText names an offset of each partition, in order. Example: partition 0 from 748, partition 1 from 12
func offsetsText(offsets map[int32]int64, word string) string {
	out := make([]string, 0, len(offsets))
	for _, p := range slices.Sorted(maps.Keys(offsets)) {
		out = append(out, fmt.Sprintf("partition %d %s %d", p, word, offsets[p]))
	}
	return strings.Join(out, ", ")
}

func takeBackup(ctx context.Context, b *reconcile.Books, st *recovery.Store, name, base string) (*recovery.Cut, error) {
	partitions, err := b.Log.Partitions(ctx, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	commits, err := b.Log.Commits(ctx, b.Group, schemas.TopicReads, partitions)
	if err != nil {
		return nil, err
	}
	cut, err := recovery.CutOf(schemas.TopicReads, b.Group, commits)
	if err != nil {
		return nil, err
	}
	return cut, st.Backup(ctx, name, base, cut)
}

type restoreCmd struct {
	brokerFlags
	clickhouseFlags
	referenceFlags
	Group      string   `help:"Consumer group of the pipeline. Its offsets say up to where to rebuild, and stay as they are." default:"anpr-ingest" env:"ANPR_GROUP"`
	FromLog    bool     `help:"Rebuild everything from the log, into empty tables." xor:"from" required:""`
	FromBackup string   `help:"Restore this backup, then rebuild from the log what came after it." xor:"from" required:"" placeholder:"NAME"`
	Disk       string   `help:"Disk of ClickHouse's configuration that backups are on." default:"backups" env:"ANPR_BACKUP_DISK"`
	BackedUp   string   `help:"Name of the database in the backup." default:"anpr"`
	Only       string   `help:"With --from-backup: one table alone, for what is not on the log: access_log. The office must be stopped. A table with look-ups that the backup lacks stays as it is." placeholder:"TABLE"`
	Replace    bool     `help:"With --only: replace a damaged table that has look-ups which the backup lacks; it is kept beside."`
	Lost       []string `help:"Records of the log that nobody can read, as partition:from-to, to be recorded as lost in the rebuilt tables too. Those recorded in the database of --compare or --backed-up are found by themselves." placeholder:"2:1505-1508"`
	Compare    string   `help:"A rehearsal: restore into --clickhouse-database, beside this database, and compare the two row for row. The workers may go on meanwhile." placeholder:"DATABASE"`
	Drop       bool     `help:"With --compare: drop the rehearsed database afterwards. Else it stays, a second copy of all plates."`
	Data       string   `help:"One machine: the data directory of an anpr up. When it is stopped, its broker and ClickHouse are started for the restore; beside one that runs, give --compare." type:"path"`
	Backups    string   `help:"With --data of a stopped anpr up: directory of its backups; default backups in the data directory." type:"path" env:"ANPR_BACKUPS"`
	Cache      string   `help:"With --data of a stopped anpr up: directory the engine is in, or is downloaded to; empty = the user's cache." type:"path" env:"ANPR_CACHE"`

	batchRows int // 0 = the pipeline's default
}

// Help is shown below the flags.
func (restoreCmd) Help() string {
	return "The workers of the group must be stopped, unless --compare names another database. An interrupted restore goes on when it is started again. " +
		"Exit code: 0 restored (and equal), 1 not, or different."
}

// Run restores.
func (c *restoreCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.Compare == c.ClickhouseDatabase {
		return fmt.Errorf("--compare %s: a database cannot be rebuilt beside itself; give another with --clickhouse-database", c.Compare)
	}
	if c.Only != "" && (c.Only != accessLogTable || c.FromBackup == "" || c.Compare != "") {
		return fmt.Errorf("--only %s: it takes %s, with --from-backup and without --compare; all other tables are rebuilt together", c.Only, accessLogTable)
	}
	if c.Replace && c.Only == "" {
		return errors.New("--replace goes with --only")
	}
	if c.Drop && c.Compare == "" {
		return errors.New("--drop goes with --compare: without a rehearsal there is nothing to drop")
	}
	o := platform.NewOps()
	run, err := (&runFlags{Data: c.Data}).find()
	if err != nil && !errors.Is(err, embedded.ErrNotRunning) {
		return err
	}
	if c.Data == "" || run != nil {
		run.broker(&c.brokerFlags)
		run.tables(&c.clickhouseFlags, embedded.Backup)
		if run != nil {
			c.Reference = cmp.Or(c.Reference, run.Reference)
		}
	} else {
		stop, err := c.startData(ctx, log, o)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	if c.Only != "" {
		return c.restoreAccessLog(ctx, os.Stdout, log)
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	store, err := openReference(watch, c.referenceFlags, o, log)
	if err != nil {
		return err
	}
	r, err := openRebuild(c, store, log)
	if err != nil {
		return err
	}
	defer r.close()
	return r.run(ctx, os.Stdout)
}

// startData starts broker and ClickHouse on the directory of a stopped anpr up.
func (c *restoreCmd) startData(ctx context.Context, log zerolog.Logger, o *platform.Ops) (stop func() error, err error) {
	f := stackFlags{engineFlags: engineFlags{Data: c.Data, Fsync: true}, clickhouseFlags: c.clickhouseFlags}
	f.KafkaAddr, f.ClickhouseAddr, f.Partitions = "127.0.0.1:0", "127.0.0.1:0", 4
	f.Backups, f.Cache = under(c.Backups, c.Data, "backups"), c.Cache
	s := newStack(f, log, o)
	if err := s.startEngines(ctx, os.Stderr); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	c.brokerFlags, c.clickhouseFlags = s.flags.brokerFlags, s.as(embedded.Backup)
	c.Reference = under(c.Reference, c.Data, "reference")
	return s.stop, nil
}

// rebuild is one restore.
type rebuild struct {
	cmd     *restoreCmd
	books   *reconcile.Books
	admin   *platform.Admin
	store   *reference.Store
	engines *rules.Engines
	tables  recovery.Store
	log     zerolog.Logger

	partitions []int32
	live       map[int32]platform.Commit // of the pipeline's group
	ends       map[int32]int64           // up to where to rebuild
	steps      []step
}

// step is a line of the result.
type step struct {
	what string
	took time.Duration
	rows uint64
}

func openRebuild(c *restoreCmd, store *reference.Store, log zerolog.Logger) (*rebuild, error) {
	catalogue, err := loadCatalogue(c.Catalogue)
	if err != nil {
		return nil, err
	}
	cfg, err := c.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	cfg.Database = "default" // the one to restore may not be there yet
	conn, err := cfg.Open()
	if err != nil {
		return nil, err
	}
	return &rebuild{
		cmd: c, store: store, engines: rules.NewEngines(catalogue), log: log, admin: c.kafka().Admin("anpr-restore"),
		books:  &reconcile.Books{Log: reconcile.NewLog(c.kafka()), DB: conn, Group: c.Group},
		tables: *c.backups(conn),
	}, nil
}

// backups are those of the database.
func (c *restoreCmd) backups(conn driver.Conn) *recovery.Store {
	return &recovery.Store{Conn: conn, Disk: c.Disk, Database: c.ClickhouseDatabase}
}

func (r *rebuild) close() {
	r.admin.Close()
	closeBooks(r.books)
}

// run does all of it and prints what was done.
func (r *rebuild) run(ctx context.Context, out io.Writer) error {
	if err := r.survey(ctx, out); err != nil {
		return err
	}
	resumed, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	if resumed {
		_, _ = fmt.Fprintln(out, "going on with the restore that was interrupted")
	}
	if err := r.replay(ctx); err != nil {
		return err
	}
	for _, s := range r.steps {
		_, _ = fmt.Fprintf(out, "%-28s %10s  %d\n", s.what, s.took.Round(time.Millisecond), s.rows)
	}
	if r.cmd.Compare == "" {
		_, _ = fmt.Fprintf(out, "database %s is rebuilt: %s; start the workers, then check with anpr reconcile\n", r.cmd.ClickhouseDatabase, offsetsText(r.ends, "up to"))
		if r.cmd.FromLog {
			_, _ = fmt.Fprintln(out, "access_log is not on the log: anpr restore --only access_log --from-backup NAME, before the office is started (deploy/README.md, Restore)")
		}
		return nil
	}
	return errors.Join(r.compare(ctx, out), r.dropTrial(ctx, out))
}

// survey finds out what there is to rebuild.
func (r *rebuild) survey(ctx context.Context, out io.Writer) (err error) {
	if r.partitions, err = r.books.Log.Partitions(ctx, schemas.TopicReads); err != nil {
		return err
	}
	bounds, err := r.books.Log.Bounds(ctx, schemas.TopicReads, r.partitions)
	if err != nil {
		return err
	}
	if r.cmd.Compare == "" {
		if n, err := r.admin.Members(ctx, r.cmd.Group); err != nil {
			return err
		} else if n > 0 {
			return fmt.Errorf("group %s has %d members: stop all workers first (on one machine: anpr up), then start this again; for a rehearsal beside them give --compare", r.cmd.Group, n)
		}
	}
	if r.live, err = r.books.Log.Commits(ctx, r.cmd.Group, schemas.TopicReads, r.partitions); err != nil {
		return err
	}
	r.ends = map[int32]int64{}
	for p, c := range r.live {
		first := bounds[p].First
		r.ends[p] = max(c.Offset, first)
		switch {
		case c.Offset >= 0 && c.Offset < first:
			return fmt.Errorf("partition %d: group %s stands at %d and the log begins at %d: those records are lost to it; set the group by hand first", p, r.cmd.Group, c.Offset, first)
		case first > 0 && r.cmd.FromLog:
			_, _ = fmt.Fprintf(out, "partition %d: the log begins at offset %d; what was made of earlier records is not on it and comes back only from a backup\n", p, first)
		}
	}
	return nil
}

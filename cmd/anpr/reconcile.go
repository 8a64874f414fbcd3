package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/assurance/seals"
	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/schemas"
)

type reconcileCmd struct {
	Balance balanceCmd `cmd:"" default:"withargs" help:"Balance a window of receipt, per camera and minute: accepted = log = stored + merged + rejected (+ ticks); hits, offences and dead letters on topics = tables. Exit code: 0 balanced, 1 something is left over (it is named), 2 cannot tell (a side does not answer, records are still in flight, retention or a missing journal hides a part)."`
	Verify  verifyCmd  `cmd:"" help:"Verify the delivery protocol from outside: commits of the group and the batches table, no gap, no overlap, nothing backwards, no plan without its insert, no insert without a plan. Exit code: 0 it holds, 1 it is broken, 2 cannot tell."`
	Seals   sealsCmd   `cmd:"" help:"Are the stored offences those that were decided? Every column against its seal, the chain of every camera, and the table against the offence topic. Exit code: 0 they are, 1 they are not (each is named), 2 cannot tell."`
	Watch   watchCmd   `cmd:"" help:"Do all of it continuously and show the result as metrics, until stopped. anpr up does this by itself."`
}

// sidesFlags say where the log and the tables of a pipeline are.
type sidesFlags struct {
	runFlags
	brokerFlags
	clickhouseFlags
	Group string `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
}

// findSides fills in what was not given from what runs on the data directory, if anything does. The role says as whom ClickHouse is asked.
func (f *sidesFlags) findSides(role embedded.Role) (*local, error) {
	run, err := f.find()
	if err == nil {
		run.broker(&f.brokerFlags)
		run.tables(&f.clickhouseFlags, role)
	}
	return run, err
}

// booksFlags say where the sides of the account are.
type booksFlags struct {
	sidesFlags
	Receipts []string `help:"Where the gateways keep their receipts: directories, or addresses of their ops ports as http://gateway-1:6060; all of them, comma-separated. Default: the receipts of anpr up in anpr-data, when they are there." env:"ANPR_RECEIPTS"`
}

// findBooks fills in what was not given from what runs on the data directory, and opens the books as a role.
func findBooks(f booksFlags, role embedded.Role, log zerolog.Logger) (*reconcile.Books, error) {
	run, err := f.findSides(role)
	if err != nil {
		return nil, err
	}
	if len(f.Receipts) == 0 && run != nil && run.Receipts != "" {
		f.Receipts = []string{run.Receipts}
	}
	return openBooks(f, log)
}

func openBooks(f booksFlags, log zerolog.Logger) (*reconcile.Books, error) {
	cfg, err := f.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	conn, err := cfg.Open()
	if err != nil {
		return nil, err
	}
	if len(f.Receipts) == 0 {
		if local := filepath.Join("anpr-data", "receipts"); isDir(local) {
			f.Receipts = []string{local}
		}
	}
	return &reconcile.Books{Log: reconcile.NewLog(f.kafka()), DB: conn, Group: f.Group, Receipts: f.Receipts}, nil
}

func closeBooks(b *reconcile.Books) {
	b.Log.Close()
	_ = b.DB.Close() // idle connections
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Exit codes of reconcile, as their help says.
const (
	exitLeftOver   = 1
	exitCannotTell = 2
)

type balanceCmd struct {
	booksFlags
	From   time.Time     `help:"First minute of receipt: a day or an instant; default an hour before --to."`
	To     time.Time     `help:"End of the window, exclusive; a day counts as a whole; default the last whole minute that is at least 30 s ago."`
	By     []string      `help:"Also list the account by camera, by minute, or both." enum:"camera,minute" sep:","`
	Settle time.Duration `help:"How long to wait for the pipeline to commit what the window holds." default:"30s"`
	JSON   bool          `help:"Print JSON."`
}

// Run balances once.
func (c *balanceCmd) Run(ctx context.Context, log zerolog.Logger) error {
	b, err := findBooks(c.booksFlags, embedded.Reconciler, log)
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	defer closeBooks(b)
	b.Settle = c.Settle
	r, err := b.Reconcile(ctx, c.window(time.Now()), reconcile.By{Camera: slices.Contains(c.By, "camera"), Minute: slices.Contains(c.By, "minute")})
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	if err := show(os.Stdout, r, c.JSON); err != nil {
		return err
	}
	switch r.Verdict {
	case reconcile.Residual:
		return &exitError{exitLeftOver, fmt.Errorf("%d are left over; deploy/README.md, \"Does it add up\", says what to do", leftOver(r))}
	case reconcile.CannotTell:
		return &exitError{exitCannotTell, errors.New("cannot tell whether it adds up")}
	case reconcile.Balanced:
	}
	return nil
}

func leftOver(r *reconcile.Report) (n uint64) {
	for _, k := range r.ByKind {
		n += k
	}
	return n
}

// window fills in what was not given, to whole minutes.
func (c *balanceCmd) window(now time.Time) reconcile.Window {
	to := c.To
	if to.IsZero() {
		to = now.Add(-30 * time.Second)
	}
	to = to.Truncate(time.Minute)
	from := c.From
	if from.IsZero() {
		from = to.Add(-time.Hour)
	}
	return reconcile.Window{From: from.Truncate(time.Minute), To: to}
}

// show prints a result for people or machines.
func show[T interface{ Print(w io.Writer) error }](w io.Writer, r T, asJSON bool) error {
	if !asJSON {
		return r.Print(w)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

type verifyCmd struct {
	booksFlags
	Last time.Duration `help:"Look at the batches inserted in this time; 0 = all there are." default:"24h"`
	For  time.Duration `help:"Keep looking at the commits this long. A broker without a history of commits (the embedded one) shows plans only while one looks." default:"0s"`
	JSON bool          `help:"Print JSON."`
}

// Run verifies once.
func (c *verifyCmd) Run(ctx context.Context, log zerolog.Logger) error {
	b, err := findBooks(c.booksFlags, embedded.Reconciler, log)
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	defer closeBooks(b)
	v, err := c.verify(ctx, b)
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	if err := show(os.Stdout, v, c.JSON); err != nil {
		return err
	}
	if n := len(v.Violations); n > 0 {
		return &exitError{exitLeftOver, fmt.Errorf("the delivery protocol is broken in %d places; deploy/README.md, AnprDeliveryBroken, says what to do", n)}
	}
	return nil
}

func (c *verifyCmd) verify(ctx context.Context, b *reconcile.Books) (*reconcile.Verification, error) {
	a, err := b.Audit(ctx)
	if err != nil {
		return nil, err
	}
	var sampled []reconcile.Violation
	for until := time.Now().Add(c.For); time.Now().Before(until); {
		found, err := a.Sample(ctx)
		if err != nil {
			return nil, err
		}
		sampled = append(sampled, found...)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var since time.Time
	if c.Last > 0 {
		since = time.Now().Add(-c.Last)
	}
	v, err := a.Look(ctx, since)
	if err != nil {
		return nil, err
	}
	v.Violations = append(sampled, v.Violations...)
	return v, nil
}

// watchFlags are those of the continuous account.
type watchFlags struct {
	WatchEvery time.Duration `help:"How often the accounts are balanced; 0 = not at all. One pass reads the log of its minutes once and looks through two columns of the tables' month, with one thread." default:"1m" env:"ANPR_WATCH_EVERY"`
	SealsEvery time.Duration `help:"How often all seals of offences are walked; 0 = not at all. One pass reads the table and the topic of offences once, with one thread." default:"1h" env:"ANPR_SEALS_EVERY"`
}

// sealsFlags say as whom the seals are walked where roles are processes of their own: that account reads offences whole, and the one that
// balances reads no plate.
type sealsFlags struct {
	SealsUser         string `help:"ClickHouse user of the walk over the seals, which reads offences whole; the others of this command do not. Default: the one for it of the anpr up on --data, else that of --clickhouse-user." env:"ANPR_SEALS_USER"`
	SealsPassword     string `hidden:"" help:"Its password; better in the environment or a file." env:"ANPR_SEALS_PASSWORD"`
	SealsPasswordFile string `help:"File with its password." type:"path" env:"ANPR_SEALS_PASSWORD_FILE"`
}

// account returns how the walk reaches ClickHouse.
func (f *sealsFlags) account(at runFlags, c clickhouseFlags) (clickhouseFlags, error) {
	if f.SealsUser != "" {
		c.ClickhouseUser, c.ClickhousePassword, c.PasswordFile = f.SealsUser, f.SealsPassword, f.SealsPasswordFile
		return c, nil
	}
	run, err := at.find()
	if err == nil {
		run.tables(&c, embedded.Seals)
	}
	return c, err
}

type watchCmd struct {
	booksFlags
	watchFlags
	sealsFlags
	opsFlags
}

// Run watches until the context ends.
func (c *watchCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.WatchEvery <= 0 {
		return fmt.Errorf("--watch-every %s: want a time above 0", c.WatchEvery)
	}
	o := platform.NewOps()
	ln, err := platform.Listen(ctx, "ops", cmp.Or(c.OpsAddr, defaultOps), "--ops-addr")
	if err != nil {
		return err
	}
	srv := platform.Serve("ops", ln, o.Guarded(c.opsFlags.access()), 0, log)
	defer func() { err = errors.Join(err, srv.Stop(context.WithoutCancel(ctx))) }()
	b, err := findBooks(c.booksFlags, embedded.Reconciler, log)
	if err != nil {
		return err
	}
	o.Ready("clickhouse", b.DB.Ping)
	o.Ready("kafka", func(ctx context.Context) error {
		_, err := b.Log.Partitions(ctx, schemas.TopicReads)
		return err
	})
	account, err := c.account(c.runFlags, c.clickhouseFlags)
	if err != nil {
		closeBooks(b)
		return err
	}
	stop, err := startWatch(ctx, b, account, c.watchFlags, o, log)
	if err != nil {
		return err
	}
	log.Info().Stringer("every", c.WatchEvery).Strs("receipts", b.Receipts).Msg("reconciling")
	<-ctx.Done()
	stop()
	return nil
}

// startWatch balances continuously, and walks the seals as an account of its own, until the returned function is called, which also closes
// the books. After an error they are closed.
func startWatch(ctx context.Context, b *reconcile.Books, sealed clickhouseFlags, f watchFlags, o *platform.Ops, log zerolog.Logger) (stop func(), err error) {
	cfg, err := sealed.config(log, nil)
	if err != nil {
		closeBooks(b)
		return nil, err
	}
	db, err := cfg.Open()
	if err != nil {
		closeBooks(b)
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := reconcile.NewWatch(reconcile.WatchConfig{Books: *b, Every: f.WatchEvery, Metrics: reconcile.NewMetrics(o.Registry), Logger: log.With().Str("part", "accounts").Logger()})
	var done sync.WaitGroup
	done.Go(func() { w.Run(run) })
	if f.SealsEvery > 0 {
		metrics := seals.NewMetrics(o.Registry)
		done.Go(func() { walkerOf(b, db).Watch(run, f.SealsEvery, metrics, log.With().Str("part", "seals").Logger()) })
	}
	return func() {
		cancel()
		done.Wait()
		_ = db.Close()
		closeBooks(b)
	}, nil
}

// receipts is a gateway's journal, or none.
type receipts struct {
	journal *reconcile.Journal
	metrics *gateway.Metrics
}

// openReceipts opens the journal and serves it on the ops port.
func openReceipts(dir string, m *gateway.Metrics, o *platform.Ops, log zerolog.Logger) (*receipts, error) {
	if dir == "" {
		log.Warn().Msg("no directory for receipts: what the broker acknowledged is listed nowhere but on the log, and anpr reconcile cannot find a loss there; give one with --receipts")
		return &receipts{}, nil
	}
	log = log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Minute})
	j, err := reconcile.OpenJournal(reconcile.JournalConfig{Dir: dir, Error: func(err error) {
		log.Error().Err(err).Msg("the journal of receipts was not written; check the disk of --receipts. Reads are accepted all the same")
	}})
	if err != nil {
		return nil, fmt.Errorf("%w; choose another directory with --receipts", err)
	}
	o.Handle("GET "+reconcile.ReceiptsPath, reconcile.ServeReceipts(dir))
	return &receipts{j, m}, nil
}

func (r *receipts) keep(acked []gateway.Receipt) {
	if r.journal == nil {
		return
	}
	list := make([]reconcile.Receipt, len(acked))
	for i, a := range acked {
		list[i] = reconcile.Receipt{Partition: a.Partition, Offset: a.Offset, Camera: a.Camera, At: a.Time, Sum: reconcile.SumOf(a.Value)}
	}
	if err := r.journal.Append(list); err != nil { // told by the journal
		r.metrics.NoReceipt.Add(float64(len(list)))
	}
}

func (r *receipts) close() error {
	if r.journal == nil {
		return nil
	}
	return r.journal.Close()
}

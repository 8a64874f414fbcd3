package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type reconcileCmd struct {
	Balance balanceCmd `cmd:"" default:"withargs" help:"Balance a window of receipt, per camera and minute: accepted = log = stored + merged + rejected (+ ticks); hits, offences and dead letters on topics = tables. Exit code: 0 balanced, 1 something is left over (it is named), 2 cannot tell (a side does not answer, records are still in flight, retention or a missing journal hides a part)."`
	Verify  verifyCmd  `cmd:"" help:"Verify the delivery protocol from outside: commits of the group and the batches table, no gap, no overlap, nothing backwards, no plan without its insert, no insert without a plan. Exit code: 0 it holds, 1 it is broken, 2 cannot tell."`
	Seals   sealsCmd   `cmd:"" help:"Are the stored offences those that were decided? Every column against its seal, the chain of every camera, and the table against the offence topic. Exit code: 0 they are, 1 they are not (each is named), 2 cannot tell."`
	Watch   watchCmd   `cmd:"" help:"Do all of it continuously and show the result as metrics, until stopped. anpr up does this by itself."`
}

// sidesFlags say where the log and the tables of a pipeline are.
type sidesFlags struct {
	flags.DataFlags
	flags.BrokerFlags
	flags.ClickHouseFlags
	Group string `help:"Consumer group of the pipeline." default:"anpr-ingest" env:"ANPR_GROUP"`
}

// findSides fills in what was not given from what runs on the data directory, if anything does. The role says as whom ClickHouse is asked.
func (f *sidesFlags) findSides(role embedded.Role) (*flags.Local, error) {
	run, err := f.Find()
	if err == nil {
		run.FillBroker(&f.BrokerFlags)
		run.FillTables(&f.ClickHouseFlags, role)
	}
	return run, err
}

// booksFlags say where the sides of the account are.
type booksFlags struct {
	sidesFlags
	Receipts []string `help:"Where the gateways keep their receipts: directories, or addresses of their ops ports as http://gateway-1:6060; all of them, comma-separated. Default: the receipts of anpr up in anpr-data, when they are there." env:"ANPR_RECEIPTS"`
}

// findBooks fills in what was not given from what runs on the data directory, and opens the books as a role.
func findBooks(f booksFlags, role embedded.Role) (*reconcile.Books, error) {
	c, err := f.books(role)
	if err != nil {
		return nil, err
	}
	return roles.OpenBooks(c)
}

// books says where the sides are, as a role.
func (f *booksFlags) books(role embedded.Role) (roles.BooksConfig, error) {
	run, err := f.findSides(role)
	if err != nil {
		return roles.BooksConfig{}, err
	}
	if len(f.Receipts) == 0 && run != nil && run.Receipts != "" {
		f.Receipts = []string{run.Receipts}
	}
	if local := filepath.Join("anpr-data", "receipts"); len(f.Receipts) == 0 && isDir(local) {
		f.Receipts = []string{local}
	}
	tables, err := f.ClickHouse()
	return roles.BooksConfig{Kafka: f.Kafka(), Tables: tables, Group: f.Group, Receipts: f.Receipts}, err
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
	b, err := findBooks(c.booksFlags, embedded.Reconciler)
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	defer roles.CloseBooks(b)
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
	b, err := findBooks(c.booksFlags, embedded.Reconciler)
	if err != nil {
		return &exitError{exitCannotTell, fmt.Errorf("cannot tell: %w", err)}
	}
	defer roles.CloseBooks(b)
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

// sealsFlags say as whom the seals are walked where roles are processes of their own: that account reads offences whole, and the one that
// balances reads no plate.
type sealsFlags struct {
	SealsUser         string `help:"ClickHouse user of the walk over the seals, which reads offences whole; the others of this command do not. Default: the one for it of the anpr up on --data, else that of --clickhouse-user." env:"ANPR_SEALS_USER"`
	SealsPassword     string `hidden:"" help:"Its password; better in the environment or a file." env:"ANPR_SEALS_PASSWORD"`
	SealsPasswordFile string `help:"File with its password." type:"path" env:"ANPR_SEALS_PASSWORD_FILE"`
}

// account returns how the walk reaches ClickHouse.
func (f *sealsFlags) account(at flags.DataFlags, c flags.ClickHouseFlags) (platform.ClickHouse, error) {
	if f.SealsUser != "" {
		c.ClickhouseUser, c.ClickhousePassword, c.PasswordFile = f.SealsUser, f.SealsPassword, f.SealsPasswordFile
		return c.ClickHouse()
	}
	run, err := at.Find()
	if err != nil {
		return platform.ClickHouse{}, err
	}
	run.FillTables(&c, embedded.Seals)
	return c.ClickHouse()
}

type watchCmd struct {
	booksFlags
	flags.WatchFlags
	sealsFlags
	flags.OpsFlags
}

// Run watches until the context ends.
func (c *watchCmd) Run(ctx context.Context, log zerolog.Logger) (err error) {
	if c.WatchEvery <= 0 {
		return fmt.Errorf("--watch-every %s: want a time above 0", c.WatchEvery)
	}
	return runRole(ctx, &c.OpsFlags, port{}, log, func(o *platform.Ops, _ net.Listener) (role, error) {
		books, err := c.books(embedded.Reconciler)
		if err != nil {
			return nil, err
		}
		account, err := c.account(c.DataFlags, c.ClickHouseFlags)
		if err != nil {
			return nil, err
		}
		w, err := roles.StartWatch(ctx, roles.WatchConfig{Books: books, Every: c.WatchEvery, Seals: account, SealsEvery: c.SealsEvery, Ops: o, Log: log})
		if err != nil {
			return nil, err
		}
		w.AddReadiness(o)
		log.Info().Stringer("every", c.WatchEvery).Strs("receipts", books.Receipts).Msg("reconciling")
		return w, nil
	})
}

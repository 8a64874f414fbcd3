// Command anpr is the only production program: each subcommand is a role. `anpr up` runs all roles on one machine
// with an embedded broker and databases; gateway, ingest and office run a single role each against a Kafka and a
// ClickHouse.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/casework"
	"github.com/gvc-brussels/anpr/cmd/catalogue"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// cli is the command line. Every flag can also be set by the environment variable named in its help.
type cli struct {
	Up        upCmd        `cmd:"" help:"Run everything on this machine: broker, ClickHouse, PostgreSQL, gateway, pipeline, office. Ctrl-C stops it in order."`
	Gateway   gatewayCmd   `cmd:"" help:"Run the camera gateway against a Kafka."`
	Ingest    ingestCmd    `cmd:"" help:"Run a pipeline worker against a Kafka and a ClickHouse."`
	Office    officeCmd    `cmd:"" help:"Run the query API against a ClickHouse."`
	Migrate   migrateCmd   `cmd:"" help:"Create or update the ClickHouse tables."`
	Query     ask.Cmd      `cmd:"" help:"Ask the office: plates, hits, offences, the access log."`
	Cases     casework.Cmd `cmd:"" help:"Decide cases: the work list of the processing centre without a browser."`
	AccessLog accessLogCmd `cmd:"" name:"access-log" help:"Verify, export or mend the access log without the office."`
	Reconcile reconcileCmd `cmd:"" help:"Balance what the gateways accepted, the log, the tables and the topics; verify the commits. For cron: exit code 0 balanced, 1 residual, 2 cannot tell."`
	Evidence  evidenceCmd  `cmd:"" help:"Verify one offence against the bytes that were sealed; export it for verification elsewhere."`
	Backup    backupCmd    `cmd:"" help:"Back up the tables while everything runs, with the offsets from which the log completes them."`
	Restore   restoreCmd   `cmd:"" help:"Rebuild the tables from the log, or from a backup and the log; prove that the result is the same."`
	Postgres  postgresCmd  `cmd:"" help:"Back up PostgreSQL, which is on no log; restore it; verify a backup."`
	Partition partitionCmd `cmd:"" help:"Partitions of the log: how far each is; let one that is parked go on, with its loss recorded."`
	Rejects   rejectsCmd   `cmd:"" help:"Put dead letters on the log again after their cause is mended."`
	Replay    replayCmd    `cmd:"" help:"Decide stored passages again under another catalogue or other reference data: which offences would be new, gone or different. Writes nothing."`
	Rules     rulesCmd     `cmd:"" help:"The rule catalogue: check it, run scenarios on it, compare two, list what nobody has verified, export it."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	User      userCmd      `cmd:"" help:"People who sign in to the pages: let one set a password."`
	Engine    engineCmd    `cmd:"" help:"Fetch the ClickHouse engine for a machine without one; serve broker and ClickHouse without the roles, for a restore."`

	LogLevel string `help:"trace, debug, info, warn or error." default:"info" env:"ANPR_LOG_LEVEL"`
	LogJSON  bool   `help:"Log JSON lines instead of text." env:"ANPR_LOG_JSON"`
}

// rulesCmd is the catalogue as files, and what the office knows of its effects.
type rulesCmd struct {
	catalogue.Cmd
	Affected casework.AffectedCmd `cmd:"" help:"Cases that rest on one value of configuration or reference data; with --annul one act of two persons that takes them back."`
}

func main() {
	embedded.MaybeRunEngineChild()
	flags.SetLogForms()
	os.Exit(run(os.Args[1:]))
}

// run returns the exit code: 0 done, 1 an error with its cure on stderr, 2 wrong usage. The help of a command
// names further codes.
func run(args []string) int {
	if now := flags.AdviseMoved(args); now != "" {
		fmt.Fprintf(os.Stderr, "anpr: this command is now `%s`, with the same flags: the load generator is no part of the production program\n", now)
		return 2
	}
	var c cli
	parser, err := kong.New(&c, kong.Name("anpr"), kong.UsageOnError(),
		kong.Description("Open ANPR and traffic-offence pipeline."), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), flags.Times())
	if err != nil {
		panic("BUG: command line: " + err.Error())
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "anpr:", err)
		fmt.Fprintln(os.Stderr, "      "+flags.AdviseUsage(err))
		return 2
	}
	for _, a := range args {
		if err := flags.RefuseShownPassword(a); err != nil {
			fmt.Fprintln(os.Stderr, "anpr:", err)
			return 2
		}
		if name, _, _ := strings.Cut(a, "="); name == "--clickhouse-password" || name == "--token" {
			fmt.Fprintf(os.Stderr, "anpr: %s on the command line is read by every user of this machine: give it in the environment, or the password in --clickhouse-password-file\n", name)
		}
	}
	logger, err := flags.NewLogger(c.LogLevel, c.LogJSON)
	if err != nil {
		fmt.Fprintln(os.Stderr, "anpr:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	kctx.BindTo(ctx, (*context.Context)(nil))
	if err := kctx.Run(logger, &c.Query, &c.Cases, catalogue.Release(release)); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "anpr:", err)
		}
		if own, ok := errors.AsType[*flags.ExitError](err); ok {
			return own.Code
		}
		return 1
	}
	return 0
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/ask"
	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
)

// exitDifferent is the exit code of a replay that should have found no difference and found one.
const exitDifferent = 3

type replayCmd struct {
	flags.ClickHouseFlags
	flags.ReferenceFlags
	From       string `help:"First day, Brussels calendar. Example: 2026-10-01" required:""`
	To         string `help:"Day after the last. Example: 2026-11-01" required:""`
	Workers    int    `help:"Ranges of plates at the same time; 0 = one a core."`
	Examples   int    `help:"Differences to explain, clause by clause." default:"6"`
	Lang       string `help:"Language of the explanations: en, nl or fr." enum:"en,nl,fr" default:"en"`
	JSON       bool   `help:"Print JSON."`
	ExpectSame bool   `help:"Exit code 3 when anything would be different."`

	URL   string `help:"Address of the office, which writes the replay into the access log. Default: the office of the anpr up on --data when one runs, else http://127.0.0.1:8080." env:"ANPR_OFFICE_URL"`
	Token string `help:"Your token; better given by the environment." env:"ANPR_TOKEN"`
	User  string `help:"Without a token: a user of the made-up sample city." env:"ANPR_USER"`
	flags.DataFlags
	Reason string `help:"Why, in at least 10 characters; it is logged with your name." required:""`
}

// Run asks the office, replays, prints.
func (c *replayCmd) Run(ctx context.Context, log zerolog.Logger) error {
	cfg, err := c.replayConfig(log)
	if err != nil {
		return err
	}
	office := &ask.Cmd{ClientFlags: ask.ClientFlags{URL: c.URL, Token: c.Token, User: c.User, DataFlags: c.DataFlags}}
	if err := c.announceReplay(ctx, office, cfg); err != nil {
		return err
	}
	bar := replay.NewBar(os.Stderr, flags.IsTerminal(os.Stderr))
	cfg.Progress = bar.Set
	began := time.Now()
	rep, err := replay.Run(ctx, cfg)
	bar.End()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	took := time.Since(began)
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(struct {
			*replay.Comparison
			Seconds float64 `json:"seconds"`
		}{rep, took.Seconds()})
	} else {
		err = rep.Print(os.Stdout, took, rules.Lang(c.Lang))
	}
	if err == nil && c.ExpectSame && !rep.IsSame() {
		return flags.WithExitCode(exitDifferent, errors.New("the offences would be different, see above"))
	}
	return err
}

func (c *replayCmd) replayConfig(log zerolog.Logger) (*replay.Config, error) {
	run, err := c.FindRunning()
	if err != nil {
		return nil, err
	}
	run.FillTables(&c.ClickHouseFlags, embedded.Reader)
	tables, err := c.ClickHouse()
	if err != nil {
		return nil, err
	}
	return roles.OpenReplay(roles.ReplayConfig{
		From: c.From, To: c.To, Catalogue: c.Catalogue, Reference: c.Reference, IndexDir: c.IndexDir(), Tables: tables,
		Workers: c.Workers, Examples: c.Examples, Log: log,
	})
}

// announceReplay has the office log the replay before the replay begins, or refuse it.
func (c *replayCmd) announceReplay(ctx context.Context, q *ask.Cmd, cfg *replay.Config) error {
	o, err := q.NewClient()
	if err != nil {
		return err
	}
	a, err := o.AnnounceReplay(ctx, office.ReplayQuery{
		Reason: c.Reason, From: c.From, To: c.To,
		Catalogue: cfg.Engine.Catalogue().Version(), Reference: cfg.Registry.Version(),
	})
	if err != nil {
		return fmt.Errorf("the office must log a replay before it begins: %w", ask.ExplainSignIn(err, o.Lang))
	}
	fmt.Fprintf(os.Stderr, "replay of %s to %s under catalogue %s and reference data %s; access log entry %d\n",
		c.From, c.To, cfg.Engine.Catalogue().Version(), cfg.Registry.Version(), a.Scope.LogSeq)
	return nil
}

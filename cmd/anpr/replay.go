package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/rs/zerolog"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// exitDifferent is the exit code of a replay that was to find nothing.
const exitDifferent = 3

type replayCmd struct {
	clickhouseFlags
	referenceFlags
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
	runFlags
	Reason string `help:"Why, in at least 10 characters; it is logged with your name." required:""`
}

// Run asks the office, replays, prints.
func (c *replayCmd) Run(ctx context.Context, log zerolog.Logger) error {
	cfg, err := c.config(log)
	if err != nil {
		return err
	}
	office := &queryCmd{queryFlags: queryFlags{URL: c.URL, Token: c.Token, User: c.User, runFlags: c.runFlags}}
	if err := c.announce(ctx, office, cfg); err != nil {
		return err
	}
	bar := newReplayBar(os.Stderr)
	cfg.Progress = bar.set
	began := time.Now()
	rep, err := replay.Run(ctx, cfg)
	bar.end()
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	took := time.Since(began)
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(struct {
			*replay.Report
			Seconds float64 `json:"seconds"`
		}{rep, took.Seconds()})
	} else {
		err = printReplay(os.Stdout, rep, took, rules.Lang(c.Lang))
	}
	if err == nil && c.ExpectSame && !rep.Same() {
		return &exitError{exitDifferent, errors.New("the offences would be different, see above")}
	}
	return err
}

func (c *replayCmd) config(log zerolog.Logger) (*replay.Config, error) {
	from, err := schemas.ParseDayWritten(c.From)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	to, err := schemas.ParseDayWritten(c.To)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	catalogue, err := loadCatalogue(c.Catalogue)
	if err != nil {
		return nil, err
	}
	if c.Reference == "" {
		return nil, errors.New("no reference data: give its directory with --reference")
	}
	store, err := reference.NewStore(c.Reference, reference.Options{IndexDir: c.indexDir(), AllowShrink: true, Log: log})
	if err != nil {
		return nil, fmt.Errorf("reference data %s: %w", c.Reference, err)
	}
	run, err := c.find()
	if err != nil {
		return nil, err
	}
	run.tables(&c.clickhouseFlags, embedded.Reader)
	tables, err := c.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	return &replay.Config{
		Dial:   func(ctx context.Context) (*ch.Client, error) { return tables.Dial(ctx) },
		Engine: rules.NewEngine(catalogue, store.Current().Cameras()), Registry: store.Current(), From: from.Start(), To: to.Start(), Workers: c.Workers, Examples: c.Examples,
	}, nil
}

// announce has the office log the replay before it begins, or refuse it.
func (c *replayCmd) announce(ctx context.Context, q *queryCmd, cfg *replay.Config) error {
	o, err := q.client()
	if err != nil {
		return err
	}
	a, err := o.Replay(ctx, office.ReplayQuery{
		Ask: office.Ask{Purpose: "operation", Reason: c.Reason}, From: c.From, To: c.To,
		Catalogue: cfg.Engine.Catalogue().Version(), Reference: cfg.Registry.Version(),
	})
	if err != nil {
		return fmt.Errorf("the office must log a replay before it begins: %w", explainSignIn(err, o.Lang))
	}
	fmt.Fprintf(os.Stderr, "replay of %s to %s under catalogue %s and reference data %s; access log entry %d\n",
		c.From, c.To, cfg.Engine.Catalogue().Version(), cfg.Registry.Version(), a.Scope.LogSeq)
	return nil
}

// printReplay writes the report as tables and explained examples.
func printReplay(w io.Writer, r *replay.Report, took time.Duration, lang rules.Lang) error {
	p := &printer{w: w}
	p.f("%d reads of %d passages decided again in %s (%.0f reads/s)\n", r.Reads, r.Passages, took.Round(time.Millisecond), float64(r.Reads)/took.Seconds())
	if r.NoReads+r.CameraGone > 0 {
		p.f("not decided: %d passages without reads, %d of cameras that left the registry\n", r.NoReads, r.CameraGone)
	}
	p.f("\n%-22s %-10s %12s %12s\n", "rule", "outcome", "stored", "replayed")
	for _, v := range r.Verdicts {
		p.f("%-22s %-10s %12d %12d\n", v.Rule, v.Outcome, v.Stored, v.Replayed)
	}
	p.f("\n%-22s %10s %10s %10s %10s %10s %14s\n", "candidates and holds", "stored", "same", "new", "gone", "changed", "EUR difference")
	for _, d := range r.Rules {
		p.f("%-22s %10d %10d %10d %10d %10d %14.2f\n", d.Rule, d.Stored, d.Same, d.New, d.Gone, d.Changed, float64(d.ReplayedCents-d.StoredCents)/100)
	}
	for i := range r.Examples {
		e := &r.Examples[i]
		p.f("\n--- %s\n", e.Kind)
		for name, o := range map[string]*replay.Offence{"stored": e.Stored, "replayed": e.Replayed} {
			if o != nil {
				p.f("  %-8s %s  %s  %s %s  EUR %.2f  captured %s\n", name, o.ID, o.Rule, o.Status, o.Reason, float64(o.AmountCents)/100, o.CapturedAt)
			}
		}
		for k := range e.Decisions {
			for _, line := range rules.Render(lang, e.Decisions[k]) {
				p.f("  %s\n", line)
			}
		}
	}
	return p.err
}

// printer keeps the first error of a sequence of prints.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// replayBar tells how far a replay is: a bar on a terminal, else a line per tenth.
type replayBar struct {
	mu   sync.Mutex // guards what follows
	w    *os.File
	bars *mpb.Progress
	bar  *mpb.Bar
	said uint64
}

func newReplayBar(w *os.File) *replayBar { return &replayBar{w: w} }

func (b *replayBar) set(done, of uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !isTerminal(b.w) {
		if tenth := done * 10 / max(of, 1); tenth > b.said {
			b.said = tenth
			fmt.Fprintf(b.w, "  %d of %d passages\n", done, of)
		}
		return
	}
	if b.bar == nil {
		b.bars = mpb.New(mpb.WithOutput(b.w), mpb.WithWidth(60))
		b.bar = b.bars.AddBar(int64(of), mpb.PrependDecorators(decor.CountersNoUnit("%d / %d passages")),
			mpb.AppendDecorators(decor.Percentage(), decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 6})))
	}
	b.bar.SetCurrent(int64(done))
}

func (b *replayBar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.bar.Abort(false)
		b.bars.Wait()
	}
}

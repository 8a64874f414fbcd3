// Package ask is the command `anpr query`. Each query asks the office over HTTP and never the database, so the office's
// rights and look-up log hold for the command line too. Other commands that ask the office use the flags and the
// justification of this package.
package ask

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// Cmd is anpr query.
type Cmd struct {
	ClientFlags
	Plate      plateQuery      `cmd:"" help:"Where a plate was: exact, 1ABC* (prefix), *5B?D (wildcards)."`
	LastSeen   lastSeenQuery   `cmd:"" help:"Where a plate was last seen."`
	Journey    journeyQuery    `cmd:"" help:"Where a plate went on one day."`
	Camera     cameraQuery     `cmd:"" help:"What a camera saw in a window of at most a day."`
	Dashboard  dashboardQuery  `cmd:"" help:"How many reads and hits, by hour or day and zone."`
	Hits       hitsQuery       `cmd:"" help:"Listed plates seen."`
	Retro      retroQuery      `cmd:"" help:"Which plates of a new list were read before they were listed, and where first and last."`
	Decisions  decisionsQuery  `cmd:"" help:"All verdicts on a plate, with traces."`
	Rejects    rejectsQuery    `cmd:"" help:"Rejected records by reason."`
	Reconcile  reconcileQuery  `cmd:"" help:"Does everything on the log add up?"`
	AccessLog  accessLogQuery  `cmd:"" help:"Who looked up what, and why."`
	Approvals  approvalsQuery  `cmd:"" help:"What waits for a second person; with --approve or --refuse, decide it."`
	References referencesQuery `cmd:"" help:"Numbers of prosecutor's decisions that were stated; with --confirm or --refuse, note what the prosecutor's office says."`
	Me         meQuery         `cmd:"" help:"Who you are here, and what you may state."`
}

// ClientFlags name the office to ask, and the user.
type ClientFlags struct {
	URL   string `help:"Address of the office. Default: the office of the anpr up on --data when one runs, else http://127.0.0.1:8080." env:"ANPR_OFFICE_URL"`
	Token string `help:"Your token; better given by the environment." env:"ANPR_TOKEN"`
	User  string `help:"Without a token: a user of the made-up sample city, whose token is read from the data directory." env:"ANPR_USER"`
	flags.DataFlags
	JSON     bool `help:"Print JSON."`
	Insecure bool `help:"Send the token also to an address that is neither https nor this machine." env:"ANPR_OFFICE_INSECURE"`

	client *office.Client // made once a run, so that a purpose is opened once
	hidden *bufio.Reader  // standard input, for arguments given as "-"; nil = nothing was read
}

// Asking holds justification and range for a look-up that shows plates.
type Asking struct {
	Purpose string `help:"judicial, administrative, traffic or oversight; operation for what shows no plate." required:""`
	Reason  string `help:"Why, in words that say something of this case; it is logged with your name." required:""`
	ReferenceFlags
	RangeFlags
}

// OptionalAsking holds justification and range for a look-up that shows plates only under a purpose. Without a purpose
// the look-up serves operation, which needs no reason.
type OptionalAsking struct {
	Purpose string `help:"Without one: operation, which shows no plate."`
	Reason  string `help:"Why, in words that say something of this case; it is logged with your name. A purpose other than operation needs it."`
	ReferenceFlags
	RangeFlags
}

// ReferenceFlags are the numbers of a justification.
type ReferenceFlags struct {
	CaseRef       string `help:"Number of the file; judicial and administrative purposes need one."`
	ProsecutorRef string `help:"Number of the prosecutor's decision; opens data older than one month."`
}

// RangeFlags are the time range and the page of a look-up.
type RangeFlags struct {
	From  time.Time `help:"Earliest capture time: a Brussels day (2026-11-28, 28/11/2026) or an instant (2026-11-28T14:30:00+01:00)."`
	To    time.Time `help:"Latest capture time, exclusive; a day counts as a whole."`
	After string    `help:"Continue after a page: its last line says with what."`
	Limit int       `help:"Rows." default:"100"`
}

// Justification returns the justification for the office.
func (a *Asking) Justification() office.Justification {
	return office.Justification{Purpose: a.Purpose, Reason: a.Reason, CaseRef: a.CaseRef, ProsecutorRef: a.ProsecutorRef}
}

// Justification returns the justification for the office, which takes an empty purpose for operation.
func (a *OptionalAsking) Justification() office.Justification {
	return office.Justification{Purpose: a.Purpose, Reason: a.Reason, CaseRef: a.CaseRef, ProsecutorRef: a.ProsecutorRef}
}

// TimeRange returns the requested time range.
func (a *RangeFlags) TimeRange() office.TimeRange { return office.TimeRange{From: a.From, To: a.To} }

// Page returns the requested page.
func (a *RangeFlags) Page() office.Paging { return office.Paging{After: a.After, Limit: a.Limit} }

// NewClient returns the client of the run. The token is the given token, or the token of a sample user. All queries of
// a run share the client and the opened purposes.
func (q *ClientFlags) NewClient() (*office.Client, error) {
	if q.client != nil {
		return q.client, nil
	}
	c, err := q.findClient()
	q.client = c
	return c, err
}

func (q *ClientFlags) findClient() (*office.Client, error) {
	run, err := q.FindRunning()
	if errors.Is(err, embedded.ErrNotRunning) && q.URL != "" { // the office is elsewhere; the directory has the tokens
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if q.URL == "" {
		q.URL = "http://" + flags.DefaultOffice
		if run != nil && run.Office != "" {
			q.URL = "http://" + run.Office
		}
	}
	if q.Token == "" && q.User != "" {
		reference := filepath.Join(cmp.Or(q.Data, flags.DefaultData), "reference")
		if run != nil && run.Reference != "" {
			reference = run.Reference
		}
		token, err := sampleToken(filepath.Join(reference, "secrets", "user-tokens.csv"), q.User)
		if err != nil {
			return nil, err
		}
		q.Token = token
	}
	if q.Token == "" {
		return nil, fmt.Errorf("who are you? Give your token in ANPR_TOKEN; with the made-up sample city, --user agent1 (officer1, prosecutor1, auditor1, ...) will do")
	}
	return &office.Client{BaseURL: strings.TrimRight(q.URL, "/"), Token: q.Token, Lang: userLang(os.Getenv), Insecure: q.Insecure}, nil
}

func sampleToken(path, user string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && flags.IsDir(filepath.Dir(filepath.Dir(path))) {
		return "", errors.New("this installation has no sample users: give your token in ANPR_TOKEN")
	}
	if err != nil {
		return "", fmt.Errorf("tokens of the sample city: %w; is --data the directory of a running `anpr up`?", err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return "", fmt.Errorf("tokens of the sample city: %w", err)
	}
	var names []string
	for _, r := range rows[1:] {
		if r[0] == user {
			return r[1], nil
		}
		names = append(names, r[0])
	}
	return "", fmt.Errorf("no sample user %q; there are %s", user, strings.Join(names, ", "))
}

// printAnswer asks and prints.
func printAnswer[A any](q *Cmd, ask func(*office.Client) (*A, error), show func(*A) error) error {
	c, err := q.NewClient()
	if err != nil {
		return err
	}
	a, err := ask(c)
	if err != nil {
		return ExplainSignIn(err, c.Lang)
	}
	if q.JSON {
		return office.PrintJSON(os.Stdout, a)
	}
	return show(a)
}

type plateQuery struct {
	Asking
	Plate       string   `arg:"" help:"Plate or pattern; - reads it from the standard input, so that no list of processes shows it."`
	Confusable  bool     `help:"Also plates that cameras confuse with it: leads, never proof."`
	Camera      []string `help:"Only these cameras."`
	Count       bool     `help:"Also count all."`
	Country     string   `help:"Only plates read as of this country, as BE."`
	AskApproval bool     `help:"Ask a second person for this search, in place of searching: once it is approved, ask again without this."`
}

// Run prints reads. A pattern must have a time range, so that the search is bounded; the default is the last 24
// hours.
func (c *plateQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	if strings.ContainsAny(c.Plate, "*?") && c.From.IsZero() && c.To.IsZero() {
		c.To = time.Now().Truncate(time.Second).Add(time.Second)
		c.From = c.To.Add(-24 * time.Hour)
		fmt.Fprintln(os.Stderr, "pattern without --from and --to: searching the last 24 hours")
	}
	in := office.SearchQuery{
		Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), Plate: c.Plate, Camera: c.Camera, Count: c.Count, Country: c.Country, Mode: modeOf(c.Confusable),
	}
	return searchOrAsk(ctx, q, in, c.AskApproval)
}

// modeOf returns the office's word for the comparison of plates; "" means exact.
func modeOf(confusable bool) office.Mode {
	if confusable {
		return office.ModeLooksLike
	}
	return ""
}

// searchOrAsk searches, or asks a second person for the search.
func searchOrAsk(ctx context.Context, q *Cmd, in office.SearchQuery, askApproval bool) error {
	if !askApproval {
		return printAnswer(q, func(o *office.Client) (*office.ReadsAnswer, error) { return o.Search(ctx, in) },
			func(a *office.ReadsAnswer) error { return office.PrintReads(os.Stdout, a) })
	}
	return printAnswer(q, func(o *office.Client) (*office.AskedAnswer, error) {
		return o.AskApproval(ctx, office.ApprovalQuery{Justification: in.Justification, Kind: "search", Search: &in})
	}, printAsked)
}

func printAsked(a *office.AskedAnswer) error {
	_, err := fmt.Printf("asked: a second person decides with anpr query approvals --approve %s; access log entry %d\n", a.ID, a.LogSeq)
	return err
}

type lastSeenQuery struct {
	Asking
	Plate      string `arg:"" help:"Plate; - reads it from the standard input."`
	Confusable bool   `help:"Also plates that cameras confuse with it."`
}

// Run prints a single read.
func (c *lastSeenQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	return printAnswer(q, func(o *office.Client) (*office.ReadsAnswer, error) {
		return o.Search(ctx, office.SearchQuery{
			Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: office.Paging{Limit: 1}, Plate: c.Plate, Mode: modeOf(c.Confusable),
		})
	}, func(a *office.ReadsAnswer) error { return office.PrintLastSeen(os.Stdout, a) })
}

type hitsQuery struct {
	Asking
	Plate string `help:"As listed or as read; - reads it from the standard input."`
	List  string `help:"Only this list."`
	Match string `help:"exact or confusable."`
}

// Run prints hits.
func (c *hitsQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	return printAnswer(q, func(o *office.Client) (*office.HitsAnswer, error) {
		return o.Hits(ctx, office.HitsQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), Plate: c.Plate, List: c.List, Match: c.Match})
	}, func(a *office.HitsAnswer) error { return office.PrintHits(os.Stdout, a) })
}

type decisionsQuery struct {
	Asking
	Plate   string `arg:"" help:"Plate; - reads it from the standard input."`
	Explain bool   `help:"Render the traces."`
	Lang    string `help:"en, nl or fr." enum:"en,nl,fr" default:"en"`
}

// Run prints decisions.
func (c *decisionsQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	return printAnswer(q, func(o *office.Client) (*office.DecisionsAnswer, error) {
		return o.Decisions(ctx, office.DecisionsQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), Plate: c.Plate, Explain: c.Explain, Lang: c.Lang})
	}, func(a *office.DecisionsAnswer) error { return office.PrintDecisions(os.Stdout, a) })
}

type rejectsQuery struct {
	OptionalAsking
	RejectReason string `help:"Only this reason."`
}

// Run prints rejects.
func (c *rejectsQuery) Run(ctx context.Context, q *Cmd) error {
	return printAnswer(q, func(o *office.Client) (*office.RejectsAnswer, error) {
		return o.Rejects(ctx, office.RejectsQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), RejectReason: c.RejectReason})
	}, func(a *office.RejectsAnswer) error { return office.PrintRejects(os.Stdout, a) })
}

type reconcileQuery struct{ OptionalAsking }

// Run prints the balance.
func (c *reconcileQuery) Run(ctx context.Context, q *Cmd) error {
	return printAnswer(q, func(o *office.Client) (*office.ReconcileAnswer, error) {
		return o.Reconcile(ctx, office.ReconcileQuery{TimeRange: c.TimeRange()})
	}, func(a *office.ReconcileAnswer) error { return office.PrintReconcile(os.Stdout, a) })
}

type accessLogQuery struct {
	OptionalAsking
	Verify  bool   `help:"Verify the hash chain instead of listing. Exit code: 0 it holds, 1 it does not, 2 cannot tell."`
	Seq     uint64 `help:"With --verify: number of an entry whose hash was noted elsewhere."`
	SHA256  string `name:"sha256" help:"With --verify: that hash."`
	ForUser string `help:"Only look-ups of this user."`
	Plate   string `help:"Only look-ups that named exactly this plate, showed it, or searched a pattern that covers it; - reads it from the standard input."`

	Disclosed bool `help:"With --plate: to whom this plate was shown, by whatever question, as its keeper may ask. Plates of others stay HMACs."`
}

// Run prints or verifies the access log.
func (c *accessLogQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	if c.Disclosed && (c.Plate == "" || c.Verify || c.ForUser != "") {
		return errors.New("--disclosed needs --plate, and goes with neither --verify nor --for-user")
	}
	if c.Verify {
		err := printAnswer(q, func(o *office.Client) (*office.VerifyAnswer, error) {
			return o.VerifyAccessLog(ctx, office.VerifyQuery{Seq: c.Seq, SHA256: c.SHA256})
		}, func(a *office.VerifyAnswer) error {
			return errors.Join(office.PrintVerify(os.Stdout, a), BrokenChain(a))
		})
		if _, own := errors.AsType[*flags.ExitError](err); err != nil && !own {
			return flags.WithExitCode(flags.ExitCannotTell, fmt.Errorf("cannot tell whether the access log holds: %w", err))
		}
		return err
	}
	if c.Disclosed {
		return printAnswer(q, func(o *office.Client) (*office.DisclosuresAnswer, error) {
			return o.Disclosures(ctx, office.DisclosuresQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), Plate: c.Plate})
		}, func(a *office.DisclosuresAnswer) error { return office.PrintDisclosures(os.Stdout, a) })
	}
	return printAnswer(q, func(o *office.Client) (*office.AccessLogAnswer, error) {
		return o.AccessLog(ctx, office.AccessLogQuery{Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), User: c.ForUser, Plate: c.Plate})
	}, func(a *office.AccessLogAnswer) error { return office.PrintAccessLog(os.Stdout, a) })
}

// BrokenChain returns an error for a broken chain, nil for a whole chain.
func BrokenChain(a *office.VerifyAnswer) error {
	if a.OK {
		return nil
	}
	return flags.WithExitCode(flags.ExitLeftOver, fmt.Errorf("the access log does not hold from entry %d on: %s; no look-up counts as logged from there, report it to the data protection officer", a.FirstBad, a.Problem))
}

package ask

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

type approvalsQuery struct {
	Approve       string `help:"Approve what waits under this id." xor:"act"`
	Refuse        string `help:"Refuse it." xor:"act"`
	MoreRows      bool   `help:"Ask a second person for as many rows again today." xor:"act"`
	Mine          bool   `help:"List only what you asked for."`
	Purpose       string `help:"To list, and with --more-rows: for what. The list has what was asked for this purpose."`
	Reason        string `help:"To list, and with --more-rows: why."`
	CaseRef       string `help:"To list, and with --more-rows: number of the file."`
	ProsecutorRef string `help:"To list, and with --more-rows: number of the prosecutor's decision."`
}

// Run lists, decides or asks.
func (c *approvalsQuery) Run(ctx context.Context, q *Cmd) error {
	j := office.Justification{Purpose: c.Purpose, Reason: c.Reason, CaseRef: c.CaseRef, ProsecutorRef: c.ProsecutorRef}
	switch {
	case c.Approve != "" || c.Refuse != "":
		return printAnswer(q, func(o *office.Client) (*office.AskedAnswer, error) {
			return o.Decide(ctx, office.DecideQuery{ID: c.Approve + c.Refuse, Approve: c.Approve != ""})
		}, func(a *office.AskedAnswer) error {
			_, err := fmt.Printf("decided %s; access log entry %d\n", a.ID, a.LogSeq)
			return err
		})
	case c.MoreRows:
		return printAnswer(q, func(o *office.Client) (*office.AskedAnswer, error) {
			return o.AskApproval(ctx, office.ApprovalQuery{Justification: j, Kind: "rows"})
		}, printAsked)
	}
	return printAnswer(q, func(o *office.Client) (*office.ApprovalsAnswer, error) {
		return o.Approvals(ctx, office.ApprovalsQuery{Justification: j, Mine: c.Mine})
	}, func(a *office.ApprovalsAnswer) error {
		w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "ID\tASKED\tBY\tKIND\tOUTCOME\tCASE\tWHAT\tREASON") // Flush returns the error
		for _, r := range a.Rows {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.AskedAt.Format(time.DateTime), r.User, r.Kind, r.Outcome, r.CaseRef, office.ReplaceUnprintable(string(r.Question)), office.ReplaceUnprintable(r.Reason))
		}
		return w.Flush()
	})
}

type referencesQuery struct {
	Days    int    `help:"Stated within so many days." default:"7"`
	All     bool   `help:"Also those that the prosecutor's office answered."`
	Confirm string `help:"The prosecutor's office knows this number." xor:"act"`
	Refuse  string `help:"It does not: purposes that stated it end." xor:"act"`
}

// Run lists the numbers, or notes an answer.
func (c *referencesQuery) Run(ctx context.Context, q *Cmd) error {
	if c.Confirm != "" || c.Refuse != "" {
		return printAnswer(q, func(o *office.Client) (*office.ConfirmAnswer, error) {
			return o.ConfirmDecision(ctx, office.ConfirmQuery{Ref: c.Confirm + c.Refuse, Confirmed: c.Confirm != ""})
		}, func(a *office.ConfirmAnswer) error {
			_, err := fmt.Printf("noted; %d purposes ended; access log entry %d\n", a.Ended, a.LogSeq)
			return err
		})
	}
	return printAnswer(q, func(o *office.Client) (*office.DecisionNumbersAnswer, error) {
		return o.DecisionNumbers(ctx, office.DecisionNumbersQuery{Days: c.Days, All: c.All})
	}, func(a *office.DecisionNumbersAnswer) error {
		w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "NUMBER\tFIRST STATED\tLAST STATED\tOUTCOME\tUSERS") // Flush returns the error
		for _, r := range a.Rows {
			_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", office.ReplaceUnprintable(r.Ref), r.FirstStated.Format(time.DateTime), r.LastStated.Format(time.DateTime), r.Outcome, strings.Join(r.Users, " "))
		}
		return w.Flush()
	})
}

type meQuery struct{}

// Run prints name and rights of the user.
func (c *meQuery) Run(ctx context.Context, q *Cmd) error {
	return printAnswer(q, func(o *office.Client) (*office.MeAnswer, error) { return o.Me(ctx) }, func(a *office.MeAnswer) error {
		_, err := fmt.Printf("%s, %s; zones %s; may state %s; grants %s; %d rows left today; %d approvals wait for you\n", a.Name, a.Role, orAll(a.Zones), strings.Join(a.MayState, ", "), orNone(a.Grants), a.RowsLeft, a.Waiting)
		return err
	})
}

func orAll(zones []string) string {
	if len(zones) == 0 {
		return "all"
	}
	return strings.Join(zones, " ")
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}

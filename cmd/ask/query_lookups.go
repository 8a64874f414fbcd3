package ask

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

type journeyQuery struct {
	Asking
	Plate string `arg:"" help:"Plate; - reads it from the standard input."`
	Day   string `help:"Brussels day, as 2026-11-25 or 25/11/2026 (default today)."`
}

// Run prints the reads of the day, earliest first.
func (c *journeyQuery) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	day := schemas.MicrosOf(time.Now()).Day()
	if c.Day != "" {
		var err error
		if day, err = schemas.ParseDayWritten(c.Day); err != nil {
			return fmt.Errorf("--day %w", err)
		}
	}
	c.Day = day.String()
	return printAnswer(q, func(o *office.Client) (*office.JourneyAnswer, error) {
		s, err := o.Search(ctx, office.SearchQuery{
			Justification: c.Justification(), Plate: c.Plate, Paging: office.Paging{Limit: 1}, TimeRange: office.TimeRange{From: day.Start().Time(), To: (day + 1).Start().Time()},
		})
		if err != nil {
			return nil, err
		}
		return o.Journey(ctx, c.Justification(), office.JourneyQuery{ID: s.SearchID, Day: c.Day})
	}, func(a *office.JourneyAnswer) error { return office.PrintJourney(os.Stdout, a) })
}

type cameraQuery struct {
	Asking
	Camera      string `arg:"" help:"Camera."`
	AskApproval bool   `help:"Ask a second person for a view of more than an hour, in place of looking: once it is approved, ask again without this."`
}

// Run prints the reads of the camera; without a time range, the last hour.
func (c *cameraQuery) Run(ctx context.Context, q *Cmd) error {
	if c.From.IsZero() && c.To.IsZero() {
		c.To = time.Now().Truncate(time.Second).Add(time.Second)
		c.From = c.To.Add(-time.Hour)
		fmt.Fprintln(os.Stderr, "no --from and --to: the last hour")
	}
	return searchOrAsk(ctx, q, office.SearchQuery{
		Justification: c.Justification(), TimeRange: c.TimeRange(), Paging: c.Page(), Camera: []string{c.Camera},
	}, c.AskApproval)
}

type dashboardQuery struct {
	From time.Time `help:"First hour: a day or an instant (default the last 24 hours)."`
	To   time.Time `help:"End, exclusive; a day counts as a whole."`
	By   string    `help:"hour or day." enum:"hour,day" default:"hour"`
}

// Run prints counts.
func (c *dashboardQuery) Run(ctx context.Context, q *Cmd) error {
	if c.To.IsZero() {
		c.To = time.Now().Truncate(time.Hour).Add(time.Hour)
	}
	if c.From.IsZero() {
		c.From = c.To.Add(-24 * time.Hour)
	}
	return printAnswer(q, func(o *office.Client) (*office.DashboardAnswer, error) {
		return o.Dashboard(ctx, office.DashboardQuery{TimeRange: office.TimeRange{From: c.From, To: c.To}, By: c.By})
	}, func(a *office.DashboardAnswer) error { return office.PrintDashboard(os.Stdout, a) })
}

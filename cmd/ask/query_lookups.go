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
	Plate string `arg:"" help:"Plate."`
	Day   string `help:"Brussels day, as 2026-11-25 or 25/11/2026 (default today)."`
}

// Run prints the reads of the day, earliest first.
func (c *journeyQuery) Run(ctx context.Context, q *Cmd) error {
	day := schemas.MicrosOf(time.Now()).Day()
	if c.Day != "" {
		var err error
		if day, err = schemas.ParseDayWritten(c.Day); err != nil {
			return fmt.Errorf("--day %w", err)
		}
	}
	c.Day = day.String()
	return printAnswer(q, func(o *office.Client) (*office.JourneyAnswer, error) {
		return o.Journey(ctx, office.JourneyQuery{Ask: c.Justification(), Plate: c.Plate, Day: c.Day})
	}, func(a *office.JourneyAnswer) error { return office.PrintJourney(os.Stdout, a) })
}

type cameraQuery struct {
	Asking
	Camera string `arg:"" help:"Camera."`
}

// Run prints the reads of the camera; without a time range, the last hour.
func (c *cameraQuery) Run(ctx context.Context, q *Cmd) error {
	if c.From.IsZero() && c.To.IsZero() {
		c.To = time.Now().Truncate(time.Second).Add(time.Second)
		c.From = c.To.Add(-time.Hour)
		fmt.Fprintln(os.Stderr, "no --from and --to: the last hour")
	}
	return printAnswer(q, func(o *office.Client) (*office.ReadsAnswer, error) {
		return o.CameraReads(ctx, office.CameraQuery{Ask: c.Justification(), Window: c.TimeRange(), Paging: c.Page(), Camera: c.Camera})
	}, func(a *office.ReadsAnswer) error { return office.PrintReads(os.Stdout, a) })
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
		return o.Dashboard(ctx, office.DashboardQuery{Window: office.Window{From: c.From, To: c.To}, By: c.By})
	}, func(a *office.DashboardAnswer) error { return office.PrintDashboard(os.Stdout, a) })
}

package casework

import (
	"context"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

type listCmd struct {
	Queue  string `help:"decide, second, key, arbitration or transmit." enum:"decide,second,key,arbitration,transmit" default:"decide"`
	Held   bool   `help:"What is held, in the place of a queue."`
	Reason string `help:"With --held: only this reason."`
	Due    string `help:"Only what is due before the end of: today, 3d, or a day."`
	Zone   string `help:"Only this police zone."`
	Camera string `help:"Only this camera."`
	Family string `help:"Only this family of rules."`
	After  string `help:"Continue after a page: its last line says with what."`
	Limit  int    `help:"Rows." default:"50"`
}

// Run lists work.
func (c *listCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.WorkQuery{
		WorkFilter: office.WorkFilter{Zone: c.Zone, Camera: c.Camera, Family: office.DecidingFamily(c.Family)}, Queue: c.Queue, Reason: c.Reason, After: c.After, Limit: c.Limit,
	}
	if c.Held {
		in.Queue = "held"
	}
	if in.DueBefore, err = dueBefore(c.Due, time.Now()); err != nil {
		return err
	}
	a, err := d.Work(ctx, d.j, in)
	return show(d, a, err, func(a *office.WorkAnswer) error {
		return d.printWork(os.Stdout, a.Rows, a.Next, a.Scope.LogSeq, c.Held)
	})
}

// dueBefore returns the end of the day that a word names; zero for "".
func dueBefore(word string, now time.Time) (time.Time, error) {
	today := schemas.MicrosOf(now).Day()
	switch word {
	case "":
		return time.Time{}, nil
	case "today":
		return (today + 1).Start().Time(), nil
	case "3d":
		return (today + 4).Start().Time(), nil
	}
	day, err := schemas.ParseDayWritten(word)
	if err != nil {
		return time.Time{}, err
	}
	return (day + 1).Start().Time(), nil
}

type findCmd struct {
	Plate   string    `help:"One plate; - reads it from the standard input."`
	Number  string    `help:"Number of the report."`
	Offence string    `help:"Offence id."`
	From    time.Time `help:"Earliest capture time."`
	To      time.Time `help:"Latest capture time, exclusive."`
	After   string    `help:"Continue after a page."`
	Limit   int       `help:"Rows." default:"50"`
}

// Run lists the cases of a plate, a number or an offence.
func (c *findCmd) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	a, err := d.Cases(ctx, office.CasesQuery{
		Justification: d.j, TimeRange: office.TimeRange{From: c.From, To: c.To}, Paging: office.Paging{After: c.After, Limit: c.Limit}, Plate: c.Plate, Number: c.Number, OffenceID: c.Offence,
	})
	return show(d, a, err, func(a *office.CasesAnswer) error {
		return d.printWork(os.Stdout, a.Rows, a.Next, a.Scope.LogSeq, false)
	})
}

type statsCmd struct{}

// Run counts the work.
func (*statsCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	a, err := d.WorkCounts(ctx, d.j)
	return show(d, a, err, func(a *office.WorkCountsAnswer) error { return d.printCounts(os.Stdout, a) })
}

type releaseCmd struct {
	caseArg
	Lane   *uint8 `help:"Of a hold for the lane: the lane in the picture."`
	Settle bool   `help:"The doubt is settled: the same reason holds the case no more."`
	Text   string `help:"Why."`
}

// Run ends a hold.
func (c *releaseCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		r := office.ReleaseQuery{CaseChange: to}
		r.Body.Lane, r.Body.Accept, r.Body.Text = c.Lane, c.Settle, c.Text
		return d.ReleaseCase(ctx, d.j, r)
	})
}

type closeIncidentCmd struct {
	caseArg
	Incident int64  `required:"" help:"Number of the incident, as anpr cases show names it. Of a case that is not shown any more, show says number and version: name the case as CASE@VERSION."`
	Text     string `required:"" help:"What was found and done, at least 10 characters."`
}

// Run settles an incident.
func (c *closeIncidentCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		r := office.IncidentClosingQuery{CaseChange: to}
		r.Body.N, r.Body.Text = c.Incident, c.Text
		return d.CloseIncident(ctx, d.j, r)
	})
}

// change sends a change of a case that needs no lease.
func (q *Cmd) change(ctx context.Context, arg *caseArg, send func(*desk, office.CaseChange) (*office.CaseActAnswer, error)) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	to, err := d.changeOf(ctx, arg)
	if err != nil {
		return err
	}
	a, err := send(d, to)
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

type dropCmd struct {
	caseArg
	Reason string `required:"" help:"registered, pass_found, exemption_found, norm_kept, within_window, cap_reached, no_evidence, clock_wrong, limit_wrong, device_wrong, value_wrong, camera_wrong, not_provable, duplicate_case, recipient_asked or other."`
	Text   string `help:"In words; needed with other."`
}

// Run takes a case back.
func (c *dropCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		w := office.WithdrawalQuery{CaseChange: to}
		w.Body.Reason, w.Body.Text = office.WithdrawReasonName(c.Reason), c.Text
		return d.WithdrawCase(ctx, d.j, w)
	})
}

type arbitrateCmd struct {
	caseArg
	To     string    `required:"" enum:"confirmed,rejected,held,open,withdrawn" help:"confirmed, rejected, held, open or withdrawn."`
	Reason string    `help:"Of rejected, withdrawn and held: a reason of the closed list."`
	Until  time.Time `help:"Of held: until when."`
	Text   string    `required:"" help:"Why, in words."`
}

// Run ends an arbitration.
func (c *arbitrateCmd) Run(ctx context.Context, q *Cmd) error {
	return q.changeLooked(ctx, &c.caseArg, c.To == "confirmed", func(d *desk, to office.CaseChange, look office.Looked) (*office.CaseActAnswer, error) {
		a := office.ArbitrationQuery{CaseChange: to}
		a.Body.Looked = look
		a.Body.To, a.Body.Reason, a.Body.Until, a.Body.Text = c.To, c.Reason, c.Until, c.Text
		return d.Client.Arbitrate(ctx, d.j, a)
	})
}

type counterCmd struct {
	caseArg
	Verdict string `required:"" enum:"confirm,reject" help:"confirm or reject."`
	Reason  string `help:"Of reject: a reason of the closed list."`
	Text    string `required:"" help:"Why the earlier verdict does not stand."`
}

// Run decides against an earlier verdict.
func (c *counterCmd) Run(ctx context.Context, q *Cmd) error {
	return q.changeLooked(ctx, &c.caseArg, c.Verdict == "confirm", func(d *desk, to office.CaseChange, look office.Looked) (*office.CaseActAnswer, error) {
		a := office.CounterQuery{CaseChange: to}
		a.Body.Looked = look
		a.Body.Verdict, a.Body.Reason, a.Body.Text = c.Verdict, office.RejectReasonName(c.Reason), c.Text
		return d.CounterDecide(ctx, d.j, a)
	})
}

type trackCmd struct {
	caseArg
	Track string `arg:"" enum:"immediate_collection,prosecutor,regional,municipal,alternative" help:"immediate_collection, prosecutor, regional, municipal or alternative."`
	Text  string `required:"" help:"Why."`
}

// Run sends a case another way.
func (c *trackCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		t := office.TrackQuery{CaseChange: to}
		t.Body.Track, t.Body.Text = c.Track, c.Text
		return d.ChangeTrack(ctx, d.j, t)
	})
}

type assignCmd struct {
	Cases []string  `arg:"" help:"Cases."`
	To    string    `required:"" help:"Name of the colleague in the users file."`
	Until time.Time `required:"" help:"Until when nobody else is given them."`
}

// Run gives cases to a colleague.
func (c *assignCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.AssignQuery{Key: newKey()}
	in.Body.CaseIDs, in.Body.User, in.Body.Until = c.Cases, c.To, c.Until
	a, err := d.AssignCases(ctx, d.j, in)
	return show(d, a, err, func(a *office.ManyAnswer) error { return d.printMany(os.Stdout, a) })
}

type holdCameraCmd struct {
	Camera  string    `arg:"" help:"Camera."`
	From    time.Time `required:"" help:"Capture time, inclusive."`
	To      time.Time `required:"" help:"Capture time, exclusive; a day counts as a whole."`
	Until   time.Time `required:"" help:"Until when they are held."`
	Reason  string    `enum:"awaits_register,awaits_partner,camera_checked,other" default:"camera_checked" help:"Why."`
	Text    string    `required:"" help:"What is wrong with the camera."`
	Confirm *int64    `help:"The count that the command printed without this; another count is refused."`
}

// Run counts or holds the undecided cases of a camera.
func (c *holdCameraCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	in := office.HoldCameraQuery{Key: newKey()}
	b := &in.Body
	b.Camera, b.From, b.To, b.Until, b.Reason, b.Text, b.Confirm = c.Camera, c.From, c.To, c.Until, c.Reason, c.Text, c.Confirm
	a, err := d.Client.HoldCamera(ctx, d.j, in)
	return show(d, a, err, func(a *office.ManyAnswer) error { return d.printMany(os.Stdout, a) })
}

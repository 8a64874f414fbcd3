package lookups

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

// kind is one kind of question. T8 is about the first five.
type kind struct {
	name string
	// ask asks one and returns the rows of the answer.
	ask func(context.Context, *user) (rows int, err error)
}

// kinds are asked equally often.
var kinds = []kind{
	{"exact", func(ctx context.Context, u *user) (int, error) { return u.reads(ctx, u.plate(), false) }},
	{"prefix", func(ctx context.Context, u *user) (int, error) { return u.reads(ctx, u.plate()[:4]+"*", false) }},
	{"wildcard", func(ctx context.Context, u *user) (int, error) { return u.reads(ctx, u.masked(2), false) }},
	{"infix", func(ctx context.Context, u *user) (int, error) {
		p := u.plate()
		return u.reads(ctx, "*"+p[1:4]+"*", false)
	}},
	{"confusable", func(ctx context.Context, u *user) (int, error) { return u.reads(ctx, u.plate(), true) }},
	{"confusable wildcard", func(ctx context.Context, u *user) (int, error) { return u.reads(ctx, u.masked(1), true) }},
	{"infix digits", func(ctx context.Context, u *user) (int, error) {
		return u.reads(ctx, fmt.Sprintf("*%03d*", u.r.IntN(1000)), false)
	}},
	{"prefix, 2 months ago", func(ctx context.Context, u *user) (int, error) { return u.past(ctx) }},
	{"last seen", func(ctx context.Context, u *user) (int, error) { return u.lastSeen(ctx) }},
	{"journey of a day", func(ctx context.Context, u *user) (int, error) { return u.journey(ctx) }},
	{"camera, one hour", func(ctx context.Context, u *user) (int, error) { return u.camera(ctx) }},
	{"alerts of a day", func(ctx context.Context, u *user) (int, error) { return u.alerts(ctx) }},
	{"dashboard of a day", func(ctx context.Context, u *user) (int, error) { return u.dashboard(ctx, 1) }},
	{"dashboard of 30 days", func(ctx context.Context, u *user) (int, error) { return u.dashboard(ctx, 30) }},
}

// user asks as one account. It belongs to one goroutine.
type user struct {
	*Bench
	account
	r *rand.Rand
}

func (u *user) client(token string) *office.Client {
	return &office.Client{BaseURL: u.url, Token: token, HTTP: u.http}
}

// ask is the justification: a prosecutor's decision opens the whole year.
func (u *user) ask() office.Ask {
	return office.Ask{Purpose: "judicial", Reason: "measurement of look-ups, no real case", CaseRef: "BENCH", ProsecutorRef: "BENCH-0001"}
}

// year is the window of all that is kept.
func (u *user) year() office.Window {
	now := time.Now().Truncate(time.Second).Add(time.Second)
	return office.Window{From: now.AddDate(0, -12, 1), To: now}
}

// plate draws a plate of five characters or more that drove, as often as it drives.
func (u *user) plate() string {
	for {
		if p := u.plates[u.r.IntN(len(u.plates))].String(); len(p) >= 5 {
			return p
		}
	}
}

// masked returns such a plate with n unknown characters.
func (u *user) masked(n int) string {
	b := []byte(u.plate())
	for n > 0 {
		if i := u.r.IntN(len(b)); b[i] != '?' {
			b[i] = '?'
			n--
		}
	}
	return string(b)
}

func (u *user) reads(ctx context.Context, plate string, confusable bool) (int, error) {
	return u.readsIn(ctx, plate, confusable, u.year())
}

func (u *user) readsIn(ctx context.Context, plate string, confusable bool, w office.Window) (int, error) {
	a, err := u.client(u.token).Reads(ctx, office.ReadsQuery{Ask: u.ask(), Window: w, Plate: plate, Confusable: confusable})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

// past asks for a prefix in a window that ended two months ago: many of its plates were seen since.
func (u *user) past(ctx context.Context) (int, error) {
	w := u.year()
	w.To = w.To.AddDate(0, -2, 0)
	return u.readsIn(ctx, u.plate()[:3]+"*", false, w)
}

func (u *user) lastSeen(ctx context.Context) (int, error) {
	a, err := u.client(u.token).LastSeen(ctx, office.LastSeenQuery{Ask: u.ask(), Plate: u.plate()})
	if err != nil || a.Read == nil {
		return 0, err
	}
	return 1, nil
}

// day draws one of the loaded days.
func (u *user) day() schemas.Day {
	return u.cfg.Year.Start(1 + u.r.IntN(u.cfg.Days-1)).Day()
}

func (u *user) journey(ctx context.Context) (int, error) {
	a, err := u.client(u.token).Journey(ctx, office.JourneyQuery{Ask: u.ask(), Plate: u.plate(), Day: u.day().String()})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

func (u *user) camera(ctx context.Context) (int, error) {
	from := (u.day().Start() + schemas.Micros(7+u.r.IntN(12))*schemas.Hour).Time()
	cam := u.cameras[u.r.IntN(len(u.cameras))]
	if u.zone != "" {
		for cam.ZoneAt(schemas.MicrosOf(from)) != u.zone {
			cam = u.cameras[u.r.IntN(len(u.cameras))]
		}
	}
	a, err := u.client(u.token).CameraReads(ctx, office.CameraQuery{Ask: u.ask(), Camera: cam.ID, Window: office.Window{From: from, To: from.Add(time.Hour)}})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

func (u *user) alerts(ctx context.Context) (int, error) {
	from := u.day().Start().Time()
	a, err := u.client(u.token).Hits(ctx, office.HitsQuery{Ask: u.ask(), Window: office.Window{From: from, To: from.Add(24 * time.Hour)}})
	if err != nil {
		return 0, err
	}
	return len(a.Hits), nil
}

func (u *user) dashboard(ctx context.Context, days int) (int, error) {
	last := min(30+u.r.IntN(max(u.cfg.Days-30, 1)), u.cfg.Days)
	w := office.Window{From: u.cfg.Year.Start(last - min(days, last)).Time(), To: u.cfg.Year.Start(last).Time()}
	by := "hour"
	if days > 1 {
		by = "day"
	}
	a, err := u.client(supervisor).Dashboard(ctx, office.DashboardQuery{Window: w, By: by})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

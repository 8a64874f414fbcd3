package lookups

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/schemas"
)

// kind is a kind of question. Target T8 covers the first five.
type kind struct {
	name string
	// ask asks a question and returns the number of rows in the answer.
	ask func(context.Context, *user) (rows int, err error)
}

// kinds are asked equally often.
var kinds = []kind{
	{"exact", func(ctx context.Context, u *user) (int, error) { return u.searchReads(ctx, u.drawPlate(), false) }},
	{"prefix", func(ctx context.Context, u *user) (int, error) {
		return u.searchReads(ctx, u.drawPlate()[:4]+"*", false)
	}},
	{"wildcard", func(ctx context.Context, u *user) (int, error) {
		return u.searchReads(ctx, u.drawMaskedPlate(2), false)
	}},
	{"infix", func(ctx context.Context, u *user) (int, error) {
		p := u.drawPlate()
		return u.searchReads(ctx, "*"+p[1:4]+"*", false)
	}},
	{"confusable", func(ctx context.Context, u *user) (int, error) { return u.searchReads(ctx, u.drawPlate(), true) }},
	{"confusable wildcard", func(ctx context.Context, u *user) (int, error) { return u.searchReads(ctx, u.drawMaskedPlate(1), true) }},
	{"infix digits", func(ctx context.Context, u *user) (int, error) {
		return u.searchReads(ctx, fmt.Sprintf("*%03d*", u.r.IntN(1000)), false)
	}},
	{"prefix, 2 months ago", func(ctx context.Context, u *user) (int, error) { return u.searchOldPrefix(ctx) }},
	{"last seen", func(ctx context.Context, u *user) (int, error) { return u.askLastSeen(ctx) }},
	{"journey of a day", func(ctx context.Context, u *user) (int, error) { return u.askJourney(ctx) }},
	{"camera, one hour", func(ctx context.Context, u *user) (int, error) { return u.askCamera(ctx) }},
	{"alerts of a day", func(ctx context.Context, u *user) (int, error) { return u.askAlerts(ctx) }},
	{"dashboard of a day", func(ctx context.Context, u *user) (int, error) { return u.askDashboard(ctx, 1) }},
	{"dashboard of 30 days", func(ctx context.Context, u *user) (int, error) { return u.askDashboard(ctx, 30) }},
}

// user asks questions under an account. A single goroutine uses it.
type user struct {
	*Bench
	account
	r       *rand.Rand
	clients map[string]*office.Client // by token: a purpose is opened once
}

func (u *user) officeClient(token string) *office.Client {
	if u.clients == nil {
		u.clients = map[string]*office.Client{}
	}
	c := u.clients[token]
	if c == nil {
		c = &office.Client{BaseURL: u.url, Token: token, HTTP: u.http}
		u.clients[token] = c
	}
	return c
}

// newJustification is the justification: a prosecutor's decision opens the whole year.
func (u *user) newJustification() office.Justification {
	return office.Justification{
		Purpose: "judicial", Reason: "measurement of look-ups, no real case", CaseRef: "BR.00.X1.000000/2026", ProsecutorRef: "PK.BR.2026/000000",
	}
}

// wholeYear returns the time range over all stored reads.
func (u *user) wholeYear() office.TimeRange {
	now := time.Now().Truncate(time.Second).Add(time.Second)
	return office.TimeRange{From: now.AddDate(0, -12, 1), To: now}
}

// drawPlate draws a plate with five characters or more, as often as its vehicle drives.
func (u *user) drawPlate() string {
	for {
		if p := u.plates[u.r.IntN(len(u.plates))].String(); len(p) >= 5 {
			return p
		}
	}
}

// drawMaskedPlate returns such a plate with n unknown characters.
func (u *user) drawMaskedPlate(n int) string {
	b := []byte(u.drawPlate())
	for n > 0 {
		if i := u.r.IntN(len(b)); b[i] != '?' {
			b[i] = '?'
			n--
		}
	}
	return string(b)
}

func (u *user) searchReads(ctx context.Context, plate string, confusable bool) (int, error) {
	return u.searchReadsIn(ctx, plate, confusable, u.wholeYear())
}

func (u *user) searchReadsIn(ctx context.Context, plate string, confusable bool, w office.TimeRange) (int, error) {
	mode := office.Mode("")
	if confusable {
		mode = office.ModeLooksLike
	}
	a, err := u.officeClient(u.token).Search(ctx, office.SearchQuery{Justification: u.newJustification(), TimeRange: w, Plate: plate, Mode: mode})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

// searchOldPrefix asks for a prefix in a time range that ended two months ago: many of the plates were seen since.
func (u *user) searchOldPrefix(ctx context.Context) (int, error) {
	w := u.wholeYear()
	w.To = w.To.AddDate(0, -2, 0)
	return u.searchReadsIn(ctx, u.drawPlate()[:3]+"*", false, w)
}

func (u *user) askLastSeen(ctx context.Context) (int, error) {
	a, err := u.officeClient(u.token).Search(ctx, office.SearchQuery{Justification: u.newJustification(), Plate: u.drawPlate(), Paging: office.Paging{Limit: 1}})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

// drawDay draws a loaded day.
func (u *user) drawDay() schemas.Day {
	return u.cfg.Year.Start(1 + u.r.IntN(u.cfg.Days-1)).Day()
}

func (u *user) askJourney(ctx context.Context) (int, error) {
	c := u.officeClient(u.token)
	found, err := c.Search(ctx, office.SearchQuery{Justification: u.newJustification(), Plate: u.drawPlate(), Paging: office.Paging{Limit: 1}})
	if err != nil {
		return 0, err
	}
	a, err := c.Journey(ctx, u.newJustification(), office.JourneyQuery{ID: found.SearchID, Day: u.drawDay().String()})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

func (u *user) askCamera(ctx context.Context) (int, error) {
	from := (u.drawDay().Start() + schemas.Micros(7+u.r.IntN(12))*schemas.Hour).Time()
	cam := u.cameras[u.r.IntN(len(u.cameras))]
	if u.zone != "" {
		for cam.ZoneAt(schemas.MicrosOf(from)) != u.zone {
			cam = u.cameras[u.r.IntN(len(u.cameras))]
		}
	}
	a, err := u.officeClient(u.token).Search(ctx, office.SearchQuery{Justification: u.newJustification(), Camera: []string{cam.ID}, TimeRange: office.TimeRange{From: from, To: from.Add(time.Hour)}})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

func (u *user) askAlerts(ctx context.Context) (int, error) {
	from := u.drawDay().Start().Time()
	a, err := u.officeClient(u.token).Hits(ctx, office.HitsQuery{Justification: u.newJustification(), TimeRange: office.TimeRange{From: from, To: from.Add(24 * time.Hour)}})
	if err != nil {
		return 0, err
	}
	return len(a.Hits), nil
}

func (u *user) askDashboard(ctx context.Context, days int) (int, error) {
	last := min(30+u.r.IntN(max(u.cfg.Days-30, 1)), u.cfg.Days)
	w := office.TimeRange{From: u.cfg.Year.Start(last - min(days, last)).Time(), To: u.cfg.Year.Start(last).Time()}
	by := "hour"
	if days > 1 {
		by = "day"
	}
	a, err := u.officeClient(supervisor).Dashboard(ctx, office.DashboardQuery{TimeRange: w, By: by})
	if err != nil {
		return 0, err
	}
	return len(a.Reads), nil
}

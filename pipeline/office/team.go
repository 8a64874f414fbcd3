package office

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// TeamAnswer is what a supervisor must know: whether everything will be decided in time, and what needs a supervisor. All of
// it is of one moment.
type TeamAnswer struct {
	Scope    Scope          `json:"scope"`
	At       time.Time      `json:"at" doc:"moment of all numbers, by the database's clock"`
	Work     []WorkCount    `json:"work" doc:"by queue, due class and zone, as in the counts of the work list"`
	Expiring []ExpiringZone `json:"expiring" doc:"undecided cases by zone"`
	Forecast []ZoneForecast `json:"forecast" doc:"by zone: what will be overdue at the pace of the last working days"`
	Inbox    TeamInbox      `json:"inbox"`
	Held     []TeamHold     `json:"held"`
	Hours    []TeamHour     `json:"hours" doc:"answers of the last day by hour and queue; answers that were taken back are none"`

	FiguresDays int             `json:"figures_days" doc:"how many days the figures of rules and persons are of"`
	Rules       []RuleAgreement `json:"rules" doc:"how often a second person agreed, by rule"`
	Persons     []PersonFigures `json:"persons" doc:"in the order of names: no ranking"`
	Leases      []TeamLease     `json:"leases" doc:"what people hold now"`
	Intake      TeamIntake      `json:"intake"`
	Quota       []ZoneQuota     `json:"quota" doc:"of zones with a number for the year"`
}

// ExpiringZone is the number of undecided cases of a zone by when they are due: overdue, today, within three more days, later.
type ExpiringZone struct {
	Zone      string `json:"zone,omitempty"`
	Overdue   int64  `json:"overdue"`
	Today     int64  `json:"today"`
	ThreeDays int64  `json:"three_days"`
	Later     int64  `json:"later"`
}

// TeamInbox is what waits for a supervisor.
type TeamInbox struct {
	Arbitration    InboxPart `json:"arbitration"`
	Returned       InboxPart `json:"returned"`
	Incidents      InboxPart `json:"incidents"`
	NotTransmitted InboxPart `json:"not_transmitted" doc:"confirmed, and why not handed over"`
	Approvals      int       `json:"approvals" doc:"approvals that wait for the user as second person"`
}

// InboxPart is a part of an inbox: its cases by reason, and the first of them by due time.
type InboxPart struct {
	Count   int64         `json:"count"`
	Reasons []InboxReason `json:"reasons"`
	Rows    []InboxRow    `json:"rows"`
}

// InboxReason is a number of cases for a reason.
type InboxReason struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// InboxRow is a case of an inbox, without a plate.
type InboxRow struct {
	CaseID string     `json:"case_id"`
	Zone   string     `json:"zone,omitempty"`
	Family string     `json:"family"`
	Reason string     `json:"reason"`
	Blocks []string   `json:"blocks,omitempty" doc:"of the reason blocked: what the export check misses"`
	DueAt  *time.Time `json:"due_at,omitempty"`
	Since  *time.Time `json:"since,omitempty" doc:"time of the last event"`
}

// TeamHold is the number of holds of a reason by age.
type TeamHold struct {
	HeldCount
	WaitsFor string `json:"waits_for" enum:"date,copy,keying,hand" doc:"its date, a newer copy of reference data, two persons who key the plate, or a supervisor"`
	Day      int64  `json:"day" doc:"held for less than a day"`
	ToThree  int64  `json:"three_days" doc:"for one to three days"`
	ToTen    int64  `json:"ten_days" doc:"for three to ten days"`
	Older    int64  `json:"older"`
}

// TeamHour is the number of answers to items of a queue in an hour.
type TeamHour struct {
	Hour  time.Time `json:"hour"`
	Queue string    `json:"queue" enum:"decide,second,key,arbitration"`
	Count int64     `json:"count"`
}

// RuleAgreement is how often a second person agreed with the first about offences of a rule.
type RuleAgreement struct {
	Rule   string `json:"rule"`
	Items  int64  `json:"items"`
	Agreed int64  `json:"agreed"`
}

// PersonFigures are a person's figures of the last four weeks, with numbers of items.
type PersonFigures struct {
	User        string `json:"user"`
	Confirmed   int64  `json:"confirmed" doc:"first answers that said yes"`
	Rejected    int64  `json:"rejected" doc:"first answers that said no"`
	Seconds     int64  `json:"seconds" doc:"second looks that the person gave"`
	Keyed       int64  `json:"keyed"`
	SecondItems int64  `json:"second_items" doc:"first answers at which a second person looked"`
	Agreed      int64  `json:"agreed" doc:"of them that the second person gave too"`
	KnownItems  int64  `json:"known_items" doc:"known answers that the person answered with a verdict"`
	KnownAgreed int64  `json:"known_agreed" doc:"of them as two persons had answered before"`
	KnownPassed int64  `json:"known_passed" doc:"known answers that the person held, flagged or skipped"`
}

// TeamLease says which items a person holds.
type TeamLease struct {
	User  string    `json:"user"`
	Queue string    `json:"queue" enum:"decide,second,key,arbitration,counter"`
	Count int64     `json:"count"`
	Until time.Time `json:"until" doc:"of the lease that ends last"`
}

// TeamIntake is what the last comparison of the cases with the table of offences found, for the whole region.
type TeamIntake struct {
	ComparedAt *time.Time   `json:"compared_at,omitempty" doc:"absent while nothing has been compared"`
	Offences   int64        `json:"offences"`
	Cases      int64        `json:"cases"`
	Missing    int64        `json:"missing" doc:"offences that are still no case"`
	Unseen     int64        `json:"unseen" doc:"cases that the table lacks"`
	Hours      []IntakeHour `json:"hours" doc:"hours of capture that differ"`
}

// IntakeHour is an hour of capture of whose offences some are no case, or the other way round.
type IntakeHour struct {
	Hour    time.Time `json:"hour"`
	Missing int64     `json:"missing"`
	Unseen  int64     `json:"unseen"`
}

// inboxRows is the number of first rows of a part of the inbox.
const inboxRows = 10

// showTeam answers with the figures of the user's zones and regimes. The entry of the log says that figures of persons were shown,
// and of how many.
func (o *Office) showTeam(ctx context.Context, _ *Empty) (*TeamAnswer, error) {
	l := lookup{route: access.RouteTeam, asked: map[string]any{"figures": "persons"}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*TeamAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		t, err := db.Team(ctx, casestore.TeamQuery{Zones: p.Zones(), Regimes: regimesOf(signedIn(ctx).User), Rows: inboxRows})
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := teamOf(t)
		out.Scope = scopeOf(p)
		out.Quota = o.quotasOf(p.Zones(), t.Now.Time().In(schemas.Brussels()).Year(), t.Brought)
		if out.Inbox.Approvals, err = o.countApprovals(ctx, t.Approvals); err != nil {
			return nil, answered{}, err
		}
		return out, answered{rows: len(out.Persons)}, nil
	})
}

// countApprovals counts those of the approvals of a snapshot that the user may decide.
func (o *Office) countApprovals(ctx context.Context, ids []string) (n int, err error) {
	u := signedIn(ctx).User
	list, err := o.approvalsOf(ctx, u, "")
	for i := range list {
		if list[i].User != u.Name && slices.Contains(ids, list[i].ID) {
			n++
		}
	}
	return n, err
}

// teamOf shows the figures of a team.
func teamOf(t *casestore.Team) *TeamAnswer {
	out := &TeamAnswer{
		At: t.Now.Time(), Work: []WorkCount{}, Held: []TeamHold{}, Hours: []TeamHour{}, Rules: []RuleAgreement{}, Persons: []PersonFigures{}, Leases: []TeamLease{},
		FiguresDays: int(casestore.FiguresTime / (24 * time.Hour)), Forecast: forecastOf(t), Intake: intakeOf(t.Intake),
	}
	for _, w := range t.Work {
		out.Work = append(out.Work, WorkCount{string(w.Queue), w.Due, w.Zone, w.N, w.Free})
	}
	out.Expiring = expiringOf(t.Work)
	part := func(name casestore.InboxPart) InboxPart { return inboxOf(t.Inbox[name]) }
	out.Inbox = TeamInbox{
		Arbitration: part(casestore.InboxArbitration), Returned: part(casestore.InboxReturned), Incidents: part(casestore.InboxIncidents), NotTransmitted: part(casestore.InboxNotTransmitted),
	}
	for _, h := range t.Holds {
		out.Held = append(out.Held, TeamHold{HeldCount{h.Reason, reasonText(h.Reason), h.N, timeOf(h.Oldest), timeOf(h.Next)}, h.WaitsFor, h.Ages[0], h.Ages[1], h.Ages[2], h.Ages[3]})
	}
	for _, h := range t.Hours {
		out.Hours = append(out.Hours, TeamHour{h.Hour.Time(), string(h.Queue), h.N})
	}
	for _, r := range t.Rules {
		out.Rules = append(out.Rules, RuleAgreement{string(r.Rule), r.Items, r.Agreed})
	}
	for i := range t.Persons {
		out.Persons = append(out.Persons, figuresOf(&t.Persons[i]))
	}
	for _, l := range t.Leases {
		out.Leases = append(out.Leases, TeamLease{l.User, string(l.Queue), l.N, l.Until.Time()})
	}
	return out
}

func figuresOf(p *casestore.PersonFigures) PersonFigures {
	return PersonFigures{
		User: p.User, Confirmed: p.Confirmed, Rejected: p.Rejected, Seconds: p.Seconds, Keyed: p.Keyed, SecondItems: p.First.Items, Agreed: p.First.Agreed,
		KnownItems: p.Known.Items, KnownAgreed: p.Known.Agreed, KnownPassed: p.Known.Passed,
	}
}

// expiringOf adds the undecided work of each zone up. What waits for its hand-over is decided.
func expiringOf(work []casestore.WorkCount) []ExpiringZone {
	out := []ExpiringZone{}
	for _, w := range work {
		if w.Queue == cases.QueueTransmit {
			continue
		}
		i := slices.IndexFunc(out, func(z ExpiringZone) bool { return z.Zone == w.Zone })
		if i < 0 {
			out = append(out, ExpiringZone{Zone: w.Zone})
			i = len(out) - 1
		}
		switch w.Due {
		case casestore.DueOverdue:
			out[i].Overdue += w.N
		case casestore.DueToday:
			out[i].Today += w.N
		case casestore.DueThreeDays:
			out[i].ThreeDays += w.N
		default:
			out[i].Later += w.N
		}
	}
	slices.SortFunc(out, func(a, b ExpiringZone) int { return strings.Compare(a.Zone, b.Zone) })
	return out
}

func inboxOf(in casestore.Inbox) InboxPart {
	out := InboxPart{Count: in.N, Reasons: []InboxReason{}, Rows: []InboxRow{}}
	for _, r := range in.Reasons {
		out.Reasons = append(out.Reasons, InboxReason{r.Reason, r.N})
	}
	for i := range in.Rows {
		r := &in.Rows[i]
		row := InboxRow{CaseID: r.Case.String(), Zone: r.Zone, Family: string(r.Family), Reason: r.Reason, DueAt: timeOf(r.DueAt), Since: timeOf(r.Since)}
		if r.Reason == "blocked" {
			row.Blocks = r.Blocks
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func intakeOf(hours []casestore.IntakeHour) TeamIntake {
	out := TeamIntake{Hours: []IntakeHour{}}
	for _, h := range hours {
		if at := h.ComparedAt.Time(); out.ComparedAt == nil || at.After(*out.ComparedAt) {
			out.ComparedAt = &at
		}
		out.Offences, out.Cases, out.Missing, out.Unseen = out.Offences+h.Offences, out.Cases+h.Cases, out.Missing+h.Missing, out.Unseen+h.Unseen
		if h.Missing+h.Unseen > 0 {
			out.Hours = append(out.Hours, IntakeHour{h.Hour.Time(), h.Missing, h.Unseen})
		}
	}
	return out
}

// MyFiguresAnswer are the user's own figures.
type MyFiguresAnswer struct {
	Scope Scope     `json:"scope"`
	At    time.Time `json:"at"`
	Days  int       `json:"days" doc:"how many days the figures are of"`
	PersonFigures
}

// showMyFigures answers with the user's own figures, over all zones in which the user decided.
func (o *Office) showMyFigures(ctx context.Context, _ *Empty) (*MyFiguresAnswer, error) {
	l := lookup{route: access.RouteMyFigures, asked: map[string]any{"figures": "own"}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*MyFiguresAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		own, at, err := db.MyFigures(ctx, signedIn(ctx).User.Name)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		return &MyFiguresAnswer{Scope: scopeOf(p), At: at.Time(), Days: int(casestore.FiguresTime / (24 * time.Hour)), PersonFigures: figuresOf(&own)}, answered{rows: 1}, nil
	})
}

// registerTeam registers the routes of figures.
func (o *Office) registerTeam(api huma.API) {
	registerRoute(api, route{access.RouteTeam, http.MethodGet, "/v1/team", "Will everything be decided in time, and what needs a supervisor", 200}, o.showTeam)
	registerRoute(api, route{access.RouteMyFigures, http.MethodGet, "/v1/me/figures", "The own figures of the last four weeks", 200}, o.showMyFigures)
}

package office

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// WorkFilter chooses cases in a list of work. An empty field chooses all.
type WorkFilter struct {
	Family       DecidingFamily `json:"family,omitempty" query:"family" required:"false"`
	Regime       string         `json:"regime,omitempty" query:"regime" required:"false" enum:"traffic,lez" doc:"law under which the case is handled"`
	Zone         string         `json:"zone,omitempty" query:"zone" required:"false" maxLength:"32" doc:"police zone"`
	Municipality uint32         `json:"municipality,omitempty" query:"municipality" required:"false" maximum:"99999" doc:"NIS code"`
	Site         string         `json:"site,omitempty" query:"site" required:"false" maxLength:"64"`
	Camera       string         `json:"camera,omitempty" query:"camera" required:"false" maxLength:"64"`
	DueBefore    time.Time      `json:"due_before,omitzero" query:"due_before" required:"false"`
	Mark         string         `json:"mark,omitempty" query:"mark" required:"false" maxLength:"64"`
}

// filterOf turns a filter into a filter of the store, within the permit and the user's regimes.
func filterOf(ctx context.Context, p access.Permit, f *WorkFilter) casestore.Filter {
	out := casestore.Filter{
		Zones: p.Zones(), Regimes: regimesOf(signedIn(ctx).User), Family: schemas.Family(f.Family), Regime: cases.Regime(f.Regime), Zone: f.Zone, Municipality: f.Municipality,
		Site: f.Site, Camera: f.Camera, Mark: f.Mark,
	}
	if !f.DueBefore.IsZero() {
		out.DueBefore = schemas.MicrosOf(f.DueBefore)
	}
	return out
}

// addTo adds the filter to what the log keeps of a question.
func (f *WorkFilter) addTo(asked map[string]any) map[string]any {
	asked["family"], asked["zone"], asked["site"], asked["camera"], asked["mark"] = string(f.Family), f.Zone, f.Site, f.Camera, f.Mark
	if f.Regime != "" {
		asked["regime"] = f.Regime
	}
	if f.Municipality != 0 {
		asked["municipality"] = f.Municipality
	}
	if !f.DueBefore.IsZero() {
		asked["due_before"] = f.DueBefore.UTC().Format(time.RFC3339)
	}
	return asked
}

// LeaseQuery asks for the next items that nobody has.
type LeaseQuery struct {
	Queue  string     `json:"queue" enum:"decide,second,key,arbitration" doc:"arbitration is for supervisors"`
	N      int        `json:"n,omitempty" minimum:"1" maximum:"8" default:"1" doc:"how many; a page fetches the pictures of three ahead"`
	Filter WorkFilter `json:"filter,omitzero"`
	Have   []string   `json:"have,omitempty" maxItems:"16" doc:"lease ids that the client still has. What the user holds beside them, after a lost answer or in a closed page, comes first."`
	CaseID string     `json:"case_id,omitempty" maxLength:"64" doc:"this case alone, when nobody else has it"`
}

// LeaseAnswer has the leased items; none = nothing waits in this queue.
type LeaseAnswer struct {
	Scope Scope  `json:"scope"`
	Items []Item `json:"items" doc:"in due order"`

	ServerTime time.Time `json:"server_time" doc:"of the database's clock, by which a lease ends"`
}

// leaseItems gives the user the next items of a queue.
func (o *Office) leaseItems(ctx context.Context, in *LeaseQuery) (*LeaseAnswer, error) {
	q := cases.Queue(in.Queue)
	asked := in.Filter.addTo(map[string]any{"queue": in.Queue, "n": in.N, "case_id": boundedText(in.CaseID)})
	l := lookup{route: access.RouteLease, asked: asked, queue: in.CaseID == ""} // a case that the user chose is charged
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*LeaseAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		by := o.actorOf(ctx, p, "")
		var leased []cases.Leased
		if in.CaseID != "" {
			leased, err = o.leaseCase(ctx, p, &by, in.CaseID)
		} else {
			leased, err = takeItems(ctx, db, &by, q, in, filterOf(ctx, p, &in.Filter))
		}
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteLease, in.CaseID, err)
		}
		items, err := o.buildItems(ctx, p, leased)
		if err != nil {
			return nil, answered{}, err
		}
		at, err := db.Clock(ctx)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out, shown := &LeaseAnswer{Scope: scopeOf(p), Items: items, ServerTime: at.Time()}, answered{rows: len(items)}
		for i := range leased {
			shown.plates = append(append(shown.plates, platesOfCase(&leased[i].Case)...), platesOfItem(&items[i])...)
		}
		return out, shown, nil
	})
}

// takeItems returns at most in.N items in due order: those that the user holds and the client lacks, and new ones.
func takeItems(ctx context.Context, db *casestore.Store, by *cases.Actor, q cases.Queue, in *LeaseQuery, f casestore.Filter) ([]cases.Leased, error) {
	held, err := db.Held(ctx, by.User)
	if err != nil {
		return nil, err
	}
	n := max(in.N, 1)
	var out []cases.Leased
	for i := range held {
		if !by.MayReach(&held[i].Case) { // zones or regimes of the user have changed since
			if err := db.GiveBack(ctx, by, held[i].Lease.ID, false); err != nil {
				return nil, err
			}
			continue
		}
		if held[i].Queue == q && !slices.Contains(in.Have, held[i].Lease.ID.String()) && len(out) < n {
			out = append(out, held[i])
		}
	}
	if len(out) == n {
		return out, nil
	}
	more, err := db.Lease(ctx, by, q, n-len(out), f)
	out = append(out, more...)
	slices.SortStableFunc(out, func(a, b cases.Leased) int {
		return cmp.Or(cmp.Compare(a.Case.DecideBy, b.Case.DecideBy), cmp.Compare(a.Case.TakenInAt, b.Case.TakenInAt))
	})
	return out, err
}

// leaseCase gives the user one case, when the user may see it and nobody else has it.
func (o *Office) leaseCase(ctx context.Context, p access.Permit, by *cases.Actor, id string) ([]cases.Leased, error) {
	d, err := o.findCase(ctx, p, id)
	if err != nil {
		return nil, err
	}
	one, err := o.cfg.Cases.Store.LeaseCase(ctx, by, d.Case.ID)
	if err != nil {
		return nil, err
	}
	return []cases.Leased{one}, nil
}

// HeartbeatQuery extends leases.
type HeartbeatQuery struct {
	Leases []string `json:"lease_ids" minItems:"1" maxItems:"16"`
}

// HeartbeatAnswer has the leases that stand, and those that are lost.
type HeartbeatAnswer struct {
	Leases []ItemLease `json:"leases"`
	Lost   []string    `json:"lost,omitempty"`

	ServerTime time.Time `json:"server_time" doc:"of the database's clock, by which a lease ends"`
}

// extendLeases extends leases of the user. It shows no case, so the log has an entry for a refused request only.
func (o *Office) extendLeases(ctx context.Context, in *HeartbeatQuery) (*HeartbeatAnswer, error) {
	if err := o.authoriseWork(ctx, access.RouteHeartbeat); err != nil {
		return nil, err
	}
	db, err := o.casesOf()
	if err != nil {
		return nil, err
	}
	ids := make([]cases.ID, 0, len(in.Leases))
	for _, text := range in.Leases {
		if id, err := cases.ParseID(text); err == nil {
			ids = append(ids, id)
		}
	}
	who := signedIn(ctx).User
	standing, err := db.Heartbeat(ctx, &cases.Actor{User: who.Name, Zones: who.Zones, Regimes: regimesOf(who)}, ids)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	at, err := db.Clock(ctx)
	if err != nil {
		return nil, o.noteStoreFailure(ctx, err)
	}
	out := &HeartbeatAnswer{Leases: []ItemLease{}, ServerTime: at.Time()}
	for _, text := range in.Leases {
		id, err := cases.ParseID(text)
		until, ok := standing[id]
		if err != nil || !ok {
			out.Lost = append(out.Lost, boundedText(text))
			continue
		}
		out.Leases = append(out.Leases, ItemLease{ID: text, Until: until.Time()})
	}
	if len(out.Leases) == 0 {
		return nil, newProblem(http.StatusPreconditionFailed, string(cases.CodeLeaseLost), "none of these leases is yours any more: take the items again")
	}
	return out, nil
}

// authoriseWork checks role and purpose for a request that shows nothing. A refusal is in the log.
func (o *Office) authoriseWork(ctx context.Context, route access.Route) error {
	_, err := o.authoriseLookup(ctx, &lookup{route: route, asked: map[string]any{}})
	return err
}

// GiveBackQuery ends a lease.
type GiveBackQuery struct {
	Lease string `path:"lease_id" maxLength:"64"`
	As    string `query:"as" enum:"skip,give_back" default:"give_back" doc:"skip: somebody else should; the third skip of a case hands it to a supervisor"`
}

// GiveBackAnswer confirms that a lease is over.
type GiveBackAnswer struct {
	LeaseID string `json:"lease_id"`
	LogSeq  uint64 `json:"log_seq"`
}

// giveBack ends a lease. A skip is an event of the case.
func (o *Office) giveBack(ctx context.Context, in *GiveBackQuery) (*GiveBackAnswer, error) {
	asked := map[string]any{"lease_id": boundedText(in.Lease), "as": in.As}
	return askFor(ctx, o, lookup{route: access.RouteGiveBack, asked: asked, queue: true}, func(p access.Permit, _ int) (*GiveBackAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		by := o.actorOf(ctx, p, "")
		id, err := cases.ParseID(in.Lease)
		if err == nil {
			_, err = db.FindLease(ctx, by.User, id)
			if _, ok := errors.AsType[*cases.Refusal](err); err != nil && !ok {
				return nil, answered{}, o.noteStoreFailure(ctx, err)
			}
		}
		if err != nil {
			return nil, answered{}, o.refuseNotFound(ctx, access.RouteGiveBack, asked)
		}
		if err := db.GiveBack(ctx, &by, id, in.As == "skip"); err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteGiveBack, "", err)
		}
		return &GiveBackAnswer{LeaseID: in.Lease, LogSeq: p.Seq()}, answered{}, nil
	})
}

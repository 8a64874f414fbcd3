package office

import (
	"cmp"
	"context"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Colleague is a person who can be given cases.
type Colleague struct {
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Zones     []string `json:"zones,omitempty" doc:"police zones; absent = all"`
	Regimes   []string `json:"regimes,omitempty" doc:"of the cases that the person may see; absent = all"`
	Appointed bool     `json:"appointed" doc:"whether an appointment covers a first verdict now; without one the person can key plates alone"`
	Present   bool     `json:"present" doc:"whether a browser of the person is signed in"`
	Holds     int64    `json:"holds" doc:"items that the person has on the screen now"`
}

// ColleaguesAnswer lists who can be given cases.
type ColleaguesAnswer struct {
	Scope Scope       `json:"scope"`
	Rows  []Colleague `json:"rows" doc:"by name"`
}

// listColleagues lists who can be given cases of the user's zones, and what each has in hand. It is about people, so the
// log has an entry.
func (o *Office) listColleagues(ctx context.Context, _ *Empty) (*ColleaguesAnswer, error) {
	return askFor(ctx, o, lookup{route: access.RouteColleagues, asked: map[string]any{}, queue: true}, func(p access.Permit, _ int) (*ColleaguesAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		holds, err := db.CountHeld(ctx)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		var present []string
		if o.cfg.SignIns != nil {
			if present, err = o.cfg.SignIns.ListPresent(ctx); err != nil {
				return nil, answered{}, err
			}
		}
		now := schemas.MicrosOf(o.cfg.Now())
		out := &ColleaguesAnswer{Scope: scopeOf(p), Rows: []Colleague{}}
		for _, u := range o.cfg.Users.All() {
			if !mayBeGivenWork(p, &u, now) {
				continue
			}
			c := Colleague{
				Name: u.Name, Role: string(u.Role), Zones: slices.Clone(u.Zones), Appointed: u.CompetenceFor(access.ActDecide, now) != "", Present: slices.Contains(present, u.Name), Holds: holds[u.Name],
			}
			for _, r := range u.Regimes {
				c.Regimes = append(c.Regimes, string(r))
			}
			out.Rows = append(out.Rows, c)
		}
		slices.SortFunc(out.Rows, func(a, b Colleague) int { return cmp.Compare(a.Name, b.Name) })
		return out, answered{rows: len(out.Rows)}, nil
	})
}

// mayBeGivenWork reports whether a user works on cases now, and sees a zone of the permit.
func mayBeGivenWork(p access.Permit, u *access.User, now schemas.Micros) bool {
	if !access.MayFor(u.Role, access.RouteVerdict, access.Traffic) || (u.From != 0 && now < u.From) || (u.To != 0 && now >= u.To) {
		return false
	}
	zones := p.Zones()
	return len(zones) == 0 || len(u.Zones) == 0 || slices.ContainsFunc(u.Zones, func(z string) bool { return slices.Contains(zones, z) })
}

package office

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// PurposeAnswer is an open purpose.
type PurposeAnswer struct {
	ID            string     `json:"id" doc:"send it as Anpr-Purpose with each request"`
	Purpose       string     `json:"purpose"`
	Reason        string     `json:"reason"`
	CaseRef       string     `json:"case_ref,omitempty"`
	ProsecutorRef string     `json:"prosecutor_ref,omitempty"`
	OpenedAt      time.Time  `json:"opened_at"`
	EndsAt        time.Time  `json:"ends_at"`
	OpensFrom     *time.Time `json:"opens_from,omitempty" doc:"the oldest capture time that it opens now; absent = no bound"`
	Zones         []string   `json:"zones,omitempty" doc:"police zones that it opens; absent = all"`
	LogSeq        uint64     `json:"log_seq,omitempty" doc:"number of the opening in the access log"`
}

func (o *Office) purposeAnswer(u *access.User, p *store.OpenedPurpose) *PurposeAnswer {
	out := &PurposeAnswer{
		ID: p.ID, Purpose: string(p.Purpose), Reason: p.Reason, CaseRef: p.CaseRef, ProsecutorRef: p.ProsecutorRef,
		OpenedAt: p.OpenedAt.UTC(), EndsAt: p.EndsAt.UTC(), Zones: slices.Clone(u.Zones),
	}
	if from := access.OpensFrom(&p.Justification, schemas.MicrosOf(o.cfg.Now())); from != 0 {
		t := from.Time()
		out.OpensFrom = &t
	}
	return out
}

// openPurpose checks a purpose's texts against the forms in force, and opens the purpose. The log keeps a refused
// purpose's texts.
func (o *Office) openPurpose(ctx context.Context, in *Justification) (*PurposeAnswer, error) {
	who := signedIn(ctx)
	j := access.Justification{Purpose: access.Purpose(in.Purpose), Reason: in.Reason, CaseRef: in.CaseRef, ProsecutorRef: in.ProsecutorRef}
	j.Normalise()
	ask := access.Request{Route: access.RouteOpenPurpose, Purpose: j.Purpose, Reason: j.Reason, CaseRef: j.CaseRef, ProsecutorRef: j.ProsecutorRef}
	if !slices.Contains(access.PurposesOf(who.User.Role), j.Purpose) {
		return nil, o.refuseLookup(ctx, access.NewRefusal(who.User, ask, access.CodePurposeNotAllowed, "", "your role may not state this purpose"), in.Purpose)
	}
	at := schemas.MicrosOf(o.cfg.Now())
	forms := o.cfg.Forms(at)
	faults := j.Check(&forms, at)
	if len(faults) > 0 {
		return nil, o.refusePurpose(ctx, ask, faults)
	}
	p, err := o.people.OpenPurpose(ctx, who.User, who.SignIn, who.Ends, j)
	if errors.Is(err, store.ErrRefusedDecision) {
		return nil, o.refusePurpose(ctx, ask, []access.Fault{{Field: "prosecutor_ref", Code: codeRefusedByLaw, Detail: "was refused: " + err.Error()}})
	}
	if err != nil {
		return nil, err
	}
	ask.PurposeID = p.ID
	out := o.purposeAnswer(who.User, &p)
	out.LogSeq, err = o.logOwnAction(ctx, ask)
	return out, err
}

// refusePurpose logs a refused purpose and answers with the faults, field by field.
func (o *Office) refusePurpose(ctx context.Context, ask access.Request, faults []access.Fault) error {
	first := faults[0]
	err := o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeInvalid, first.Field, first.Detail), string(ask.Purpose))
	if !isRefusal(err) {
		return err
	}
	texts := make([]string, len(faults))
	shown := make([]Fault, len(faults))
	for i, f := range faults {
		texts[i] = f.Field + " " + f.Detail
		shown[i] = Fault{Field: f.Field, Code: f.Code, Message: f.Detail, Args: f.Args}
	}
	return newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, strings.Join(texts, "; "), shown...)
}

// PurposeID names a purpose.
type PurposeID struct {
	ID string `path:"id" maxLength:"64"`
}

// EndedAnswer confirms that a purpose is over.
type EndedAnswer struct {
	ID     string `json:"id"`
	LogSeq uint64 `json:"log_seq"`
}

// endPurpose ends a purpose that belongs to the user. An ended purpose stays ended. After a sign-out nobody can name
// the sign-in's purposes.
func (o *Office) endPurpose(ctx context.Context, in *PurposeID) (*EndedAnswer, error) {
	who := signedIn(ctx)
	p, err := o.people.EndPurpose(ctx, in.ID, who.User.Name, who.SignIn)
	if errors.Is(err, store.ErrNotFound) {
		return nil, o.refuseNotFound(ctx, access.RouteEndPurpose, map[string]any{"purpose_id": boundedText(in.ID)})
	}
	if err != nil {
		return nil, err
	}
	out := &EndedAnswer{ID: p.ID}
	out.LogSeq, err = o.logOwnAction(ctx, access.Request{
		Route: access.RouteEndPurpose, PurposeID: p.ID, Purpose: p.Purpose, Reason: p.Reason, CaseRef: p.CaseRef, ProsecutorRef: p.ProsecutorRef,
	})
	return out, err
}

// MeAnswer describes the user: role, rights, open purposes, rows left and settings.
type MeAnswer struct {
	Name        string          `json:"name"`
	Role        string          `json:"role"`
	Zones       []string        `json:"zones,omitempty" doc:"police zones; absent = all"`
	Regimes     []string        `json:"regimes" doc:"of the cases that may be seen"`
	Grants      []string        `json:"grants,omitempty"`
	MayState    []string        `json:"may_state" doc:"purposes of the role"`
	Purposes    []PurposeAnswer `json:"purposes" doc:"that are open, the newest first"`
	SignInEnds  *time.Time      `json:"sign_in_ends,omitempty"`
	RowsLeft    int64           `json:"rows_left" doc:"rows that may be shown today"`
	RowsCounted time.Time       `json:"rows_until" doc:"when the count begins anew"`
	Settings    SettingsAnswer  `json:"settings"`

	SavedFilters SavedFiltersAnswer `json:"saved_filters" doc:"of the work list"`

	Waiting int `json:"approvals_waiting,omitempty" doc:"what waits for the user as second person; GET /v1/approvals shows it under a purpose"`
}

// Empty is a request without content.
type Empty struct{}

func (o *Office) describeUser(ctx context.Context, _ *Empty) (*MeAnswer, error) {
	who := signedIn(ctx)
	u := who.User
	out := &MeAnswer{Name: u.Name, Role: string(u.Role), Zones: slices.Clone(u.Zones), Purposes: []PurposeAnswer{}, MayState: []string{}, Regimes: []string{}}
	for _, r := range u.Regimes {
		out.Regimes = append(out.Regimes, string(r))
	}
	if len(u.Regimes) == 0 {
		for _, r := range access.Regimes() {
			out.Regimes = append(out.Regimes, string(r))
		}
	}
	for _, g := range u.Grants {
		out.Grants = append(out.Grants, string(g))
	}
	for _, p := range access.PurposesOf(u.Role) {
		out.MayState = append(out.MayState, string(p))
	}
	open, err := o.people.OpenPurposes(ctx, u.Name, who.SignIn)
	if err != nil {
		return nil, err
	}
	for i := range open {
		out.Purposes = append(out.Purposes, *o.purposeAnswer(u, &open[i]))
	}
	switch {
	case !who.Ends.IsZero():
		ends := who.Ends.UTC()
		out.SignInEnds = &ends
	case u.To != 0:
		ends := u.To.Time()
		out.SignInEnds = &ends
	}
	set, err := o.settingsOf(ctx, u.Name)
	if err != nil {
		return nil, err
	}
	out.Settings = *set
	saved, err := o.filtersOf(ctx, u.Name)
	if err != nil {
		return nil, err
	}
	out.SavedFilters = *saved
	if out.Waiting, err = o.countWaiting(ctx, u); err != nil {
		return nil, err
	}
	out.RowsLeft, out.RowsCounted, err = o.people.RowsLeft(ctx, u.Name, int64(o.cfg.Limits.RowsDay))
	return out, err
}

// logOwnAction logs a user's act on a purpose, an approval or a prosecutor's decision.
func (o *Office) logOwnAction(ctx context.Context, ask access.Request) (seq uint64, err error) {
	l, err := o.openLog()
	if err != nil {
		return 0, err
	}
	v := visitOf(ctx)
	i := access.Identity{
		What: string(ask.Route), User: v.User, SignIn: v.SignIn, Address: v.address, Purpose: ask.Purpose, PurposeID: ask.PurposeID,
		Reason: ask.Reason, CaseRef: ask.CaseRef, Ref: ask.ProsecutorRef,
		Plates: ask.Plates, Known: ask.Known,
	}
	if ask.Query != "" {
		i.Detail = map[string]any{"what": json.RawMessage(ask.Query)}
	}
	v.logged = true
	seq, err = l.LogIdentity(ctx, i)
	if err != nil {
		if !hasHungUp(ctx) {
			o.cfg.Logger.Error().Err(err).Msg("access log not written: look-ups are refused until it is")
		}
		return 0, err
	}
	o.cfg.Metrics.LogHead.Set(float64(seq))
	return seq, nil
}

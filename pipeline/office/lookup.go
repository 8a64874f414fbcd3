package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// lookup is one look-up before authorisation.
type lookup struct {
	route   access.Route
	window  TimeRange
	wide    bool // more than one plate: the request must name a window
	byPlate bool
	plates  []string       // plates and patterns asked for, charged to the hour
	second  *secondPerson  // question for a second person; nil = none needed
	asked   map[string]any // filters, for the log; a plate or pattern has the key "plate"
	listed  []string       // plates in a list, which the filters omit
	free    bool           // rows are not charged: the look-up was released as a whole
	queue   bool           // no limit counts it: the office chose the case, not the user
}

// secondPerson is a question that a second person must approve.
type secondPerson struct {
	kind     string
	question []byte // JSON
	why      string
}

// answered is the content that an answer discloses.
type answered struct {
	rows     int
	plates   []string
	pictures []schemas.Sum
	cut      bool
}

// askFor carries out a look-up: authorise, take limits, log the question, run do, log the disclosure, answer. The
// argument most bounds the rows that do may show. A failed log entry withholds the answer.
func askFor[T any](ctx context.Context, o *Office, l lookup, do func(p access.Permit, most int) (*T, answered, error)) (*T, error) {
	scope, err := o.authoriseLookup(ctx, &l)
	if err != nil {
		return nil, err
	}
	most, release, err := o.takeLimits(ctx, &l, scope)
	if err != nil {
		return nil, err
	}
	defer release()
	began := time.Now()
	p, err := o.grantPermit(ctx, scope)
	if err != nil {
		return nil, err
	}
	out, shown, err := do(p, most)
	if err != nil {
		return nil, err
	}
	if p.ShowsPlates() && shown.rows > 0 && !l.free && !l.queue {
		user := signedIn(ctx).User.Name
		ok, err := o.people.TakeRows(ctx, user, int64(o.cfg.Limits.RowsDay), int64(shown.rows))
		if err != nil {
			return nil, err
		}
		if !ok {
			_, until, err := o.people.RowsLeft(ctx, user, int64(o.cfg.Limits.RowsDay))
			if err != nil {
				return nil, err
			}
			return nil, o.refuseQuota(ctx, scope.Request(), o.rowsQuota(until))
		}
	}
	if err := o.logDisclosure(ctx, p, &shown, time.Since(began)); err != nil {
		return nil, err
	}
	return out, nil
}

// authoriseLookup resolves the purpose and computes the look-up's scope. A returned refusal is already in the log.
func (o *Office) authoriseLookup(ctx context.Context, l *lookup) (access.Scope, error) {
	text, err := json.Marshal(dropUnset(l.asked))
	if err != nil {
		return access.Scope{}, fmt.Errorf("write query for the access log: %w", err)
	}
	v := visitOf(ctx)
	ask := access.Request{
		Route: l.route, From: schemas.MicrosOf(l.window.From), To: schemas.MicrosOf(l.window.To), Wide: l.wide, ByPlate: l.byPlate, Query: string(text),
		Plates: l.listNamed(), Known: o.knownCameras(l.asked), SignIn: v.SignIn, Address: v.address,
	}
	if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
		return access.Scope{}, err
	} else if refusal != nil {
		return access.Scope{}, o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	scope, refusal := access.Authorise(v.User, ask, schemas.MicrosOf(o.cfg.Now()))
	if refusal != nil {
		return scope, o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	return scope, nil
}

// resolvePurpose fills the request with the named purpose. A look-up under operation needs no named purpose.
func (o *Office) resolvePurpose(ctx context.Context, ask *access.Request) (*access.Refusal, error) {
	id, who := namedPurpose(ctx), signedIn(ctx)
	if id == "" {
		return nil, nil //nolint:nilnil // no purpose was named, which Authorise judges
	}
	p, err := o.findPurpose(ctx, id, who)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return access.NewRefusal(who.User, *ask, access.CodePurposeNeeded, "", "the purpose that the request names is none of yours: open one with POST /v1/purposes"), nil
	case err != nil:
		return nil, err
	case p.Ended:
		ask.PurposeID, ask.Purpose, ask.Reason, ask.CaseRef, ask.ProsecutorRef = p.ID, p.Purpose, p.Reason, p.CaseRef, p.ProsecutorRef
		return access.NewRefusal(who.User, *ask, access.CodePurposeEnded, "", "the purpose has ended: open one again with POST /v1/purposes"), nil
	}
	ask.PurposeID, ask.Purpose, ask.Reason, ask.CaseRef, ask.ProsecutorRef = p.ID, p.Purpose, p.Reason, p.CaseRef, p.ProsecutorRef
	return nil, nil //nolint:nilnil // the purpose is open
}

// findPurpose returns a purpose: the one that the request names as its admission found it a moment ago, another as the
// database has it. A request for a picture names none and takes the newest of its sign-in.
func (o *Office) findPurpose(ctx context.Context, id string, who *SignedIn) (store.OpenedPurpose, error) {
	switch found := visitOf(ctx).opened; {
	case found == nil, id != found.id, time.Since(found.foundAt) > purposeAge:
		return o.people.FindPurpose(ctx, id, who.User.Name, who.SignIn)
	case found.OpenedPurpose == nil:
		return store.OpenedPurpose{}, store.ErrNotFound
	default:
		return *found.OpenedPurpose, nil
	}
}

// takeLimits charges the look-up to the user's limits. most is the largest number of rows for the answer; release gives
// the query slot back.
func (o *Office) takeLimits(ctx context.Context, l *lookup, scope access.Scope) (most int, release func(), err error) {
	user, ask := signedIn(ctx).User.Name, scope.Request()
	if l.queue {
		return 0, func() {}, nil
	}
	var q *reachedLimit
	if scope.ShowsPlates() {
		if most, q, err = o.leftRows(ctx, user); err != nil {
			return 0, nil, err
		}
		if l.free {
			q = nil
		}
		if q == nil && l.second != nil {
			if err := o.demandApproval(ctx, l.second, ask); err != nil {
				return 0, nil, err
			}
		}
		if q == nil && len(l.plates) > 0 {
			if q, err = o.takePlates(ctx, user, l.plates); err != nil {
				return 0, nil, err
			}
		}
	}
	if q == nil {
		if release, q, err = o.takeSlot(ctx, user); err != nil {
			return 0, nil, err
		}
	}
	if q != nil {
		return 0, nil, o.refuseQuota(ctx, ask, q)
	}
	return most, release, nil
}

// demandApproval refuses a look-up without the second person's approval.
func (o *Office) demandApproval(ctx context.Context, s *secondPerson, ask access.Request) error {
	ok, err := o.people.IsApproved(ctx, s.kind, o.subjectKey(s.kind, s.question, &ask), signedIn(ctx).User.Name)
	if err != nil || ok {
		return err
	}
	return o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeApprovalNeeded, "", s.why), string(ask.Purpose))
}

// subjectKey is the keyed digest of an approval's subject: question, purpose, file number and prosecutor's decision.
func (o *Office) subjectKey(kind string, question []byte, ask *access.Request) []byte {
	return hashKeyed(o.pseudonyms.sums, fmt.Sprintf("approval of %s for %q %q %q %s", kind, ask.Purpose, ask.CaseRef, ask.ProsecutorRef, question))
}

// grantPermit logs the look-up as granted and returns the permit. Without a permit there is no query.
func (o *Office) grantPermit(ctx context.Context, scope access.Scope) (access.Permit, error) {
	label := string(scope.Request().Purpose)
	log, err := o.openLog()
	if err != nil {
		o.countFailed(ctx, label)
		return access.Permit{}, err
	}
	visitOf(ctx).logged = true
	p, err := log.Grant(ctx, scope)
	if err != nil {
		if o.countFailed(ctx, label) {
			o.cfg.Logger.Error().Err(err).Msg("access log not written: look-ups are refused until it is")
		}
		return p, err
	}
	o.cfg.Metrics.Lookups.WithLabelValues(label, lookupGranted).Inc()
	o.cfg.Metrics.LogHead.Set(float64(p.Seq()))
	return p, nil
}

// countFailed counts a look-up whose entry was not written. The result reports whether the office is at fault: clients
// that hung up count apart.
func (o *Office) countFailed(ctx context.Context, purpose string) bool {
	if hasHungUp(ctx) {
		o.cfg.Metrics.Lookups.WithLabelValues(purpose, lookupGone).Inc()
		return false
	}
	o.cfg.Metrics.Lookups.WithLabelValues(purpose, lookupUnavailable).Inc()
	return true
}

// hasHungUp reports whether the request's client went away.
func hasHungUp(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// logDisclosure logs the answer's rows and plates before the answer leaves. After an error no answer may leave.
func (o *Office) logDisclosure(ctx context.Context, p access.Permit, a *answered, took time.Duration) error {
	l, err := o.openLog()
	if err == nil {
		err = l.Disclose(ctx, p, access.Disclosure{Rows: a.rows, Plates: a.plates, Pictures: a.pictures, Took: took, Cut: a.cut})
	}
	if err != nil {
		if o.countFailed(ctx, string(p.Purpose())) {
			o.cfg.Logger.Error().Err(err).Msg("disclosure not logged: the answer is not sent")
		}
	}
	return err
}

// refuseLookup logs a refusal. The result answers the request: the refusal itself, or the log's failure.
func (o *Office) refuseLookup(ctx context.Context, r *access.Refusal, purpose string) error {
	l, err := o.openLog()
	if err != nil {
		o.countFailed(ctx, purpose)
		return err
	}
	v := visitOf(ctx)
	v.logged = true
	r.NameAsker(v.SignIn, v.address)
	if _, err := l.Refuse(ctx, r); err != nil {
		if o.countFailed(ctx, purpose) {
			o.cfg.Logger.Error().Msg("access log not written: look-ups are refused until it is")
		}
		return err
	}
	outcome := lookupRefused
	if r.Invalid {
		outcome = lookupInvalid
	}
	o.cfg.Metrics.Lookups.WithLabelValues(purpose, outcome).Inc()
	return r
}

// refuseInvalid logs an unanswerable question with the filters, and returns the answer.
func (o *Office) refuseInvalid(ctx context.Context, route access.Route, code, field, detail string, asked map[string]any, listed ...string) error {
	if plate, ok := asked["plate"].(string); ok {
		asked["plate"] = plateOfAny(plate)
	}
	text, err := json.Marshal(dropUnset(asked))
	if err != nil {
		return fmt.Errorf("write query for the access log: %w", err)
	}
	ask := access.Request{Route: route, Query: string(text), Plates: (&lookup{asked: asked, listed: listed}).listNamed(), Known: o.knownCameras(asked)}
	if refusal, err := o.resolvePurpose(ctx, &ask); err != nil {
		return err
	} else if refusal != nil {
		return o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
	}
	err = o.refuseLookup(ctx, access.NewRefusal(signedIn(ctx).User, ask, access.CodeInvalid, field, detail), purposeLabel(ask.Purpose))
	if !isRefusal(err) {
		return err
	}
	return newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, field+" "+detail, Fault{Field: field, Code: code, Message: detail})
}

// listNamed returns the plates and patterns in the look-up.
func (l *lookup) listNamed() []string {
	out, _ := l.asked["plates"].([]string)
	if p, _ := l.asked["plate"].(string); p != "" {
		out = append([]string{p}, out...)
	}
	return append(out, l.listed...)
}

func isRefusal(err error) bool { return errors.As(err, new(*access.Refusal)) }

func purposeLabel(p access.Purpose) string {
	if p == "" {
		return "none"
	}
	return string(p)
}

// dropUnset removes unset filters.
func dropUnset(asked map[string]any) map[string]any {
	for k, v := range asked {
		if list, ok := v.([]string); v == "" || v == false || v == 0 || (ok && len(list) == 0) {
			delete(asked, k)
		}
	}
	return asked
}

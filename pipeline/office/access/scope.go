package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Ask is what a user wants to do, before anybody said he may.
type Ask struct {
	Route         Route
	Purpose       Purpose // "" takes the default of the role, if it has one
	Reason        string  // why, in words, at least MinReason characters
	CaseRef       string  // number of the case or report, if any
	ProsecutorRef string  // of the prosecutor's decision; opens what is older than one month, for the judicial purpose
	From, To      schemas.Micros
	Wide          bool   // not one plate but a pattern: the window must be said
	ByPlate       bool   // filters on a plate, which a look-up that may not see plates cannot
	Query         string // what was asked, as JSON, for the log; it has plates in clear, which the log replaces

	Plates    []string // plates and patterns that are named, canonical
	PurposeID string   // of the purpose that was opened, if any
	SignIn    string   // of the user
	Address   string   // from which he asks
}

// Bounds of the texts of an Ask, in characters and bytes.
const (
	MinReason = 10
	MaxReason = 500
	MaxRef    = 100
	minRef    = 4
)

// Months of age that a purpose may see.
const (
	firstMonth   = 1  // administrative police, and judicial police without a prosecutor's decision
	retainMonths = 12 // nothing older is kept (Police Function Act, ANPR databases)
)

// Scope is what a look-up may see. It is made by [Authorise] only; nothing outside this package can make or widen one.
type Scope struct {
	user     *User
	ask      Ask
	from, to schemas.Micros // from inclusive, to exclusive; to 0 = open
	zones    []string       // empty = all
	noPlates bool
	narrowed string
}

// Refusal is a look-up that may not be done. Detail says what to do instead. Invalid refusals are requests that lack
// something (422); the others are requests that nothing in the request can mend or that need another basis (403).
type Refusal struct {
	Invalid bool
	Field   string // of the request, when Invalid
	Code    string // for the log; "" = invalid or scope
	Detail  string

	user *User
	ask  Ask
}

func (r *Refusal) code() string {
	switch {
	case r.Code != "":
		return r.Code
	case r.Invalid:
		return "invalid"
	}
	return "scope"
}

// NewRefusal makes the refusal of a request that did not come as far as [Authorise].
func NewRefusal(u *User, ask Ask, code, detail string) *Refusal {
	return &Refusal{Code: code, Detail: detail, user: u, ask: ask}
}

// Error returns the detail.
func (r *Refusal) Error() string { return r.Detail }

// Authorise decides what of ask the user may see at now. It is pure. Exactly one of the results is set.
func Authorise(u *User, ask Ask, now schemas.Micros) (Scope, *Refusal) {
	refuse := func(invalid bool, field, format string, args ...any) (Scope, *Refusal) {
		return Scope{}, &Refusal{Invalid: invalid, Field: field, Detail: fmt.Sprintf(format, args...), user: u, ask: ask}
	}
	if !Allowed(u.Role, ask.Route) {
		return refuse(false, "", "the role %s may not use %s; it may use %s", u.Role, ask.Route, strings.Join(routesOf(u.Role), ", "))
	}
	if ask.Purpose == "" {
		ask.Purpose = defaultPurpose(u.Role, ask.Route)
	}
	if ask.Purpose == "" {
		return refuse(true, "purpose", "every look-up needs a purpose: for %s the role %s may state %s",
			ask.Route, u.Role, words(matrix[ask.Route][u.Role]))
	}
	if !mayFor(u.Role, ask.Route, ask.Purpose) {
		return refuse(false, "", "the role %s may not use %s for the purpose %.40q; it may state %s",
			u.Role, ask.Route, string(ask.Purpose), words(matrix[ask.Route][u.Role]))
	}
	if field, detail := ask.checkTexts(); field != "" {
		return refuse(true, field, "%s", detail)
	}
	if field, detail := ask.checkWindow(); field != "" {
		return refuse(true, field, "%s", detail)
	}
	s := Scope{user: u, ask: ask, from: ask.From, to: ask.To, zones: u.Zones, noPlates: ask.Purpose == Operation}
	if s.noPlates && ask.ByPlate {
		return refuse(false, "", "the purpose operation never sees plates: ask without one")
	}
	if detail := s.limitAge(now); detail != "" {
		return refuse(false, "", "%s", detail)
	}
	return s, nil
}

func words(ps []Purpose) string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = string(p)
	}
	return strings.Join(out, " or ")
}

// limitAge moves from to the oldest instant the purpose may see, and says why a look-up wholly before it is refused.
func (s *Scope) limitAge(now schemas.Micros) (refusal string) {
	if s.ask.Purpose == Oversight {
		return "" // the log of accesses outlives the data it is about
	}
	months, why := retainMonths, "nothing older than 12 calendar months may be kept or consulted"
	switch {
	case s.ask.Purpose == Administrative:
		months, why = firstMonth, "the administrative police see the first calendar month only; older data need the judicial purpose"
	case s.ask.Purpose == Judicial && s.ask.ProsecutorRef == "" && !s.casesOfProsecutor():
		months, why = firstMonth,
			"after the first calendar month the judicial police need a decision of the King's Prosecutor: state its number as prosecutor_ref"
	}
	oldest := MonthsBefore(now, months)
	if s.to != 0 && s.to <= oldest {
		return fmt.Sprintf("%s; now the oldest that can be asked for is %s", why, oldest)
	}
	if s.from != 0 && s.from < oldest {
		s.narrowed = why
	}
	s.from = max(s.from, oldest)
	return ""
}

// casesOfProsecutor reports whether a prosecutor asks for cases. The first month, after which a decision of the King's Prosecutor is needed,
// is a rule on data of passing vehicles (Police Function Act, technical databases); a case is the prosecutor's own file, for as long as
// it is kept. Asking by plate is a look-up of a vehicle, whatever the table.
func (s *Scope) casesOfProsecutor() bool {
	return s.user.Role == Prosecutor && (s.ask.Route == RouteOffences || s.ask.Route == RouteOffence) && !s.ask.ByPlate
}

func (a *Ask) checkTexts() (field, detail string) {
	if a.Purpose != Operation && utf8.RuneCountInString(strings.TrimSpace(a.Reason)) < MinReason {
		return "reason", fmt.Sprintf("say in at least %d characters why you look this up; it is logged with your name", MinReason)
	}
	if a.ProsecutorRef != "" && len(strings.TrimSpace(a.ProsecutorRef)) < minRef {
		return "prosecutor_ref", fmt.Sprintf("must be the number of the decision, at least %d characters", minRef)
	}
	for _, t := range []struct {
		name, text string
		most       int
	}{{"reason", a.Reason, MaxReason}, {"case_ref", a.CaseRef, MaxRef}, {"prosecutor_ref", a.ProsecutorRef, MaxRef}} {
		if !utf8.ValidString(t.text) || strings.ContainsFunc(t.text, unicode.IsControl) {
			return t.name, "must be UTF-8 text without control characters"
		}
		if utf8.RuneCountInString(t.text) > t.most {
			return t.name, fmt.Sprintf("must be at most %d characters", t.most)
		}
	}
	return "", ""
}

func (a *Ask) checkWindow() (field, detail string) {
	if a.To != 0 && a.From >= a.To {
		return "from", "must be before to"
	}
	if a.Wide && (a.From == 0 || a.To == 0) {
		return "from", "a search by pattern needs a time window: state from and to"
	}
	return "", ""
}

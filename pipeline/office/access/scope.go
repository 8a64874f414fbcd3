package access

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Request is a user's question, before it is authorised.
type Request struct {
	Route         Route
	PurposeID     string  // the open purpose; "" for operation, which needs none
	Purpose       Purpose // "" = none is open
	Reason        string  // why, in words, at least MinReason characters
	CaseRef       string  // number of the case or report, if any
	ProsecutorRef string  // of the prosecutor's decision; opens data older than one month, for the judicial purpose
	From, To      schemas.Micros
	Wide          bool   // a pattern, not one plate: From and To must be set
	ByPlate       bool   // filters on a plate; refused when the look-up may not see plates
	Query         string // the question as JSON; the log masks its plates

	Plates  []string // plates and patterns in the question, canonical
	Known   []string // texts in Query that only look like plates: camera ids
	SignIn  string   // user's sign-in
	Address string   // the request's source
}

// Bounds on a Request's texts, in characters.
const (
	MinReason = 10
	MaxReason = 500
	MaxRef    = 100
)

// Data age in months that a purpose may see.
const (
	firstMonth   = 1  // administrative police, and judicial police without a prosecutor's decision
	retainMonths = 12 // nothing older is kept (Police Function Act, ANPR databases)
)

// Scope is the data that a look-up may see. Only [Authorise] makes one; no other package can make or widen one.
type Scope struct {
	user     *User
	ask      Request
	from, to schemas.Micros // from inclusive, to exclusive; to 0 = open
	zones    []string       // empty = all
	noPlates bool
	narrowed string
}

// Codes of refusals. The set is closed; the office's pages have a text for each.
const (
	CodeInvalid           = "invalid"
	CodeRole              = "role"
	CodePurposeNeeded     = "purpose_needed"
	CodePurposeEnded      = "purpose_ended"
	CodePurposeNotAllowed = "purpose_not_allowed"
	CodeAge               = "age"
	CodePlates            = "plates_hidden"
	CodeApprovalNeeded    = "approval_needed"
	CodeStepUp            = "step_up"
	CodeNotFound          = "not_found"
	CodeQuota             = "quota"
)

// Refusal is a look-up that may not be done. Detail says what to do instead. Invalid means that the request lacks
// something (422). Every other refusal needs another legal basis, or nothing in the request can mend it.
type Refusal struct {
	Invalid bool
	Code    string
	Field   string // in the request, when Invalid
	Detail  string

	user *User
	ask  Request
}

// Error returns the detail.
func (r *Refusal) Error() string { return r.Detail }

// Authorise decides which data the user may see at now. It is pure. Exactly one result is set.
func Authorise(u *User, ask Request, now schemas.Micros) (Scope, *Refusal) {
	refuse := func(code, field, format string, args ...any) (Scope, *Refusal) {
		return Scope{}, NewRefusal(u, ask, code, field, fmt.Sprintf(format, args...))
	}
	if !Allowed(u.Role, ask.Route) {
		return refuse(CodeRole, "", "the role %s may not use %s; it may use %s", u.Role, ask.Route, strings.Join(routesOf(u.Role), ", "))
	}
	stated := ask.Purpose == "" || slices.Contains(PurposesOf(u.Role), ask.Purpose)
	if stated && !mayFor(u.Role, ask.Route, ask.Purpose) && OpensByItself(u.Role, ask.Route) { // operation opens beside the stated purpose
		ask.PurposeID, ask.Purpose, ask.Reason, ask.CaseRef, ask.ProsecutorRef = "", Operation, "", "", ""
	}
	if ask.Purpose == "" {
		return refuse(CodePurposeNeeded, "", "every look-up needs a purpose: open one with POST /v1/purposes and name it as Anpr-Purpose; for %s the role %s may open %s",
			ask.Route, u.Role, joinPurposes(matrix[ask.Route][u.Role]))
	}
	if !mayFor(u.Role, ask.Route, ask.Purpose) {
		return refuse(CodePurposeNotAllowed, "", "the role %s may not use %s for the purpose that was opened; it may open %s",
			u.Role, ask.Route, joinPurposes(matrix[ask.Route][u.Role]))
	}
	if field, detail := ask.checkTexts(); field != "" {
		return refuse(CodeInvalid, field, "%s", detail)
	}
	if field, detail := ask.checkWindow(); field != "" {
		return refuse(CodeInvalid, field, "%s", detail)
	}
	s := Scope{user: u, ask: ask, from: ask.From, to: ask.To, zones: u.Zones, noPlates: ask.Purpose == Operation}
	if s.noPlates && ask.ByPlate {
		return refuse(CodePlates, "", "the purpose operation never sees plates: ask without one")
	}
	if detail := s.limitAge(now); detail != "" {
		return refuse(CodeAge, "", "%s", detail)
	}
	return s, nil
}

// NewRefusal makes a refusal for the log, with the user's question. CodeInvalid means that the request lacks something.
func NewRefusal(u *User, ask Request, code, field, detail string) *Refusal {
	return &Refusal{Invalid: code == CodeInvalid, Code: code, Field: field, Detail: detail, user: u, ask: ask}
}

// NameAsker sets the look-up's sign-in and address.
func (r *Refusal) NameAsker(signIn, address string) { r.ask.SignIn, r.ask.Address = signIn, address }

func joinPurposes(ps []Purpose) string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = string(p)
	}
	return strings.Join(out, " or ")
}

// limitAge moves from to the oldest instant the purpose may see. A look-up wholly before this instant is refused, with
// the returned reason.
func (s *Scope) limitAge(now schemas.Micros) (refusal string) {
	if s.ask.Purpose == Oversight || s.asksForCases() {
		return "" // the access log outlives the data in its entries; a case is kept longer than the read that it began with
	}
	months, why := retainMonths, "nothing older than 12 calendar months may be kept or consulted"
	switch {
	case s.ask.Purpose == Administrative:
		months, why = firstMonth, "the administrative police see the first calendar month only; older data need the judicial purpose"
	case s.ask.Purpose == Judicial && s.ask.ProsecutorRef == "":
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

// asksForCases reports whether the question is for cases, and not by plate. The bounds on age cover data about passing
// vehicles; a case is a file of its own, for as long as it is kept.
func (s *Scope) asksForCases() bool {
	return !s.ask.ByPlate && (s.ask.Route == RouteCases || s.ask.Route == RouteCase || s.ask.Route == RoutePicture || s.ask.Route == RouteThumbnail || slices.Contains(caseActs(), s.ask.Route))
}

func (a *Request) checkTexts() (field, detail string) {
	if a.Purpose != Operation && utf8.RuneCountInString(strings.TrimSpace(a.Reason)) < MinReason {
		return "reason", fmt.Sprintf("say in at least %d characters why you look this up; it is logged with your name", MinReason)
	}
	for _, t := range []struct {
		name, text string
		most       int
	}{{"reason", a.Reason, MaxReason}, {"case_ref", a.CaseRef, MaxRef}, {"prosecutor_ref", a.ProsecutorRef, MaxRef}} {
		if f, bad := checkText(t.name, t.text, t.most); bad {
			return f.Field, f.Detail
		}
	}
	return "", ""
}

// checkText checks that a text is one printable line.
func checkText(field, text string, most int) (Fault, bool) {
	unseen := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unseen) {
		return Fault{field, FaultText, "must be UTF-8 text without control characters", nil}, true
	}
	if utf8.RuneCountInString(text) > most {
		return Fault{field, FaultTooLong, fmt.Sprintf("must be at most %d characters", most), []string{strconv.Itoa(most)}}, true
	}
	return Fault{}, false
}

func (a *Request) checkWindow() (field, detail string) {
	if a.To != 0 && a.From >= a.To {
		return "from", "must be before to"
	}
	if a.Wide && (a.From == 0 || a.To == 0) {
		return "from", "a search by pattern needs a time window: state from and to"
	}
	return "", ""
}

// OpensFrom returns the oldest capture time that a justification opens at now; 0 = no bound.
func OpensFrom(j *Justification, now schemas.Micros) schemas.Micros {
	s := Scope{user: &User{}, ask: Request{Purpose: j.Purpose, ProsecutorRef: j.ProsecutorRef}}
	s.limitAge(now)
	return s.from
}

package cases

import "fmt"

// Code is the closed set of reasons for which an act is refused. The office answers each with a problem of that code.
type Code string

// All codes.
const (
	CodeDecided      Code = "decided"         // 409: the case is past the state that the act needs
	CodeStale        Code = "stale"           // 412: the case was changed after the version that the caller saw
	CodeLeaseLost    Code = "lease_lost"      // 412: the lease lapsed or belongs to somebody else
	CodeSamePerson   Code = "same_person"     // 403: four eyes
	CodeRole         Code = "role"            // 403
	CodeScope        Code = "scope"           // 404: another zone or regime
	CodeStepUp       Code = "step_up"         // 403
	CodeApproval     Code = "approval_needed" // 403
	CodeNotCompetent Code = "not_competent"   // 403: no appointment covers the act
	CodeInvalid      Code = "invalid"         // 422: Field says which
	CodeIncident     Code = "incident_open"   // 409
	CodeBlocked      Code = "blocked"         // 409: Detail names the blockers
	CodePictures     Code = "pictures_unseen" // 412: a picture of the item was not loaded under the lease
	CodePreview      Code = "preview_needed"  // 412: no preview of exactly that plate within 10 minutes
	CodeTrackTaken   Code = "track_taken"     // 409
	CodeTransmitted  Code = "transmitted"     // 409: too late for this act
	CodeTooEarly     Code = "too_early"       // 409: the time of the act has not come
	CodeNotFound     Code = "not_found"       // 404
	CodeKeyReused    Code = "key_reused"      // 422: the idempotency key stood for another change
	CodeTooLate      Code = "too_late"        // 409: the time of the act is over
	CodeLeasesFull   Code = "leases_full"     // 409: the user holds as many items as one may
)

// Codes lists all codes.
func Codes() []Code {
	return []Code{
		CodeDecided, CodeStale, CodeLeaseLost, CodeSamePerson, CodeRole, CodeScope, CodeStepUp, CodeApproval, CodeNotCompetent, CodeInvalid, CodeIncident, CodeBlocked,
		CodePictures, CodePreview, CodeTrackTaken, CodeTransmitted, CodeTooEarly, CodeNotFound, CodeKeyReused, CodeTooLate, CodeLeasesFull,
	}
}

// Refusal is the error of an act that may not be done. Nothing was recorded.
type Refusal struct {
	Code   Code
	Field  string // for CodeInvalid
	Detail string // for a person, in English
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Field != "" {
		return fmt.Sprintf("%s: %s: %s", r.Code, r.Field, r.Detail)
	}
	return fmt.Sprintf("%s: %s", r.Code, r.Detail)
}

func refuse(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Detail: fmt.Sprintf(format, args...)}
}

func refuseField(field, format string, args ...any) *Refusal {
	return &Refusal{Code: CodeInvalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

package office

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// Problem is an error document after RFC 9457. A problem never repeats a sent value. The code tells the kind, and
// request_id finds the request in the log.
type Problem struct {
	Status    int        `json:"status"`
	Title     string     `json:"title"`
	Detail    string     `json:"detail,omitempty"`
	Code      string     `json:"code" doc:"what it is, for a program: role, scope, purpose_needed, age, quota, invalid, not_found, ..."`
	RequestID string     `json:"request_id,omitempty" doc:"names the request in the log of the office"`
	Until     *time.Time `json:"until,omitempty" doc:"of a quota: when it may go on"`
	Errors    []Fault    `json:"errors,omitempty" doc:"what is wrong, by field"`
}

// Fault describes one wrong field in a request.
type Fault struct {
	Field   string   `json:"field"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Args    []string `json:"args,omitempty"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns the media type for problems.
func (*Problem) ContentType(string) string { return "application/problem+json" }

// Codes for problems other than refusals. Package access has the codes for refusals.
const (
	codeMalformed    = "malformed"
	codeNotSignedIn  = "not_signed_in"
	codeMethod       = "method"
	codeDecided      = "decided"
	codeSealBroken   = "seal_broken"
	codeTooLarge     = "too_large"
	codeWrongHost    = "wrong_host"
	codeTooMany      = "too_many"
	codeInternal     = "internal"
	codeNoCatalogue  = "no_catalogue"
	codeLogDown      = "log_unavailable"
	codeStoreDown    = "store_unavailable"
	codeTablesDown   = "tables_unavailable"
	codeTooSlow      = "too_slow"
	codeSamePerson   = "same_person"
	codePatternWide  = "pattern_too_wide"
	codeWindow       = "window"
	codeRefusedByLaw = "refused"
	codeStale        = "stale"
	codePrecondition = "precondition"
	codeKeyReused    = "key_reused"
	codeUnderWay     = "under_way"

	codeImagesDown     = "images_unavailable"
	codePictureDamaged = "picture_damaged"
	codePictureMissing = "picture_missing"
	codePictureDeleted = "picture_deleted"
	codeNoThumbnail    = "no_thumbnail"
)

func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return codeNotSignedIn
	case http.StatusForbidden:
		return access.CodeRole
	case http.StatusNotFound:
		return access.CodeNotFound
	case http.StatusMethodNotAllowed:
		return codeMethod
	case http.StatusConflict:
		return codeDecided
	case http.StatusRequestEntityTooLarge:
		return codeTooLarge
	case http.StatusMisdirectedRequest:
		return codeWrongHost
	case http.StatusPreconditionFailed:
		return codeStale
	case http.StatusPreconditionRequired:
		return codePrecondition
	case http.StatusUnprocessableEntity:
		return access.CodeInvalid
	case http.StatusTooManyRequests:
		return codeTooMany
	case http.StatusServiceUnavailable:
		return codeTablesDown
	case http.StatusGatewayTimeout:
		return codeTooSlow
	case http.StatusNotImplemented:
		return codeNoCatalogue
	}
	if status >= http.StatusInternalServerError {
		return codeInternal
	}
	return codeMalformed
}

// newProblem makes a problem with a status. An empty code stands for the status's own code.
func newProblem(status int, code, detail string, faults ...Fault) *Problem {
	if code == "" {
		code = codeOf(status)
	}
	return &Problem{Status: status, Title: http.StatusText(status), Detail: detail, Code: code, Errors: faults}
}

// The huma library makes problems through this global function, the only hook there is. The library's findings keep the
// field and drop the value.
func init() {
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		p := newProblem(status, "", detail)
		for _, err := range errs {
			if d, ok := errors.AsType[*huma.ErrorDetail](err); ok && d != nil {
				p.Errors = append(p.Errors, Fault{Field: d.Location, Code: access.CodeInvalid, Message: d.Message})
			}
		}
		return p
	}
}

const (
	notFoundText = "there is no such thing for you"
	internalText = "the office could not answer; the operator finds it in the log by request_id"
)

// toProblem gives an error a status and a text without data. An unknown error becomes a bare 500.
func toProblem(err error) error {
	var status huma.StatusError
	var refusal *access.Refusal
	var filter *query.FilterError
	switch {
	case errors.As(err, &status):
		return err
	case errors.As(err, &refusal):
		return problemOf(refusal)
	case errors.As(err, &filter):
		return newInvalid(filter.Field, filter.Detail)
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, access.CodeNotFound, notFoundText)
	case errors.Is(err, store.ErrUnavailable):
		return newProblem(http.StatusServiceUnavailable, codeStoreDown, shutText["en"])
	case errors.Is(err, errShut), errors.Is(err, access.ErrUnavailable), errors.Is(err, access.ErrDamaged):
		return newProblem(http.StatusServiceUnavailable, codeLogDown, shutText["en"])
	case errors.Is(err, query.ErrTooSlow):
		return newProblem(http.StatusGatewayTimeout, codeTooSlow, query.ErrTooSlow.Error())
	case errors.Is(err, query.ErrDatabase), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return newProblem(http.StatusServiceUnavailable, codeTablesDown, query.ErrDatabase.Error()+"; try again")
	}
	return newProblem(http.StatusInternalServerError, codeInternal, internalText)
}

// problemOf turns a refusal into an answer.
func problemOf(r *access.Refusal) *Problem {
	switch {
	case r.Invalid:
		return newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, r.Field+" "+r.Detail, Fault{Field: r.Field, Code: access.CodeInvalid, Message: r.Detail})
	case r.Code == access.CodeNotFound:
		return newProblem(http.StatusNotFound, access.CodeNotFound, notFoundText)
	case r.Code == access.CodeQuota:
		return newProblem(http.StatusTooManyRequests, access.CodeQuota, r.Detail)
	}
	return newProblem(http.StatusForbidden, r.Code, r.Detail)
}

func newInvalid(field, detail string) error {
	return newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, field+" "+detail, Fault{Field: field, Code: access.CodeInvalid, Message: detail})
}

// nameRequest puts the request id into a problem.
func nameRequest(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		p.RequestID = requestID(ctx.Context())
	}
	return v, nil
}

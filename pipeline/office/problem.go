package office

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

// problem gives an error its status and a text that holds nothing of the data. Unknown errors tell the client nothing.
func problem(err error) error {
	var status huma.StatusError
	var refusal *access.Refusal
	var filter *query.FilterError
	switch {
	case errors.As(err, &status):
		return err
	case errors.As(err, &refusal) && refusal.Invalid:
		return invalid(refusal.Field, refusal.Detail)
	case errors.As(err, &refusal):
		return huma.Error403Forbidden(refusal.Detail)
	case errors.As(err, &filter):
		return invalid(filter.Field, filter.Detail)
	case errors.Is(err, errShut), errors.Is(err, access.ErrDamaged), errors.Is(err, access.ErrUnavailable):
		return huma.Error503ServiceUnavailable(shutText["en"])
	case errors.Is(err, query.ErrTooSlow):
		return huma.Error504GatewayTimeout(query.ErrTooSlow.Error())
	case errors.Is(err, query.ErrDatabase), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return huma.Error503ServiceUnavailable(query.ErrDatabase.Error() + "; try again")
	}
	return huma.NewError(http.StatusInternalServerError, "the office could not answer; the operator finds it in the log by time and route")
}

func invalid(field, detail string) error {
	return huma.Error422UnprocessableEntity(field+" "+detail, &huma.ErrorDetail{Location: field, Message: detail})
}

// withoutValues takes the values out of validation errors: a problem names the field, it does not repeat what was sent.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		for _, d := range m.Errors {
			d.Value = nil
		}
	}
	return v, nil
}

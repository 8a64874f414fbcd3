package office

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// visit is one request of a user, and what of it is in the look-up log. One goroutine at a time uses it.
type visit struct {
	user    *access.User
	address string
	began   time.Time
	permit  access.Permit // of the look-up; not valid before it is granted
	refused bool          // a refusal is in the log
	named   []string      // plates that a body names, for a request that is refused before it is looked at
}

type visitKey struct{}

// visitOf returns the visit of a request's context.
func visitOf(ctx context.Context) *visit {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		panic("BUG: a route that admit does not guard")
	}
	return v
}

// discloser is an answer that says what it shows: the look-up log has it before the answer is sent.
type discloser interface{ disclosure() access.Disclosure }

// disclose writes what an answer shows. Without it nothing is sent.
func (o *Office) disclose(ctx context.Context, d access.Disclosure) error {
	v := visitOf(ctx)
	if !v.permit.Valid() {
		return nil // what is shown without a permit is nothing
	}
	l, err := o.openLog()
	if err == nil {
		d.Took = time.Since(v.began)
		err = l.Disclose(ctx, v.permit, d)
	}
	if err != nil {
		o.cfg.Metrics.Lookups.WithLabelValues(string(v.permit.Purpose()), lookupUnavailable).Inc()
		o.cfg.Logger.Error().Err(err).Msg("disclosure not logged: the answer is not sent")
	}
	return err
}

// noteInvalid writes a request that was refused before anybody could decide on it, when it named a plate or pattern.
func (o *Office) noteInvalid(ctx huma.Context, v *visit) {
	if v.refused || v.permit.Valid() || ctx.Status() != http.StatusUnprocessableEntity {
		return
	}
	ask, named := askOf(ctx, v)
	if !named {
		return
	}
	refusal := access.NewRefusal(v.user, ask, "invalid", "the request is not of the documented form")
	l, err := o.openLog()
	if err == nil {
		_, err = l.Refuse(ctx.Context(), refusal)
	}
	if err != nil {
		o.cfg.Logger.Error().Err(err).Msg("a refused request is not in the look-up log")
	}
}

// askOf returns what a request says before it is parsed, and whether it names a plate or pattern: for the entry of one that is refused.
func askOf(ctx huma.Context, v *visit) (ask access.Ask, named bool) {
	url := ctx.URL()
	q := url.Query()
	ask = access.Ask{
		Route: access.Route(ctx.Operation().OperationID), Purpose: access.Purpose(q.Get("purpose")), Reason: q.Get("reason"), CaseRef: q.Get("case_ref"),
		ProsecutorRef: q.Get("prosecutor_ref"), Plates: slices.Clone(v.named), Address: v.address,
	}
	asked := map[string]any{}
	for name, values := range q {
		switch name {
		case "purpose", "reason", "case_ref", "prosecutor_ref", "limit", "after":
			continue
		}
		for i, text := range values {
			values[i] = strings.ToValidUTF8(text[:min(len(text), maxNamed)], "?")
		}
		if name == "plate" {
			ask.Plates = append(ask.Plates, values...)
		}
		asked[name] = values[0]
		if len(values) > 1 {
			asked[name] = values
		}
	}
	for name, value := range map[string]string{"plate": ctx.Param("plate"), "camera": ctx.Param("camera"), "offence_id": ctx.Param("id")} {
		if value = strings.ToValidUTF8(value[:min(len(value), maxNamed)], "?"); value == "" {
			continue
		}
		asked[name] = value
		if name == "plate" {
			ask.Plates = append(ask.Plates, value)
		}
	}
	text, err := json.Marshal(asked)
	if err != nil {
		panic("BUG: texts without JSON")
	}
	ask.Query = string(text)
	return ask, len(ask.Plates) > 0
}

// hostOf is the address of a connection without its port.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// maxNamed bounds what is logged of one value of a request that is not of the documented form, in bytes.
const maxNamed = 64

// platesOf gathers the plates that rows show.
func platesOf[T any](rows []T, plates func(*T) []string) []string {
	var out []string
	for i := range rows {
		out = append(out, plates(&rows[i])...)
	}
	return out
}

package office

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

const apiText = `Look-ups in the ANPR and traffic-offence pipeline. Every look-up states a purpose and a reason and is written to the
access log before it is answered; a window partly outside what the purpose may see is narrowed and the answer says so.`

// api registers every route on a mux.
func (o *Office) api(mux *http.ServeMux) huma.API {
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "ANPR office", Version: "1.0.0", Description: apiText},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "the user's token; only its SHA-256 is known here"},
				},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{withoutValues, inLanguage},
	}
	api := humago.New(mux, cfg)
	api.UseMiddleware(o.admit(api))
	register(api, o, access.RouteReads, "/v1/reads", "Where was this plate, or a plate like it", o.reads)
	register(api, o, access.RouteLastSeen, "/v1/plates/{plate}/last-seen", "The newest read of a plate", o.lastSeen)
	register(api, o, access.RouteJourney, "/v1/plates/{plate}/journey", "Where a plate went on one day", o.journey)
	register(api, o, access.RouteCamera, "/v1/cameras/{camera}/reads", "What a camera saw in a window", o.cameraReads)
	register(api, o, access.RouteDashboard, "/v1/dashboard", "How many reads and hits, by hour or day and zone", o.dashboard)
	register(api, o, access.RouteHits, "/v1/hits", "Listed plates that were seen", o.hits)
	register(api, o, access.RouteOffences, "/v1/offences", "Candidate and held offences", o.offences)
	register(api, o, access.RouteOffence, "/v1/offences/{id}", "One offence, with its trace", o.offence)
	register(api, o, access.RouteDecisions, "/v1/decisions", "What the rules found for a plate", o.decisions)
	register(api, o, access.RouteRejects, "/v1/rejects", "Records that were rejected, by reason", o.rejects)
	register(api, o, access.RouteReconcile, "/v1/reconcile", "Do the tables hold what the ledger says", o.reconcile)
	register(api, o, access.RouteAccessLog, "/v1/access-log", "Who looked up what", o.accessLog)
	register(api, o, access.RouteVerify, "/v1/access-log/verify", "Does the chain of the access log hold", o.verify)
	register(api, o, access.RouteReplay, "/v1/replay-permit", "Log a replay of stored passages under other versions, and allow it", o.replay)
	registerAs(api, o, http.MethodPost, access.RouteRetro, "/v1/retro-matches", "Which of these plates were read before they were listed", o.retro)
	return api
}

type answer[T any] struct{ Body *T }

// disclosing is a pointer to an answer that says what it shows.
type disclosing[T any] interface {
	*T
	discloser
}

// notFound reports whether an error is that what was asked for by its id is not there.
func notFound(err error) bool {
	status, ok := errors.AsType[huma.StatusError](err)
	return ok && status.GetStatus() == http.StatusNotFound
}

// register adds a GET route. The operation id is the route: the matrix of package access is looked up by it.
func register[I, T any, D disclosing[T]](api huma.API, o *Office, route access.Route, path, summary string, do func(context.Context, *I) (D, error)) {
	registerAs(api, o, http.MethodGet, route, path, summary, do)
}

// registerAs adds a route of another method: what is asked is too long for a URL.
func registerAs[I, T any, D disclosing[T]](api huma.API, o *Office, method string, route access.Route, path, summary string, do func(context.Context, *I) (D, error)) {
	huma.Register(api, huma.Operation{
		OperationID: string(route), Method: method, Path: path, Summary: summary, MaxBodyBytes: 8 << 20,
		Errors: []int{401, 403, 409, 422, 429, 503, 504},
	}, func(ctx context.Context, in *I) (*answer[T], error) {
		out, err := do(ctx, in)
		if notFound(err) { // nothing is shown, and that it was asked for and not there is an answer too
			if logged := o.disclose(ctx, access.Disclosure{}); logged != nil {
				err = logged
			}
		}
		if err != nil {
			return nil, problem(err)
		}
		if err := o.disclose(ctx, out.disclosure()); err != nil {
			return nil, problem(err)
		}
		return &answer[T]{Body: out}, nil
	})
	documentDemands(api.OpenAPI().Paths[path], route)
}

// documentDemands marks in the document what the route demands of everybody. The office itself refuses what is missing (access.Authorise),
// after it has logged who asked; a library that refused it first would log nothing.
func documentDemands(item *huma.PathItem, route access.Route) {
	purpose, reason := access.Demands(route)
	for _, op := range []*huma.Operation{item.Get, item.Post} {
		if op == nil {
			continue
		}
		for _, p := range op.Parameters {
			p.Required = p.Required || purpose && p.Name == "purpose" || reason && p.Name == "reason"
		}
	}
}

func (o *Office) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	api := o.api(mux)
	doc, err := document(api)
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		_, _ = w.Write(doc) // the client went away: nothing to do
	})
	mux.HandleFunc("/", unknown(mux))
	return o.instrument(mux, api), nil
}

// document writes the OpenAPI document of the API, as committed in schemas/openapi/office.json.
func document(api huma.API) ([]byte, error) {
	out, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

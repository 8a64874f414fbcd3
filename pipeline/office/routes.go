package office

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

const apiText = `Look-ups in the ANPR and traffic-offence pipeline. A purpose is opened once (POST /v1/purposes) and named by each request as
Anpr-Purpose; operation, which never sees a plate, opens by itself. Every look-up is written to the access log before it is answered; a window
partly outside what the purpose may see is narrowed and the answer says so. No plate, name, number or reason stands in an address.`

// registerRoutes registers every route on a mux.
func (o *Office) registerRoutes(mux *http.ServeMux) huma.API {
	cfg := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "ANPR office", Version: "2.0.0", Description: apiText},
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
		Transformers:                 []huma.Transformer{nameRequest, inLanguage},
	}
	api := humago.New(mux, cfg)
	api.UseMiddleware(o.admitRequest(api))
	get, post := http.MethodGet, http.MethodPost
	registerRoute(api, route{access.RouteMe, get, "/v1/me", "Who is signed in, and what for", 200}, o.describeUser)
	registerRoute(api, route{access.RouteSettings, http.MethodPut, "/v1/me/settings", "Set language, keys, sound and contrast of the pages", 200}, o.putSettings)
	registerRoute(api, route{access.RouteFilters, http.MethodPut, "/v1/me/filters", "Save filters of the work list by name", 200}, o.putFilters)
	registerRoute(api, route{access.RouteSignIns, get, "/v1/me/sign-ins", "In which browsers the user is signed in", 200}, o.listSignIns)
	registerRoute(api, route{access.RouteEndSignIn, http.MethodDelete, "/v1/me/sign-ins/{id}", "End one of the user's own sign-ins", 200}, o.endSignIn)
	registerRoute(api, route{access.RouteOpenPurpose, post, "/v1/purposes", "Open a purpose", 201}, withBody(o.openPurpose))
	registerRoute(api, route{access.RouteEndPurpose, http.MethodDelete, "/v1/purposes/{id}", "End a purpose", 200}, o.endPurpose)
	registerRoute(api, route{access.RouteAskApproval, post, "/v1/approvals", "Ask for a second person", 201}, withBody(o.askApproval))
	registerRoute(api, route{access.RouteListApprovals, get, "/v1/approvals", "What waits for a second person", 200}, o.listApprovals)
	registerRoute(api, route{access.RouteDecide, post, "/v1/approvals/decide", "Decide as second person", 200}, withBody(o.decideApproval))
	registerRoute(api, route{access.RouteListDecisions, get, "/v1/prosecutor-decisions", "Numbers of prosecutor's decisions that were stated", 200}, o.listDecisionNumbers)
	registerRoute(api, route{access.RouteConfirm, post, "/v1/prosecutor-decisions/confirm", "Note what the prosecutor's office says of a number", 200}, withBody(o.confirmDecision))
	registerRoute(api, route{access.RouteSearch, post, "/v1/searches", "Where was this plate, or a plate like it, or what did a camera see", 201}, withBody(o.startSearch))
	registerRoute(api, route{access.RouteSearchPage, get, "/v1/searches/{search_id}", "A further page of a search", 200}, o.continueSearch)
	registerRoute(api, route{access.RouteJourney, get, "/v1/searches/{search_id}/journey", "Where the plate of a search went on one day", 200}, o.showJourney)
	registerRoute(api, route{access.RouteDashboard, get, "/v1/dashboard", "How many reads and hits, by hour or day and zone", 200}, o.showDashboard)
	registerRoute(api, route{access.RouteHits, post, "/v1/hits/query", "Listed plates that were seen", 200}, withBody(o.listHits))
	registerRoute(api, route{access.RouteDecisions, post, "/v1/decisions/query", "What the rules found for a plate", 200}, withBody(o.listDecisions))
	registerRoute(api, route{access.RouteRejects, get, "/v1/rejects", "Records that were rejected, by reason", 200}, o.listRejects)
	registerRoute(api, route{access.RouteReconcile, get, "/v1/reconcile", "Do the tables hold what the ledger says", 200}, o.reconcileTables)
	registerRoute(api, route{access.RouteAccessLog, post, "/v1/audit/entries", "Who looked up what", 200}, withBody(o.listAccessLog))
	registerRoute(api, route{access.RouteDisclosures, post, "/v1/audit/disclosures", "To whom this plate was shown, by whatever question", 200}, withBody(o.listDisclosures))
	registerRoute(api, route{access.RouteVerify, post, "/v1/audit/verify", "Does the chain of the access log hold", 200}, withBody(o.verifyChain))
	registerRoute(api, route{access.RouteReplay, get, "/v1/replay-permit", "Log a replay of stored passages under other versions, and allow it", 200}, o.permitReplay)
	registerRoute(api, route{access.RouteRetro, post, "/v1/retro-matches", "Which of these plates were read before they were listed", 200}, withBody(o.matchStoredReads))
	o.registerCases(api)
	o.registerPictures(api)
	o.registerPrint(api)
	o.registerBundles(api)
	o.registerTransmissions(api)
	o.registerBulk(api)
	o.registerWires(api)
	o.registerTeam(api)
	shareProblems(api.OpenAPI())
	return api
}

type answer[T any] struct{ Body *T }

// body is a request with the question in the body, never in the address.
type body[Q any] struct{ Body Q }

// withBody turns a handler of questions into a handler of requests with the question in the body.
func withBody[Q, T any](do func(context.Context, *Q) (*T, error)) func(context.Context, *body[Q]) (*T, error) {
	return func(ctx context.Context, in *body[Q]) (*T, error) { return do(ctx, &in.Body) }
}

// route is one operation of the API.
type route struct {
	id      access.Route // also the operation id, and the key into the rights matrix in package access
	method  string
	path    string
	summary string
	status  int // of a successful answer
}

// registerCases registers the routes of work and of cases.
func (o *Office) registerCases(api huma.API) {
	get, post, one := http.MethodGet, http.MethodPost, "/v1/cases/{case_id}"
	registerRoute(api, route{access.RouteLease, post, "/v1/work/leases", "Take the next items that nobody has", 200}, withBody(o.leaseItems))
	registerRoute(api, route{access.RouteHeartbeat, post, "/v1/work/leases/heartbeat", "Keep items for five more minutes", 200}, withBody(o.extendLeases))
	registerRoute(api, route{access.RouteGiveBack, http.MethodDelete, "/v1/work/leases/{lease_id}", "Give an item back, or leave it to somebody else", 200}, o.giveBack)
	registerRoute(api, route{access.RouteWorkCounts, get, "/v1/work/counts", "How much there is to decide, and by when", 200}, o.countWork)
	registerRoute(api, route{access.RouteWork, get, "/v1/work", "What is to be decided, in the order of its clock", 200}, o.listWork)
	registerRoute(api, route{access.RouteAssign, post, "/v1/work/assign", "Give cases to a colleague for a time", 200}, o.assignCases)
	registerRoute(api, route{access.RouteColleagues, get, "/v1/work/colleagues", "Who can be given cases, and what each has in hand", 200}, o.listColleagues)
	registerRoute(api, route{access.RouteHoldCamera, post, "/v1/work/hold-camera", "Hold the undecided cases of a camera: first the count, then with it", 200}, o.holdCamera)
	registerRoute(api, route{access.RouteCases, post, "/v1/cases/query", "Cases of a plate, a number or an offence", 200}, withBody(o.listCases))
	registerRoute(api, route{access.RouteCase, get, one, "All of one case", 200}, o.showCase)
	registerRoute(api, route{access.RouteVerdict, post, one + "/verdicts", "Confirm, reject or correct; also as second person", 200}, o.decideCase)
	registerRoute(api, route{access.RouteUndo, post, one + "/undo", "Take an own verdict back before it takes effect", 200}, o.undoVerdict)
	registerRoute(api, route{access.RouteHoldCase, post, one + "/hold", "Stop a case until a day", 200}, o.holdCase)
	registerRoute(api, route{access.RouteFlag, post, one + "/flag", "Hand a case to a supervisor", 200}, o.flagCase)
	registerRoute(api, route{access.RouteKeying, post, one + "/keyings", "Key the plate from the picture", 200}, o.keyPlate)
	registerRoute(api, route{access.RoutePlatePreview, post, one + "/plate-preview", "What the rules say about another plate", 200}, o.previewPlate)
	registerRoute(api, route{access.RouteNote, post, one + "/notes", "Add a remark", 200}, o.noteCase)
	registerRoute(api, route{access.RouteCounterDecide, post, one + "/counter-decisions", "Decide against an earlier verdict; a second person looks", 200}, o.counterDecide)
	registerRoute(api, route{access.RouteWithdraw, post, one + "/withdrawals", "Take a case back before transmission", 200}, o.withdrawCase)
	registerRoute(api, route{access.RouteTrack, post, one + "/track", "Send a case another way", 200}, o.changeTrack)
	registerRoute(api, route{access.RouteRelease, post, one + "/release", "End a hold", 200}, o.releaseCase)
	registerRoute(api, route{access.RouteCloseIncident, post, one + "/incident-closings", "Say that what did not hold was looked at and settled", 200}, o.closeIncident)
	registerRoute(api, route{access.RouteArbitrate, post, one + "/arbitrations", "End an arbitration", 200}, o.arbitrateCase)
}

// maxQuestion bounds a question in bytes, maxList a question with a list of plates.
const (
	maxQuestion = 64 << 10
	maxList     = 8 << 20
)

// registerRoute adds a route.
func registerRoute[I, T any](api huma.API, r route, do func(context.Context, *I) (*T, error)) {
	op := huma.Operation{
		OperationID: string(r.id), Method: r.method, Path: r.path, Summary: r.summary, DefaultStatus: r.status, MaxBodyBytes: maxQuestion,
		Errors: []int{400, 401, 403, 404, 409, 412, 422, 428, 429, 500, 503, 504},
		Parameters: []*huma.Param{{
			Name: purposeHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: "id of the purpose that was opened for this",
		}},
	}
	if r.id == access.RouteRetro {
		op.MaxBodyBytes = maxList
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*answer[T], error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, withRetryAfter(toProblem(err))
		}
		return &answer[T]{Body: out}, nil
	})
}

// fileForm describes the answers of a route that are no JSON.
type fileForm struct {
	what    string                     // the answer, for the document
	content map[string]*huma.MediaType // by type
	errors  []int
	purpose string // description of the header
}

// newContent describes bodies of the types: text, or bytes with the format binary.
func newContent(format string, types ...string) map[string]*huma.MediaType {
	out := map[string]*huma.MediaType{}
	for _, t := range types {
		out[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: format}}
	}
	return out
}

// registerFile is registerRoute for answers that are no JSON.
func registerFile[I, T any](api huma.API, r route, f fileForm, do func(context.Context, *I) (*T, error)) {
	op := huma.Operation{
		OperationID: string(r.id), Method: r.method, Path: r.path, Summary: r.summary, DefaultStatus: r.status, Errors: f.errors,
		Parameters: []*huma.Param{{Name: purposeHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, Description: f.purpose}},
		Responses:  map[string]*huma.Response{"200": {Description: f.what, Content: f.content}},
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*T, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, withRetryAfter(toProblem(err))
		}
		return out, nil
	})
}

// borrowed describes the purpose of routes that a page opens by an element or a tab, which send no header.
const borrowed = "id of the purpose; without it the newest open one of the sign-in under which the case may be seen"

func (o *Office) buildHandler() (http.Handler, error) {
	mux := http.NewServeMux()
	api := o.registerRoutes(mux)
	doc, err := writeDocument(api)
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oai.openapi+json")
		_, _ = w.Write(doc) // ignored: the client went away
	})
	mux.HandleFunc("/", answerUnknown(mux))
	return o.instrumentRoutes(mux, api), nil
}

// writeDocument writes the OpenAPI document, as committed in schemas/openapi/office.json.
func writeDocument(api huma.API) ([]byte, error) {
	out, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

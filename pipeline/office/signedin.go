package office

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// SignedIn is the person behind a request.
type SignedIn struct {
	User *access.User
	// SignIn identifies the sign-in or token in the office's state. A purpose belongs to one sign-in.
	SignIn string
	// At is the time at which the person proved their identity; zero = by token.
	At time.Time
	// Ends is the latest end of the sign-in; zero = the token's end.
	Ends time.Time
}

// visit is a user's request with the facts for the look-up log. One goroutine at a time uses a visit.
type visit struct {
	*SignedIn
	address string
	purpose string            // purpose id in the request; "" = none
	opened  *openedPurpose    // that purpose as the admission found it; nil = it was not asked
	logged  bool              // the log has an entry for the visit
	query   string            // raw query of the address
	params  map[string]string // path parameters
	body    bytes.Buffer      // body as read so far, bounded
}

// openedPurpose is the purpose that a request names.
type openedPurpose struct {
	*store.OpenedPurpose           // nil = it is none of the user's
	id                   string    // as the request names it; "" = it names none
	foundAt              time.Time // by this process's clock
}

// purposeAge is how long a purpose counts as it was found. A request whose body comes slowly is judged by a purpose that is asked for again.
const purposeAge = time.Second

// maxAhead bounds the lead of another office's clock over this office's clock.
const maxAhead = time.Minute

// isFresh reports whether the person proved their identity within [access.StepUpTime]. A token is always fresh: each
// request carries and proves a token, and no token can be left open on a screen.
func (s *SignedIn) isFresh(now time.Time) bool {
	if s.At.IsZero() {
		return true
	}
	age := now.Sub(s.At)
	return age <= access.StepUpTime && age >= -maxAhead
}

// demandFresh refuses weightier routes to a sign-in with an old proof. The check precedes every look-up, so the answer
// betrays nothing about objects.
func (o *Office) demandFresh(ctx context.Context, ask access.Request) error {
	who := signedIn(ctx)
	if !access.NeedsFreshSignIn(ask.Route) || who.isFresh(o.cfg.Now()) {
		return nil
	}
	return o.refuseLookup(ctx, access.NewRefusal(who.User, ask, access.CodeStepUp, "", "prove anew who you are: /auth/step-up leads there and back"), "none")
}

// writeAsked writes the question of an own route as JSON, for the log.
func writeAsked(asked map[string]any) string {
	text, err := json.Marshal(asked)
	if err != nil {
		panic("BUG: what was asked has no JSON: " + err.Error())
	}
	return string(text)
}

type (
	visitKey     struct{}
	requestIDKey struct{}
)

// visitOf returns the visit in a request's context.
func visitOf(ctx context.Context) *visit {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		panic("BUG: a route that admit does not guard")
	}
	return v
}

// signedIn returns the person behind the request.
func signedIn(ctx context.Context) *SignedIn { return visitOf(ctx).SignedIn }

// purposeHeader is the header with the purpose id.
const purposeHeader = "Anpr-Purpose"

// namedPurpose returns the purpose id in the request; "" = none.
func namedPurpose(ctx context.Context) string { return visitOf(ctx).purpose }

// requestID returns the request's id in the office's own log.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// maxNoted bounds, in bytes, the copy of a body for the log entry when a request is refused before the route reads the
// body. The bound equals the route's own limit.
func maxNoted(route access.Route) int {
	if route == access.RouteRetro {
		return maxList
	}
	return maxQuestion
}

// noteBody copies the body into the visit as the route reads.
func (v *visit) noteBody(body io.ReadCloser, route access.Route) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, &boundedWriter{&v.body, maxNoted(route)}), body}
}

// boundedWriter accepts every byte and keeps the first left bytes.
type boundedWriter struct {
	to   *bytes.Buffer
	left int
}

// Write keeps as many bytes as fit.
func (w *boundedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	w.to.Write(b[:n])
	return len(b), nil
}

// hostOf strips the port from a connection's address.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

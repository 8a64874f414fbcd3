package office

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// SignedIn is who a request is from.
type SignedIn struct {
	User *access.User
	// SignIn names the sign-in, or the token, in the office's state: a purpose belongs to it.
	SignIn string
	// At is when the person proved who they are; zero = by token.
	At time.Time
	// Ends is when the sign-in ends at the latest; zero = with the token.
	Ends time.Time
}

// visit is a user's request, with its part in the look-up log. One goroutine at a time uses a visit.
type visit struct {
	*SignedIn
	address string
	purpose string            // id that the request names; "" = none
	logged  bool              // an entry of it is in the log
	query   string            // the query of the address, as it was sent
	params  map[string]string // of the path
	body    bytes.Buffer      // what was read of the body, bounded
}

// maxAhead bounds the lead of another office's clock over this office's clock.
const maxAhead = time.Minute

// isFresh reports whether the person proved not long ago who they are. A token is proved by each request that carries it, and cannot be left open.
func (s *SignedIn) isFresh(now time.Time) bool {
	if s.At.IsZero() {
		return true
	}
	age := now.Sub(s.At)
	return age <= access.StepUpTime && age >= -maxAhead
}

// demandFresh refuses a route that weighs more to a sign-in whose proof is old, before anything is looked up, so that the answer says nothing of objects.
func (o *Office) demandFresh(ctx context.Context, ask access.Request) error {
	who := signedIn(ctx)
	if !access.NeedsFreshSignIn(ask.Route) || who.isFresh(o.cfg.Now()) {
		return nil
	}
	return o.refuse(ctx, access.NewRefusal(who.User, ask, access.CodeStepUp, "", "prove anew who you are: /auth/step-up leads there and back"), "none")
}

// writeAsked writes what a request of an own route asked, for the log.
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

// visitOf returns the visit of a request's context.
func visitOf(ctx context.Context) *visit {
	v, ok := ctx.Value(visitKey{}).(*visit)
	if !ok {
		panic("BUG: a route that admit does not guard")
	}
	return v
}

// signedIn returns who the request is from.
func signedIn(ctx context.Context) *SignedIn { return visitOf(ctx).SignedIn }

// purposeHeader names the purpose of a request.
const purposeHeader = "Anpr-Purpose"

// namedPurpose returns the id of the purpose that the request names; "" = none.
func namedPurpose(ctx context.Context) string { return visitOf(ctx).purpose }

// requestID names the request in the log.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// maxNoted is how much is kept of a body for the entry of a request that is refused before its route looked at it: all that the route takes.
func maxNoted(route access.Route) int {
	if route == access.RouteRetro {
		return maxList
	}
	return maxQuestion
}

// noteBody keeps what is read of the body.
func (v *visit) noteBody(body io.ReadCloser, route access.Route) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, &boundedWriter{&v.body, maxNoted(route)}), body}
}

// boundedWriter takes everything and keeps the beginning.
type boundedWriter struct {
	to   *bytes.Buffer
	left int
}

// Write keeps what there is room for.
func (w *boundedWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	w.to.Write(b[:n])
	return len(b), nil
}

// hostOf is the address of a connection without its port.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

package office

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// SignedIn is who a request is from.
type SignedIn struct {
	User *access.User
	// SignIn names the sign-in, or the token, in the state of the office: a purpose belongs to it.
	SignIn string
	// At is when the person proved who they are; zero = by token.
	At time.Time
	// Ends is when the sign-in ends at the latest; zero = with the token.
	Ends time.Time
}

// visit is one request of a user, and what of it is in the look-up log. One goroutine at a time uses it.
type visit struct {
	*SignedIn
	address string
	purpose string       // id that the request names; "" = none
	logged  bool         // an entry of it is in the log
	body    bytes.Buffer // what the route read of the body, bounded
}

// maxAhead is how far the clock of the office that saw the proof may be ahead of this one.
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
	nameAsker(ctx, &ask)
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

// maxNoted bounds what is kept of a body for the entry of a request that is refused before its route looked at it.
const maxNoted = 64 << 10

// noteBody keeps what is read of the body.
func (v *visit) noteBody(body io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, &boundedWriter{&v.body, maxNoted}), body}
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

// platesIn finds the plates that a body names, also one that is not of the documented form.
var platesIn = regexp.MustCompile(`"plate"\s*:\s*"([^"\\]{1,64})"`)

// noteUnread logs a request that was refused before its route looked at it, when it named a plate or pattern.
func (o *Office) noteUnread(ctx huma.Context, v *visit) {
	if v.logged || ctx.Status()/100 != 4 {
		return
	}
	var plates []string
	for _, m := range platesIn.FindAllSubmatch(v.body.Bytes(), 100) {
		plates = append(plates, strings.ToValidUTF8(string(m[1]), "?"))
	}
	if len(plates) == 0 {
		return
	}
	text, err := json.Marshal(map[string]any{"plates": plates})
	if err != nil {
		panic("BUG: texts without JSON")
	}
	ask := access.Request{Route: access.Route(ctx.Operation().OperationID), Query: string(text), Plates: plates}
	nameAsker(ctx.Context(), &ask)
	if _, err := o.resolvePurpose(ctx.Context(), &ask); err != nil {
		o.cfg.Logger.Error().Err(err).Msg("a refused request is logged without its purpose")
	}
	err = o.refuse(ctx.Context(), access.NewRefusal(v.User, ask, access.CodeInvalid, "", "the request is not of the documented form"), purposeLabel(ask.Purpose))
	if !isRefusal(err) {
		o.cfg.Logger.Error().Err(err).Msg("a refused request is not in the look-up log")
	}
}

// hostOf is the address of a connection without its port.
func hostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

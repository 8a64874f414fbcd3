package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Errors of [Service.Authenticate].
var (
	ErrNoCookie    = errors.New("no sign-in was sent")
	ErrEnded       = errors.New("the sign-in has ended")
	ErrUnavailable = errors.New("sign-ins cannot be read")
)

// Person is a signed-in user.
type Person struct {
	User            *access.User
	SignIn          string    // id of the sign-in: no secret, unlike the cookie
	AuthenticatedAt time.Time // when the provider last authenticated the person
	EndsAt          time.Time // end even with constant use
	IdleEndsAt      time.Time // end without further use
	Entry           uint64    // number of the look-up log entry about the sign-in; 0 = unknown
}

// Fresh reports whether the authentication is recent enough for a weighty action: at most StepUpTime ago.
func (p Person) Fresh(now time.Time) bool {
	return now.Sub(p.AuthenticatedAt) <= StepUpTime
}

// Authenticate returns the person behind the cookie in a request, and begins the idle time again.
//
// Errors: ErrNoCookie for a request without a cookie; ErrEnded for a sign-in that is unknown or over, or whose user
// entry has changed; ErrUnavailable when the database does not answer.
func (s *Service) Authenticate(ctx context.Context, r *http.Request) (Person, error) {
	token := signInToken(r)
	if token == "" {
		return Person{}, ErrNoCookie
	}
	now := s.cfg.Now()
	got, err := s.cfg.Store.useSignIn(ctx, sha256.Sum256([]byte(token)), now)
	if err != nil {
		return Person{}, err
	}
	user, ok := userNamed(s.cfg.Users, got.user)
	if !ok || !mayBeHere(user, now) || fingerprint(user) != got.fingerprint {
		if err := s.cfg.Store.endUser(ctx, got.user, endChanged, now); err != nil {
			return Person{}, err
		}
		return Person{}, ErrEnded
	}
	return Person{
		User: user, SignIn: got.id, AuthenticatedAt: got.authenticatedAt, EndsAt: got.beganAt.Add(WholeTime), IdleEndsAt: now.Add(IdleTime),
		Entry: got.entry,
	}, nil
}

// mayBeHere reports whether the entry of a user is valid at now.
func mayBeHere(u *access.User, now time.Time) bool {
	at := schemas.MicrosOf(now)
	return (u.From == 0 || at >= u.From) && (u.To == 0 || at < u.To)
}

// fingerprint returns a hash over the whole entry of a user. A sign-in ends when role, zones or any other field
// changes.
func fingerprint(u *access.User) schemas.Sum {
	b, err := json.Marshal(u)
	if err != nil {
		panic("BUG: an entry of the users must marshal: " + err.Error())
	}
	return sha256.Sum256(b)
}

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

// Person is who is signed in.
type Person struct {
	User            *access.User
	SignIn          string    // id of the sign-in; it can be told to others, the cookie cannot
	AuthenticatedAt time.Time // when the provider saw the person last
	EndsAt          time.Time // whatever is done
	IdleEndsAt      time.Time // when nothing is done
	Entry           uint64    // number of the entry of the look-up log about the sign-in; 0 = unknown
}

// Fresh reports whether the authentication is fresh enough for what weighs more.
func (p Person) Fresh(now time.Time) bool {
	return now.Sub(p.AuthenticatedAt) <= StepUpTime
}

// Authenticate returns who sends a request with a cookie. It is ErrNoCookie without one, ErrEnded when the sign-in is
// unknown, has ended, or is that of a user whose entry has changed, and ErrUnavailable when the database does not say.
// A good sign-in is used by it: its idle time begins anew.
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

// mayBeHere reports whether the entry of a user holds now.
func mayBeHere(u *access.User, now time.Time) bool {
	at := schemas.MicrosOf(now)
	return (u.From == 0 || at >= u.From) && (u.To == 0 || at < u.To)
}

// fingerprint sums up the entry of a user: a sign-in ends when role, zones or whatever else the entry says changes.
func fingerprint(u *access.User) schemas.Sum {
	b, err := json.Marshal(u)
	if err != nil {
		panic("BUG: an entry of the users must marshal: " + err.Error())
	}
	return sha256.Sum256(b)
}

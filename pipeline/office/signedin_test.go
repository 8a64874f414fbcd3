package office

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// A browser sign-in opens exactly the same as the user's token.
func TestASignInOfABrowserOpensWhatTheUsersTokenOpens(t *testing.T) {
	var user *access.User
	var failure error
	d := newDesk(t, func(c *Config) {
		c.SignedIn = func(*http.Request) (*SignedIn, error) {
			if user == nil {
				return nil, failure
			}
			return &SignedIn{User: user, SignIn: "browser"}, failure
		}
	})
	const path = "/v1/dashboard?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"
	for name, c := range map[string]struct {
		user *access.User
		err  error
		want int
	}{
		"a user of the role":         {&access.User{Name: "a", Role: access.Auditor}, nil, http.StatusOK},
		"a user of another role":     {&access.User{Name: "b", Role: access.GVCAgent}, nil, http.StatusForbidden},
		"nobody":                     {nil, nil, http.StatusUnauthorized},
		"a sign-in that has ended":   {nil, ErrSignInEnded, http.StatusUnauthorized},
		"a database that is away":    {nil, errors.New("away"), http.StatusServiceUnavailable},
		"an ended one with somebody": {&access.User{Name: "a", Role: access.Auditor}, ErrSignInEnded, http.StatusUnauthorized},
	} {
		user, failure = c.user, c.err
		res, err := http.Get(d.server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", name, res.StatusCode, c.want)
		}
	}
}

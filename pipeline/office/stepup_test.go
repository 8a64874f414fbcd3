package office

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// aBrowser treats requests without a token as requests in the user's browser sign-in.
func aBrowser(c *Config, user string, at *time.Time) {
	c.SignedIn = func(r *http.Request) (*SignedIn, error) {
		if r.Header.Get("Authorization") != "" {
			return nil, nil //nolint:nilnil // a script
		}
		for _, u := range c.Users.All() {
			if u.Name == user {
				return &SignedIn{User: &u, SignIn: "browser", At: *at}, nil
			}
		}
		return nil, ErrSignInEnded
	}
}

// A decision about somebody else in a browser needs a fresh proof of identity. Before the proof nothing is decided, and
// nothing about the object is told.
func TestDecidingInABrowserNeedsAFreshProofOfWhoItIs(t *testing.T) {
	at := now
	d := newDesk(t, func(c *Config) { secondPersons(t, c); c.Limits.RowsDay = 20; aBrowser(c, "chief", &at) })
	officer := d.client("officer")
	open := func(ref string) {
		j := judicial()
		j.ProsecutorRef = ref
		if _, err := officer.OpenPurpose(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	decide := func(id string, approve bool) rawRequest {
		return rawRequest{"POST", "/v1/approvals/decide", fmt.Sprintf(`{"id":%q,"approve":%t}`, id, approve)}
	}
	confirm := func(ref string, confirmed bool) rawRequest {
		return rawRequest{"POST", "/v1/prosecutor-decisions/confirm", fmt.Sprintf(`{"prosecutor_ref":%q,"confirmed":%t}`, ref, confirmed)}
	}
	for age, fresh := range map[time.Duration]bool{
		0: true, access.StepUpTime: true, access.StepUpTime + time.Second: false, 8 * time.Hour: false, -30 * time.Second: true, -time.Hour: false, 50 * 365 * day: false,
	} {
		for _, yes := range []bool{true, false} {
			asked, err := officer.AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "rows"})
			if err != nil {
				t.Fatal(err)
			}
			open(aDecision)
			at = now.Add(-age)
			refused := d.logged("outcome = 'refused' AND code = 'step_up' AND user_name = 'chief'")
			var bodies []string
			for _, q := range []rawRequest{decide(asked.ID, yes), decide(anyID, yes), confirm(aDecision, true), confirm("PK.BR.2026/999999", true)} {
				status, body := d.send("", "", q)
				if bodies = append(bodies, withoutRequestID(body)); (status == http.StatusForbidden && codeIn(body) == "step_up") == fresh {
					t.Errorf("%s with a proof %s old: got %d %s", q.url, age, status, body)
				}
			}
			refused = d.logged("outcome = 'refused' AND code = 'step_up' AND user_name = 'chief'") - refused
			if same := len(slices.Compact(slices.Clone(bodies))) == 1; !fresh && (refused != 4 || !same) {
				t.Errorf("a proof %s old: %d entries, want 4; the answers: %v, want them alike", age, refused, bodies)
			}
			if fresh {
				continue
			}
			at = now // back from the provider: the same question is answered
			if status, body := d.send("", "", decide(asked.ID, yes)); status != http.StatusOK {
				t.Errorf("after the step-up: got %d %s", status, body)
			}
		}
	}
	at = now.Add(-time.Hour)
	purpose := d.purpose("", access.Judicial)
	for _, q := range []rawRequest{{"GET", "/v1/approvals", ""}, {"GET", "/v1/prosecutor-decisions", ""}, {"GET", "/v1/me", ""}} {
		if status, body := d.send("", purpose, q); status != http.StatusOK {
			t.Errorf("%s, which decides nothing: got %d %s", q.url, status, body)
		}
	}
}

// A script proves the token with each request.
func TestAScriptDecidesByItsToken(t *testing.T) {
	at := now.Add(-time.Hour)
	d := newDesk(t, func(c *Config) { secondPersons(t, c); aBrowser(c, "chief", &at) })
	asked, err := d.client("officer").AskApproval(t.Context(), ApprovalQuery{Justification: judicial(), Kind: "rows"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.client("chief").Decide(t.Context(), DecideQuery{ID: asked.ID, Approve: true}); err != nil {
		t.Error(err)
	}
	if n := d.logged("operation = 'decide-approval' AND user_name = 'chief' AND sign_in LIKE 'token-%'"); n != 1 {
		t.Errorf("%d entries say that it was by a token, want one", n)
	}
}

// The test lists every route that decides about others or hands a case out. The author of a new route must judge the route here.
func TestWhatNeedsAFreshProofIsWhatDecidesAboutOthers(t *testing.T) {
	var got []access.Route
	for _, r := range slices.Concat(access.Routes(), access.OwnRoutes()) {
		if access.NeedsFreshSignIn(r) {
			got = append(got, r)
		}
	}
	if want := []access.Route{access.RouteCounterDecide, access.RouteWithdraw, access.RouteBundle, access.RouteBundleFile, access.RouteAnnul, access.RouteTransmit, access.RouteTransmissionFile, access.RouteBulk, access.RouteReleaseWire, access.RouteDecide, access.RouteConfirm}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

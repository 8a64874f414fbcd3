package signin

import (
	"errors"
	"net/http"
	"slices"
	"testing"
)

// A person ends one sign-in of their own: that browser is out at once and in every office, the others stay.
func TestAPersonEndsOneSignInAndNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, nil)
	here, there, foreign := s.browser(), s.browser(), s.browser()
	here.signIn("officer1")
	s.clock.pass(StepUpTime / 2)
	there.signIn("officer1")
	foreign.signIn("agent1")
	second := newSite(t, s.service.cfg.Store, nil) // another office on the same database
	second.clock.at = s.clock.at

	list, err := s.service.ListOwn(t.Context(), "officer1")
	if err != nil || len(list) != 2 || !list[0].BeganAt.After(list[1].BeganAt) || list[0].Address == "" || list[0].EndsAt.Sub(list[0].BeganAt) != WholeTime {
		t.Fatalf("got %+v, err %v, want two, the newest first", list, err)
	}
	if present, err := s.service.ListPresent(t.Context()); err != nil || !slices.Equal(present, []string{"agent1", "officer1"}) {
		t.Errorf("present are %v, err %v", present, err)
	}
	foreignList, err := s.service.ListOwn(t.Context(), "agent1")
	if err != nil || len(foreignList) != 1 {
		t.Fatalf("got %+v, err %v", foreignList, err)
	}
	for _, id := range []string{foreignList[0].ID, "", "x", "6d5f0d5e-5a0b-4a53-9d3a-0c9b7c1e2f10"} {
		if err := s.service.EndOwn(t.Context(), "officer1", id); !errors.Is(err, ErrNoSignIn) {
			t.Errorf("id %q: %v, want %v", id, err, ErrNoSignIn)
		}
	}
	// A step-up that is under way in the browser that is ended must not bring it back.
	stepUp := there.callback("/auth/step-up?next=/", sample("officer1"))
	if err := second.service.EndOwn(t.Context(), "officer1", list[0].ID); err != nil {
		t.Fatal(err)
	}
	got := there.do("GET", stepUp, nil, "Sec-Fetch-Site", "cross-site")
	if who := there.is(); who != "" || got.status == http.StatusOK {
		t.Errorf("the browser that was ended is %q, and its step-up had status %d", who, got.status)
	}
	if here.is() != "officer1 true" || foreign.is() != "agent1 true" {
		t.Errorf("the others are %q and %q, want them signed in", here.is(), foreign.is())
	}
	if err := s.service.EndOwn(t.Context(), "officer1", list[0].ID); !errors.Is(err, ErrNoSignIn) {
		t.Errorf("a second end: %v, want %v", err, ErrNoSignIn)
	}
	if list, err := s.service.ListOwn(t.Context(), "officer1"); err != nil || len(list) != 1 {
		t.Errorf("got %+v, err %v, want the one that stays", list, err)
	}
	s.clock.pass(IdleTime)
	if list, err := s.service.ListOwn(t.Context(), "officer1"); err != nil || len(list) != 0 {
		t.Errorf("idle: got %+v, err %v, want none", list, err)
	}
	if present, err := s.service.ListPresent(t.Context()); err != nil || len(present) != 0 {
		t.Errorf("idle: present are %v, err %v", present, err)
	}
}

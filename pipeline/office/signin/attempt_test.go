package signin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Whoever tries at a time, no more than five passwords are compared, and the account is locked then.
func TestPasswordsTriedAtATimeAreCountedAsOneAfterAnother(t *testing.T) {
	s := siteWithPasswords(t)
	s.browser().accept(s.invite("officer1"), passphrase)
	p, now := s.service.own, s.clock.now()
	var mu sync.Mutex
	said := map[error]int{}
	var locks int
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			lock, err := p.checkPassword(t.Context(), "officer1", "geen goede zin", now)
			mu.Lock()
			defer mu.Unlock()
			said[err]++
			if lock != nil {
				locks++
			}
		})
	}
	wait.Wait()
	if said[errWrong] != maxFailures || said[errLocked] != 30-maxFailures || locks != 1 {
		t.Errorf("30 at a time: %v, %d of them made a lock", said, locks)
	}
	if _, err := p.checkPassword(t.Context(), "officer1", passphrase, now); !errors.Is(err, errLocked) {
		t.Errorf("the right password after that: %v", err)
	}
}

func TestARightPasswordOpensNoLockThatOthersMadeMeanwhile(t *testing.T) {
	s := siteWithPasswords(t)
	s.browser().accept(s.invite("officer1"), passphrase)
	store, now := s.service.cfg.Store, s.clock.now()
	begin := func() attempt {
		t.Helper()
		a, err := store.beginAttempt(t.Context(), "officer1", now)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for right := range maxFailures - 1 { // index of the right attempt, among five at once
		attempts := []attempt{}
		for range maxFailures {
			attempts = append(attempts, begin())
		}
		if err := store.noteSuccess(t.Context(), attempts[right]); err != nil {
			t.Fatal(err)
		}
		if !begin().shut {
			t.Errorf("attempt %d of five was right and opened the lock", right+1)
		}
		now = now.Add(lockTime)
		if err := store.noteSuccess(t.Context(), begin()); err != nil { // the count begins anew
			t.Fatal(err)
		}
	}
	for range maxFailures - 1 {
		begin()
	}
	if err := store.noteSuccess(t.Context(), begin()); err != nil { // four wrong attempts, then a right attempt
		t.Fatal(err)
	}
	if begin().shut {
		t.Error("the account is locked after four wrong passwords and the right one")
	}
}

// An attempt without a comparison does not count, so impatient clicking never locks an account: the browser hangs up
// before the password is compared.
func TestAnAttemptThatComparedNothingDoesNotCount(t *testing.T) {
	s := siteWithPasswords(t)
	s.browser().accept(s.invite("officer1"), passphrase)
	p := s.service.own
	for range hashesAtATime { // nobody gets a turn
		p.hashing <- struct{}{}
	}
	var wait sync.WaitGroup
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	for range 2 * maxFailures {
		wait.Go(func() { _, _ = p.checkPassword(ctx, "officer1", passphrase, s.clock.now()) })
	}
	wait.Wait()
	for range hashesAtATime {
		<-p.hashing
	}
	if _, err := p.checkPassword(t.Context(), "officer1", passphrase, s.clock.now()); err != nil {
		t.Errorf("the right password after that: %v", err)
	}
}

func TestEveryTryAtAnAccountNamesTheAccountAndNoOtherText(t *testing.T) {
	s := siteWithPasswords(t)
	s.browser().accept(s.invite("officer1"), passphrase)
	for _, name := range []string{"officer1", "agent1", passphrase} { // no password; a password as name
		s.browser().try(name, "geen goede zin")
	}
	want := []string{"password_set  at officer1", "sign_in_failed  password at officer1", "sign_in_failed  password at agent1", "sign_in_failed  password"}
	if told := s.told(); !slices.Equal(told, want) {
		t.Errorf("logged: %q", told)
	}
}

func TestNoPasswordIsSetWithoutAnEntry(t *testing.T) {
	s := siteWithPasswords(t)
	b, invite := s.browser(), s.invite("officer1")
	s.breakLog(true)
	if got := b.accept(invite, passphrase); !strings.Contains(got.body, wordsOf["nl"].Texts["storeDown"]) {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	s.breakLog(false)
	if got := b.try("officer1", passphrase); got.status == 303 {
		t.Error("the password was set without an entry")
	}
	if got := b.accept(invite, passphrase); got.status != 200 {
		t.Errorf("the invitation afterwards: status %d", got.status)
	}
}

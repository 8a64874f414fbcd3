package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const passphrase = "een zin van enkele woorden"

// siteWithPasswords makes a site whose people have passwords: the data are not made up.
func siteWithPasswords(t *testing.T) *site {
	return newSite(t, nil, func(c *Config) { c.MadeUp = false })
}

func (s *site) invite(name string) string {
	s.t.Helper()
	invite, err := s.service.cfg.Store.Invite(s.t.Context(), name, s.clock.now())
	if err != nil {
		s.t.Fatal(err)
	}
	return invite
}

func (b *browser) accept(invite, password string) reply {
	b.do("GET", pathInvite+"?invite="+invite, nil)
	return b.do("POST", pathInvite, url.Values{"invite": {invite}, "password": {password}})
}

func (b *browser) try(name, password string) reply {
	return b.do("POST", pathLogin, url.Values{"id": {b.begin("/auth/sign-in")}, "name": {name}, "password": {password}})
}

func TestAnInvitedPersonSetsAPasswordAndSignsIn(t *testing.T) {
	s := siteWithPasswords(t)
	b := s.browser()
	invite := s.invite("officer1")
	if got := b.do("GET", pathInvite+"?lang=fr&invite="+invite, nil); got.status != http.StatusOK || !strings.Contains(got.body, "officer1") || !strings.Contains(got.body, wordsOf["fr"].Texts["invite"]) {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	for _, short := range []string{"", "elf tekens!", strings.Repeat("x", 201)} {
		if got := b.accept(invite, short); got.status != http.StatusUnprocessableEntity {
			t.Errorf("password %q: status %d", short, got.status)
		}
	}
	if got := b.accept(invite, passphrase); got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	if got := b.accept(invite, "een andere zin, later"); got.status != http.StatusNotFound {
		t.Errorf("a link that was used: status %d", got.status)
	}
	var stored string
	if err := s.service.cfg.Store.pool.QueryRow(t.Context(), "SELECT password FROM sign_in_accounts").Scan(&stored); err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored: %.40s, %v", stored, err)
	}
	at := b.callback("/auth/sign-in", url.Values{"name": {"officer1"}, "password": {passphrase}})
	if got := b.do("GET", at, nil); got.status != http.StatusOK || b.is() != "officer1 true" {
		t.Errorf("status %d, the API takes the browser for %q", got.status, b.is())
	}
}

func TestAnInvitationServesADayAndTheNewestAlone(t *testing.T) {
	s := siteWithPasswords(t)
	b := s.browser()
	first := s.invite("officer1")
	second := s.invite("officer1")
	if got := b.accept(first, passphrase); got.status != http.StatusNotFound {
		t.Errorf("an earlier link: status %d", got.status)
	}
	s.clock.pass(InviteTime)
	if got := b.accept(second, passphrase); got.status != http.StatusNotFound {
		t.Errorf("a link of yesterday: status %d", got.status)
	}
	if got := b.do("GET", pathInvite+"?invite=forged", nil); got.status != http.StatusNotFound {
		t.Errorf("a forged link: status %d", got.status)
	}
}

func TestANewPasswordPutsOutWhoIsSignedInWithTheOld(t *testing.T) {
	s := siteWithPasswords(t)
	b := s.browser()
	b.accept(s.invite("officer1"), passphrase)
	b.do("GET", b.callback("/auth/sign-in", url.Values{"name": {"officer1"}, "password": {passphrase}}), nil)
	s.browser().accept(s.invite("officer1"), "een nieuwe zin, vandaag")
	if got := b.is(); got != "" {
		t.Errorf("still %q", got)
	}
}

func TestFiveWrongPasswordsLockAnAccountForAQuarterOfAnHour(t *testing.T) {
	s := siteWithPasswords(t)
	b := s.browser()
	b.accept(s.invite("officer1"), passphrase)
	for i := range maxFailures {
		if got := b.try("officer1", "geen goede zin"); got.status != http.StatusUnauthorized || !strings.Contains(got.body, "id=\"fault\"") {
			t.Fatalf("try %d: status %d", i+1, got.status)
		}
		s.clock.pass(61 * time.Second) // so that each failure has an entry
	}
	locked := b.try("officer1", passphrase)
	if locked.status != http.StatusUnauthorized {
		t.Errorf("the right password while locked: status %d", locked.status)
	}
	s.clock.pass(lockTime)
	if got := b.try("officer1", passphrase); got.status != http.StatusSeeOther {
		t.Errorf("after the lock: status %d", got.status)
	}
	want := append([]string{"password_set  at officer1"}, slices.Repeat([]string{"sign_in_failed  password at officer1"}, maxFailures)...)
	if told := s.told(); !slices.Equal(told, append(want, "account_locked  at officer1", "sign_in_failed  locked at officer1")) {
		t.Errorf("logged: %q", told)
	}
}

func TestNothingTellsWhichNamesHaveAnAccount(t *testing.T) {
	s := siteWithPasswords(t)
	b := s.browser()
	b.accept(s.invite("officer1"), passphrase)
	same := func(name string) string {
		got := b.try(name, "geen goede zin")
		body := requestID.ReplaceAllString(got.body, "")
		return got.header.Get("Content-Type") + strings.ReplaceAll(body, name, "NAME")
	}
	known := same("officer1")
	for _, name := range []string{"agent1", "nobody", ""} {
		if name != "" && same(name) != known {
			t.Errorf("the answer for %q is another than for a name with an account", name)
		}
	}
}

func TestPeopleArePickedFromAListWhereDataAreMadeUpAndOnThisMachineAlone(t *testing.T) {
	for name, c := range map[string]struct{ madeUp, loopback, list bool }{
		"made up, loopback": {true, true, true}, "made up, reached by others": {true, false, false}, "real, loopback": {false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil, func(c2 *Config) { c2.MadeUp, c2.Loopback = c.madeUp, c.loopback })
			b := s.browser()
			id := b.begin("/auth/sign-in")
			page := b.do("GET", pathLogin+"?id="+id, nil)
			if got := strings.Contains(page.body, `name="sample"`); got != c.list {
				t.Errorf("lists people: %v", got)
			}
			got := b.do("POST", pathLogin, url.Values{"id": {id}, "sample": {"officer1"}})
			if signedIn := got.status == http.StatusSeeOther; signedIn != c.list {
				t.Errorf("signs in by one click: status %d", got.status)
			}
		})
	}
}

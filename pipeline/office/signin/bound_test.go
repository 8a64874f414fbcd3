package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// steps returns the requests of a sign-in at the provider after the first request, as a person's browser sends them.
func (b *browser) steps(path string, form url.Values) (out []func(*browser) reply) {
	b.s.t.Helper()
	authorize := b.do("GET", path, nil).header.Get("Location")
	login := b.do("GET", authorize, nil).header.Get("Location")
	u, err := url.Parse(login)
	if err != nil || u.Path != pathLogin {
		b.s.t.Fatalf("the provider leads to %q, %v", login, err)
	}
	form.Set("id", u.Query().Get("id"))
	return []func(*browser) reply{
		func(b *browser) reply { return b.do("GET", authorize, nil, "Accept-Language", "en") },
		func(b *browser) reply { return b.do("GET", login, nil, "Accept-Language", "en") },
		func(b *browser) reply { return b.do("POST", pathLogin, form, "Accept-Language", "en") },
		func(b *browser) reply {
			return b.do("GET", pathReturn+"?id="+form.Get("id"), nil, "Accept-Language", "en")
		},
	}
}

// strangers are browsers that did not begin the flow.
var strangers = map[string]func(s *site, own *browser) *browser{
	"without a cookie": func(s *site, _ *browser) *browser { return s.browser() },
	"with a flow of their own": func(s *site, _ *browser) *browser {
		b := s.browser()
		b.begin("/auth/sign-in?lang=en")
		return b
	},
	"with the state and the nonce of the flow, which are in addresses": func(s *site, own *browser) *browser {
		b := s.browser()
		for _, c := range own.jar.Cookies(own.secure()) {
			if c.Name == cookieFlow {
				b.jar.SetCookies(b.secure(), []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
			}
		}
		b.changeFlow(func(t *transaction) { t.Verifier = strings.Repeat("x", 43) })
		return b
	},
	"with a cookie that is no flow": func(s *site, _ *browser) *browser {
		b := s.browser()
		b.jar.SetCookies(b.secure(), []*http.Cookie{{Name: cookieFlow, Value: "e30", Path: "/", Secure: true}})
		return b
	},
}

func TestEveryStepOfASignInBelongsToTheBrowserThatBeganIt(t *testing.T) {
	t.Parallel()
	for way, madeUp := range map[string]bool{"list": true, "password": false} {
		for kind, stranger := range strangers {
			for _, path := range []string{"/auth/sign-in?lang=en", "/auth/step-up?lang=en"} {
				t.Run(way+", "+kind+path, func(t *testing.T) {
					t.Parallel()
					s := newSite(t, nil, func(c *Config) { c.MadeUp = madeUp })
					form := func() url.Values {
						if madeUp {
							return sample("officer1")
						}
						return url.Values{"name": {"officer1"}, "password": {passphrase}}
					}
					own := s.browser()
					if !madeUp {
						own.accept(s.invite("officer1"), passphrase)
					}
					if strings.HasPrefix(path, "/auth/step-up") {
						own.do("GET", own.callback("/auth/sign-in", form()), nil)
					}
					steps := own.steps(path, form())
					other := stranger(s, own)
					for i, step := range steps {
						for j, early := range steps[i:] { // the stranger tries every later step before each step of the owner
							got := early(other)
							if got.status != http.StatusBadRequest || !strings.Contains(got.body, wordsOf["en"].Texts["flowGone"]) || got.header.Get("Location") != "" {
								t.Errorf("step %d in another browser before step %d: status %d, to %q", i+j, i, got.status, got.header.Get("Location"))
							}
						}
						if i > 0 { // the first was taken already
							if got := step(own); got.status >= http.StatusBadRequest {
								t.Fatalf("step %d in the own browser: status %d: %s", i, got.status, got.body)
							}
						}
					}
					if got := other.is(); got != "" {
						t.Errorf("the other browser is %q", got)
					}
				})
			}
		}
	}
}

// A flow's link, sent to another person, must not open a form: that person would sign in for the sender's browser.
func TestNobodySignsInForTheBrowserOfAnother(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		madeUp bool
		form   url.Values
	}{"list": {true, sample("officer1")}, "password": {false, url.Values{"name": {"officer1"}, "password": {passphrase}}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil, func(c2 *Config) { c2.MadeUp = c.madeUp })
			attacker, victim := s.browser(), s.browser()
			victim.accept(s.invite("officer1"), passphrase)
			steps := attacker.steps("/auth/sign-in", c.form)
			for i, step := range steps[:3] {
				if got := step(victim); got.status != http.StatusBadRequest || got.header.Get("Location") != "" {
					t.Errorf("step %d by the person to whom the link was sent: status %d", i, got.status)
				}
			}
			got := steps[3](attacker)
			if to := got.header.Get("Location"); strings.Contains(to, "code=") {
				attacker.do("GET", to, nil)
			}
			if who := attacker.is(); who != "" {
				t.Errorf("the attacker is signed in as %q", who)
			}
			if told := s.told(); !slices.Contains(told, "sign_in_failed  "+causeFlow) {
				t.Errorf("logged: %q", told)
			}
		})
	}
}

func TestAFlowThatIsOverGivesOnePlainPageInTheLanguageOfThePerson(t *testing.T) {
	s := newSite(t, nil, nil)
	for _, lang := range []string{"nl", "fr", "en"} {
		b := s.browser()
		steps := b.steps("/auth/sign-in?lang="+lang, sample("officer1"))
		s.clock.pass(flowTime)
		for i, step := range steps {
			got := step(b)
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, wordsOf[lang].Texts["flowGone"]) || !strings.Contains(got.body, `href="/auth/sign-in?lang=`+lang) {
				t.Errorf("%s, step %d: status %d: %s", lang, i, got.status, got.body)
			}
		}
	}
}

func TestAPasswordIsSetInTheBrowserThatOpenedTheInvitationAlone(t *testing.T) {
	s := siteWithPasswords(t)
	invite, another := s.invite("officer1"), s.invite("agent1")
	form := url.Values{"invite": {invite}, "password": {passphrase}}
	b := s.browser()
	for name, open := range map[string]string{"none": "", "another": another} {
		if open != "" {
			b.do("GET", pathInvite+"?invite="+open, nil)
		}
		if got := b.do("POST", pathInvite+"?lang=fr", form); got.status != http.StatusNotFound || !strings.Contains(got.body, wordsOf["fr"].Texts["inviteGone"]) {
			t.Errorf("invitation opened: %s: status %d", name, got.status)
		}
	}
	if got := b.accept(invite, passphrase); got.status != http.StatusOK {
		t.Errorf("the browser that opened it: status %d", got.status)
	}
}

package signin

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

const secret = "wX3-_kq9ZtR5bN2mVc8LpQ7s" // as the office draws them, and short ones

func TestTheLogOfALibraryHoldsNothingThatOpensSomething(t *testing.T) {
	for name, say := range map[string]func(log *slog.Logger, secret string){
		"an error with its state": func(log *slog.Logger, secret string) {
			e := oidc.ErrInvalidRequest().WithDescription("the request is wrong")
			e.State, e.SessionState = secret, secret
			log.Warn("auth request", slog.Any("oidc_error", e))
		},
		"the address of a redirect": func(log *slog.Logger, secret string) {
			log.Warn("auth request redirect", slog.String("url", "https://anpr.example/auth/callback?code="+secret+"&state="+secret))
		},
		"a fragment": func(log *slog.Logger, secret string) {
			log.Warn("x", slog.Any("url", &url.URL{Scheme: "https", Host: "anpr.example", Fragment: "id_token=" + secret}))
		},
		"a token at its name": func(log *slog.Logger, secret string) {
			for _, key := range []string{"state", "code", "nonce", "id_token", "access_token", "Refresh_Token", "client_secret"} {
				log.Warn("x", slog.String(key, secret), slog.Group("g", slog.String(key, secret)))
				log.With(slog.String(key, secret)).WithGroup("g").Warn("x", slog.String(key, secret))
			}
		},
		"the cause of an error": func(log *slog.Logger, secret string) {
			log.Error("x", slog.Any("error", errors.New("get https://anpr.example/x?code="+secret+": refused")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range []string{secret, "s3"} {
				var out bytes.Buffer
				say(slog.New(NewLibraryLog(zerolog.New(&out))), value)
				if out.Len() == 0 || strings.Contains(out.String(), value) || !strings.Contains(out.String(), notLogged) {
					t.Errorf("logged: %s", out.String())
				}
			}
		})
	}
}

func TestALongSecretIsNotLoggedWhereverItStands(t *testing.T) {
	jwt := strings.Repeat("eyJhbGciOiJSUzI1NiIs", 3) + "." + strings.Repeat("eyJpc3MiOiJodHRwczov", 3) + "." + strings.Repeat("c2lnbmF0dXJlLXNpZ25h", 3)
	for _, value := range []string{secret, randomText(16), randomText(32), jwt} {
		var out bytes.Buffer
		log := slog.New(NewLibraryLog(zerolog.New(&out)))
		log.Warn("not found: "+value, slog.String("description", "code "+value+" is unknown"), slog.Any("parent", errors.New(value)), slog.Any("list", []string{value}))
		for piece := range strings.SplitSeq(value, ".") {
			if strings.Contains(out.String(), piece) {
				t.Errorf("logged: %s", out.String())
			}
		}
	}
}

func TestTheLogOfALibraryKeepsWhatHelps(t *testing.T) {
	var out bytes.Buffer
	e := oidc.ErrInvalidRequest().WithDescription("The requested redirect_uri is missing")
	slog.New(NewLibraryLog(zerolog.New(&out))).Warn("request error", slog.Any("oidc_error", e), slog.Int("status_code", 400))
	for _, want := range []string{`"level":"warn"`, "request error", "invalid_request", "redirect_uri is missing", `"status_code":400`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s lacks %s", out.String(), want)
		}
	}
}

// The provider library logs only through slog's default, so the test checks the log of a whole flow.
func TestTheProviderLogsNoStateOfAFlow(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(NewLibraryLog(zerolog.New(&out))))
	t.Cleanup(func() { slog.SetDefault(before) })
	s := newSite(t, nil, nil)
	b := s.browser()
	to, err := url.Parse(b.do("GET", "/auth/sign-in", nil).header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	for name, value := range map[string]string{"redirect_uri": "https://evil.example/", "response_type": "token", "scope": "nothing", "client_id": "nobody"} {
		bad := maps.Clone(q)
		bad.Set(name, value)
		b.do("GET", to.Path+"?"+bad.Encode(), nil)
	}
	if !strings.Contains(out.String(), "invalid") && !strings.Contains(out.String(), "error") {
		t.Fatalf("the library logged nothing: %s", out.String())
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if strings.Contains(out.String(), q.Get(name)) {
			t.Errorf("%s stands in the log: %s", name, out.String())
		}
	}
}

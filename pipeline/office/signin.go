package office

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/time/rate"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Causes of a refused sign-in, as counted. To the sender all causes but limited look alike.
const (
	signInNone    = "no_token"
	signInUnknown = "unknown_token"
	signInExpired = "expired" // valid_to is past
	signInNoEnd   = "no_end"  // valid_to is missing, or more than a year ahead
	signInEarly   = "not_yet" // valid_from lies ahead
	signInDouble  = "doubled" // more than one Authorization header
	signInLimited = "limited" // too many failures from one address
)

func signInCauses() []string {
	return []string{signInNone, signInUnknown, signInExpired, signInNoEnd, signInEarly, signInDouble, signInLimited}
}

// ErrSignInEnded reports a browser sign-in that is over or never existed.
var ErrSignInEnded = errors.New("the sign-in has ended")

// Bounds for failed sign-ins from one address.
const (
	failuresPerMinute = 10   // with bursts twice as large
	maxStrangers      = 4096 // addresses in memory; a new address evicts the least recent failure
)

// strangers bounds failed sign-ins per address. Safe for concurrent use. A forgotten address gets a fresh burst. An
// attacker with thousands of addresses is therefore bounded by the number of addresses, and memory stays bounded.
type strangers struct {
	now       func() time.Time
	perMinute int

	mu     sync.Mutex // guards the fields below
	recent *list.List // *stranger values, latest failure first
	by     map[string]*list.Element
}

type stranger struct {
	address string
	limit   *rate.Limiter
	told    time.Time // time of the last logged failure
	silent  int       // failures since then, not logged
}

func newStrangers(now func() time.Time, perMinute int) *strangers {
	return &strangers{now: now, perMinute: perMinute, recent: list.New(), by: map[string]*list.Element{}}
}

// countFailure notes a failure. limited reports that the address failed too often. tell reports whether to log the failure,
// at most once a minute, and silent counts the unlogged failures before.
func (s *strangers) countFailure(address string) (limited, tell bool, silent int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e := s.by[address]
	if e == nil {
		if s.recent.Len() >= maxStrangers {
			oldest := s.recent.Back()
			delete(s.by, oldest.Value.(*stranger).address)
			s.recent.Remove(oldest)
		}
		e = s.recent.PushFront(&stranger{address: address, limit: rate.NewLimiter(rate.Limit(float64(s.perMinute)/60), 2*s.perMinute)})
		s.by[address] = e
	}
	s.recent.MoveToFront(e)
	who := e.Value.(*stranger)
	limited = !who.limit.AllowN(now, 1)
	if !who.told.IsZero() && now.Sub(who.told) < time.Minute {
		who.silent++
		return limited, false, 0
	}
	silent, who.told, who.silent = who.silent, now, 0
	return limited, true, silent
}

// addressIn returns a connection's address. A header is never used, because the sender writes headers. IPv6 addresses
// are reduced to the /64 prefix that one subscriber has.
func addressIn(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String() + "/64"
}

// signIn returns the user of the request's token, or answers the request and returns nil. Every bad token gets the same
// answer. After too many failures an address gets 429. A good token is still accepted from such an address: a whole
// office may share one address, and a token cannot be guessed like a password.
func (o *Office) signIn(api huma.API, ctx huma.Context) *SignedIn {
	if who, done := o.signInByCookie(api, ctx); done {
		return who
	}
	var given []string
	ctx.EachHeader(func(name, value string) {
		if strings.EqualFold(name, "Authorization") {
			given = append(given, value)
		}
	})
	cause, user := signInNone, (*access.User)(nil)
	if len(given) > 1 {
		cause = signInDouble
	} else if len(given) == 1 {
		if token, ok := strings.CutPrefix(given[0], "Bearer "); ok && token != "" {
			user, cause = o.userOf(token)
		}
	}
	if user != nil {
		return &SignedIn{User: user, SignIn: user.TokenID()}
	}
	address := addressIn(ctx.RemoteAddr())
	limited, tell, silent := o.strangers.countFailure(address)
	if limited {
		cause = signInLimited
	}
	o.cfg.Metrics.SignIns.WithLabelValues(cause).Inc()
	if tell {
		o.cfg.Logger.Warn().Str("address", address).Str("cause", cause).Int("not_logged_before", silent).Msg("sign-in refused")
	}
	if limited {
		until := time.Now().Add(time.Minute)
		p := newProblem(http.StatusTooManyRequests, codeTooMany, "too many requests without the token of a user; wait a minute")
		p.Until = &until
		writeError(api, ctx, p)
		return nil
	}
	ctx.SetHeader("WWW-Authenticate", `Bearer realm="anpr office"`)
	writeError(api, ctx, newProblem(http.StatusUnauthorized, codeNotSignedIn, "send the token of a user of this office as Authorization: Bearer"))
	return nil
}

// signInByCookie returns the person with a browser sign-in. done is false for a request without a sign-in. A nil person
// with done means that the request is already answered.
func (o *Office) signInByCookie(api huma.API, ctx huma.Context) (who *SignedIn, done bool) {
	if o.cfg.SignedIn == nil {
		return nil, false
	}
	r, _ := humago.Unwrap(ctx)
	who, err := o.cfg.SignedIn(r)
	switch {
	case errors.Is(err, ErrSignInEnded):
		writeError(api, ctx, newProblem(http.StatusUnauthorized, "sign_in_expired", "the sign-in has ended; sign in again"))
		return nil, true
	case err != nil:
		o.cfg.Logger.Error().Err(err).Msg("sign-ins cannot be read")
		writeError(api, ctx, newProblem(http.StatusServiceUnavailable, codeStoreDown, "sign-ins cannot be read now; try again in a few minutes"))
		return nil, true
	}
	return who, who != nil
}

// userOf returns the user of a currently valid token, or the cause of the refusal.
func (o *Office) userOf(token string) (*access.User, string) {
	user, ok := o.cfg.Users.FindByToken(token)
	now := schemas.MicrosOf(o.cfg.Now())
	switch {
	case !ok:
		return nil, signInUnknown
	case user.From != 0 && now < user.From:
		return nil, signInEarly
	case user.To != 0 && now >= user.To:
		return nil, signInExpired
	case !user.TokenEnds(now):
		return nil, signInNoEnd
	}
	return user, ""
}

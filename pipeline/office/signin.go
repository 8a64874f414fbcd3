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

// Causes of a refused sign-in, as counted. To the sender all but limited look alike.
const (
	signInNone    = "no_token"
	signInUnknown = "unknown_token"
	signInExpired = "expired" // valid_to is past
	signInNoEnd   = "no_end"  // no valid_to, or one that lies more than a year ahead
	signInEarly   = "not_yet" // valid_from is to come
	signInDouble  = "doubled" // more than one Authorization
	signInLimited = "limited" // too many failures from one address
)

func signInCauses() []string {
	return []string{signInNone, signInUnknown, signInExpired, signInNoEnd, signInEarly, signInDouble, signInLimited}
}

// ErrSignInEnded says that a sign-in of a browser is over, or never was.
var ErrSignInEnded = errors.New("the sign-in has ended")

// Bounds of failed sign-ins from one address.
const (
	failuresPerMinute = 10   // with a burst of twice as many
	maxStrangers      = 4096 // addresses that are kept in mind; the one that failed longest ago is forgotten first
)

// strangers bounds the failed sign-ins of every address. Safe for concurrent use. An address that is forgotten has its burst again, so who
// has thousands of addresses is bounded by them alone, and memory is not.
type strangers struct {
	now       func() time.Time
	perMinute int

	mu     sync.Mutex // guards what follows
	recent *list.List // of *stranger, the latest failure first
	by     map[string]*list.Element
}

type stranger struct {
	address string
	limit   *rate.Limiter
	told    time.Time // when a failure was logged last
	silent  int       // failures since that were not
}

func newStrangers(now func() time.Time, perMinute int) *strangers {
	return &strangers{now: now, perMinute: perMinute, recent: list.New(), by: map[string]*list.Element{}}
}

// failed notes a failure, and reports whether the address has failed too often, whether the failure is to be logged, which one a minute is, and how many
// before it were not.
func (s *strangers) failed(address string) (limited, tell bool, silent int) {
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

// addressIn is the address of a connection, never of a header, which the sender writes. IPv6 goes by /64, what one subscriber has.
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

// signIn returns whose token a request carries, or answers it and returns nil. The answer is the same whatever is wrong with the
// token. One address is told 429 after too many failures; the token of a user is taken from it all the same, because a whole office may
// stand behind one address, and a token is no password that could be guessed.
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
	limited, tell, silent := o.strangers.failed(address)
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

// signInByCookie returns who is signed in with a browser. done is false for a request without a sign-in; nil and done mean that the request
// was answered.
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

// userOf returns the user of a token that is valid now, or the cause why there is none.
func (o *Office) userOf(token string) (*access.User, string) {
	user, ok := o.cfg.Users.Find(token)
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

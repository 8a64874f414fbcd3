package office

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Causes of a refused sign-in, as counted. To the sender all but limited look alike.
const (
	signInNone    = "no_token"
	signInUnknown = "unknown_token"
	signInExpired = "expired" // valid_to is past
	signInEarly   = "not_yet" // valid_from is to come
	signInDouble  = "doubled" // more than one Authorization
	signInLimited = "limited" // too many failures from one address
)

func signInCauses() []string {
	return []string{signInNone, signInUnknown, signInExpired, signInEarly, signInDouble, signInLimited}
}

// Bounds of failed sign-ins from one address.
const (
	failuresPerMinute = 10
	failureBurst      = 20
	maxStrangers      = 4096 // addresses that are kept in mind; the one that failed longest ago is forgotten first
)

// strangers bounds the failed sign-ins of every address. Safe for concurrent use. An address that is forgotten has its burst again, so who
// has thousands of addresses is bounded by them alone, and memory is not.
type strangers struct {
	now func() time.Time

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

func newStrangers(now func() time.Time) *strangers {
	return &strangers{now: now, recent: list.New(), by: map[string]*list.Element{}}
}

// blocked reports whether an address has failed too often to be heard now.
func (s *strangers) blocked(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.by[address]
	return e != nil && e.Value.(*stranger).limit.TokensAt(s.now()) < 1
}

// failed notes a failure, and reports whether it is to be logged and how many before it were not: one a minute and address is.
func (s *strangers) failed(address string) (tell bool, silent int) {
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
		e = s.recent.PushFront(&stranger{address: address, limit: rate.NewLimiter(rate.Every(time.Minute/failuresPerMinute), failureBurst)})
		s.by[address] = e
	}
	s.recent.MoveToFront(e)
	who := e.Value.(*stranger)
	who.limit.AllowN(now, 1)
	if !who.told.IsZero() && now.Sub(who.told) < time.Minute {
		who.silent++
		return false, 0
	}
	silent, who.told, who.silent = who.silent, now, 0
	return true, silent
}

// addressOf is the address a request came from: of the connection, never of a header, which the sender writes. IPv6 goes by /64, what one
// subscriber has.
func addressOf(r *http.Request) string { return addressIn(r.RemoteAddr) }

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

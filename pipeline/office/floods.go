package office

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// floods remembers each user's last logged flood. The zero value is ready. Safe for concurrent use.
type floods struct {
	mu   sync.Mutex
	told map[string]time.Time // by user; as many keys as users
}

// noteFlood reports whether to log the user's flood now: once a minute.
func (f *floods) noteFlood(user string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.told[user]; ok && now.Sub(at) < time.Minute {
		return false
	}
	if f.told == nil {
		f.told = map[string]time.Time{}
	}
	f.told[user] = now
	return true
}

// retryAfter returns the seconds to wait after a 429; 0 for any other problem.
func (p *Problem) retryAfter() int {
	switch {
	case p.Status != http.StatusTooManyRequests:
		return 0
	case p.Until == nil:
		return 1
	}
	return max(1, int(time.Until(*p.Until)/time.Second)+1)
}

// withRetryAfter adds a Retry-After header to a limit's problem.
func withRetryAfter(err error) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.retryAfter() == 0 {
		return err
	}
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(p.retryAfter())}})
}

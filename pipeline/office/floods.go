package office

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// floods remembers when a flood of a user was logged last. The zero value is ready. Safe for concurrent use.
type floods struct {
	mu   sync.Mutex
	told map[string]time.Time // by user: as many as there are users
}

// tell reports whether a flood of the user is to be logged now: once a minute.
func (f *floods) tell(user string, now time.Time) bool {
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

// retryAfter is how many seconds a client waits after a 429; 0 = the problem is another.
func (p *Problem) retryAfter() int {
	switch {
	case p.Status != http.StatusTooManyRequests:
		return 0
	case p.Until == nil:
		return 1
	}
	return max(1, int(time.Until(*p.Until)/time.Second)+1)
}

// withRetryAfter says to clients that wait when a limit is over.
func withRetryAfter(err error) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.retryAfter() == 0 {
		return err
	}
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(p.retryAfter())}})
}

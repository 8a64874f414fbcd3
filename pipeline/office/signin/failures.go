package signin

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxAddresses bounds the addresses in memory. The address with the oldest failure is dropped first.
const maxAddresses = 4096

// failures limits the log entries about failed sign-ins: one entry a minute for each pair of address and account. Safe
// for concurrent use.
type failures struct {
	now func() time.Time

	mu     sync.Mutex // guards the fields below
	recent *list.List // *failing, the latest failure first
	by     map[string]*list.Element
}

type failing struct {
	address string // address and account
	told    time.Time
	silent  int
}

func newFailures(now func() time.Time) *failures {
	return &failures{now: now, recent: list.New(), by: map[string]*list.Element{}}
}

// noteFailure counts a failure. tell reports whether to log the failure; silent counts the unlogged failures before.
func (f *failures) noteFailure(address string) (tell bool, silent int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	e := f.by[address]
	if e == nil {
		if f.recent.Len() >= maxAddresses {
			oldest := f.recent.Back()
			delete(f.by, oldest.Value.(*failing).address)
			f.recent.Remove(oldest)
		}
		f.by[address] = f.recent.PushFront(&failing{address: address, told: now})
		return true, 0
	}
	f.recent.MoveToFront(e)
	who := e.Value.(*failing)
	if now.Sub(who.told) < time.Minute {
		who.silent++
		return false, 0
	}
	silent, who.told, who.silent = who.silent, now, 0
	return true, silent
}

// recordFailure logs a failed sign-in. The error means that the look-up log could not be written.
func (s *Service) recordFailure(r *http.Request, user, cause string) error {
	return s.recordFailureAt(r, user, "", cause)
}

// recordFailureAt logs a failed sign-in at an account. The typed name is logged only if a user has that name: any
// other text may be a password in the wrong field.
func (s *Service) recordFailureAt(r *http.Request, user, account, cause string) error {
	if _, ok := userNamed(s.cfg.Users, account); !ok {
		account = ""
	}
	address := addressOf(r)
	tell, silent := s.failures.noteFailure(address + " " + account)
	s.cfg.Logger.Warn().Str("address", address).Str("cause", cause).Msg("sign-in refused")
	if !tell {
		return nil
	}
	_, err := s.cfg.Record(r.Context(), IdentityEvent{Kind: EventFailure, User: user, Account: account, Address: address, Cause: cause, Silent: silent})
	if err != nil {
		s.cfg.Logger.Error().Err(err).Msg("failed sign-in not written to the look-up log")
	}
	return err
}

// addressOf returns the address of the connection. Headers do not count, because the sender writes them.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

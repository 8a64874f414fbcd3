package signin

import (
	"container/list"
	"net"
	"net/http"
	"sync"
	"time"
)

const maxAddresses = 4096 // that are kept in mind; the one that failed longest ago is forgotten first

// failures says which failed sign-ins have an entry of their own: one a minute, address and account. Safe for concurrent use.
type failures struct {
	now func() time.Time

	mu     sync.Mutex // guards what follows
	recent *list.List // of *failing, the latest first
	by     map[string]*list.Element
}

type failing struct {
	address string // and account
	told    time.Time
	silent  int
}

func newFailures(now func() time.Time) *failures {
	return &failures{now: now, recent: list.New(), by: map[string]*list.Element{}}
}

// noteFailure counts a failure, and reports whether it is to be logged and how many before it were not.
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

// recordFailure logs a failed sign-in. The error says that the log could not be written.
func (s *Service) recordFailure(r *http.Request, user, cause string) error {
	return s.recordFailureAt(r, user, "", cause)
}

// recordFailureAt logs a failed sign-in at an account. What was typed is logged when a user has that name: other texts may
// be a password in the wrong field.
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
	_, err := s.cfg.Record(r.Context(), Event{Kind: EventFailure, User: user, Account: account, Address: address, Cause: cause, Silent: silent})
	if err != nil {
		s.cfg.Logger.Error().Err(err).Msg("failed sign-in not written to the look-up log")
	}
	return err
}

// addressOf is the address of the connection, never of a header, which the sender writes.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

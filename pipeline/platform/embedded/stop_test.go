package embedded

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// While an engine with accounts stops, nobody without a password is answered: the account default stays shut until
// the process is gone.
func TestAStoppingEngineAnswersNobodyWithoutAPassword(t *testing.T) {
	s := newSecured(t)
	var answered, asked atomic.Int64
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second} // a single connection, kept
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTPAddr()+"/", strings.NewReader("SELECT 1"))
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := client.Do(req)
				if err != nil {
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				asked.Add(1)
				if resp.StatusCode == http.StatusOK {
					answered.Add(1)
				}
			}
		})
	}
	for asked.Load() < 200 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the engine answers nobody at all")
		}
	}
	stop, done := context.WithTimeout(t.Context(), 20*time.Second)
	defer done()
	if err := s.Stop(stop); err != nil {
		t.Error("stop: ", err)
	}
	cancel()
	all.Wait()
	if n := answered.Load(); n > 0 {
		t.Errorf("%d of %d questions without a password were answered", n, asked.Load())
	}
}

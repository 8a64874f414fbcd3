package embedded

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// mortal is an engine that ends on command.
type mortal struct {
	done    chan struct{}
	stopped bool
}

func (m *mortal) Done() <-chan struct{}      { return m.done }
func (m *mortal) Err() error                 { return errors.New("killed") }
func (m *mortal) Stop(context.Context) error { m.stopped = true; return nil }

func newMortal() *mortal { return &mortal{done: make(chan struct{})} }

func TestAnEngineThatDiesIsStartedAgainAndGivenUpOnlyWhenItCannotBe(t *testing.T) {
	for _, c := range []struct {
		name   string
		deaths int           // in turn
		life   time.Duration // time from a start to the death
		fails  int           // starts in a row that fail after the last death
		says   string        // "" = the engine runs
	}{
		{"killed once", 1, time.Hour, 0, ""},
		{"starts that fail at first", 1, time.Hour, startTries - 1, ""},
		{"it cannot be started", 1, time.Hour, startTries, "could not be started again: no port; wait"},
		{"killed often, but with long lives", 3 * quickDeaths, 2 * crashLoopSpan, 0, ""},
		{"it keeps dying", quickDeaths + 1, time.Second, 0, "died 41 times in a row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				died, failed := 0, 0
				s := Supervise(t.Context(), newMortal(), Supervision[*mortal]{Name: "Engine", GivenUp: "wait", Logger: zerolog.Nop(), Start: func(context.Context) (*mortal, error) {
					if died == c.deaths && failed < c.fails {
						failed++
						return nil, errors.New("no port")
					}
					return newMortal(), nil
				}})
				for died < c.deaths {
					time.Sleep(c.life)
					died++
					close(s.Current().done)
					time.Sleep(11 * time.Second) // the longest pause between two starts
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				select {
				case err := <-s.Dead():
					if c.says == "" || !strings.Contains(err.Error(), c.says) {
						t.Errorf("given up: %v, want %q", err, c.says)
					}
				default:
					if c.says != "" {
						t.Errorf("it goes on; want %q", c.says)
					}
				}
				last := s.Current()
				if err := s.Stop(t.Context()); err != nil || !last.stopped {
					t.Errorf("stop: %v, stopped %t", err, last.stopped)
				}
			})
		})
	}
}

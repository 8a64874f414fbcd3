package gateway

import (
	"testing"

	"github.com/gvc-brussels/anpr/schemas"
)

// clockStory plays a camera's reads to the clock watch and counts the suspected ones.
type clockStory struct {
	clockWatch
	now             schemas.Micros
	reads, suspects int
}

// read is a read received now and captured delay before.
func (s *clockStory) read(delay schemas.Micros) bool {
	bad := s.isSuspect("c", s.now-delay, s.now, false)
	s.recordRead("c", s.now-delay, s.now)
	s.reads++
	if bad {
		s.suspects++
	}
	return bad
}

// live plays n reads at intervals of every seconds, with a clock wrong by skew: positive means behind.
func (s *clockStory) live(n int, every, skew schemas.Micros) {
	for range n {
		s.now += every
		s.read(skew + 800*schemas.Millisecond)
	}
}

// dump is a backlog of n reads captured evenly over a silence that has just ended, sent 20 a second.
func (s *clockStory) dump(n int, silence schemas.Micros, lifo bool) {
	end := s.now
	for i := range n {
		s.now += schemas.Second / 20
		k := schemas.Micros(i)
		if lifo {
			k = schemas.Micros(n - 1 - i)
		}
		s.read(s.now - (end - silence + (silence/schemas.Micros(n))*k))
	}
}

func newStory() *clockStory { return &clockStory{now: 1_795_000_000 * schemas.Second} }

const second, minute, hour = schemas.Second, schemas.Minute, schemas.Hour

func TestAClockThatJumpsIsSuspectAtOnce(t *testing.T) {
	for name, jump := range map[string]schemas.Micros{
		"2 h back": 2 * hour, "2 h ahead": -2 * hour, "5 min back": 5 * minute, "5 min ahead": -5 * minute, "1 h back, summer time": hour,
		"1 h ahead, summer time": -hour, "40 days back": 40 * 24 * hour,
	} {
		s := newStory()
		s.live(50, 7*second, 0)
		if s.suspects != 0 {
			t.Errorf("%s: %d of 50 reads of a right clock are suspect", name, s.suspects)
		}
		s.live(50, 7*second, jump)
		if s.suspects != 50 {
			t.Errorf("%s: %d of 50 reads are suspect, want all", name, s.suspects)
		}
		s.live(50, 7*second, 0)
		if s.suspects != 50 {
			t.Errorf("%s: %d reads are suspect after the repair", name, s.suspects-50)
		}
	}
}

func TestABacklogIsNoWrongClock(t *testing.T) {
	for name, f := range map[string]func(s *clockStory){
		"oldest first": func(s *clockStory) { s.dump(3000, 6*hour, false) },
		"newest first": func(s *clockStory) { s.dump(3000, 6*hour, true) },
		"live reads in between": func(s *clockStory) {
			for range 30 {
				s.dump(100, 6*hour, false)
				s.live(1, second, 0)
			}
		},
		"72 hours":     func(s *clockStory) { s.dump(9000, 72*hour, false) },
		"five minutes": func(s *clockStory) { s.dump(40, 5*minute, false) },
	} {
		for _, known := range []bool{true, false} { // false: the gateway was started meanwhile
			s := newStory()
			if known {
				s.live(20, 5*second, 0)
			}
			silence := map[bool]schemas.Micros{true: 6 * hour, false: 0}[known]
			if name == "72 hours" {
				silence *= 12
			}
			s.now += silence
			if !known && (name == "live reads in between" || name == "newest first") {
				continue // not known that it was silent, and live reads come before old ones: held, to be safe
			}
			f(s)
			s.live(20, 5*second, 0)
			if s.suspects != 0 {
				t.Errorf("%s, silence seen %v: %d of %d reads are suspect", name, known, s.suspects, s.reads)
			}
		}
	}
}

// TestAClockThatWasNeverRightIsFoundInAMinute: the gateway starts when the clock is wrong already, or the camera comes
// back from a silence with a wrong clock.
func TestAClockThatWasNeverRightIsFoundInAMinute(t *testing.T) {
	for name, before := range map[string]func(s *clockStory){
		"gateway just started": func(*clockStory) {},
		"after three hours of silence": func(s *clockStory) {
			s.live(20, 5*second, 0)
			s.now += 3 * hour
		},
	} {
		s := newStory()
		before(s)
		s.live(14, 5*second, 2*hour) // 70 s
		early := s.suspects
		s.live(40, 5*second, 2*hour)
		if s.suspects-early != 40 {
			t.Errorf("%s: %d of 40 reads after the first minute are suspect, want all", name, s.suspects-early)
		}
	}
}

func TestDriftIsSuspectBeyondHalfAMinute(t *testing.T) {
	s := newStory()
	for i := range 400 {
		s.now += 10 * second
		skew := schemas.Micros(i) * 100 * schemas.Millisecond // 1 % slow
		if got, want := s.read(skew), skew > 30*second; got != want {
			t.Fatalf("%d us behind: suspect %v, want %v", skew, got, want)
		}
	}
}

// TestASuspectClockIsReportedOnceAnHour: a log line a camera, not a read.
func TestASuspectClockIsReportedOnceAnHour(t *testing.T) {
	s := newStory()
	lines := 0
	for range 3 * 360 {
		s.live(1, 10*second, 2*hour)
		if s.claimReport("c", s.now) {
			lines++
		}
	}
	if lines != 3 {
		t.Errorf("%d lines in three hours, want 3", lines)
	}
}

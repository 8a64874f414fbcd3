package shard

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/schemas"
)

// logStart is the log time at which the logs of these tests begin.
const logStart = schemas.Micros(1_795_000_000_000_000)

// TestAPassageIsDecidedWhileAWildClockSpeaks: log time goes on by what the right gateway says, and by what the wrong one says.
func TestAPassageIsDecidedWhileAWildClockSpeaks(t *testing.T) {
	at := logStart
	c := logClock{}
	for i := range schemas.Micros(100) {
		c.hearRecord(at+i*schemas.Second, 3*schemas.Second)
		if i%2 == 0 {
			c.hearRecord(at+i*schemas.Second+400*24*schemas.Hour, 3*schemas.Second)
		}
		if passed := c.now - at; passed != i*schemas.Second {
			t.Fatalf("after %d s log time has moved by %d s", i, passed/schemas.Second)
		}
	}
	if c.activeReceipt() != at+99*schemas.Second || c.earliestReceipt() != at+99*schemas.Second {
		t.Errorf("the log's clock shows %v and %v, want what the right gateway says", c.activeReceipt(), c.earliestReceipt())
	}
}

// TestTheClockNeverGoesBackNorStepsFar: whatever is heard.
func TestTheClockNeverGoesBackNorStepsFar(t *testing.T) {
	const reach = 6 * schemas.Second
	rapid.Check(t, func(t *rapid.T) {
		var c logClock
		c.hearRecord(logStart, reach)
		for _, ms := range rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(-5000, 5000), rapid.Int64Range(-400*86_400_000, 400*86_400_000)), 1, 200).Draw(t, "times") {
			before := c
			moved := c.hearRecord(logStart+schemas.Micros(ms)*schemas.Millisecond, reach)
			if c.now < before.now || c.now > before.now+reach || moved != (c.now > before.now) {
				t.Fatalf("from %d to %d, moved %v", before.now, c.now, moved)
			}
			if back := resumedClock(c.now, c.anchorMarks()); back != c {
				t.Fatalf("resumed as %+v, was %+v", back, c)
			}
		}
	})
}

// TestATickCarriesWhatHasPassed: whatever clocks were heard, the owner's tick moves log time by what it says.
func TestATickCarriesWhatHasPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c logClock
		for _, ms := range rapid.SliceOfN(rapid.Int64Range(-400*86_400_000, 400*86_400_000), 1, 20).Draw(t, "times") {
			c.hearRecord(logStart+schemas.Micros(ms)*schemas.Millisecond, 6*schemas.Second)
		}
		passed := schemas.Micros(rapid.Int64Range(1, 120_000).Draw(t, "passed")) * schemas.Millisecond
		before := c.now
		c.hearRecord(c.tickAt(passed), tickReach)
		if c.now != before+min(passed, tickReach) {
			t.Fatalf("a tick of %v moves log time by %v", passed, c.now-before)
		}
	})
}

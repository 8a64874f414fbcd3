package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/cmd/flags"
)

// A slow result is never called wrong, and a wrong result is never called slow.
func TestADemoTellsWrongFromTooSlow(t *testing.T) {
	const exact, wrong = 0, 1
	whole := demoSummary{Produced: 10, Stored: 8, Merged: 1, Rejected: 1}
	missing, extra := &bench.TruthReport{}, &bench.TruthReport{}
	*missing.Of("hits"), *missing.Of("lez") = bench.ResultTally{Expected: 3, Found: 3}, bench.ResultTally{Expected: 2, Found: 1, Missing: 1}
	repeated := &bench.TruthReport{}
	*repeated.Of("hits") = bench.ResultTally{Expected: 3, Found: 3, Optional: 2}
	*extra.Of("speed") = bench.ResultTally{Extra: 1}
	for _, c := range []struct {
		name string
		sum  demoSummary
		run  demoRun
		code int
		says string
	}{
		{"all is there, at once", whole, demoRun{truth: &bench.TruthReport{}, hits: latencies{n: 5, p99: 300}}, exact, ""},
		{"a record is missing", demoSummary{Produced: 10, Stored: 9}, demoRun{}, wrong, "1 records"},
		{"a record is missing on a slow machine", demoSummary{Produced: 10, Stored: 9, visible99: 90_000}, demoRun{notSent: 4}, wrong, "not exact"},
		{"an offence is no case", demoSummary{Produced: 10, Stored: 10, Cases: demoCases{All: 4, Taken: 4, Offences: 5}}, demoRun{}, wrong, "4 of 5"},
		{"a row is there twice", demoSummary{Produced: 9, Stored: 9, Duplicates: 2}, demoRun{}, wrong, "2 rows"},
		{"a verdict is missing", whole, demoRun{truth: missing}, wrong, "lez"},
		{"a verdict is too many", whole, demoRun{truth: extra}, wrong, "speed"},
		{"a verdict is too many and reads were not sent", whole, demoRun{truth: extra, notSent: 3}, wrong, "speed"},
		{"reads were never sent, so their verdicts are not there", whole, demoRun{truth: missing, notSent: 3}, exitTooSlow, "3 reads"},
		{"hits are late", whole, demoRun{truth: &bench.TruthReport{}, hits: latencies{n: 5, p99: 8_000}}, exitTooSlow, "8.0 s"},
		{"hits came again, for reads that were sent much later", whole, demoRun{truth: repeated}, exitTooSlow, "2 listed vehicles"},
		{"rows are late", demoSummary{visible99: 40_000}, demoRun{truth: &bench.TruthReport{}}, exitTooSlow, "40.0 s"},
		{"an earlier run finishes now", whole, demoRun{truth: extra, resumed: true}, exact, ""},
		{"Ctrl-C", whole, demoRun{truth: missing, notSent: 9, cut: true}, exact, ""},
	} {
		c.sum.recordProblems(c.run)
		err := c.sum.exitError()
		code := exact
		if err != nil {
			code = wrong
			if own, ok := errors.AsType[*flags.ExitError](err); ok {
				code = own.Code
			}
		}
		if code != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: exit code %d, %v; want %d and %q", c.name, code, err, c.code, c.says)
		}
	}
}

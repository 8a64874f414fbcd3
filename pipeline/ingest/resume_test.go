package ingest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestResumeDecisionTable has every relation between the group's commit, the log and the batches rows.
func TestResumeDecisionTable(t *testing.T) {
	plan := func(start, end, rewind int64) string { return Plan{Start: start, End: end, Rewind: rewind}.String() }
	none, upTo := StoredExtent{}, func(end int64) StoredExtent { return StoredExtent{end, true} }
	const goes = "" // goes on
	for _, c := range []struct {
		name       string
		offset     int64
		metadata   string
		log        logBounds
		led        StoredExtent
		start, end int64  // of the plan, when it goes on
		stop       string // part of the error
	}{
		{"first start", -1, "", logBounds{0, 500}, none, 0, 0, goes},
		{"first start on an empty log", -1, "", logBounds{0, 0}, none, 0, 0, goes},
		{"first start, the log begins later: truncated", -1, "", logBounds{40, 500}, none, 0, 0, "records [0, 40) left it"},
		{"commits lost, tables not", -1, "", logBounds{0, 500}, upTo(300), 0, 0, "offset to 300 by hand"},

		{"between batches", 300, plan(300, 300, 10), logBounds{0, 500}, upTo(300), 300, 300, goes},
		{"between batches, at the end of the log", 500, plan(500, 500, 10), logBounds{0, 500}, upTo(500), 500, 500, goes},
		{"between batches, the log begins here", 300, plan(300, 300, 10), logBounds{300, 500}, upTo(300), 300, 300, goes},
		{"under way, nothing inserted: before", 300, plan(300, 400, 10), logBounds{0, 500}, upTo(300), 300, 400, goes},
		{"under way, all inserted: same", 300, plan(300, 400, 10), logBounds{0, 500}, upTo(400), 300, 400, goes},
		{"first batch under way, nothing inserted", 0, plan(0, 100, 0), logBounds{0, 500}, none, 0, 100, goes},
		{"first batch under way, all inserted", 0, plan(0, 100, 0), logBounds{0, 500}, upTo(100), 0, 100, goes},
		{"first batch of a start set by hand", 200, plan(200, 300, 0), logBounds{0, 500}, none, 200, 300, goes},

		{"under way, another range inserted: overlap", 300, plan(300, 400, 10), logBounds{0, 500}, upTo(350), 0, 0, "would store records twice"},
		{"under way, a longer range inserted: contains", 300, plan(300, 400, 10), logBounds{0, 500}, upTo(450), 0, 0, "would store records twice"},
		{"between batches, the tables are ahead: overlap", 300, plan(300, 300, 10), logBounds{0, 500}, upTo(301), 0, 0, "would store records twice"},
		{"between batches, the tables are behind: gap", 300, plan(300, 300, 10), logBounds{0, 500}, upTo(299), 0, 0, "less than was committed"},
		{"between batches, the tables are empty: gap", 300, plan(300, 300, 10), logBounds{0, 500}, none, 0, 0, "less than was committed"},
		{"under way, the tables are behind: gap", 300, plan(300, 400, 10), logBounds{0, 500}, upTo(200), 0, 0, "less than was committed"},

		{"retention passed the commit: out of range", 300, plan(300, 300, 10), logBounds{301, 500}, upTo(300), 0, 0, "records [300, 301) left the log"},
		{"retention passed a plan's start", 300, plan(300, 400, 10), logBounds{350, 500}, upTo(300), 0, 0, "records [300, 350) left the log"},
		{"the log was cut below the commit", 300, plan(300, 300, 10), logBounds{0, 299}, upTo(300), 0, 0, "the log ends at 299"},
		{"the log was cut below a planned end", 300, plan(300, 400, 10), logBounds{0, 399}, upTo(300), 0, 0, "the log ends at 399"},
		{"retention passed the horizon only", 300, plan(300, 300, 10), logBounds{200, 500}, upTo(300), 300, 300, goes},

		{"set by hand to where the tables end", 300, "", logBounds{0, 500}, upTo(300), 300, 300, goes},
		{"set by hand on empty tables: rebuild", 0, "", logBounds{0, 500}, none, 0, 0, goes},
		{"set by hand at the end of a log never processed", 500, "", logBounds{0, 500}, none, 500, 500, goes},
		{"set by hand beyond a loss", 350, "", logBounds{350, 500}, upTo(300), 350, 350, goes},
		{"set back by hand, the tables kept", 0, "", logBounds{0, 500}, upTo(300), 0, 0, "offset to 300 by hand"},

		{"metadata of someone else", 300, "hello", logBounds{0, 500}, upTo(300), 0, 0, "parse commit metadata"},
		{"metadata of another offset", 301, plan(300, 300, 10), logBounds{0, 500}, upTo(300), 0, 0, "does not fit"},
		{"metadata of a later version", 300, `{"v":9,"s":300,"e":300}`, logBounds{0, 500}, upTo(300), 0, 0, "version 9"},
	} {
		p, err := planTakeOver(commitState{c.offset, c.metadata}, c.log, c.led, nil)
		switch {
		case c.stop == goes && (err != nil || p.Start != c.start || p.End != c.end):
			t.Errorf("%s: got [%d, %d) %v, want [%d, %d)", c.name, p.Start, p.End, err, c.start, c.end)
		case c.stop != goes && (err == nil || !strings.Contains(err.Error(), c.stop) || !errors.Is(err, ErrStop) && !errors.Is(err, errTablesBehind)):
			t.Errorf("%s: got [%d, %d) %v, want a stop that says %q", c.name, p.Start, p.End, err, c.stop)
		}
	}
}

// runUntilStopped runs a simulation whose world is spoiled when half of the log is committed, and returns how it ended.
func runUntilStopped(t *testing.T, spoil func(m *sim)) *sim {
	t.Helper()
	return runSim(t, 1, profile{workers: 1}, func(m *sim) {
		m.planEvents(func() bool { return false })
		var look func()
		look = func() {
			if m.log.committed[1].offset < 150 {
				m.s.executeAfter(time.Millisecond, "look", look)
				return
			}
			spoil(m)
		}
		m.s.executeAfter(time.Millisecond, "look", look)
	})
}

// TestContradictionsStopTheWorker: a contradiction from the decision table ends Run, and nothing is skipped or stored.
func TestContradictionsStopTheWorker(t *testing.T) {
	restart := func(m *sim) {
		for id := range m.workers {
			m.crashWorker(m.workers[id])
		}
	}
	for _, c := range []struct {
		name, want string
		spoil      func(m *sim)
	}{
		{"retention passes the reader while it runs", "stop", func(m *sim) {
			for p := range m.log.parts {
				m.log.truncateLog(int32(p), m.log.parts[p].end-3)
			}
			restart(m) // the records in its buffers are still good; the next owner meets the hole
		}},
		{"the tables are restored from an older state", "less than was committed", func(m *sim) {
			restart(m)
			for p, ranges := range m.tables.durable {
				m.tables.durable[p] = ranges[:1]
			}
		}},
		{"the offset is set back, the tables kept", "would store records twice", func(m *sim) {
			m.log.committed[1] = simCommit{0, ""}
			restart(m)
		}},
		{"the commits expire", "nothing is committed", func(m *sim) {
			m.log.committed = map[int32]simCommit{}
			restart(m)
		}},
	} {
		m := runUntilStopped(t, c.spoil)
		if len(m.bad) == 0 || !strings.Contains(m.bad[0], "stop") || !strings.Contains(m.bad[0], c.want) {
			t.Errorf("%s: got %q, want a stop that says %q", c.name, m.bad, c.want)
		}
		seen := map[string]bool{}
		for _, row := range m.tables.rows["reads"] {
			if seen[row] {
				t.Errorf("%s: stored twice: %s", c.name, row)
			}
			seen[row] = true
		}
	}
}

package reconcile

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// commit is a commit of partition 0 with a plan; end = start means none under way.
func commit(start, end int64) Commit {
	return Commit{Offset: start, Metadata: ingest.Plan{Start: start, End: end}.String()}
}

func span(start, end int64) BatchesRow {
	n := uint64(end - start)
	return BatchesRow{Start: start, End: end, Fetched: n, Stored: n}
}

// rowsAt shows spans between two readings of the same commit.
func rowsAt(c Commit, spans ...BatchesRow) BatchesView {
	look := map[int32]Commit{0: c}
	return BatchesView{Spans: spans, Before: look, After: look, Since: map[int32]int64{0: 0}}
}

func breachesOf(vs []Violation) (out []Breach) {
	for _, v := range vs {
		out = append(out, v.Breach)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestEachBreachOfTheCommitsIsFound plants each in a history of commits.
func TestEachBreachOfTheCommitsIsFound(t *testing.T) {
	byHand := func(offset int64) Commit { return Commit{Offset: offset} }
	hole := func(c Commit) Commit { c.Hole = true; return c }
	for name, c := range map[string]struct {
		history []Commit
		whole   []Breach // found in a whole history
		samples []Breach // found in samples
	}{
		"in order":                        {[]Commit{commit(0, 10), commit(10, 10), commit(10, 30), commit(30, 40), commit(40, 40)}, nil, nil},
		"the same plan again":             {[]Commit{commit(0, 10), commit(0, 10), commit(10, 10)}, nil, nil},
		"a group that never committed":    {[]Commit{{Offset: -1}, commit(0, 10), commit(10, 10)}, nil, nil},
		"a group deleted":                 {[]Commit{commit(0, 10), commit(10, 10), {Offset: -1}, commit(0, 5), commit(5, 5)}, nil, nil},
		"backwards":                       {[]Commit{commit(0, 10), commit(10, 10), commit(5, 5)}, []Breach{Backwards}, []Breach{Backwards}},
		"backwards by hand":               {[]Commit{commit(0, 10), commit(10, 10), byHand(0)}, []Breach{Backwards}, []Breach{Backwards}},
		"a plan replaced":                 {[]Commit{commit(0, 10), commit(0, 12), commit(12, 12)}, []Breach{PlanChanged}, []Breach{PlanChanged}},
		"a plan given up":                 {[]Commit{commit(0, 10), commit(0, 0)}, []Breach{PlanChanged}, []Breach{PlanChanged}},
		"a commit inside the plan":        {[]Commit{commit(0, 10), commit(5, 5)}, []Breach{Overlap}, []Breach{Overlap}},
		"a commit beyond the plan":        {[]Commit{commit(0, 10), commit(12, 12)}, []Breach{Gap}, nil},
		"a commit without a plan":         {[]Commit{commit(0, 0), commit(10, 10)}, []Breach{CommitUnknown}, nil},
		"a commit by hand":                {[]Commit{commit(0, 10), commit(10, 10), byHand(40)}, []Breach{CommitUnknown}, nil},
		"a jump where commits are hidden": {[]Commit{commit(0, 10), hole(commit(90, 95)), commit(95, 95)}, nil, nil},
		"a plan of another offset":        {[]Commit{{Offset: 7, Metadata: commit(6, 9).Metadata}}, []Breach{Unreadable}, []Breach{Unreadable}},
		"foreign metadata":                {[]Commit{{Offset: 7, Metadata: "consumed by me"}}, []Breach{Unreadable}, []Breach{Unreadable}},
	} {
		for whole, want := range map[bool][]Breach{true: c.whole, false: c.samples} {
			v := ProtocolChecker{Whole: whole}
			var got []Violation
			for _, x := range c.history {
				got = append(got, v.AddCommit(x)...)
			}
			if !slices.Equal(breachesOf(got), want) {
				t.Errorf("%s, whole %v: got %v, want %v", name, whole, got, want)
			}
		}
	}
}

// TestEachBreachOfTheTablesIsFound plants each in the rows of batches.
func TestEachBreachOfTheTablesIsFound(t *testing.T) {
	bad := span(10, 20)
	bad.Merged = 1
	long := span(10, 20)
	long.Fetched, long.Stored = 11, 11
	history := []Commit{commit(0, 10), commit(10, 20), commit(20, 30)}
	for name, c := range map[string]struct {
		rows           BatchesView
		whole, samples []Breach
	}{
		"all there, one under way":      {rowsAt(history[2], span(0, 10), span(10, 20)), nil, nil},
		"the one under way inserted":    {rowsAt(history[2], span(0, 10), span(10, 20), span(20, 30)), nil, nil},
		"a row twice":                   {rowsAt(history[2], span(0, 10), span(0, 10), span(10, 20)), nil, nil},
		"a gap":                         {rowsAt(history[2], span(0, 10)), []Breach{Gap, NoInsert}, []Breach{Gap, NoInsert}},
		"a gap at the beginning":        {rowsAt(history[2], span(10, 20)), []Breach{Gap, NoInsert}, []Breach{Gap, NoInsert}},
		"another range than planned":    {rowsAt(history[2], span(0, 20)), []Breach{NoPlan, NoInsert}, []Breach{NoInsert}},
		"an overlap":                    {rowsAt(history[2], span(0, 10), span(5, 10), span(10, 20)), []Breach{NoPlan, Overlap}, []Breach{Overlap}},
		"a range inside another":        {rowsAt(history[2], span(0, 10), span(10, 20), span(12, 15)), []Breach{NoPlan, Overlap}, []Breach{Overlap}},
		"an insert of no plan":          {rowsAt(history[2], span(0, 10), span(10, 20), span(20, 25)), []Breach{NoPlan}, []Breach{NoPlan}},
		"an insert far ahead":           {rowsAt(history[2], span(0, 10), span(10, 20), span(70, 80)), []Breach{NoPlan}, []Breach{NoPlan}},
		"parts that do not add up":      {rowsAt(history[2], span(0, 10), bad), []Breach{Unbalanced}, []Breach{Unbalanced}},
		"more records than the range":   {rowsAt(history[2], span(0, 10), long), []Breach{Unbalanced}, []Breach{Unbalanced}},
		"tables lost, group remembered": {rowsAt(history[2]), []Breach{Gap, NoInsert}, []Breach{Gap, NoInsert}},
	} {
		for whole, want := range map[bool][]Breach{true: c.whole, false: c.samples} {
			v := ProtocolChecker{Whole: whole}
			for _, x := range history {
				if got := v.AddCommit(x); len(got) > 0 {
					t.Fatal(got)
				}
			}
			slices.Sort(want)
			if got := v.CheckTables(c.rows); !slices.Equal(breachesOf(got), want) {
				t.Errorf("%s, whole %v: got %v, want %v", name, whole, got, want)
			}
			if again := v.CheckTables(c.rows); len(again) > 0 {
				t.Errorf("%s: told twice: %v", name, again)
			}
		}
	}
}

// TestRebuiltRowsAreOfNoPlan shows rows that a restore made in other ranges than were planned.
func TestRebuiltRowsAreOfNoPlan(t *testing.T) {
	for name, c := range map[string]struct {
		spans []BatchesRow
		want  []Breach
	}{
		"rebuilt":            {[]BatchesRow{span(0, 7), span(7, 20), span(20, 30)}, nil},
		"rebuilt with a gap": {[]BatchesRow{span(0, 7), span(8, 20), span(20, 30)}, []Breach{Gap}},
		"and one after it":   {[]BatchesRow{span(0, 20), span(20, 25), span(25, 30)}, []Breach{NoPlan, NoInsert}},
	} {
		v := ProtocolChecker{Whole: true}
		for _, x := range []Commit{commit(0, 10), commit(10, 20), commit(20, 30), commit(30, 30)} {
			v.AddCommit(x)
		}
		rows := rowsAt(commit(30, 30), c.spans...)
		rows.Rebuilt = map[int32]int64{0: 20}
		slices.Sort(c.want)
		if got := v.CheckTables(rows); !slices.Equal(breachesOf(got), c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// model makes a random correct life of a partition: batches, crashes at every step, take-overs.
type model struct {
	rng     *rand.Rand
	commits []Commit
	spans   []BatchesRow
}

func (m *model) live(batches int) {
	var at int64
	for range batches {
		end := at + 1 + m.rng.Int64N(50)
		m.commits = append(m.commits, commit(at, end))
		inserted := false
		for m.rng.IntN(4) == 0 { // a worker dies before or after the insert; the next owner plans the same again
			if !inserted && m.rng.IntN(2) == 0 {
				m.spans = append(m.spans, span(at, end))
				inserted = true
			}
			m.commits = append(m.commits, commit(at, end))
		}
		if !inserted {
			m.spans = append(m.spans, span(at, end))
		}
		if m.rng.IntN(3) == 0 {
			m.commits = append(m.commits, commit(end, end))
		}
		at = end
	}
	m.commits = append(m.commits, commit(at, at))
}

func (m *model) verdict(whole bool) []Violation {
	v := ProtocolChecker{Whole: whole}
	var out []Violation
	for _, c := range m.commits {
		out = append(out, v.AddCommit(c)...)
	}
	return append(out, v.CheckTables(rowsAt(m.commits[len(m.commits)-1], m.spans...))...)
}

// TestTheVerifierAgainstAModel lets correct histories pass and catches every mutant of them.
func TestTheVerifierAgainstAModel(t *testing.T) {
	for seed := range uint64(300) {
		life := func() *model {
			m := &model{rng: rand.New(rand.NewPCG(seed, 0))}
			m.live(20)
			return m
		}
		if got := append(life().verdict(true), life().verdict(false)...); len(got) > 0 {
			t.Fatalf("seed %d: a correct history: %v", seed, got)
		}
		for name, mutate := range map[string]func(*model, *rand.Rand){
			"forgets a plan": func(m *model, r *rand.Rand) {
				i := r.IntN(len(m.spans))
				s := m.spans[i]
				m.commits = slices.DeleteFunc(m.commits, func(c Commit) bool { return c.Metadata == commit(s.Start, s.End).Metadata })
				if i == 0 {
					m.commits = slices.Insert(m.commits, 0, commit(0, 0))
				}
			},
			"loses an insert": func(m *model, r *rand.Rand) { i := r.IntN(len(m.spans)); m.spans = slices.Delete(m.spans, i, i+1) },
			"doubles a part": func(m *model, r *rand.Rand) {
				s := m.spans[r.IntN(len(m.spans))]
				s.Start--
				m.spans = append(m.spans, s)
			},
			"commits backwards": func(m *model, _ *rand.Rand) { m.commits = append(m.commits, commit(3, 3)) },
			"inserts unplanned": func(m *model, _ *rand.Rand) {
				end := m.commits[len(m.commits)-1].Offset
				m.spans = append(m.spans, span(end, end+5))
			},
			"rebuilds another range": func(m *model, r *rand.Rand) {
				i := r.IntN(len(m.spans) - 1)
				m.spans[i].End++
				m.spans[i].Fetched++
				m.spans[i].Stored++
			},
		} {
			m := life()
			mutate(m, rand.New(rand.NewPCG(seed, 1)))
			if got := m.verdict(true); len(got) == 0 {
				t.Errorf("seed %d: a worker that %s was not caught", seed, name)
			}
		}
	}
}

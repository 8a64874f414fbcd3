package reconcile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// Breach names a broken invariant of plan, insert and commit. The set is closed, because a breach is a metric label.
type Breach string

// The breaches.
const (
	Gap         Breach = "gap"                 // offsets below the commit or plan that no insert covers
	Overlap     Breach = "overlap"             // offsets that two inserts cover
	Backwards   Breach = "backwards"           // a commit below an earlier commit
	NoInsert    Breach = "plan_without_insert" // a plan was committed as done, and the batches table lacks the range
	NoPlan      Breach = "insert_without_plan" // the batches table has a range that was never planned
	PlanChanged Breach = "plan_changed"        // a plan under way was replaced by a plan with another range
	Unreadable  Breach = "unreadable_commit"   // the metadata are no plan, or a plan for another offset
	Unbalanced  Breach = "unbalanced_batch"    // fetched != stored + merged + rejected + ticks
	// the committed offset follows from no plan: set by hand, or by a stranger
	CommitUnknown Breach = "commit_without_plan"
)

// Breaches lists every breach.
func Breaches() []Breach {
	return []Breach{Gap, Overlap, Backwards, NoInsert, NoPlan, PlanChanged, Unreadable, Unbalanced, CommitUnknown}
}

// Violation is a broken invariant. [From, To) are the offsets concerned.
type Violation struct {
	Breach    Breach `json:"breach"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	Detail    string `json:"detail"`
}

// String returns the violation in a line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: partition %d, offsets [%d, %d): %s", v.Breach, v.Partition, v.From, v.To, v.Detail)
}

// BatchesRow is a row of batches.
type BatchesRow struct {
	Partition                                int32
	Start, End                               int64
	Fetched, Stored, Merged, Rejected, Ticks uint64
}

// maxPlans bounds the plans that a partition's history keeps until their inserts are seen.
const maxPlans = 100_000

// ProtocolChecker compares commits of a consumer group, in order, and rows of batches with the invariants of the
// delivery protocol. The checker does no input or output, so it serves the running system and tests alike. Not
// safe for concurrent use.
type ProtocolChecker struct {
	// Whole means that every commit is added, as from __consumer_offsets. Otherwise commits are samples: plans and
	// commits between two samples go unseen, and the checker applies only the invariants of samples.
	Whole bool
	parts map[int32]*commitHistory
}

// commitHistory is the known history of a partition.
type commitHistory struct {
	known bool
	plan  ingest.Plan           // from the last commit
	plans map[[2]int64]struct{} // ranges planned and not yet seen inserted
	since int64                 // plans of ranges from here on are in plans, if Whole
	told  map[[3]int64]struct{} // violations of tables already reported; each is reported once
}

func (v *ProtocolChecker) historyOf(p int32) *commitHistory {
	if v.parts == nil {
		v.parts = map[int32]*commitHistory{}
	}
	h := v.parts[p]
	if h == nil {
		h = &commitHistory{plans: map[[2]int64]struct{}{}, told: map[[3]int64]struct{}{}}
		v.parts[p] = h
	}
	return h
}

// AddCommit adds the next commit of a partition and returns the invariants that the commit breaks.
func (v *ProtocolChecker) AddCommit(c Commit) []Violation {
	h := v.historyOf(c.Partition)
	if c.Offset < 0 { // nothing was ever committed, or the group was deleted and begins anew
		*h = commitHistory{plans: map[[2]int64]struct{}{}, told: h.told}
		return nil
	}
	plan, err := ingest.ParsePlan(c.Metadata, c.Offset)
	if err != nil {
		return []Violation{{Unreadable, c.Partition, c.Offset, c.Offset, err.Error()}}
	}
	var out []Violation
	if h.known {
		out = v.checkStep(h, c, plan)
	}
	if !h.known || c.Hole {
		h.since = c.Offset
	}
	h.known, h.plan = true, plan
	if plan.UnderWay() && len(h.plans) < maxPlans {
		h.plans[rangeKey(plan)] = struct{}{}
	}
	return out
}

func rangeKey(p ingest.Plan) [2]int64 { return [2]int64{p.Start, p.End} }

// checkStep compares a commit with the commit before.
func (v *ProtocolChecker) checkStep(h *commitHistory, c Commit, next ingest.Plan) []Violation {
	was := h.plan
	one := func(b Breach, from, to int64, format string, args ...any) []Violation {
		return []Violation{{b, c.Partition, from, to, fmt.Sprintf(format, args...)}}
	}
	switch {
	case next.Start < was.Start:
		return one(Backwards, next.Start, was.Start, "committed %d after %d", next.Start, was.Start)
	case next.Start == was.Start && was.UnderWay() && next.End != was.End:
		return one(PlanChanged, was.Start, max(was.End, next.End), "the plan [%d, %d) was replaced by [%d, %d)", was.Start, was.End, next.Start, next.End)
	case next.Start == was.Start:
		return nil
	case was.UnderWay() && next.Start < was.End:
		return one(Overlap, next.Start, was.End, "committed %d inside the plan [%d, %d)", next.Start, was.Start, was.End)
	case !v.Whole || c.Hole:
		return nil // between the two samples there may have been others
	case was.UnderWay() && next.Start > was.End:
		return one(Gap, was.End, next.Start, "committed %d after the plan [%d, %d)", next.Start, was.Start, was.End)
	case !was.UnderWay():
		return one(CommitUnknown, was.Start, next.Start, "committed %d after %d with no plan between", next.Start, was.Start)
	}
	return nil
}

// BatchesView is the needed part of the tables: every row of batches from Since on, read between two readings of
// the commits.
type BatchesView struct {
	Spans         []BatchesRow
	Before, After map[int32]Commit // the commits just before and just after the rows were read
	// Since is the offset per partition from which the rows are complete. Lower offsets are not judged.
	Since map[int32]int64
	// Rebuilt is the offset below which a restore made the rows again, in new ranges. The new ranges must cover every
	// offset once, and follow no plan.
	Rebuilt map[int32]int64
}

// CheckTables compares the rows of batches with the commits. Up to the commit that was read before the rows, rows must
// cover every offset once. Beyond the commit that was read after the rows, only the plan under way may have rows. Each
// violation is returned once.
func (v *ProtocolChecker) CheckTables(r BatchesView) []Violation {
	spans := map[int32][]BatchesRow{}
	for _, s := range r.Spans {
		if s.End > r.Since[s.Partition] {
			spans[s.Partition] = append(spans[s.Partition], s)
		}
	}
	var out []Violation
	for p := range r.Before {
		h := v.historyOf(p)
		found := v.checkRows(p, h, spans[p], r)
		for _, x := range found {
			k := [3]int64{x.From, x.To, int64(slices.Index(Breaches(), x.Breach))}
			if _, ok := h.told[k]; !ok {
				h.told[k] = struct{}{}
				out = append(out, x)
			}
		}
	}
	slices.SortFunc(out, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Breach, b.Breach))
	})
	return out
}

func (v *ProtocolChecker) checkRows(p int32, h *commitHistory, spans []BatchesRow, r BatchesView) (out []Violation) {
	slices.SortFunc(spans, func(a, b BatchesRow) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End)) })
	// a repeated row of the same batch
	spans = slices.CompactFunc(spans, func(a, b BatchesRow) bool { return a.Start == b.Start && a.End == b.End })
	add := func(b Breach, from, to int64, format string, args ...any) {
		out = append(out, Violation{b, p, from, to, fmt.Sprintf(format, args...)})
	}
	before, after := r.Before[p], r.After[p]
	reached := r.Since[p]
	for _, s := range spans {
		if sum := s.Stored + s.Merged + s.Rejected + s.Ticks; sum != s.Fetched || s.Fetched > uint64(max(s.End-s.Start, 0)) {
			add(Unbalanced, s.Start, s.End, "fetched %d, stored %d + merged %d + rejected %d + ticks %d", s.Fetched, s.Stored, s.Merged, s.Rejected, s.Ticks)
		}
		switch {
		case s.Start > reached && reached < before.Offset:
			add(Gap, reached, min(s.Start, before.Offset), "committed %d, and no batch covers them", before.Offset)
		case s.Start < reached:
			add(Overlap, s.Start, min(reached, s.End), "the batch [%d, %d) covers what another does", s.Start, s.End)
		}
		reached = max(reached, s.End)
		if s.End > r.Rebuilt[p] {
			v.checkPlanned(h, s, after, add)
		}
	}
	if reached < before.Offset {
		add(Gap, reached, before.Offset, "committed %d, and no batch covers them", before.Offset)
	}
	v.checkInserted(h, spans, max(r.Since[p], r.Rebuilt[p]), before.Offset, add)
	return out
}

// checkPlanned reports a row whose range was not planned before the insert.
func (v *ProtocolChecker) checkPlanned(h *commitHistory, s BatchesRow, after Commit, add func(Breach, int64, int64, string, ...any)) {
	if _, ok := h.plans[[2]int64{s.Start, s.End}]; ok {
		return
	}
	if s.End > after.Offset {
		if plan, err := ingest.ParsePlan(after.Metadata, after.Offset); err != nil || rangeKey(plan) != [2]int64{s.Start, s.End} {
			add(NoPlan, s.Start, s.End, "inserted, while the group had committed %d with the plan %.100q", after.Offset, after.Metadata)
		}
		return
	}
	if v.Whole && h.known && s.Start >= h.since && s.End <= h.plan.Start && len(h.plans) < maxPlans {
		add(NoPlan, s.Start, s.End, "inserted, and no commit ever planned it")
	}
}

// checkInserted checks that each plan committed as done has a row, and forgets the plan.
func (v *ProtocolChecker) checkInserted(h *commitHistory, spans []BatchesRow, since, committed int64, add func(Breach, int64, int64, string, ...any)) {
	have := make(map[[2]int64]bool, len(spans))
	for _, s := range spans {
		have[[2]int64{s.Start, s.End}] = true
	}
	for k := range h.plans {
		switch {
		case k[1] > committed:
		case k[0] < since: // the row was not shown
			delete(h.plans, k)
		case have[k]:
			delete(h.plans, k)
			h.since = max(h.since, k[1])
		default:
			add(NoInsert, k[0], k[1], "the plan was committed as done, and batches has no such range")
		}
	}
}

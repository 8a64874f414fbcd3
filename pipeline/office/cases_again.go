package office

import (
	"slices"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// A known answer is a closed case that a person is shown as an open one. Every answer of the office about it is that of
// an open case which nobody has answered, with a version of its own: the true one counts the verdicts of others.

// shownAgain returns the case as a user is shown it again, who holds it as a known answer or can still take an own answer
// to it back; nil = the user is shown the case as it is.
func shownAgain(d *casestore.Dossier, user string) *casestore.Dossier {
	held := d.Lease != nil && d.Lease.Probe && d.Lease.User == user
	if !held && !isAnswering(d, user) {
		return nil
	}
	first := firstVerdict(d.Events)
	c, err := cases.Fold(d.Events[:first])
	if err != nil { // the events do not hold, which their own incident says
		return nil
	}
	c.Corrected, c.Incidents = nil, nil
	out := &casestore.Dossier{Case: c, Sealed: d.Sealed, Events: slices.Clone(d.Events[:first]), Now: d.Now, Problem: d.Problem}
	for _, e := range d.Events[first:] {
		if e.Kind == cases.Probed && e.User == user {
			out.Case.Version++
			out.Events = append(out.Events, asAnswer(e, out.Case.Version))
		}
	}
	if held {
		out.Lease = new(*d.Lease)
		out.Lease.Probe = false
		if d.Lease.Clocks != nil {
			out.Case.Clocks = *d.Lease.Clocks
		}
		return out
	}
	if d.Shown != nil {
		out.Case.Clocks = *d.Shown
	}
	last := &out.Events[len(out.Events)-1]
	out.Case.State, out.Case.EffectiveAt = last.To, last.EffectiveAt
	if last.To == cases.Held {
		out.Case.HoldReason, out.Case.HoldUntil, out.Case.HeldSince, out.Case.HoldByHand = last.Reason, last.HoldUntil, last.RecordedAt, true
	}
	return out
}

// firstVerdict returns the place of the first verdict in the events.
func firstVerdict(events []cases.Event) int {
	if i := slices.IndexFunc(events, func(e cases.Event) bool { return e.Kind == cases.Decided }); i >= 0 {
		return i
	}
	return len(events)
}

// isAnswering reports whether the user answered a known answer and can still take that back.
func isAnswering(d *casestore.Dossier, user string) bool {
	if d.Case.ProbeBy != user || d.Case.ProbeEvent == "" {
		return false
	}
	i := slices.IndexFunc(d.Events, func(e cases.Event) bool { return e.ID.String() == d.Case.ProbeEvent })
	return i >= 0 && maskedUntil(&d.Events[i]) > d.Now
}

// maskTime is how long a case that a person flagged or skipped looks to that person as an open one would: longer than a shift.
const maskTime = 24 * schemas.Hour

// maskedUntil returns until when the answer to a known answer looks like that of an open case: a verdict until it takes effect, a hold until
// it ends.
func maskedUntil(e *cases.Event) schemas.Micros {
	switch {
	case e.Verdict != "":
		return e.EffectiveAt
	case kindAnswered(e) == cases.HeldByHand:
		return e.HoldUntil
	}
	return e.RecordedAt + maskTime
}

// asAnswer returns the record of an answer to a known answer as that of the same answer to an open case.
func asAnswer(e cases.Event, n int64) cases.Event {
	e.N, e.From, e.To = n, cases.Open, stateAnswered(&e)
	if e.Kind = kindAnswered(&e); e.Kind == cases.Undone {
		e.From = cases.Settling
	}
	if e.Verdict == "" {
		e.Reason, e.Said = e.Said, "" // of a hold by hand
	}
	return e
}

// kindAnswered returns what an answer to a known answer would have been on an open case.
func kindAnswered(e *cases.Event) cases.EventKind {
	switch {
	case e.Of != "":
		return cases.Undone
	case e.Verdict != "":
		return cases.Decided
	}
	return cases.EventKind(e.Reason)
}

// stateAnswered returns the state to which an answer to a known answer would have led an open case.
func stateAnswered(e *cases.Event) cases.State {
	switch kindAnswered(e) {
	case cases.Decided:
		return cases.Settling
	case cases.HeldByHand:
		return cases.Held
	case cases.Flagged:
		return cases.Arbitration
	default:
		return cases.Open
	}
}

// trueVersion returns the version of the case that a change names, which is another one where the user is shown the case
// again. A version that is not the one shown becomes one that no case has.
func trueVersion(d, again *casestore.Dossier, named int64) int64 {
	switch {
	case again == nil:
		return named
	case named == again.Case.Version:
		return d.Case.Version
	}
	return -1
}

// versionAnswered returns the version after an answer, as the user is shown it who answered.
func versionAnswered(d *casestore.Dossier, e *cases.Event) int64 {
	if e.Kind != cases.Probed {
		return e.N
	}
	first := firstVerdict(d.Events)
	n := int64(first)
	for i := range d.Events[first:] {
		if x := &d.Events[first+i]; x.Kind == cases.Probed && x.User == e.User && x.N < e.N {
			n++
		}
	}
	return n + 1
}

// undoLeft returns for how long an answer can be taken back, in milliseconds.
func undoLeft(effectiveAt, now schemas.Micros) int64 {
	return max(int64(effectiveAt-now)/1000, 0)
}

package cases

import "slices"

// transition is a row of the table: who may record an event, and between which states.
type transition struct {
	kind  EventKind
	from  []State // nil = every state
	to    []State // nil = the same state
	roles []Role
}

var (
	people      = []Role{Agent, Supervisor}
	supervisors = []Role{Supervisor}
	jobs        = []Role{System}
	undecided   = []State{Held, Keying, Open, Second, Arbitration}
)

// transitions is the state machine. No event goes beside it: [Act] and [Fold] both ask the table.
var transitions = []transition{
	{TakenIn, []State{""}, []State{Open, Held, Keying, Arbitration}, jobs},
	{ReDecided, []State{Held, Keying, Open}, []State{Open, Held, Keying, Withdrawn, Arbitration}, jobs},
	{KeyedPlate, []State{Keying}, []State{Keying, Arbitration, Rejected}, people},
	{Decided, []State{Open}, []State{Settling}, people},
	{HeldByHand, []State{Open, Arbitration}, []State{Held}, people},
	{HoldEnded, []State{Held, Arbitration}, []State{Held, Open}, []Role{System, Supervisor}},
	{Flagged, []State{Open, Second, Keying}, []State{Arbitration}, []Role{Agent}},
	{Skipped, []State{Open, Second, Keying}, []State{Open, Second, Keying, Arbitration}, []Role{Agent}},
	{Undone, []State{Settling}, []State{Open, Second}, people},
	{SecondDecided, []State{Second}, []State{Settling}, people},
	{Arbitrated, []State{Arbitration}, []State{Confirmed, Rejected, Held, Open, Withdrawn}, supervisors},
	{CounterDecided, []State{Confirmed, Rejected}, []State{Second}, people},
	{TakenBack, []State{Held, Keying, Open, Second, Arbitration, Confirmed, Returned}, []State{Withdrawn}, supervisors},
	{ExpiredUnmet, undecided, []State{Expired}, []Role{System, Supervisor}},
	{Numbered, []State{Confirmed}, nil, jobs},
	{HandedOver, []State{Confirmed}, []State{Transmitted}, []Role{System, Supervisor}},
	{Acknowledged, []State{Transmitted}, nil, jobs},
	{SentBack, []State{Transmitted}, []State{Returned}, []Role{System, Prosecutor}},
	{Mended, []State{Returned}, []State{Confirmed, Arbitration}, supervisors},
	{AnnulledEvent, []State{Transmitted, Returned}, []State{Annulled}, supervisors},
	{Noted, States(), nil, []Role{System, Agent, Supervisor}},
	{IncidentOpened, States(), nil, []Role{System, Supervisor}},
	{IncidentClosed, States(), nil, supervisors},
	{BecameOverdue, []State{Open, Keying, Second}, []State{Arbitration}, jobs},
	{Assigned, []State{Open, Keying, Second}, nil, supervisors},
	{TrackChanged, []State{Held, Keying, Open, Settling, Second, Arbitration, Confirmed}, nil, supervisors},
	{FileRead, []State{Confirmed}, []State{Confirmed, Withdrawn}, jobs},
	{PicturesFound, awaitingPictures, nil, jobs},
	{Probed, []State{Confirmed, Rejected, Transmitted}, nil, people},
}

// transitionOf returns the row of a kind; nil = unknown kind.
func transitionOf(k EventKind) *transition {
	i := slices.IndexFunc(transitions, func(t transition) bool { return t.kind == k })
	if i < 0 {
		return nil
	}
	return &transitions[i]
}

// allows reports whether the row has the step.
func (t *transition) allows(from, to State) bool {
	if !slices.Contains(t.from, from) {
		return false
	}
	if t.to == nil {
		return from == to
	}
	return slices.Contains(t.to, to)
}

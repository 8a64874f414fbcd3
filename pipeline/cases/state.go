package cases

import "slices"

// State is where a case stands. The set is closed.
type State string

// All states.
const (
	Held        State = "held"        // something must be known or must pass first
	Keying      State = "keying"      // two persons read plate and country from the picture, blind
	Open        State = "open"        // to be decided
	Settling    State = "settling"    // a verdict is recorded and takes effect at Case.EffectiveAt
	Second      State = "second"      // a verdict stands, another person must look, blind
	Arbitration State = "arbitration" // for a supervisor
	Confirmed   State = "confirmed"   // a named officer's act stands; waits for number and transmission
	Transmitted State = "transmitted" // handed over on its one track
	Returned    State = "returned"    // the recipient sent it back
	Rejected    State = "rejected"    // no offence
	Withdrawn   State = "withdrawn"   // taken back before transmission
	Expired     State = "expired"     // closed undecided, in the driver's favour
	Annulled    State = "annulled"    // taken back after transmission
)

// States lists all states in the order of a case's way.
func States() []State {
	return []State{Held, Keying, Open, Settling, Second, Arbitration, Confirmed, Transmitted, Returned, Rejected, Withdrawn, Expired, Annulled}
}

// IsFinal reports whether a case in the state has ended. A counter-decision can still reopen a rejected case.
func (s State) IsFinal() bool {
	return s == Rejected || s == Withdrawn || s == Expired || s == Annulled
}

// IsKnown reports whether s is in the set.
func (s State) IsKnown() bool { return slices.Contains(States(), s) }

// Queue is a list of work. Each queue shows the cases of one state.
type Queue string

// All queues.
const (
	QueueDecide      Queue = "decide"
	QueueSecond      Queue = "second"
	QueueKey         Queue = "key"
	QueueArbitration Queue = "arbitration"
	QueueTransmit    Queue = "transmit" // shown, never leased

	// QueueCounter is the name of a leased case that somebody decides against. It is no list of work.
	QueueCounter Queue = "counter"
)

// Queues lists all queues.
func Queues() []Queue {
	return []Queue{QueueDecide, QueueSecond, QueueKey, QueueArbitration, QueueTransmit}
}

// State returns the state of the cases in the queue, "" for an unknown queue.
func (q Queue) State() State {
	switch q {
	case QueueDecide:
		return Open
	case QueueSecond:
		return Second
	case QueueKey:
		return Keying
	case QueueArbitration:
		return Arbitration
	case QueueTransmit:
		return Confirmed
	case QueueCounter:
	}
	return ""
}

// QueueOf returns the queue that shows cases in the state, "" for none.
func QueueOf(s State) Queue {
	for _, q := range Queues() {
		if q.State() == s {
			return q
		}
	}
	return ""
}

// Regime is the law under which a case is handled.
type Regime string

// All regimes.
const (
	RegimeTraffic Regime = "traffic"
	RegimeLEZ     Regime = "lez"
)

// Regimes lists all regimes.
func Regimes() []Regime { return []Regime{RegimeTraffic, RegimeLEZ} }

// Track is the one way on which a case is handed over.
type Track string

// All tracks.
const (
	ImmediateCollection Track = "immediate_collection"
	ToProsecutor        Track = "prosecutor"
	Regional            Track = "regional" // LEZ
	Municipal           Track = "municipal"
	Alternative         Track = "alternative"
)

// Tracks lists all tracks.
func Tracks() []Track {
	return []Track{ImmediateCollection, ToProsecutor, Regional, Municipal, Alternative}
}

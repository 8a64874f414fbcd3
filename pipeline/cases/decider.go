package cases

import (
	"context"

	"github.com/gvc-brussels/anpr/schemas"
)

// Question asks for the decision on a stored passage again.
type Question struct {
	Offence    schemas.OffenceID
	Passage    schemas.PassageID
	Read       schemas.ReadID // the read decided on
	Rule       schemas.RuleID
	Family     schemas.Family
	CapturedAt schemas.Micros
	Straggler  bool
	Reading    *PlateReading // keyed or corrected plate; nil = as stored
	Lane       *uint8        // recorded from the picture; nil = as stored
	Accepted   []string      // hold reasons that a supervisor has settled: they hold no more
	TakenInAt  schemas.Micros
	Track      Track  // that a person chose; "" = the one of the rules
	HoldReason string // of the present hold; "" = none
	HoldUntil  schemas.Micros
	Now        schemas.Micros
}

// QuestionOf returns the question about a case.
func QuestionOf(c *Case, now schemas.Micros) Question {
	q := Question{
		Offence: c.Offence, Passage: c.Passage, Read: c.Read, Rule: c.Rule, Family: c.Family, CapturedAt: c.CapturedAt, Straggler: c.Straggler, Reading: c.Corrected,
		Lane: c.Lane, Accepted: c.Accepted, TakenInAt: c.TakenInAt, HoldReason: c.HoldReason, HoldUntil: c.HoldUntil, Now: now,
	}
	if c.TrackChosen {
		q.Track = c.Track
	}
	return q
}

// Outcome is the answer of a re-decision.
type Outcome string

// All outcomes.
const (
	OutcomeOpen      Outcome = "open"
	OutcomeHeld      Outcome = "held"
	OutcomeWithdrawn Outcome = "withdrawn"
)

// Answer is what the rules say now.
type Answer struct {
	Outcome   Outcome        `json:"outcome"`
	Reason    string         `json:"reason,omitempty"`     // held: the reason of the rules; withdrawn: a WithdrawReason
	HoldUntil schemas.Micros `json:"hold_until,omitempty"` // held; 0 = until something changes
	Facts     Facts          `json:"facts"`                // with the versions of catalogue and reference data
	Clocks    *Clocks        `json:"clocks,omitempty"`     // nil = as before
	Trace     []schemas.Step `json:"trace,omitempty"`
	Gone      bool           `json:"gone,omitempty"` // the passage is over its retention: nothing can be decided
}

// Decider decides the stored passage of an offence again, under the rules and the data of now. Safe for concurrent use.
type Decider interface {
	Decide(ctx context.Context, q Question) (Answer, error)
}

// Reviver looks for a passage that a case had swallowed as a duplicate, after the case ended because of its read. The
// first that stands comes back as the intake of the next attempt; nil = none stands.
type Reviver interface {
	Revive(ctx context.Context, c *Case) (*Intake, error)
}

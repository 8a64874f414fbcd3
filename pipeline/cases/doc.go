// Package cases is the state machine of a case: one offence, a candidate or a hold, on its way through the hands of
// people. The machine is pure. Time, draws and the answers of rules are arguments, and package cases/store keeps the
// rows.
//
// A command ([Command]) is what somebody wants done. [Act] checks it against the case, the actor and the policy, and
// returns the event to record, or a [Refusal]. [Case.Apply] gives the case after an event, and [Fold] the case after
// all its events. The sealed record of the offence never changes: plates, verdicts and re-decisions are events beside
// it.
package cases

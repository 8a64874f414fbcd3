package rules

import "github.com/gvc-brussels/anpr/schemas"

// reasonRuleSuspended is that of every family whose finding falls into a suspension of the calendar.
const reasonRuleSuspended = "rule_suspended"

// stepRuleSuspended is the clause on a suspension that covers the passage.
var stepRuleSuspended = sharedClauses.addClause("not_suspended", 4)

// applySuspension clears whatever the family found while its rules are suspended at the camera. The trace keeps the
// clauses, so that a person can see what was found. A passage without a finding stays as it is.
func (b *decisionBuilder) applySuspension(cam *schemas.Camera) {
	b.applySuspensionAt(cam, b.d.On.CapturedAt)
}

// applySuspensionAt is applySuspension for a camera and an instant of a finding that rests on several.
func (b *decisionBuilder) applySuspensionAt(cam *schemas.Camera, at schemas.Micros) {
	d := &b.d
	if cam == nil || len(cam.Suspensions) == 0 || d.Outcome == schemas.OutcomeClear {
		return
	}
	s := cam.SuspendedAt(d.Family, at)
	if s == nil {
		return
	}
	d.Trace = append(d.Trace, schemas.Step{
		Code: stepRuleSuspended.Key, Args: b.copyArgs([]string{s.ID, s.Author, s.From.String(), s.To.String()}), Basis: s.Reason, Verified: true,
	})
	d.Offence, d.ExclusionKey, d.ExclusionSpan = schemas.OffenceID{}, schemas.ExclusionKey{}, 0
	d.AmountCents, d.HoldUntil, d.LegalBasis = 0, 0, s.Reason
	b.found, b.holds, b.wait, b.until = "", "", "", 0
	if b.all != nil {
		*b.all = nil
	}
	b.setOutcome(schemas.OutcomeClear, reasonRuleSuspended)
}

package cases

import "github.com/gvc-brussels/anpr/schemas"

// Review is an event as it leaves for statistics: without plates, texts and traces.
type Review struct {
	Event        ID
	Case         ID
	N            int64
	Kind         EventKind
	From, To     State
	SettlesTo    State
	RecordedAt   schemas.Micros
	EffectiveAt  schemas.Micros
	User         string
	Role         Role
	Purpose      string
	LogSeq       uint64
	Verdict      VerdictKind
	Reason       string
	Checks       []bool
	Pictures     []schemas.Digest
	ShownMS      int64
	Input        Input
	Triggers     []string
	PlateChanged bool
	Offence      schemas.OffenceID
	Attempt      int
	Family       schemas.Family
	Rule         schemas.RuleID
	Regime       Regime
	Zone         string
	Municipality uint32
	Camera       string
	CapturedAt   schemas.Micros
	DueAt        schemas.Micros
	Catalogue    string
	Reference    string
	Incident     IncidentKind
	Track        Track
}

// NewReview returns the event as it leaves. c is the case after the event.
func NewReview(c *Case, e *Event) Review {
	return Review{
		Event: e.ID, Case: e.Case, N: e.N, Kind: e.Kind, From: e.From, To: e.To, SettlesTo: e.SettlesTo, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
		User: e.User, Role: e.Role, Purpose: e.Purpose, LogSeq: e.LogSeq, Pictures: e.Pictures, Verdict: e.Verdict, Reason: e.Reason, Checks: e.Checks, ShownMS: e.ShownMS, Input: e.Input, Triggers: e.Triggers,
		PlateChanged: e.PlateAfter != nil && (e.Plate == nil || *e.PlateAfter != *e.Plate), Offence: c.Offence, Attempt: c.Attempt, Family: c.Family, Rule: c.Rule,
		Regime: c.Regime, Zone: c.Zone, Municipality: c.Municipality, Camera: c.Camera, CapturedAt: c.CapturedAt, DueAt: c.DecideBy, Catalogue: c.Catalogue,
		Reference: c.Reference, Incident: e.Incident, Track: c.Track,
	}
}

package cases

import "slices"

// Role is the role of an actor: the office's name of it.
type Role string

// The roles that act on cases. Other roles of the office may hold no event.
const (
	System     Role = "system"         // jobs and intake; the actor has no user
	Agent      Role = "gvc_agent"      // AG
	Supervisor Role = "gvc_supervisor" // SU
	Prosecutor Role = "prosecutor"     // PR
)

// Actor is who does something, as the office established it.
type Actor struct {
	User        string
	Role        Role
	Zones       []string // police zones; empty = all
	Regimes     []Regime // empty = all
	Purpose     string   // id of the purpose
	LogSeq      uint64   // number of the entry in the look-up log
	Appointment string   // number of the appointment that covers the act; "" = none
	StepUp      bool     // the person proved its identity at most 10 minutes ago
	Approver    string   // second person, for acts that need one; "" = none
}

// SystemActor returns the actor of jobs and of the intake.
func SystemActor() Actor { return Actor{Role: System} }

// MayReach reports whether the case lies in the actor's zones and regimes.
func (a *Actor) MayReach(c *Case) bool {
	return (len(a.Zones) == 0 || slices.Contains(a.Zones, c.Zone)) && (len(a.Regimes) == 0 || slices.Contains(a.Regimes, c.Regime))
}

package access

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Permit is a Scope with a look-up in the access log. Only [Log.Grant] makes a Permit, and only a Permit gives SQL. The
// zero Permit permits nothing.
type Permit struct {
	scope Scope
	seq   uint64
}

// Valid reports whether the permit was granted.
func (p Permit) Valid() bool { return p.seq != 0 && p.scope.user != nil }

// Seq returns the look-up's entry number in the access log.
func (p Permit) Seq() uint64 { return p.seq }

// From returns the earliest instant that may be seen; 0 = no bound (oversight only).
func (p Permit) From() schemas.Micros { return p.scope.from }

// To returns the exclusive end of the time that may be seen; 0 = no bound.
func (p Permit) To() schemas.Micros { return p.scope.to }

// Zones returns the police zones that may be seen; empty = all. The caller owns the slice.
func (p Permit) Zones() []string { return slices.Clone(p.scope.zones) }

// ShowsPlates reports whether a query may select plates and columns that may hold one.
func (p Permit) ShowsPlates() bool { return !p.scope.noPlates }

// Purpose returns the granted purpose.
func (p Permit) Purpose() Purpose { return p.scope.ask.Purpose }

// Route returns the permit's route; no other route's statement can be built with it.
func (p Permit) Route() Route { return p.scope.ask.Route }

// Narrowed says why the permit covers less time than the question asked for; "" = it covers all.
func (p Permit) Narrowed() string { return p.scope.narrowed }

// ShowsPlates reports whether the look-up may see plates.
func (s Scope) ShowsPlates() bool { return !s.noPlates }

// Request returns the authorised request.
func (s Scope) Request() Request { return s.ask }

// PurposeID returns the purpose's id; "" for operation.
func (p Permit) PurposeID() string { return p.scope.ask.PurposeID }

// User returns the user's name.
func (p Permit) User() string { return p.scope.user.Name }

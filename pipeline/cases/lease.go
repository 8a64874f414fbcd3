package cases

import "github.com/gvc-brussels/anpr/schemas"

// Lease is the right of one user to act on a case for a time.
type Lease struct {
	ID     ID
	User   string
	Since  schemas.Micros
	Until  schemas.Micros
	Loaded []schemas.Digest // pictures that the office served under the lease
	Probe  bool             // a closed case shown again; never told to the user
	Clocks *Clocks          // of a case shown again: those of the item in whose place it is shown, the same for as long as the user may see it
}

// Leased is a case that a user holds. In second and keying, the case is blind.
type Leased struct {
	Case  Case
	Queue Queue
	Lease Lease
}

// Preview is what the rules say about a plate that somebody proposes.
type Preview struct {
	ID      ID
	Case    ID
	User    string
	Reading PlateReading
	MadeAt  schemas.Micros
	Answer  Answer
}

// Package bench is the load side of the project: a seeded city (cameras, vehicles, hotlists, users), the traffic of a day
// in it with everything that goes wrong in practice, the truth about that traffic, and an open-loop runner that sends it.
//
// The same seed gives the same bytes: the reference files, every read, its id and the truth. Randomness is math/rand/v2
// PCG, one stream per subject, and integers only, so that a change of one subject does not shift the others.
//
// A [City] is immutable and may be shared by goroutines. A [Traffic] belongs to one goroutine. [Run] sends a Traffic to
// a [Target]: read i is due at the start plus its scheduled offset, whatever the target does, and its latency counts
// from the moment it was due, not from the moment it was sent.
//
// Everything here is invented. Plates are drawn at random from the series of eight countries; a match with an existing plate is
// chance. The tokens are derived from the seed and protect nothing: never load a generated reference into a service that
// receives real traffic.
package bench

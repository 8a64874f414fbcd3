// Package bench is the project's load side: a seeded city (cameras, vehicles, hotlists, users), a day's traffic with
// every fault known from practice, the truth about the traffic, and an open-loop runner as sender.
//
// The same seed gives the same bytes: the reference files, every read, its id and the truth. Randomness is
// math/rand/v2 PCG, one stream per subject, and integers only, so a change in one subject does not shift the others.
//
// A [City] is immutable and may be shared by goroutines. A [Traffic] belongs to one goroutine. [Run] sends a Traffic
// to a [Target]: read i is due at the start plus its scheduled offset, however slow the target is, and latency counts
// from the due time, not from the sending time.
//
// Everything here is invented. Plates are drawn at random from eight countries' series; a match with an existing plate
// is chance. The tokens are derived from the seed and protect nothing: never load a generated reference into a service
// with real traffic.
package bench

// Package announce keeps the versions of reference data on the topic anpr.reference.v1: what they hold, who announced
// them with whose approval, from which instant of the log's time on they count, and where each partition of the log
// began with them.
//
// The topic has one partition and is compacted; every record has a key of its own, so all of it stays:
//
//	part        kind, hash, number   a piece of the content, packed; written before the announcement
//	activation  kind, hash, instant  the announcement
//	place       kind, activation, partition  the offset from which on a partition was decided under it
//
// An announcement counts or does not by what it says itself and by the announcements before it, so all who read the
// topic agree: it needs two approving people or a release, an instant at least [schemas.AnnouncementLead] after the
// announcement, and no other announcement of its kind for that instant before it.
package announce

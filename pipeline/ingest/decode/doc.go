// Package decode turns the bytes of one log record into a [schemas.Read], or says why it cannot. It is pure: no broker,
// clock or logger, and the same bytes give the same answer for ever.
//
// Two encodings of anpr.v1.PlateRead are understood: Protobuf, by a hand-written decoder that does not allocate, and
// canonical Protobuf JSON, by a hand-written scanner. Both parse into one set of wire values, which one set of checks
// turns into the read, so the encodings cannot differ in what they accept as a value.
//
// Before these general decoders comes a fast path for each encoding, for what our own producers write. It accepts or steps
// aside, and never rejects: whatever it leaves is decoded again by the general decoder, which alone gives reasons. A fuzz
// target holds the fast paths against the general decoders, two more these against proto.Unmarshal and protojson.
//
// # Which encoding
//
// A record whose first byte that is not JSON white space is '{' is JSON, everything else Protobuf. A Protobuf record can
// look like that only when it begins with received_at_us below 1970-01-01T00:00:00.000128Z; such a record is taken for
// JSON and rejected.
//
// # What is accepted
//
// Protobuf: as proto.Unmarshal (unknown fields and groups skipped, last scalar wins, quarantine and tick merged), except
// that a known field with another wire type, more than 32 nested unknown groups, or more than [schemas.MaxCandidates]
// candidates reject the record.
//
// JSON: as protojson with DiscardUnknown (camelCase and snake_case names, null is "not set", 64-bit numbers as numbers or
// strings, base64 in all four alphabets, enum values by name or number, a name twice refused), except that it must also be
// valid JSON by RFC 8259 and nest at most 64 deep.
//
// Both: an enum value this version does not know becomes "unknown", because producers may be newer.
package decode

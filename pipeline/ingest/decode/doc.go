// Package decode turns a log record's bytes into a [schemas.Read], or says why it cannot. It is pure: no broker, clock
// or logger, and the same bytes give the same answer for ever.
//
// anpr.v1.PlateRead is understood in two encodings: Protobuf, by a hand-written decoder without allocations, and
// canonical Protobuf JSON, by a hand-written scanner. Both parse into the same wire values, and a single set of checks
// turns these into the read, so both encodings accept the same values.
//
// Before these general decoders comes a fast path for each encoding, for records from our own producers. It accepts or
// steps aside, and never rejects: the general decoder decodes the remaining records again, and it alone gives reasons.
// A fuzz target compares the fast paths with the general decoders, two more compare these with proto.Unmarshal and
// protojson.
//
// # The encoding
//
// A record is JSON when its first byte outside JSON white space is '{', else Protobuf. A Protobuf record can look like
// JSON only when it begins with received_at_us below 1970-01-01T00:00:00.000128Z; such a record is taken for JSON and
// rejected.
//
// # Accepted records
//
// Protobuf: as proto.Unmarshal (unknown fields and groups skipped, last scalar wins, quarantine and tick merged).
// Three faults reject the record: a known field with another wire type, more than 32 nested unknown groups, and more
// than [schemas.MaxAlternatives] alternatives.
//
// JSON: as protojson with DiscardUnknown (camelCase and snake_case names, null is "not set", 64-bit numbers as numbers
// or strings, base64 in all four alphabets, enum values by name or number, a repeated name refused). In addition it
// must be valid JSON by RFC 8259 and nest at most 64 deep.
//
// Both: an enum value unknown to this version becomes "unknown", because producers may be newer.
package decode

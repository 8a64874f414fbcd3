// Package evidence seals decisions. Anyone who holds the records can detect a changed decision, and the removal of
// a decision between two others for the same camera. The package is pure: the same decisions in the same order give the
// same seals, on every machine and at every replay.
//
// # The seal
//
// A seal is SHA-256 over these bytes, in this order. Integers are big-endian, signed ones in two's complement. A text
// is a uint32 with the number of bytes, then the bytes. A bool is one byte, 0 or 1. An id is 16 bytes, a sum 32 bytes,
// zero when there is none. Nothing is left out, so no two decisions have the same bytes.
//
//	uint8   version of this form, 3
//	sum     the camera's previous seal (PrevSeal), zero for its first
//	text    Rule
//	text    RuleVersion
//	text    Family
//	uint8   Outcome
//	text    Reason
//	id      Passage
//	--      On, the read it is decided on:
//	id        Read
//	text      Camera
//	int64     CapturedAt, microseconds since 1970-01-01T00:00:00Z
//	int64     ReceivedAt, the same
//	text      Plate
//	text      Country, two letters or empty
//	uint16    Confidence, per mille
//	uint8     Lane
//	uint8     Direction
//	uint8     Kind
//	int32     Speed, tenths of km/h
//	uint8     Flags
//	sum       Image, the SHA-256 of the picture
//	uint16    CountryConfidence, per mille; not in version 1
//	text      Make; not in version 1
//	text      Colour; not in version 1
//	id      Offence
//	bool    Certain; not in version 1
//	int64   HoldUntil, microseconds since 1970-01-01T00:00:00Z
//	int32   measure measured_speed_dkmh, 0 when there is none; not in version 3, nor are the next two
//	int32   measure corrected_speed_dkmh
//	int32   measure limit_dkmh
//	int64   AmountCents
//	uint32  number of Measures, in the order that the family declares; not in versions 1 and 2; of each:
//	text      Name
//	int64     Value, in the unit at the end of the name
//	int64     Uncertainty, in the same unit
//	text      Device
//	text    LegalBasis
//	bool    Verified
//	uint32  number of steps of the trace; of each:
//	text      Code
//	bool      Holds
//	uint32    number of Args; of each: text
//	text      Basis
//	bool      Verified
//	text    CatalogueVersion
//	text    ReferenceVersion
//
// A new field in a decision comes with a new version of the form. Earlier versions stay readable.
//
// # What the chain proves
//
// The chain proves that nothing was changed, inserted or removed before a seal known from elsewhere: from an exported
// bundle or the offence topic. The chain does not prove an author: whoever can write every record can seal anew.
package evidence

// Package bundle writes and verifies the evidence bundle of a case: a ZIP file that a court checks without the office,
// without a network and without a database. The package is pure: the same parts, key and instant give the same bytes.
//
// # The container
//
// A bundle has a single byte form. Every part is stored without compression, under a name of lower-case letters, digits
// and ". _ - /", in the ascending order of names. Every header has the date 1980-01-01, no flag, no extra field and no
// comment. Nothing stands before the first header, between parts or after the end record. So every byte of the
// container follows from names and contents, and [Verify] compares every byte with the one that must stand there.
// A bundle cannot name a part twice, reach outside its directory or grow when it is unpacked.
//
// # The manifest
//
// manifest.json lists every other part but manifest.sig and manifest.tst, with size and SHA-256. manifest.sig is the
// Ed25519 signature of the office over these bytes:
//
//	text    "anpr evidence bundle 1\n"
//	text    the instant of the signature, RFC 3339 in UTC with microseconds, then "\n"
//	bytes   SHA-256 over manifest.json
//
// manifest.tst, where an authority is configured, is an RFC 3161 time stamp over the signature of 64 bytes; its SHA-256
// stands in manifest.sig. Both JSON files have a single form too: other white space or another order is a change.
//
// # Batches and notices
//
// A batch (see [WriteBatch]) and a notice of an annulment (see [WriteNotice]) have the same byte form, signature and time
// stamp. Each has another text in the first line under the signature, so that none passes for another.
//
// # What a bundle proves
//
// A verified bundle is what the holder of the key signed. Whose key it is, the bundle cannot say: the recipient
// compares the key id with the list that the office publishes.
package bundle

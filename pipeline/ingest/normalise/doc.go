// Package normalise derives the canonical plate and its confusion class from the raw plate; the raw plate is kept
// as it came. The package knows the plate syntaxes of Belgium and most of Europe, enumerates confusable plates for
// a search, and tells whether two plates may be two readings of the same plate. It is pure: no broker, clock or
// logger.
//
// The package never corrects a plate and never infers a country: a syntax only speaks for a country. Plates of
// several countries have the same shape (FR and IT AA123AA; BE reversed 9123ABC and ES; LU AB1234 and NL sidecode
// 1; UK AB12CDE, BE transit WX16ABC and RO), so several syntaxes may match one plate.
//
// Four things in a raw plate are no separators and are not dropped like one: a sign for an unread character, the
// boundary of a German plate, the months of a German season plate, and the country beside the plate. See PlateOf.
// The months are kept in the raw plate only.
package normalise

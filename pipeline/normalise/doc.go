// Package normalise derives from the raw plate, which is kept as it came, the canonical plate and its confusion class; it
// knows the plate syntaxes of Belgium and its neighbours, and enumerates and ranks confusable plates for a search. It is
// pure: no broker, clock or logger.
//
// It never corrects a plate and never infers a country: a syntax only ranks what an officer is shown. Plates of several
// countries have one shape (FR and IT AA123AA; BE reversed 9123ABC and ES; LU AB1234 and NL sidecode 1; UK AB12CDE, BE
// transit WX16ABC and RO), so several syntaxes may match one plate.
//
// A vendor's decoration of the plate, such as the country of Tattile's "46HVR9-NLD", is the business of that vendor's
// adapter in the gateway: here it would be part of the plate.
package normalise

// Package access decides who may look up what, and keeps the log that proves it.
//
// A look-up takes three steps, and the types make sure that none is left out:
//
//	Authorise(user, ask, now)      -> Scope  or  Refusal     pure; the law is here
//	Log.Grant(ctx, scope)          -> Permit                 after the entry "asked" is durable
//	query.Reads(permit, ...)       -> Statement              only a Permit gives SQL
//	Log.Disclose(ctx, permit, ...)                           the entry "disclosed", before the answer is sent
//
// The law (DOMAIN section 3; Police Function Act art. 44/11/3sexies and following, for ANPR databases): nothing older than
// 12 calendar months; the administrative police see the first month only; the judicial police see the whole period, after
// the first month with a written and reasoned decision of the King's Prosecutor; every access is justified and logged.
//
// # The chain
//
// Entries of all offices of a database stand in one sequence. Every entry has a number, the hash of the entry before it and its own:
//
//	entry_sha256 = SHA-256(prev_sha256 || encoding)
//	encoding     = str("anpr look-up/2") u64(seq) i64(at, microseconds since 1970 UTC)
//	               str(kind) str(user) str(role) str(zones) str(sign_in) str(address) str(operation) str(purpose) str(purpose_id)
//	               str(reason) str(case_ref) str(prosecutor_ref) str(asked) str(outcome) str(code) str(refusal) str(key_id)
//	               str(plates_sha256) str(pictures) str(body) u64(of) u64(rows) u64(plates) u64(took_ms) u64(cut, 0 or 1)
//	str(s)       = u32(length in bytes) then the bytes; all integers big-endian
//
// prev_sha256 of entry 1 is 32 zero bytes. A plate stands as HMAC-SHA-256 under a key outside the database ([Keys]); plates_sha256 is the
// SHA-256 over the sorted HMACs of an entry, which stand in a table beside. The newest entry of each append has an Ed25519 signature by the
// site's key over "anpr look-up log entry\n" and its hash; an office appends to a signed entry only.
//
// [VerifyStore] recomputes the chain and names the first entry that does not hold. An edit, a deletion, an insertion, a reordering and a
// chain written anew are found from the log and the public key alone. An end that was cut off, a fork and a database that was put back to an
// older copy are found by heads that were noted outside the database.
//
// # Segments
//
// Two persons close a damaged log with an entry of [KindBreak]. Its prev_sha256 is the hash over the damaged segment as it was found, so
// that a later change of it is found too. The next segment begins with that entry, under a number that no entry and no witness has.
package access

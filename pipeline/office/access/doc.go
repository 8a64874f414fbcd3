// Package access decides who may look up which data, and keeps the look-up log as proof.
//
// A look-up takes three steps. The types make sure that none is left out:
//
//	Authorise(user, ask, now)      -> Scope  or  Refusal     pure; the law is here
//	Log.Grant(ctx, scope)          -> Permit                 after the entry "asked" is durable
//	query.Reads(permit, ...)       -> Statement              only a Permit gives SQL
//	Log.Disclose(ctx, permit, ...)                           the entry "disclosed", before the answer is sent
//
// The law (DOMAIN section 3; Police Function Act art. 44/11/3sexies and following, for ANPR databases) sets four rules.
// Nothing older than 12 calendar months may be seen. The administrative police see the first month only. The judicial
// police see all 12 months, after the first month with a written and reasoned decision by the King's Prosecutor. Every
// access is justified and logged.
//
// # The chain
//
// All offices on a database append to one sequence. Each entry's hash covers its number and the previous hash:
//
//	entry_sha256 = SHA-256(prev_sha256 || encoding)
//	encoding     = str("anpr look-up/2") u64(seq) i64(at, microseconds since 1970 UTC)
//	               str(kind) str(user) str(role) str(zones) str(sign_in) str(address) str(operation) str(purpose)
//	               str(purpose_id) str(reason) str(case_ref) str(prosecutor_ref) str(asked) str(outcome) str(code)
//	               str(refusal) str(key_id) str(plates_sha256) str(pictures) str(body)
//	               u64(of) u64(rows) u64(plates) u64(took_ms) u64(cut, 0 or 1)
//	str(s)       = u32(length in bytes) then the bytes; all integers big-endian
//
// prev_sha256 in entry 1 is 32 zero bytes. A plate stands as an HMAC-SHA-256, under a key outside the database
// ([Keys]). plates_sha256 is the SHA-256 over an entry's sorted HMACs; a table beside the log has the HMACs. The newest
// entry in each append has an Ed25519 signature by the site's key, over "anpr look-up log entry\n" and entry_sha256. An
// office appends to a signed entry only.
//
// [VerifyStore] recomputes the chain and names the first bad entry. The log and the public key alone show an edit, a
// deletion, an insertion, a reordering and a rewritten chain. Heads noted outside the database show a cut-off end, a
// fork and a database put back to an older copy.
//
// # Segments
//
// Two persons close a damaged log with an entry of [KindBreak]. prev_sha256 in this entry is the hash over the damaged
// segment as found, so that later changes to the segment show too. The next segment begins with this entry, under a
// number that no entry and no witness has.
package access

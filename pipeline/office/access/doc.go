// Package access decides who may look up what, and keeps the log that proves it.
//
// A look-up takes three steps, and the types make sure that none is left out:
//
//	Authorise(user, ask, now)  -> Scope  or  Refusal      pure; the law is here
//	Log.Grant(ctx, scope)      -> Permit                  after the entry is durable in access_log
//	query.Reads(permit, ...)   -> Statement               only a Permit gives SQL
//
// The law (DOMAIN section 3; Police Function Act art. 44/11/3sexies and following, for ANPR databases): nothing older than
// 12 calendar months; the administrative police see the first month only; the judicial police see the whole period, after
// the first month with a written and reasoned decision of the King's Prosecutor; every access is justified and logged.
//
// # The chain
//
// Every entry has a sequence number from 1, the hash of the entry before it and its own:
//
//	entry_sha256 = SHA-256(prev_sha256 || encoding)
//	encoding     = str("access/1") u64(seq) i64(at, microseconds since 1970 UTC)
//	               str(user) str(role) str(zone) str(action) str(purpose) str(reason) str(case_ref)
//	               str(prosecutor_ref) str(query) str(outcome) str(refusal)
//	str(s)       = u32(length in bytes) then the bytes; all integers big-endian
//
// prev_sha256 of entry 1 is 32 zero bytes. [Log.Verify] recomputes the chain and names the first entry that does not hold.
// An edit, a deletion, an insertion or a reordering is found from the table alone. A cut of the newest entries is found
// while the process that wrote them runs (it keeps the head in memory), and later by giving Verify a head that was noted
// elsewhere: the office logs its head, so a shipped log is a witness.
package access

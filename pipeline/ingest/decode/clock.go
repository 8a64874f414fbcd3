package decode

import "github.com/gvc-brussels/anpr/schemas"

// The defaults for CheckClock's allowances.
const (
	// DefaultAhead is how far a camera's clock may be ahead of the gateway's for its reads to be kept: more than any
	// mistake in time zone or summer time makes. Beyond it the time says nothing at all.
	DefaultAhead = 26 * schemas.Hour
	// DefaultBehind is a read's greatest age at receipt: 366 days, the longest 12 calendar months. Older reads may not be
	// kept (Police Function Act, cameras: 12 months at most; DOMAIN.md section 3).
	DefaultBehind = 366 * 24 * schemas.Hour
	// SuspectAhead is how far a capture may lie after its receipt before the camera's clock is called suspect. It is
	// above any effect from synchronised clocks and truncated milliseconds.
	SuspectAhead = 2 * schemas.Second
)

// CheckClock compares a read's two clocks. It rejects a capture more than ahead after its receipt (clock_ahead) or
// more than behind before it (clock_behind), and sets FlagClockSuspect for a capture more than SuspectAhead after its
// receipt. A receipt outside 2020..2099 is a bad_field. ahead and behind are microseconds, not negative and at most a
// hundred years. A tick or a quarantined upload has no capture and passes.
func CheckClock(r *schemas.Read, ahead, behind schemas.Micros) *schemas.RejectError {
	if r.Tick != 0 || r.Quarantine != nil {
		return nil
	}
	if !inLogTime(r.ReceivedAt) {
		return badTime("received_at_us", int64(r.ReceivedAt))
	}
	// ReceivedAt is bounded now, so neither sum can overflow for any CapturedAt.
	switch {
	case r.CapturedAt > r.ReceivedAt+ahead:
		return schemas.Rejectf(schemas.ReasonClockAhead, "captured_at_us",
			"captured at %s, received at %s, more than %d s earlier; set the camera's clock", r.CapturedAt, r.ReceivedAt, ahead/schemas.Second)
	case r.CapturedAt < r.ReceivedAt-behind:
		return schemas.Rejectf(schemas.ReasonClockBehind, "captured_at_us",
			"captured at %s, received at %s, more than %d s later; set the camera's clock or its unit", r.CapturedAt, r.ReceivedAt, behind/schemas.Second)
	case r.CapturedAt > r.ReceivedAt+SuspectAhead:
		r.Flags |= schemas.FlagClockSuspect
	}
	return nil
}

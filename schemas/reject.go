package schemas

import "fmt"

// Reason says why a record was rejected. The set is closed: it is a metric label, a table column and the name staff
// filter by. Numbers and names are never reused.
type Reason uint8

// The reject reasons.
const (
	ReasonNone          Reason = iota
	ReasonMalformed            // the bytes are not the format they claim
	ReasonMissingField         // a required field is missing
	ReasonBadField             // a field is out of range or malformed
	ReasonTooLarge             // a field or the record exceeds a bound
	ReasonBadUTF8              // text is not UTF-8
	ReasonPlateUnread          // the camera saw a vehicle and no plate
	ReasonBadPlate             // the raw plate gives no canonical plate
	ReasonUnknownCamera        // not in the registry
	ReasonCameraExpired        // registered, not valid at capture time
	ReasonUnauthorised         // wrong or missing camera token
	ReasonClockAhead           // captured later than received, beyond the allowance
	ReasonClockBehind          // captured longer ago than anything may be kept or buffered
	ReasonUnsupported          // an event kind or version unknown to the format
	reasonEnd
)

var reasonNames = [...]string{
	ReasonNone: "none", ReasonMalformed: "malformed", ReasonMissingField: "missing_field", ReasonBadField: "bad_field",
	ReasonTooLarge: "too_large", ReasonBadUTF8: "bad_utf8", ReasonPlateUnread: "plate_unread", ReasonBadPlate: "bad_plate",
	ReasonUnknownCamera: "unknown_camera", ReasonCameraExpired: "camera_expired", ReasonUnauthorised: "unauthorised",
	ReasonClockAhead: "clock_ahead", ReasonClockBehind: "clock_behind", ReasonUnsupported: "unsupported",
}

// Reasons lists every reason but none, for pre-bound metrics.
func Reasons() []Reason {
	out := make([]Reason, 0, reasonEnd-1)
	for r := ReasonMalformed; r < reasonEnd; r++ {
		out = append(out, r)
	}
	return out
}

// String returns the reason's name. Example: clock_ahead
func (r Reason) String() string {
	if r >= reasonEnd {
		return fmt.Sprintf("reason_%d", uint8(r))
	}
	return reasonNames[r]
}

// ParseReason finds a reason by its name.
func ParseReason(name string) (Reason, bool) {
	for i, n := range reasonNames {
		if n == name && i != 0 {
			return Reason(i), true
		}
	}
	return ReasonNone, false
}

// RejectError ends a record's way: counted by Reason, kept in the dead-letter topic with all bytes, and the pipeline
// goes on. Detail names the fault and the cure, never a whole payload.
type RejectError struct {
	Reason Reason
	Field  string
	Detail string
}

// Error formats reason, field and detail.
func (e *RejectError) Error() string {
	if e.Field == "" {
		return e.Reason.String() + ": " + e.Detail
	}
	return e.Reason.String() + ": field " + e.Field + ": " + e.Detail
}

// Rejectf makes a RejectError.
func Rejectf(r Reason, field, format string, args ...any) *RejectError {
	return &RejectError{Reason: r, Field: field, Detail: fmt.Sprintf(format, args...)}
}

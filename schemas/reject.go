package schemas

import "fmt"

// Reason says why a record was rejected. The set is closed: it is a metric label, a table column and the name staff
// filter by. Numbers and names are never reused.
type Reason uint8

// The reject reasons.
const (
	ReasonNone          Reason = iota
	ReasonMalformed            // the bytes are not the format they claim
	ReasonMissingField         // a field that must be there is not
	ReasonBadField             // a field is out of its range or form
	ReasonTooLarge             // a field or the whole exceeds its bound
	ReasonBadUTF8              // text is not UTF-8
	ReasonPlateUnread          // the camera saw a vehicle and no plate
	ReasonBadPlate             // no canonical plate can be made of the raw one
	ReasonUnknownCamera        // not in the registry
	ReasonCameraExpired        // in the registry, not valid at the time of capture
	ReasonUnauthorised         // wrong or missing camera token
	ReasonClockAhead           // captured later than received, beyond the allowance
	ReasonClockBehind          // captured longer ago than anything may be kept or buffered
	ReasonUnsupported          // an event kind or version that the format does not know
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

// RejectError is the terminal error of one record: it is counted by Reason, kept in the dead-letter topic with its
// bytes, and the pipeline goes on. Detail says what was wrong and what to do; it never holds a whole payload.
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

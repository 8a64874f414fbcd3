package access

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// Act is an act on a case that only an appointed person may do. The set is closed.
type Act string

// All acts that need an appointment. What nobody competent decided is void.
const (
	ActDecide    Act = "decide"    // the first verdict on a case
	ActSecond    Act = "second"    // the second look
	ActArbitrate Act = "arbitrate" // the end of two different verdicts
	ActCounter   Act = "counter"   // the decision against an earlier verdict
)

// Acts lists all acts.
func Acts() []Act { return []Act{ActDecide, ActSecond, ActArbitrate, ActCounter} }

// Appointment is the act by which an authority made a person competent. The zero Appointment covers nothing.
type Appointment struct {
	Number   string         // as the authority's register has it
	From, To schemas.Micros // from inclusive, to exclusive; To 0 = no end
	Acts     []Act          // empty = all
}

// Covers reports whether the appointment covers an act at an instant.
func (a *Appointment) Covers(act Act, at schemas.Micros) bool {
	return a.Number != "" && at >= a.From && (a.To == 0 || at < a.To) && (len(a.Acts) == 0 || slices.Contains(a.Acts, act))
}

// CompetenceFor returns the number of the user's appointment when the appointment covers the act at an instant, else "".
func (u *User) CompetenceFor(act Act, at schemas.Micros) string {
	if !u.Appointment.Covers(act, at) {
		return ""
	}
	return u.Appointment.Number
}

// maxAppointment bounds the number of an appointment, in characters.
const maxAppointment = 64

type appointmentEntry struct {
	Number string   `yaml:"number"`
	From   string   `yaml:"from"`
	To     string   `yaml:"to"`
	Acts   []string `yaml:"acts"`
}

// parseAppointment reads number and validity of the appointment; a day counts as a whole. An appointment without a first
// day is refused, because nobody could tell whether an earlier verdict was valid.
func (e *userEntry) parseAppointment(u *User) error {
	a := e.Appointment
	if a == nil {
		return nil
	}
	if e.Role != GVCAgent && e.Role != GVCSupervisor {
		return fmt.Errorf("user %s: an appointment is for gvc_agent and gvc_supervisor; the role %s decides no case", e.Name, e.Role)
	}
	number := strings.TrimSpace(a.Number)
	if number == "" || utf8.RuneCountInString(number) > maxAppointment || strings.ContainsFunc(number, unicode.IsControl) {
		return fmt.Errorf("user %s: the appointment needs the number that its authority gave it, %d characters at most", e.Name, maxAppointment)
	}
	u.Appointment.Number = number
	from, err := schemas.ParseFrom(a.From)
	if err != nil {
		return fmt.Errorf("user %s: appointment: from %w", e.Name, err)
	}
	u.Appointment.From = schemas.MicrosOf(from)
	if a.To != "" {
		to, err := schemas.ParseTo(a.To)
		if err != nil {
			return fmt.Errorf("user %s: appointment: to %w", e.Name, err)
		}
		u.Appointment.To = schemas.MicrosOf(to)
	}
	if u.Appointment.To != 0 && u.Appointment.From >= u.Appointment.To {
		return fmt.Errorf("user %s: appointment: from must be before to", e.Name)
	}
	for _, text := range a.Acts {
		if !slices.Contains(Acts(), Act(text)) {
			return fmt.Errorf("user %s: appointment: act %.40q is none of %v", e.Name, text, Acts())
		}
		if slices.Contains(u.Appointment.Acts, Act(text)) {
			return fmt.Errorf("user %s: appointment: the act %s is there twice", e.Name, text)
		}
		u.Appointment.Acts = append(u.Appointment.Acts, Act(text))
	}
	return nil
}

package cases

import (
	"errors"

	"github.com/gvc-brussels/anpr/schemas"
)

// Moment is what an act is judged by, beside the case.
type Moment struct {
	Now     schemas.Micros
	Policy  *Policy
	Draw    int      // 0 to 9,999: HMAC of the case's id with the site's key
	Lease   *Lease   // the lease that the caller named, when it is the caller's and has not lapsed; nil = none
	Preview *Preview // the preview that the command named; nil = none
}

// attempt is one command on its way through the guards.
type attempt struct {
	c  *Case
	by *Actor
	m  *Moment
}

// Act checks a command and returns the event to record, without ID, N, Prev and Sum. A nil event without an error means
// that nothing changed. The error is a [*Refusal]. Act changes nothing.
func Act(c *Case, cmd Command, by *Actor, m *Moment) (*Event, error) {
	settled := *c
	settled.Settle(m.Now)
	return cmd.act(&attempt{c: &settled, by: by, m: m})
}

// Fold returns the case after its events, in order. The error names the first event that does not follow.
func Fold(events []Event) (Case, error) {
	var c Case
	for i := range events {
		c.Apply(&events[i])
	}
	return c, nil
}

// Apply moves the case to the state after the event.
func (c *Case) Apply(e *Event) { c.Settle(e.RecordedAt) }

var errUnbuilt = errors.New("not built yet")

func (Decide) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Hold) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Flag) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Skip) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Undo) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Key) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Arbitrate) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Counter) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Withdraw) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Expire) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Note) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (ReDecide) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (EndHold) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (OpenIncident) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (CloseIncident) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Overdue) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Assign) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (ChangeTrack) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Number) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Transmit) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Acknowledge) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Return) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Mend) act(*attempt) (*Event, error) { return nil, errUnbuilt }

func (Annul) act(*attempt) (*Event, error) { return nil, errUnbuilt }

package cases

import (
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// ID names a case. It is random: nobody can compute it from a plate.
type ID struct{ schemas.ID }

// ParseID reads the form of [schemas.ID.String].
func ParseID(s string) (ID, error) {
	id, err := schemas.ParseID(s)
	return ID{id}, err
}

// PlateReading is a plate with its country, as somebody or something read them.
type PlateReading struct {
	Plate   string `json:"plate"`             // canonical
	Country string `json:"country,omitempty"` // ISO 3166-1 alpha-2; "" = not read
}

// PictureKind is the role of a picture in its upload.
type PictureKind string

// All kinds of picture.
const (
	PictureScene  PictureKind = "scene"
	PicturePlate  PictureKind = "plate"
	PictureSecond PictureKind = "second"
	PictureOther  PictureKind = "other"
)

// Picture is a picture of the case's read.
type Picture struct {
	Sum  schemas.Digest `json:"sha256"`
	Kind PictureKind    `json:"kind"`
}

// VerdictKind is the answer of a person.
type VerdictKind string

// All verdicts.
const (
	Confirm      VerdictKind = "confirm"
	Reject       VerdictKind = "reject"
	CorrectPlate VerdictKind = "correct_plate" // confirm, for the corrected plate
)

// Verdict is one person's answer on a case.
type Verdict struct {
	Kind   VerdictKind   `json:"kind"`
	Reason RejectReason  `json:"reason,omitempty"` // for reject
	Text   string        `json:"text,omitempty"`
	Plate  *PlateReading `json:"plate,omitempty"` // for correct_plate
}

// Clocks are the times that run for a case. 0 = the clock does not run.
type Clocks struct {
	DecideBy schemas.Micros `json:"decide_by,omitempty"` // the sort key, shown as "due"
	SendBy   schemas.Micros `json:"send_by,omitempty"`
	DropBy   schemas.Micros `json:"drop_by,omitempty"`
}

// Facts are the values of a case that a re-decision replaces.
type Facts struct {
	Measures    []schemas.Measure `json:"measures,omitempty"`
	AmountCents int64             `json:"amount_cents,omitempty"`
	LegalBasis  string            `json:"legal_basis,omitempty"`
	Verified    bool              `json:"verified"` // every catalogue value used is verified
	Track       Track             `json:"track,omitempty"`
	Marks       []string          `json:"marks,omitempty"`             // warnings for the eye: foreign, low_confidence, exemption_near, clone_suspected
	Blocks      []string          `json:"blocks,omitempty"`            // why nobody may confirm; closed set of the rules and of the track's export check
	Finding     string            `json:"finding,omitempty" shape:"3"` // reason of the rules for an offence
	Catalogue   string            `json:"catalogue,omitempty"`
	Reference   string            `json:"reference,omitempty"`
}

// Case is the present state of a case. Every field follows from the events: [Fold]. A new field has a shape: [Shape].
type Case struct {
	ID           ID                `json:"case_id"`
	Offence      schemas.OffenceID `json:"offence_id"`
	Attempt      int               `json:"attempt"` // 1, 2, ...
	Regime       Regime            `json:"regime"`
	Family       schemas.Family    `json:"family"`
	Rule         schemas.RuleID    `json:"rule"`
	Passage      schemas.PassageID `json:"passage_id"`
	Read         schemas.ReadID    `json:"read_id"`
	Zone         string            `json:"zone,omitempty"`
	Site         string            `json:"site,omitempty"`
	Camera       string            `json:"camera"`
	Municipality uint32            `json:"municipality,omitempty"` // NIS code; 0 = unknown
	Plate        string            `json:"plate"`                  // as sealed
	Country      string            `json:"country,omitempty"`      // as sealed
	Confidence   schemas.PerMille  `json:"confidence_pm"`
	Corrected    *PlateReading     `json:"corrected,omitempty"` // keyed or corrected by two persons or in arbitration
	Seal         schemas.Digest    `json:"seal"`
	Pictures     []Picture         `json:"pictures,omitempty"`
	PicturesOpen bool              `json:"pictures_open,omitempty" shape:"3"` // the read was not stored at the intake
	CapturedAt   schemas.Micros    `json:"captured_at"`
	TakenInAt    schemas.Micros    `json:"taken_in_at"`
	Straggler    bool              `json:"straggler,omitempty"`

	State       State          `json:"state"`
	SettlesTo   State          `json:"settles_to,omitempty"`           // settling: the state from EffectiveAt on
	Before      State          `json:"before,omitempty"`               // settling: the state to which an undo returns
	EffectiveAt schemas.Micros `json:"effective_at,omitempty"`         // of the last verdict
	Version     int64          `json:"version"`                        // n of the last event
	Head        schemas.Digest `json:"head"`                           // sum of the last event
	ChangedAt   schemas.Micros `json:"changed_at,omitempty" shape:"2"` // recording of the last event

	HoldReason  string         `json:"hold_reason,omitempty"`
	HoldByHand  bool           `json:"hold_by_hand,omitempty"`
	HeldSince   schemas.Micros `json:"held_since,omitempty"`
	HoldUntil   schemas.Micros `json:"hold_until,omitempty"`   // 0 = until something changes
	HoldLongest schemas.Micros `json:"hold_longest,omitempty"` // 0 = no longest time
	Accepted    []string       `json:"accepted,omitempty"`     // hold reasons that a supervisor has settled by hand
	Lane        *uint8         `json:"lane,omitempty"`         // recorded from the picture
	LookNow     bool           `json:"look_now,omitempty"`     // a re-decision is due at once
	Undecided   string         `json:"undecided,omitempty"`    // hold reason that the rules gave and have not ended, whatever people did meanwhile

	Clocks
	Facts
	TrackChosen bool `json:"track_chosen,omitempty"` // a person chose the track: a re-decision keeps it

	FirstUser  string        `json:"first_user,omitempty"`
	First      *Verdict      `json:"first,omitempty"` // never in a blind answer
	SecondUser string        `json:"second_user,omitempty"`
	SecondBy   *Verdict      `json:"second,omitempty"`
	Pending    *Facts        `json:"pending,omitempty"` // second: what a corrected plate brings when the verdict takes effect
	Keyers     []string      `json:"keyers,omitempty"`  // who keyed, in order
	Keyed      *PlateReading `json:"keyed,omitempty"`   // first keying; nil with one keyer = not legible
	Acted      []string      `json:"acted,omitempty"`   // whose verdicts and arbitrations were recorded and not undone, in order
	Skippers   []string      `json:"skippers,omitempty"`
	Skips      int           `json:"skips,omitempty"`
	Decisive   string        `json:"decisive,omitempty"`   // event id of the verdict that settles or settled
	EndReason  string        `json:"end_reason,omitempty"` // of a rejection or withdrawal, from its event on

	Incidents     []Incident     `json:"incidents,omitempty"` // open ones
	OtherSeals    []string       `json:"other_seals,omitempty"`
	Overtaken     string         `json:"overtaken,omitempty" shape:"2"` // reason with which the rules would take the case back, told by an incident, open or closed
	AssignedTo    string         `json:"assigned_to,omitempty"`
	AssignedUntil schemas.Micros `json:"assigned_until,omitempty"`
	Number        string         `json:"number,omitempty"`               // of the PV; stays used
	Batch         string         `json:"batch,omitempty"`                // transmission
	SentAt        schemas.Micros `json:"sent_at,omitempty" shape:"3"`    // of the first transmission
	File          *FileAnswer    `json:"file,omitempty" shape:"3"`       // see HasFile
	FileNoted     string         `json:"file_noted,omitempty" shape:"3"` // what the case would be, by the last incident of its file
	ProbeBy       string         `json:"probe_by,omitempty"`
	ProbeEvent    string         `json:"probe_event,omitempty"`
	ProbeAt       schemas.Micros `json:"probe_at,omitempty"`
	Revived       bool           `json:"revived,omitempty"`   // the passages that the case had swallowed were looked at after its end
	Successor     string         `json:"successor,omitempty"` // case id of the next attempt
}

// Incident is a thing that does not hold and that nobody has closed.
type Incident struct {
	N    int64        `json:"n"` // number of its event
	Kind IncidentKind `json:"kind"`
}

// StateAt returns the state at an instant: a verdict that has taken effect counts, whether or not anybody wrote so.
func (c *Case) StateAt(now schemas.Micros) State {
	if c.State == Settling && c.EffectiveAt <= now {
		return c.SettlesTo
	}
	return c.State
}

// Settle moves the case into the state that a verdict has reached at the instant, and reports whether it moved.
func (c *Case) Settle(now schemas.Micros) bool {
	if c.State != Settling || c.EffectiveAt > now {
		return false
	}
	if c.Before == Second && c.SettlesTo == Confirmed && c.SecondBy.Kind == CorrectPlate {
		c.correct(c.SecondBy.Plate, c.Pending)
	}
	c.State, c.SettlesTo, c.Before, c.Pending = c.SettlesTo, "", "", nil
	return true
}

// correct gives the case the plate on which people agreed, and what the rules say about it.
func (c *Case) correct(r *PlateReading, f *Facts) {
	c.Corrected = r
	if f != nil {
		c.Facts, c.Undecided = *f, ""
	}
}

// Reading returns the plate that counts: corrected, or as sealed.
func (c *Case) Reading() PlateReading {
	if c.Corrected != nil {
		return *c.Corrected
	}
	return PlateReading{Plate: c.Plate, Country: c.Country}
}

// hasActed reports whether a verdict or arbitration of the user stands in the case.
func (c *Case) hasActed(user string) bool { return slices.Contains(c.Acted, user) }

// Barred returns the users to whom the case is not offered in its present state: those who must not act on it, and
// those who skipped it.
func (c *Case) Barred() []string {
	out := c.answered()
	if c.State != Arbitration { // a skipper may arbitrate
		out = append(out, c.Skippers...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// MayTake reports whether the user may have the case in its present state by name. Who skipped it may; who answered in it
// may not.
func (c *Case) MayTake(user string) bool { return !slices.Contains(c.answered(), user) }

// MayCounter reports whether the user may decide against the verdict of the case at the instant: a supervisor until the hand-over, who
// decided within the time of the policy.
func (c *Case) MayCounter(by *Actor, p *Policy, now schemas.Micros) bool {
	if c.State != Confirmed && c.State != Rejected || c.Successor != "" {
		return false
	}
	return by.Role == Supervisor || by.Role == Agent && c.hasActed(by.User) && c.EffectiveAt+p.CounterWithin >= now
}

// answered lists who gave an answer that the next one must not come from too.
func (c *Case) answered() []string {
	switch c.State {
	case Second:
		return slices.Clone(c.Acted)
	case Keying:
		return slices.Clone(c.Keyers)
	case Arbitration:
		return slices.Concat(c.Acted, c.Keyers)
	default:
		return nil
	}
}

// Blind returns the case as a second person or a second keyer may see it: without the other person's answer, name or
// number of acts.
func (c *Case) Blind() Case {
	b := *c
	b.FirstUser, b.First, b.SecondUser, b.SecondBy, b.Pending, b.Keyers, b.Keyed, b.Decisive, b.EndReason = "", nil, "", nil, nil, nil, nil, "", ""
	b.Acted, b.Skippers, b.Skips, b.EffectiveAt, b.Before, b.SettlesTo, b.ProbeBy, b.ProbeEvent, b.ProbeAt = nil, nil, 0, 0, "", "", "", "", 0
	b.Number, b.Batch, b.Successor, b.Revived, b.ChangedAt, b.Overtaken, b.SentAt, b.File, b.FileNoted = "", "", "", false, 0, "", 0, nil, ""
	return b
}

// SweepAt returns when the clock alone changes the case; 0 = never.
func (c *Case) SweepAt() schemas.Micros {
	switch c.State {
	case Settling:
		return c.EffectiveAt
	case Open, Keying, Second:
		return earliest(c.SendBy, c.DropBy)
	case Held:
		if c.HoldByHand {
			return earliest(c.HoldUntil, c.DropBy)
		}
		return c.DropBy
	case Arbitration:
		return c.DropBy
	default:
		return 0
	}
}

// DueCommand returns what the clock does to the case at the instant; nil = nothing.
func (c *Case) DueCommand(now schemas.Micros) Command {
	isPast := func(t schemas.Micros) bool { return t != 0 && t <= now }
	switch state := c.StateAt(now); {
	case state != Held && state != Keying && state != Open && state != Second && state != Arbitration:
		return nil
	case isPast(c.DropBy):
		return Expire{}
	case state == Held && c.HoldByHand && isPast(c.HoldUntil):
		return EndHold{}
	case (state == Open || state == Keying || state == Second) && isPast(c.SendBy):
		return Overdue{}
	}
	return nil
}

// LookAt returns when the rules must decide the case again; 0 = only when the data change.
func (c *Case) LookAt() schemas.Micros {
	switch {
	case c.State != Held && c.State != Keying, c.HoldByHand:
		return 0
	case c.LookNow:
		return 1
	case c.State == Keying:
		return c.HoldLongest
	}
	return earliest(c.HoldUntil, c.HoldLongest)
}

// lookEvery is the time between two looks at a hold whose end has passed while the rules still hold it.
const lookEvery = schemas.Hour

// NextLook returns when the rules look at the case again after they left it unchanged; 0 = only when the data change.
func (c *Case) NextLook(now schemas.Micros) schemas.Micros {
	var next schemas.Micros
	switch {
	case c.LookAt() == 0:
		return 0
	case c.HoldUntil > now && !c.LookNow:
		next = c.HoldUntil
	case c.HoldUntil != 0 || c.LookNow || c.HoldLongest <= now:
		next = now + lookEvery // the time has come, and the data have not
	}
	if c.HoldLongest > now {
		return earliest(next, c.HoldLongest)
	}
	return next
}

// ReviveAt returns when the passages that the case had swallowed must be looked at, because the case ends by its read;
// 0 = never.
func (c *Case) ReviveAt() schemas.Micros {
	end := c.State
	if end == Settling {
		end = c.SettlesTo
	}
	blamed := end == Rejected && RejectReason(c.EndReason).blamesRead() || end == Withdrawn && WithdrawReason(c.EndReason).blamesRead()
	if !blamed || c.Revived {
		return 0
	}
	return c.EffectiveAt
}

// earliest returns the smaller of two instants, 0 = none.
func earliest(a, b schemas.Micros) schemas.Micros {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

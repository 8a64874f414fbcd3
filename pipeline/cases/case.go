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

// VerdictKinds lists all verdicts.
func VerdictKinds() []VerdictKind { return []VerdictKind{Confirm, Reject, CorrectPlate} }

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
	Marks       []string          `json:"marks,omitempty"`  // warnings for the eye: foreign, low_confidence, exemption_near, clone_suspected
	Blocks      []string          `json:"blocks,omitempty"` // why nobody may confirm; closed set of the rules and of the track's export check
	Catalogue   string            `json:"catalogue,omitempty"`
	Reference   string            `json:"reference,omitempty"`
}

// Case is the present state of a case. Every field follows from the events: [Fold].
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
	CapturedAt   schemas.Micros    `json:"captured_at"`
	TakenInAt    schemas.Micros    `json:"taken_in_at"`
	Straggler    bool              `json:"straggler,omitempty"`

	State       State          `json:"state"`
	SettlesTo   State          `json:"settles_to,omitempty"`   // settling: the state from EffectiveAt on
	Before      State          `json:"before,omitempty"`       // settling: the state to which an undo returns
	EffectiveAt schemas.Micros `json:"effective_at,omitempty"` // of the last verdict
	Version     int64          `json:"version"`                // n of the last event
	Head        schemas.Digest `json:"head"`                   // sum of the last event

	HoldReason  string         `json:"hold_reason,omitempty"`
	HoldByHand  bool           `json:"hold_by_hand,omitempty"`
	HeldSince   schemas.Micros `json:"held_since,omitempty"`
	HoldUntil   schemas.Micros `json:"hold_until,omitempty"`   // 0 = until something changes
	HoldLongest schemas.Micros `json:"hold_longest,omitempty"` // 0 = no longest time
	Accepted    []string       `json:"accepted,omitempty"`     // hold reasons that a supervisor has settled by hand
	Lane        *uint8         `json:"lane,omitempty"`         // recorded from the picture
	LookNow     bool           `json:"look_now,omitempty"`     // a re-decision is due at once

	Clocks
	Facts

	FirstUser  string        `json:"first_user,omitempty"`
	First      *Verdict      `json:"first,omitempty"` // never in a blind answer
	SecondUser string        `json:"second_user,omitempty"`
	SecondBy   *Verdict      `json:"second,omitempty"`
	Keyer      string        `json:"keyer,omitempty"` // first keying
	Keyed      *PlateReading `json:"keyed,omitempty"` // first keying; nil with a Keyer = not legible
	Acted      []string      `json:"acted,omitempty"` // everybody whose verdict, keying or arbitration stands in the case
	Skippers   []string      `json:"skippers,omitempty"`
	Skips      int           `json:"skips,omitempty"`
	Decisive   string        `json:"decisive,omitempty"` // event id of the verdict that settles or settled
	EndReason  string        `json:"end_reason,omitempty"`

	Incidents     []Incident     `json:"incidents,omitempty"` // open ones
	OtherSeals    []string       `json:"other_seals,omitempty"`
	AssignedTo    string         `json:"assigned_to,omitempty"`
	AssignedUntil schemas.Micros `json:"assigned_until,omitempty"`
	Number        string         `json:"number,omitempty"` // of the PV; stays used
	Batch         string         `json:"batch,omitempty"`  // transmission
	ProbeBy       string         `json:"probe_by,omitempty"`
	ProbeEvent    string         `json:"probe_event,omitempty"`
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
	c.State, c.SettlesTo, c.Before = c.SettlesTo, "", ""
	return true
}

// Reading returns the plate that counts: corrected, or as sealed.
func (c *Case) Reading() PlateReading {
	if c.Corrected != nil {
		return *c.Corrected
	}
	return PlateReading{Plate: c.Plate, Country: c.Country}
}

// hasActed reports whether the user's verdict, keying or arbitration stands in the case.
func (c *Case) hasActed(user string) bool { return slices.Contains(c.Acted, user) }

// Blind returns the case as a second person or a second keyer may see it: without the other person's answer, name or
// number of acts.
func (c *Case) Blind() Case {
	b := *c
	b.FirstUser, b.First, b.SecondUser, b.SecondBy, b.Keyer, b.Keyed, b.Decisive = "", nil, "", nil, "", nil, ""
	b.Acted, b.Skippers, b.Skips, b.EffectiveAt, b.Before, b.SettlesTo, b.ProbeBy, b.ProbeEvent = nil, nil, 0, 0, "", "", "", ""
	return b
}

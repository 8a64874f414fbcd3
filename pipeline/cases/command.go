package cases

import "github.com/gvc-brussels/anpr/schemas"

// Command is one act that somebody wants done on a case. Each type in this file is one.
type Command interface {
	// act checks the command and returns the event to record. A nil event without an error means that nothing changed.
	act(a *attempt) (*Event, error)
}

// Look says how a person looked at a case before saying yes to it.
type Look struct {
	Checks  [5]bool `json:"checks,omitzero"` // asserted: plate, country, vehicle, one vehicle, place and time
	ShownMS int64   `json:"shown_ms,omitempty"`
	Input   Input   `json:"input,omitempty"`
}

// Decide is a verdict on an open case, or the second look when the case is in second. On a probe it is a known answer.
type Decide struct {
	Verdict
	Preview ID      `json:"preview,omitzero"` // for correct_plate
	Checks  [5]bool `json:"checks"`           // asserted for confirm and correct_plate: plate, country, vehicle, one vehicle, place and time
	ShownMS int64   `json:"shown_ms"`
	Input   Input   `json:"input"`
}

// Hold stops a case by hand for a reason of [HandHoldReasons].
type Hold struct {
	Reason string         `json:"reason"`
	Until  schemas.Micros `json:"until"`
	Text   string         `json:"text,omitempty"`
}

// Flag hands a case to a supervisor.
type Flag struct {
	Text string `json:"text"` // at least 10 characters
}

// Skip leaves a case to somebody else. The third skip hands it to a supervisor.
type Skip struct{}

// Undo takes back the own verdict before it takes effect.
type Undo struct {
	Event ID `json:"event"`
}

// Key is what one person reads in the picture.
type Key struct {
	Reading *PlateReading `json:"reading"` // nil = not legible
	ShownMS int64         `json:"shown_ms"`
	Input   Input         `json:"input"`
}

// Arbitrate ends an arbitration. To is confirmed, rejected, held, open or withdrawn. A case whose hold the rules have not
// ended does not open: it is held again, and decided again.
type Arbitrate struct {
	To      State          `json:"to"`
	Reason  string         `json:"reason,omitempty"` // reject, withdraw or hold reason; for confirmed and open free
	Until   schemas.Micros `json:"until,omitempty"`  // for held
	Text    string         `json:"text,omitempty"`
	Plate   *PlateReading  `json:"plate,omitempty"` // for confirmed: the plate that counts
	Preview ID             `json:"preview,omitzero"`
	Look    Look           `json:"look,omitzero"` // for confirmed
}

// Counter is another verdict after the first took effect. A second person looks at it.
type Counter struct {
	Verdict
	Preview ID   `json:"preview,omitzero"`
	Look    Look `json:"look,omitzero"` // for confirm and correct_plate
}

// Withdraw takes a case back before transmission. A withdrawal in bulk names its query and count.
type Withdraw struct {
	Reason WithdrawReason `json:"reason"`
	Text   string         `json:"text,omitempty"`
	Query  string         `json:"query,omitempty"`
	Count  int            `json:"count,omitempty"` // cases of the whole act; 0 and 1 mean this case alone
}

// Expire closes an undecided case in the driver's favour.
type Expire struct {
	Query string `json:"query,omitempty"`
	Count int    `json:"count,omitempty"`
}

// Note adds a remark. Only a job sets Revived and Successor.
type Note struct {
	Text      string `json:"text"` // at most 2,000 characters
	Revived   bool   `json:"revived,omitempty"`
	Successor ID     `json:"successor,omitzero"` // the next attempt
}

// ReDecide records the answer of the rules under the present data.
type ReDecide struct {
	Answer Answer `json:"answer"`
}

// HoldForWire holds an open case whose camera and family have an open tripwire. Values and clocks stay.
type HoldForWire struct {
	Trace []schemas.Step `json:"trace,omitempty"` // evidence of the wire
}

// MeetsWire reports whether a command may open or hand over a case, which an open tripwire forbids.
func MeetsWire(cmd Command) bool {
	switch cmd.(type) {
	case ReDecide, Transmit:
		return true
	default:
		return false
	}
}

// Overtake records the answer of the rules on a case with a verdict, under the present data. When the rules would take the
// case back, that is an incident, which blocks confirmation, number and transmission until a supervisor has withdrawn the
// case or closed the incident. Every other answer changes nothing.
type Overtake struct {
	Answer Answer `json:"answer"`
}

// EndHold ends a hold. A hold by hand opens, unless the rules held the case before and have not decided it; a hold of the
// rules is decided again. In arbitration it settles the doubt of such a hold.
type EndHold struct {
	Lane   *uint8 `json:"lane,omitempty"`   // what the person saw in the picture, for lane_unknown
	Accept bool   `json:"accept,omitempty"` // the person settled the doubt: a re-decision with the same reason opens the case
	Of     string `json:"of,omitempty"`     // unless "", the hold that is meant: one for another reason stays
	Text   string `json:"text,omitempty"`
	Query  string `json:"query,omitempty"` // of an act on many cases: what chose them
	Count  int    `json:"count,omitempty"` // how many; above one a second person must have approved
}

// OpenIncident notes a thing that does not hold.
type OpenIncident struct {
	Kind      IncidentKind   `json:"kind"`
	Text      string         `json:"text"`
	OtherSeal schemas.Digest `json:"other_seal,omitempty"` // for seal_differs
	Said      string         `json:"said,omitempty"`       // for file_changed: what the case would be
}

// CloseIncident settles an incident by its event number.
type CloseIncident struct {
	N    int64  `json:"n"`
	Text string `json:"text"`
}

// Overdue hands a case whose send clock has run out to a supervisor.
type Overdue struct{}

// Assign gives a case to one user until an instant.
type Assign struct {
	User  string         `json:"user"`
	Until schemas.Micros `json:"until"`
}

// ChangeTrack moves a case to another track. Blocks is the result of that track's export check.
type ChangeTrack struct {
	Track  Track    `json:"track"`
	Text   string   `json:"text"`
	Blocks []string `json:"blocks,omitempty"`
}

// Number gives a confirmed case its number of the PV.
type Number struct {
	Number string `json:"number"`
}

// Transmit hands a confirmed case over. The caller verified seal and pictures, and ran the export check, now.
type Transmit struct {
	Batch         string   `json:"batch"`
	Track         Track    `json:"track"`
	SealHolds     bool     `json:"seal_holds"`
	PicturesHold  bool     `json:"pictures_hold"`
	ExportMissing []string `json:"export_missing,omitempty"`
	OpenApproval  bool     `json:"open_approval,omitempty"`
}

// Acknowledge is the recipient's answer that it has the case.
type Acknowledge struct {
	Text string `json:"text,omitempty"`
}

// Return is the recipient's refusal.
type Return struct {
	Reason string `json:"reason"`
}

// Mend answers a returned case. To is confirmed or arbitration.
type Mend struct {
	To   State  `json:"to"`
	Text string `json:"text"` // what was mended
}

// Annul takes a case back after transmission. An annulment in bulk names its query and count.
type Annul struct {
	Reason WithdrawReason `json:"reason"`
	Text   string         `json:"text,omitempty"`
	Query  string         `json:"query,omitempty"`
	Count  int            `json:"count,omitempty"` // cases of the whole act; 0 and 1 mean this case alone
}

package cases

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/gvc-brussels/anpr/schemas"
)

// EventKind names what happened. The set is closed.
type EventKind string

// All kinds of event, in the order of the table of transitions.
const (
	TakenIn        EventKind = "taken_in"
	ReDecided      EventKind = "re_decided"
	KeyedPlate     EventKind = "keyed"
	Decided        EventKind = "decided"
	HeldByHand     EventKind = "held_by_hand"
	HoldEnded      EventKind = "hold_ended"
	Flagged        EventKind = "flagged"
	Skipped        EventKind = "skipped"
	Undone         EventKind = "undone"
	SecondDecided  EventKind = "second_decided"
	Arbitrated     EventKind = "arbitrated"
	CounterDecided EventKind = "counter_decided"
	TakenBack      EventKind = "withdrawn"
	ExpiredUnmet   EventKind = "expired"
	Numbered       EventKind = "numbered"
	HandedOver     EventKind = "transmitted"
	Acknowledged   EventKind = "acknowledged"
	SentBack       EventKind = "returned"
	Mended         EventKind = "mended"
	AnnulledEvent  EventKind = "annulled"
	Noted          EventKind = "noted"
	IncidentOpened EventKind = "incident"
	IncidentClosed EventKind = "incident_closed"
	BecameOverdue  EventKind = "overdue"
	Assigned       EventKind = "assigned"
	TrackChanged   EventKind = "track_changed"
	FileRead       EventKind = "file_read"      // what a confirmed case is, in view of the vehicle's file
	PicturesFound  EventKind = "pictures_found" // of a read that was stored after the intake
	Probed         EventKind = "probe"          // answer to a case shown again; changes no state
)

// EventKinds lists all kinds.
func EventKinds() []EventKind {
	return []EventKind{
		TakenIn, ReDecided, KeyedPlate, Decided, HeldByHand, HoldEnded, Flagged, Skipped, Undone, SecondDecided, Arbitrated, CounterDecided, TakenBack, ExpiredUnmet,
		Numbered, HandedOver, Acknowledged, SentBack, Mended, AnnulledEvent, Noted, IncidentOpened, IncidentClosed, BecameOverdue, Assigned, TrackChanged, FileRead, PicturesFound, Probed,
	}
}

// Input is how a verdict was given.
type Input string

// All inputs.
const (
	InputKey    Input = "key"
	InputMouse  Input = "mouse"
	InputScript Input = "script" // through the API without a page
)

// Opening is the beginning of a case, in its first event.
type Opening struct {
	Offence      schemas.OffenceID `json:"offence_id"`
	Attempt      int               `json:"attempt"`
	Regime       Regime            `json:"regime"`
	Family       schemas.Family    `json:"family"`
	Rule         schemas.RuleID    `json:"rule"`
	Passage      schemas.PassageID `json:"passage_id"`
	Read         schemas.ReadID    `json:"read_id"`
	Zone         string            `json:"zone,omitempty"`
	Site         string            `json:"site,omitempty"`
	Camera       string            `json:"camera"`
	Municipality uint32            `json:"municipality,omitempty"`
	Reading      PlateReading      `json:"reading"`
	Confidence   schemas.PerMille  `json:"confidence_pm"`
	Seal         schemas.Digest    `json:"seal"`
	CapturedAt   schemas.Micros    `json:"captured_at"`
	Straggler    bool              `json:"straggler,omitempty"`
	Pictures     []Picture         `json:"pictures,omitempty"`
	PicturesOpen bool              `json:"pictures_open,omitempty"` // the read is not stored yet, and may have more
}

// Event is one append-only record of a case. Which fields are set depends on the kind.
type Event struct {
	ID          ID             `json:"event_id"` // UUIDv7
	Case        ID             `json:"case_id"`
	N           int64          `json:"n"` // 1, 2, ...; also the version of the case after the event
	Kind        EventKind      `json:"kind"`
	From        State          `json:"from,omitempty"`
	To          State          `json:"to"`
	SettlesTo   State          `json:"settles_to,omitempty"`
	RecordedAt  schemas.Micros `json:"recorded_at"`
	EffectiveAt schemas.Micros `json:"effective_at"`

	User        string `json:"user,omitempty"` // "" = a job or the intake
	Role        Role   `json:"role"`
	Zone        string `json:"zone,omitempty"` // of the case
	Purpose     string `json:"purpose,omitempty"`
	LogSeq      uint64 `json:"log_seq,omitempty"`
	Appointment string `json:"appointment,omitempty"`
	Approver    string `json:"approver,omitempty"`

	Verdict    VerdictKind      `json:"verdict,omitempty"`
	Reason     string           `json:"reason,omitempty"`
	Text       string           `json:"text,omitempty"`
	Plate      *PlateReading    `json:"plate,omitempty"`       // before
	PlateAfter *PlateReading    `json:"plate_after,omitempty"` // after, or as keyed; nil of a keying = not legible
	Checks     []bool           `json:"checks,omitempty"`
	Pictures   []schemas.Digest `json:"pictures,omitempty"` // loaded by the person before the verdict
	ShownMS    int64            `json:"shown_ms,omitempty"`
	Input      Input            `json:"input,omitempty"`
	Triggers   []string         `json:"triggers,omitempty"` // why a second person looks
	Trace      []schemas.Step   `json:"trace,omitempty"`

	Opening *Opening `json:"opening,omitempty"`
	Facts   *Facts   `json:"facts,omitempty"`
	Clocks  *Clocks  `json:"clocks,omitempty"`

	HoldUntil   schemas.Micros `json:"hold_until,omitempty"`
	HoldLongest schemas.Micros `json:"hold_longest,omitempty"`
	Lane        *uint8         `json:"lane,omitempty"`
	Accepted    string         `json:"accepted,omitempty"` // hold reason that a supervisor settled
	Incident    IncidentKind   `json:"incident,omitempty"`
	Closes      int64          `json:"closes,omitempty"` // number of the incident's event
	Of          string         `json:"of,omitempty"`     // event id that an undo takes back
	OtherSeal   string         `json:"other_seal,omitempty"`
	AssignedTo  string         `json:"assigned_to,omitempty"`
	Until       schemas.Micros `json:"until,omitempty"` // of an assignment
	Number      string         `json:"number,omitempty"`
	Batch       string         `json:"batch,omitempty"`
	Query       string         `json:"query,omitempty"` // of an act in bulk
	Count       int            `json:"count,omitempty"`
	File        *FileAnswer    `json:"file,omitempty"`  // of a reading, and of a transmission
	Said        string         `json:"said,omitempty"`  // incident of a file: what the case would be; a known answer that was held: for what
	Found       []Picture      `json:"found,omitempty"` // pictures that the case lacked
	Revived     bool           `json:"revived,omitempty"`
	Successor   string         `json:"successor,omitempty"` // case id of the next attempt

	Prev schemas.Digest `json:"-"` // sum of the event before; none for n = 1
	Sum  schemas.Digest `json:"-"` // SHA-256 over Prev and Body
}

// Body returns the bytes that are stored and chained.
func (e *Event) Body() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("event %d of case %s: %w", e.N, e.Case, err)
	}
	return b, nil
}

// SumOf returns the chained sum of stored bytes.
func SumOf(prev schemas.Digest, body []byte) schemas.Digest {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(body)
	return schemas.Digest(h.Sum(nil))
}

// ParseEvent reads stored bytes, and checks the sum over prev and body. The event has Prev and Sum.
func ParseEvent(prev, sum schemas.Digest, body []byte) (Event, error) {
	var e Event
	if got := SumOf(prev, body); got != sum {
		return e, fmt.Errorf("the stored event has sum %s, its bytes have %s", sum, got)
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("stored event: %w", err)
	}
	e.Prev, e.Sum = prev, sum
	return e, nil
}

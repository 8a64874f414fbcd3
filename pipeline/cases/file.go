package cases

import (
	"fmt"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// FileOutcome says what a confirmed case is in view of its vehicle's other cases. The set is closed.
type FileOutcome string

// All outcomes.
const (
	FileWarning      FileOutcome = "warning"
	FileFine         FileOutcome = "fine"
	FileWithinWindow FileOutcome = "within_window" // withdrawn: another notice has the passage in its window
	FileCapReached   FileOutcome = "cap_reached"   // withdrawn: the year has all its fines
	FileCollection   FileOutcome = "immediate_collection"
	FileProsecutor   FileOutcome = "prosecutor"
	FileNone         FileOutcome = "no_file" // the rules of the family ask for no file
)

// FileOutcomes lists all outcomes.
func FileOutcomes() []FileOutcome {
	return []FileOutcome{FileWarning, FileFine, FileWithinWindow, FileCapReached, FileCollection, FileProsecutor, FileNone}
}

// Withdraws reports whether a case with the outcome is taken back.
func (o FileOutcome) Withdraws() bool { return o == FileWithinWindow || o == FileCapReached }

// FileAnswer is what a confirmed case is, in view of its vehicle's other cases at one moment. The fields under Finding
// are what the file of another case needs of this one.
type FileAnswer struct {
	Verdict     string         `json:"verdict"` // event id of the verdict that the answer is for
	Outcome     FileOutcome    `json:"outcome"`
	AmountCents int64          `json:"amount_cents,omitempty"` // of this case; 0 for a warning
	Level       int            `json:"level,omitempty"`        // recidivism: 0 = none, 1 = the first repetition
	Together    int            `json:"together,omitempty"`     // offences of the same moment, this one included
	TotalCents  int64          `json:"total_cents,omitempty"`  // of the offences of the same moment
	FreeFrom    schemas.Micros `json:"free_from,omitempty"`    // first instant at which a new fine is possible
	Verified    bool           `json:"verified"`               // every value used is verified
	Others      int            `json:"others,omitempty"`       // cases that were in the file
	At          schemas.Micros `json:"at"`
	Catalogue   string         `json:"catalogue,omitempty"`

	Finding  string        `json:"finding,omitempty"` // reason of the decision
	Excess   schemas.Speed `json:"excess,omitempty"`
	Surround string        `json:"surround,omitempty"`
	Abroad   bool          `json:"abroad,omitempty"`
}

// saysTheSame reports whether two answers mean the same for the driver.
func (f *FileAnswer) saysTheSame(g *FileAnswer) bool {
	return f.changesNothingSent(g) && f.Verdict == g.Verdict && f.AmountCents == g.AmountCents && f.Together == g.Together && f.TotalCents == g.TotalCents
}

// changesNothingSent reports whether a notice with answer f would be sent with answer g too. How many offences fell
// together matters for what they become alone.
func (f *FileAnswer) changesNothingSent(g *FileAnswer) bool {
	return f.Outcome == g.Outcome && f.Level == g.Level
}

// FileQuestion asks what a confirmed case is.
type FileQuestion struct {
	Case   *Case
	Sealed []byte  // exact bytes under the seal
	Others []*Case // other cases of the vehicle and family that are in its file, in any order
	At     schemas.Micros
}

// FileReading is the answer of the rules.
type FileReading struct {
	Answer FileAnswer
	Facts  *Facts // nil = as before; else the case goes another way
	Trace  []schemas.Step
}

// Filer reads the file of a vehicle: a pure function of the question and of the catalogue. Safe for concurrent use.
type Filer interface {
	ReadFile(q *FileQuestion) (FileReading, error)
}

// Vehicle is whose file a case is in.
type Vehicle struct {
	Family  schemas.Family
	Reading PlateReading
}

// Vehicle returns the vehicle of the case: of the plate that stands.
func (c *Case) Vehicle() Vehicle { return Vehicle{c.Family, c.Reading()} }

// HasFile reports whether the file was read for the verdict that stands.
func (c *Case) HasFile() bool {
	return c.File != nil && c.Decisive != "" && c.File.Verdict == c.Decisive
}

// IsInFile reports whether the case counts for the vehicle's other cases.
func (c *Case) IsInFile() bool {
	return c.HasFile() && !c.File.Outcome.Withdraws() && (c.State == Confirmed || c.State == Transmitted || c.State == Returned)
}

// FileAt returns when the vehicle's file must be read, because a confirmation takes effect; 0 = never.
func (c *Case) FileAt() schemas.Micros {
	if c.HasFile() || c.State != Confirmed && (c.State != Settling || c.SettlesTo != Confirmed) {
		return 0
	}
	return c.EffectiveAt
}

// NeedsFile reports whether the command needs the vehicle's file as it is now: [Moment.File].
func NeedsFile(cmd Command) bool {
	switch cmd.(type) {
	case Number, Transmit:
		return true
	default:
		return false
	}
}

// ReadFile records what the rules say about a confirmed case in view of the vehicle's file. A case that gets no notice is
// taken back.
type ReadFile struct {
	Reading FileReading `json:"reading"`
}

func (x ReadFile) act(a *attempt) (*Event, error) {
	e, err := a.begin(FileRead)
	answer := &x.Reading.Answer
	switch {
	case err != nil:
		return nil, err
	case answer.Verdict != a.c.Decisive || a.c.Decisive == "":
		return nil, refuse(CodeStale, "the file was read for another verdict")
	case !slices.Contains(FileOutcomes(), answer.Outcome):
		return nil, refuseField("outcome", "%q is not in the list: %v", answer.Outcome, FileOutcomes())
	case a.c.HasFile() && a.c.File.saysTheSame(answer):
		return nil, nil
	}
	e.File, e.Facts, e.Trace, e.Reason = answer, x.Reading.Facts, x.Reading.Trace, string(answer.Outcome)
	if answer.Outcome.Withdraws() {
		e.To = Withdrawn
	}
	return e, nil
}

// needFile checks that the file was read for the verdict that stands, and says the same now.
func (a *attempt) needFile() error {
	switch {
	case !a.c.HasFile():
		return refuse(CodeBlocked, BlockFileMissing)
	case a.m.File == nil || !a.c.File.saysTheSame(&a.m.File.Answer):
		return refuse(CodeBlocked, BlockFileChanged)
	}
	return nil
}

// describeAnswer says an answer in codes, for an incident.
func describeAnswer(f *FileAnswer) string {
	if f.Level > 0 {
		return fmt.Sprintf("%s, recidivism %d", f.Outcome, f.Level)
	}
	return string(f.Outcome)
}

// Blockers of a number and of a transmission.
const (
	BlockFileMissing = "file_missing" // the file of the vehicle was not read since the verdict
	BlockFileChanged = "file_changed" // the file says something else now
)

// FileDiffers returns what to do about a case whose file says something else than when it was read; nil = nothing. A case that is not sent yet
// is read again. What is sent, or was taken back by its file, changes no more: a supervisor is told.
func (c *Case) FileDiffers(r *FileReading) Command {
	switch {
	case !c.HasFile():
		return nil
	case c.State == Confirmed:
		if c.File.saysTheSame(&r.Answer) {
			return nil
		}
		return ReadFile{Reading: *r}
	case c.State == Withdrawn && (!c.File.Outcome.Withdraws() || r.Answer.Outcome.Withdraws()), c.State != Withdrawn && c.State != Transmitted && c.State != Returned,
		c.File.changesNothingSent(&r.Answer):
		return nil
	}
	said := describeAnswer(&r.Answer)
	if c.FileNoted == said {
		return nil
	}
	return OpenIncident{Kind: FileChanged, Text: "the file of the vehicle changed: this case was " + describeAnswer(c.File) + ", and would be " + said + " now", Said: said}
}

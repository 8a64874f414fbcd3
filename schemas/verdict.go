package schemas

// RuleID names a rule for ever. Example: bru.lez.access
type RuleID string

// Family names a kind of finding, in rows, messages and reference data. Package rules has the list of them.
type Family string

// Match says how a read met a listed plate.
type Match uint8

// The matches.
const (
	MatchExact      Match = 1 + iota
	MatchConfusable       // another plate of the same confusion class, or a German one whose boundary is not known: a lead, never proof
)

var matchNames = [...]string{"none", "exact", "confusable"}

// String returns the match's name.
func (m Match) String() string { return nameOf(matchNames[:], int(m)) }

// Hit is a listed plate seen. Published at once on the first read of a passage that matches.
type Hit struct {
	ID               HitID
	Passage          PassageID
	Match            Match
	Entry            *ListEntry // shared with the reference data, read only
	ReferenceVersion string
}

// Outcome is what a rule found for one passage.
type Outcome uint8

// The outcomes. Only OutcomeOffence and OutcomeHeld make a row of offences. OutcomeClear is not stored: a replay
// with the versions named on the batch gives its trace again.
const (
	OutcomeClear     Outcome = iota // the rule applies, its limit was kept
	OutcomeOffence                  // a candidate offence, for an officer to decide
	OutcomeHeld                     // would be an offence, but something must be known or pass first
	OutcomeExempt                   // would be an offence, but for an exemption, a pass or an exclusion
	OutcomeWithheld                 // may not be decided at all: no certificate, suspect clock, value not in force
	OutcomeWarning                  // an infringement in the warning phase: no fine yet
	OutcomeDuplicate                // already a candidate in the rule's period
	outcomeEnd
)

var outcomeNames = [...]string{"clear", "offence", "held", "exempt", "withheld", "warning", "duplicate"}

// String returns the outcome's name.
func (o Outcome) String() string { return nameOf(outcomeNames[:], int(o)) }

// Outcomes lists all outcomes, for pre-bound metrics.
func Outcomes() []Outcome {
	out := make([]Outcome, 0, outcomeEnd)
	for o := range outcomeEnd {
		out = append(out, o)
	}
	return out
}

// Step is one clause of a trace: what was asked, with which values, and whether it held. Code is a key of the message
// catalogue (English, Dutch, French); Args are its values in order, already formatted and language-free.
type Step struct {
	Code     string   `json:"code"`
	Holds    bool     `json:"holds"`
	Args     []string `json:"args,omitempty"`
	Basis    string   `json:"basis,omitempty"` // article and date
	Verified bool     `json:"verified"`        // of the catalogue value used; true when none was
}

// PriorOffence is an offence (candidate or held) that stands already, as the passages after it need to know it. It names its vehicle by plate
// and country, not by its id: offences that were stored under another form of id stand like any other.
type PriorOffence struct {
	ID           OffenceID
	ExclusionKey ExclusionKey
	Plate        Plate
	Country      Country // zero = not read
	Certain      bool    // the reading was unanimous, and confident of plate and country
	Read         ReadID  // it was found on
	CapturedAt   Micros
	Passage      PassageID
}

// UnlimitedSpan is the exclusion span of a rule whose key holds the period: all offences with the key count, however far away.
const UnlimitedSpan = Micros(1<<63 - 1)

// Decision is a rule's verdict on one passage, with its trace. Decisions of OutcomeClear carry no trace.
type Decision struct {
	Rule             RuleID
	RuleVersion      string // valid_from of the catalogue values used
	Family           Family
	Outcome          Outcome
	Reason           string // closed set per family. Example: exempt_oldtimer
	Passage          PassageID
	On               Sighting     // the read it is decided on
	Offence          OffenceID    // set for offence, held and duplicate; of a duplicate, the id of the offence that stands
	Certain          bool         // the reading was unanimous, and confident of plate and country
	ExclusionKey     ExclusionKey // set with Offence
	ExclusionSpan    Micros       // an offence of the same vehicle and key captured less than that away is the same; 0 = only one on the same read
	HoldUntil        Micros       // held: when to look again; 0 = until something changes
	Measures         []Measure    // the numbers it rests on, in the order that the family declares
	AmountCents      int64
	LegalBasis       string
	Verified         bool // every catalogue value used carries verified: true
	Trace            []Step
	CatalogueVersion string
	ReferenceVersion string
	Seal             Sum    // by pipeline/evidence, for offence and held
	PrevSeal         Sum    // of the camera's previous sealed decision in the same partition
	Sealed           []byte // the exact bytes that Seal is the SHA-256 of, so that the row proves itself
}

// PriorOffence returns the offence of the decision as the passages after it need to know it.
func (d *Decision) PriorOffence() PriorOffence {
	return PriorOffence{
		ID: d.Offence, ExclusionKey: d.ExclusionKey, Plate: d.On.Plate, Country: d.On.Country, Certain: d.Certain, Read: d.On.Read,
		CapturedAt: d.On.CapturedAt, Passage: d.Passage,
	}
}

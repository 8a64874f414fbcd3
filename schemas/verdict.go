package schemas

// RuleID names a rule for ever. Example: bru.lez.access
type RuleID string

// Family names a kind of finding, in rows, messages and reference data. Package rules has the list.
type Family string

// Match says how a read met a listed plate.
type Match uint8

// The matches.
const (
	MatchExact      Match = 1 + iota
	MatchConfusable       // another plate in the class, or a German plate with unknown boundary: a lead, never proof
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

// Outcome is a rule's finding on a passage.
type Outcome uint8

// The outcomes. Only OutcomeOffence and OutcomeHeld make an offences row. OutcomeClear is not stored: a replay under
// the batch's versions gives the trace again.
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

// Step is a clause in a trace: question, values, answer. Code is a key in the message catalogue (English, Dutch,
// French); Args are the values in order, formatted and language-free.
type Step struct {
	Code     string   `json:"code"`
	Holds    bool     `json:"holds"`
	Args     []string `json:"args,omitempty"`
	Basis    string   `json:"basis,omitempty"` // article and date
	Verified bool     `json:"verified"`        // catalogue value verified; true when none was used
}

// PriorOffence is a standing offence (candidate or held), as later passages need it. Plate and country name the
// vehicle, not the id, so offences under older id forms stand too.
type PriorOffence struct {
	ID           OffenceID
	ExclusionKey ExclusionKey
	Plate        Plate
	Country      Country // zero = not read
	Certain      bool    // the reading was unanimous, and confident of plate and country
	Read         ReadID  // read with the offence
	CapturedAt   Micros
	Passage      PassageID
}

// UnlimitedSpan is the exclusion span for rules with the period in their key: every offence under the key counts,
// however far away.
const UnlimitedSpan = Micros(1<<63 - 1)

// Decision is a rule's verdict on a passage, with its trace. OutcomeClear has no trace.
type Decision struct {
	Rule             RuleID
	RuleVersion      string // valid_from in the used catalogue values
	Family           Family
	Outcome          Outcome
	Reason           string // closed set per family. Example: exempt_oldtimer
	Passage          PassageID
	On               Sighting     // the read decided on
	Offence          OffenceID    // set for offence, held and duplicate; a duplicate has the standing offence's id
	Certain          bool         // the reading was unanimous, and confident of plate and country
	ExclusionKey     ExclusionKey // set with Offence
	ExclusionSpan    Micros       // a nearer offence by vehicle and key is the same offence; 0 = only the same read
	HoldUntil        Micros       // held: when to look again; 0 = until something changes
	Measures         []Measure    // numbers behind the decision, in the family's declared order
	AmountCents      int64
	LegalBasis       string
	Verified         bool // every catalogue value used carries verified: true
	Trace            []Step
	CatalogueVersion string
	ReferenceVersion string
	Seal             Sum    // by pipeline/evidence, for offence and held
	PrevSeal         Sum    // seal before this one, by camera and partition
	Sealed           []byte // exact bytes under Seal (SHA-256), so the row proves itself
}

// DecisionBasis is what a decision recorded of the data on which it rests.
type DecisionBasis struct {
	Camera    string // decided on
	Catalogue string // version
	Reference string // version of the reference data
	Trace     []Step
}

// Basis returns what the decision recorded of the data on which it rests. The trace is shared.
func (d *Decision) Basis() DecisionBasis {
	return DecisionBasis{Camera: d.On.Camera, Catalogue: d.CatalogueVersion, Reference: d.ReferenceVersion, Trace: d.Trace}
}

// PriorOffence returns the decision's offence as later passages need it.
func (d *Decision) PriorOffence() PriorOffence {
	return PriorOffence{
		ID: d.Offence, ExclusionKey: d.ExclusionKey, Plate: d.On.Plate, Country: d.On.Country, Certain: d.Certain, Read: d.On.Read,
		CapturedAt: d.On.CapturedAt, Passage: d.Passage,
	}
}

package rules

import "github.com/gvc-brussels/anpr/schemas"

// Family is one kind of finding: one file, or several with one prefix, named once outside in families.go. A value belongs to one
// catalogue and is immutable once loaded.
type Family interface {
	// Info is constant: engine, metrics, tests and documents read it.
	Info() *Info
	// Load declares, converts and chains the family's sections of the catalogue; findings go to s. It is called once.
	Load(s *Sections)
	// Compile makes the family ready for one camera. cam is nil when the camera left the registry, or when nothing was measured.
	Compile(cam *schemas.Camera) Compiled
}

// Compiled is a family at one camera. A family that decides passages has a Passage, one that matches lists has a FirstRead.
type Compiled struct {
	Passage   Evaluator
	FirstRead Matcher
	// Never says that nothing taken there can ever concern the family. Only Explain evaluates it then, to say why.
	Never bool
}

// Evaluator is a family compiled for one camera of one registry version. It is immutable and safe for concurrent use.
type Evaluator interface {
	// Precheck looks at a passage without a trace and without an allocation. It answers Evaluate whenever it is not sure.
	Precheck(s *Subject, ref Reference) Precheck
	// Evaluate adds all clauses and the outcome. [Engine.Explain] and a property test hold it to Precheck.
	Evaluate(b *decisionBuilder, s *Subject, ref Reference)
}

// Matcher is a family that meets the first read of a passage, at one camera. It is immutable and safe for concurrent use.
type Matcher interface {
	// Match appends the entries that the read meets, in a fixed order. A read that meets nothing costs no allocation.
	Match(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, ref Reference) []schemas.Hit
}

// Precheck is the answer of a look without a trace.
type Precheck uint8

// The answers of a precheck.
const (
	NotApplicable Precheck = iota // the family does not apply
	Clear                         // it applies and finds nothing
	Evaluate                      // only an evaluation can say
)

// SightingKind names the sighting of a passage that a family decides on.
type SightingKind uint8

// The kinds of sightings.
const (
	BestSighting     SightingKind = iota // the read to show
	MeasuredSighting                     // the read whose measurement counts
)

// Period is what makes two findings one offence.
type Period uint8

// The periods.
const (
	PeriodPassage     Period = iota // each passage is one of its own
	PeriodMeasurement               // measurements of a vehicle at a site, as far apart as the catalogue says
	PeriodDay                       // a vehicle and a Brussels calendar day, wherever it was seen
	PeriodPair                      // two passages, named by both
)

// Force is what may come of a finding.
type Force uint8

// The forces. A decision of a family never goes further than its force.
const (
	ForceStatistics     Force = iota // counted and never an offence
	ForceAssistedReview              // shown to an officer, never proof alone: whatever would be a candidate is held
	ForceSanction                    // a candidate offence
)

// Info is what a family says of itself.
type Info struct {
	Family     schemas.Family        // its name in data, catalogue and messages. Example: speed
	Rule       schemas.RuleID        // an id names a rule for ever; "" = it makes hits, no decisions
	Purpose    schemas.CameraPurpose // one bit, of no other family; a camera without it never decides
	DecidedOn  SightingKind
	Period     Period
	Measures   []schemas.MeasureName // closed set of the numbers a decision rests on, in the order that it has them and the seal covers them
	Reasons    []string              // closed set, without those of the catalogue's exemptions; see [Catalogue.Reasons]
	Clauses    []Clause              // closed set; each has texts in every language and a scenario that shows it
	Todo       map[string]string     // of each own reason to hold, the message todo.NAME that says what a person does
	History    schemas.Micros        // log time for which closed passages are remembered for it, see [History]; 0 = it compares none
	Stragglers bool                  // judges a read that came after its passage was decided
	Force      Force
	ByBody     bool // exempts by the bodywork that a register shows
}

// Decides reports whether the family decides passages; another one matches lists.
func (i *Info) Decides() bool { return i.Rule != "" }

// OnlyCasesOfStragglers reports whether a straggler is a decision only when it opens a case: the family looked at the best read of
// the passage already, and that verdict was the same or a better one. What a straggler measured nobody has judged yet.
func (i *Info) OnlyCasesOfStragglers() bool { return i.DecidedOn == BestSighting }

// Clause is one question of a trace: its key in the message catalogue, and how many arguments its answer has.
type Clause struct {
	Key  string
	Args int
}

// clauseList gathers the clauses of a file, so that each stands in it once.
type clauseList []Clause

func (l *clauseList) addClause(key string, args int) Clause {
	c := Clause{key, args}
	*l = append(*l, c)
	return c
}

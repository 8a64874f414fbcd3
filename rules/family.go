package rules

import "github.com/gvc-brussels/anpr/schemas"

// Family is a kind of finding: a file, or several with a shared prefix, named outside only in families.go. A value
// belongs to a single catalogue and is immutable once loaded.
type Family interface {
	// Info is constant: engine, metrics, tests and documents read it.
	Info() *Info
	// Load declares, converts and chains the family's catalogue sections; findings go to s. Load is called once.
	Load(s *Sections)
	// Compile prepares the family for a camera. cam is nil when the camera left the registry, or when nothing was
	// measured.
	Compile(cam *schemas.Camera) Compiled
}

// Compiled is a family at a camera. A family that decides passages has a Passage, a family that matches lists a
// FirstRead, and a family that tells of closed passages a Closed.
type Compiled struct {
	Passage   Evaluator
	FirstRead Matcher
	Closed    PassageMatcher
	// Never says that nothing seen there concerns the family. Only Explain evaluates then, to say why.
	Never bool
}

// Evaluator is a family compiled for a camera in a registry version, immutable and safe for concurrent use.
type Evaluator interface {
	// Precheck looks at a passage without a trace and without an allocation. In doubt the answer is Evaluate.
	Precheck(s *Subject, ref Reference) Precheck
	// Evaluate adds all clauses and the outcome. [Engine.Explain] and a property test compare the result with Precheck.
	Evaluate(b *decisionBuilder, s *Subject, ref Reference)
}

// Matcher is a family that sees a passage's first read, at a camera. Immutable and safe for concurrent use.
type Matcher interface {
	// Match appends the entries met by the read, in a fixed order. A read without a match costs no allocation.
	Match(dst []schemas.Hit, r *schemas.Read, p schemas.PassageID, ref Reference) []schemas.Hit
}

// PassageMatcher is a family that sees a closed passage beside those that closed before, at a camera. Immutable and safe
// for concurrent use.
type PassageMatcher interface {
	// MatchPassage appends what is to be told of the passage, in a fixed order. A passage of which nothing is told costs no
	// allocation.
	MatchPassage(dst []schemas.Hit, s *Subject, ref Reference) []schemas.Hit
}

// Precheck is the answer without a trace.
type Precheck uint8

// The answers of a precheck.
const (
	NotApplicable Precheck = iota // the family does not apply
	Clear                         // the family applies and finds nothing
	Evaluate                      // only an evaluation can say
)

// SightingKind names the sighting behind a family's decision.
type SightingKind uint8

// The kinds of sightings.
const (
	BestSighting     SightingKind = iota // the read to show
	MeasuredSighting                     // the read whose speed counts
	StatedSighting                       // the read whose measure counts: the first of Info.Stated that the passage has
)

// Period says when two findings are the same offence.
type Period uint8

// The periods.
const (
	PeriodPassage     Period = iota // each passage is an offence
	PeriodMeasurement               // measurements of a vehicle at a site, as far apart as the catalogue says
	PeriodDay                       // a vehicle and a Brussels calendar day, wherever seen
	PeriodPair                      // two passages, named by both
)

// Force bounds the consequences of a finding.
type Force uint8

// The forces. No decision goes further than its family's force.
const (
	ForceStatistics     Force = iota // counted and never an offence
	ForceAssistedReview              // shown to an officer, never proof alone: whatever would be a candidate is held
	ForceSanction                    // a candidate offence
	ForceCheck                       // tells the police whom to check: a hit, so neither decision nor case nor amount can come of it
)

// Info describes a family.
type Info struct {
	Family     schemas.Family        // name in data, catalogue and messages. Example: speed
	Rule       schemas.RuleID        // an id names a rule for ever; "" = it makes hits, no decisions
	Purpose    schemas.CameraPurpose // a bit used by no other family; a camera without the purpose never decides
	DecidedOn  SightingKind
	Stated     []schemas.MeasureName // StatedSighting: measures of reads that the family decides on, the first before the others
	Period     Period
	Measures   []schemas.MeasureName // closed set, in the order of decisions and seals
	Reasons    []string              // closed set without exemptions; [Catalogue.Reasons] has all
	Clauses    []Clause              // closed set; each clause has texts in every language and a scenario
	Todo       map[string]string     // by reason to hold: NAME in the message todo.NAME, the task for a person
	History    schemas.Micros        // log time for which passages are kept for the family, see [History]; 0 = none
	Shares     []schemas.Family      // families by whose part of the catalogue it decides too
	Stragglers bool                  // the family judges stragglers
	Force      Force
	ByBody     bool // exempts by registered bodywork
}

// Decides reports whether the family decides passages; a family that does not matches lists.
func (i *Info) Decides() bool { return i.Rule != "" }

// OnlyCasesOfStragglers reports whether a straggler makes a decision only when it opens a case. The family has judged
// the best read already, with the same or a better verdict; nobody has judged a straggler's measurement yet.
func (i *Info) OnlyCasesOfStragglers() bool { return i.DecidedOn == BestSighting }

// Clause is a question in a trace: key in the message catalogue, and number of arguments.
type Clause struct {
	Key  string
	Args int
}

// clauseList gathers a file's clauses, so that each stands in the file once.
type clauseList []Clause

func (l *clauseList) addClause(key string, args int) Clause {
	c := Clause{key, args}
	*l = append(*l, c)
	return c
}

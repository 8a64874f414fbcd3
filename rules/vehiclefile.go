package rules

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// fileClauses lists the clauses about a vehicle's file.
var fileClauses clauseList

// Kinds of entry in a vehicle's file.
const (
	FileWarning = "warning"
	FileFine    = "fine" // a confirmed offence
)

// FileEntry is an earlier or present case of a vehicle, as the file needs it.
type FileEntry struct {
	Kind        string // FileWarning or FileFine
	CapturedAt  schemas.Micros
	SentAt      schemas.Micros // 0 = confirmed, and not sent yet
	Reason      string         // of the decision
	AmountCents int64
	Excess      schemas.Speed // corrected speed above the limit, tenths of km/h
	Surround    string        // of the limit, see schemas.SpeedLimit
	Abroad      bool          // the plate is not Belgian
}

// What a confirmed case of a vehicle is.
const (
	FileAnswerWarning   = "warning"       // a warning is sent
	FileAnswerFine      = "fine"          // a fine is sent
	FileAnswerWindow    = "within_window" // no new fine yet
	FileAnswerCap       = "cap_reached"   // the year's fines are all there
	FileAnswerCollect   = "immediate_collection"
	FileAnswerProsecute = "prosecutor"
)

// FileAnswer says what a confirmed case is, in view of the vehicle's file.
type FileAnswer struct {
	Outcome    string
	Level      int            // recidivism: 0 = none, 1 = the first repetition
	Together   int            // offences of the same moment, this one included
	TotalCents int64          // of the offences of the same moment
	FreeFrom   schemas.Micros // first instant at which a new fine is possible; 0 = at once
	Verified   bool           // every value used is verified
	Trace      []schemas.Step
}

// NewFileEntry returns the confirmed case of a decision as the file of its vehicle needs it. reason is that of the
// finding: a case that was held and opened has another one in its decision.
func NewFileEntry(d *schemas.Decision, reason string) FileEntry {
	e := FileEntry{Kind: FileFine, CapturedAt: d.On.CapturedAt, Reason: reason, AmountCents: d.AmountCents, Abroad: d.On.Country != schemas.Belgium}
	if limit := d.Speed(schemas.AllowedSpeed); limit > 0 {
		e.Excess = max(0, d.Speed(schemas.CorrectedSpeed)-limit)
	}
	for i := range d.Trace {
		if s := &d.Trace[i]; s.Code == stepSpeedLimit.Key && len(s.Args) > 1 {
			e.Surround = s.Args[1]
		}
	}
	return e
}

// filer is a family that knows what a vehicle's file says.
type filer interface {
	readFile(a *FileAnswer, earlier []FileEntry, this FileEntry)
}

// VehicleFile says what a family's confirmed case is, in view of the vehicle's earlier cases, at the time at. Entries
// sent or captured after at do not count, and neither does this case itself. ok is false for a family without a file.
// The answer is the same for every order of the entries.
func (c *Catalogue) VehicleFile(f schemas.Family, earlier []FileEntry, this FileEntry, at schemas.Micros) (a FileAnswer, ok bool) {
	for _, family := range c.families {
		reader, has := family.(filer)
		if !has || family.Info().Family != f {
			continue
		}
		known := slices.DeleteFunc(slices.Clone(earlier), func(e FileEntry) bool { return e.CapturedAt > at })
		for i := range known {
			if known[i].SentAt > at {
				known[i].SentAt = 0
			}
		}
		slices.SortStableFunc(known, func(x, y FileEntry) int {
			return cmp.Or(cmp.Compare(x.CapturedAt, y.CapturedAt), cmp.Compare(x.SentAt, y.SentAt), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.AmountCents, y.AmountCents))
		})
		a.Verified = true
		reader.readFile(&a, known, this)
		return a, true
	}
	return a, false
}

// addClause adds a clause without a catalogue value.
func (a *FileAnswer) addClause(c Clause, holds bool, args ...string) {
	a.Trace = append(a.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: args, Verified: true})
}

// addDecidingClause adds a clause that rests on a catalogue value.
func (a *FileAnswer) addDecidingClause(m *provenance, c Clause, holds bool, args ...string) {
	a.Trace = append(a.Trace, schemas.Step{Code: c.Key, Holds: holds, Args: args, Basis: m.cite, Verified: m.verified})
	a.Verified = a.Verified && m.verified
}

func formatCount(n int) string { return strconv.Itoa(n) }

package cases

import (
	"regexp"
	"slices"

	"github.com/gvc-brussels/anpr/schemas"
)

// Policy is what the catalogue of the day says about cases. A Policy is read only once it is handed in.
type Policy struct {
	Catalogue        string                        // version
	Settle           schemas.Micros                // from a verdict to its effect; 10 s
	CounterWithin    schemas.Micros                // how long who decided may counter-decide; 24 h
	AgentHoldDays    int                           // longest hold by hand of an agent, in Brussels days; 3
	SkipsToArbitrate int                           // 3
	MinShownMS       int64                         // least time of an item on the screen before a verdict; 250
	PreviewWithin    schemas.Micros                // age of the preview of a corrected plate; 10 min
	Holds            map[string]HoldRule           // by reason of the rules
	Second           map[schemas.Family]SecondLook // by family; the empty family stands for the rest
	Periods          map[schemas.Family]Period     // when two offences of a vehicle are one; a family that is not there never
	ProbesPerMyriad  int                           // known answers among the items, in ten thousandths; 0 at first
}

// DefaultPolicy returns a policy with the values that are no law, and without holds and second looks.
func DefaultPolicy() *Policy {
	return &Policy{
		Settle: 10 * schemas.Second, CounterWithin: 24 * schemas.Hour, AgentHoldDays: 3, SkipsToArbitrate: 3, MinShownMS: 250, PreviewWithin: 10 * schemas.Minute,
	}
}

// HoldRule says how long a hold of the rules may last, and what happens then.
type HoldRule struct {
	LongestDays int            // Brussels days from the day of the hold, to the end of the last; 0 = no such bound
	AtDecideBy  bool           // the decide clock bounds the hold
	Then        State          // Arbitration, Withdrawn or Open
	Reason      WithdrawReason // for Withdrawn
	ByHand      bool           // a supervisor may settle the doubt: EndHold with Accept or Lane
	ByKeying    bool           // two persons read plate and country from the picture
}

// LongestUntil returns the end of a hold that began at since; 0 = none.
func (h HoldRule) LongestUntil(since schemas.Micros, c Clocks) schemas.Micros {
	longest := schemas.Micros(0)
	if h.LongestDays > 0 {
		longest = endOfDay(since.Day() + schemas.Day(h.LongestDays))
	}
	if h.AtDecideBy && c.DecideBy != 0 && (longest == 0 || c.DecideBy < longest) {
		longest = c.DecideBy
	}
	return longest
}

// endOfDay returns the first instant after the Brussels day.
func endOfDay(d schemas.Day) schemas.Micros { return (d + 1).Start() }

// SecondLook says when a second person looks at a verdict. Any trigger is enough. A corrected plate always is one.
type SecondLook struct {
	NotBelgian        bool
	ConfidenceBelow   schemas.PerMille // of the plate; 0 = no trigger
	ExcessFrom        schemas.Speed    // corrected speed above the limit, tenths of km/h; 0 = no trigger
	Tracks            []Track
	Series            []Series
	Unverified        bool // a catalogue value used is not verified; without it nobody may confirm on such values
	ConfirmsPerMyriad int  // random share of confirms, in ten thousandths
	RejectsPerMyriad  int
}

// Series is a form of special plates: diplomatic, royal, government, police, priority.
type Series struct {
	Name    string
	Country string // ISO 3166-1 alpha-2
	Form    *regexp.Regexp
}

// Names of triggers in events.
const (
	TriggerCorrected  = "plate_corrected"
	TriggerForeign    = "not_belgian"
	TriggerConfidence = "confidence"
	TriggerExcess     = "excess"
	TriggerTrack      = "track"
	TriggerSeries     = "series"
	TriggerUnverified = "unverified"
	TriggerDraw       = "draw"
	TriggerCounter    = "counter_decision"
)

// secondLook returns the rule of the family.
func (p *Policy) secondLook(f schemas.Family) SecondLook {
	if s, ok := p.Second[f]; ok {
		return s
	}
	return p.Second[""]
}

// triggers returns why a second person looks at the verdict. draw is the case's draw, 0 to 9,999.
func (p *Policy) triggers(c *Case, v *Verdict, draw int) []string {
	s := p.secondLook(c.Family)
	if v.Kind == Reject {
		if draw < s.RejectsPerMyriad {
			return []string{TriggerDraw}
		}
		return nil
	}
	var out []string
	addIf := func(holds bool, name string) {
		if holds {
			out = append(out, name)
		}
	}
	r := c.Reading()
	if v.Plate != nil {
		r = *v.Plate
	}
	addIf(v.Kind == CorrectPlate || c.Corrected != nil, TriggerCorrected)
	addIf(s.NotBelgian && r.Country != schemas.Belgium.String(), TriggerForeign)
	addIf(c.Confidence < s.ConfidenceBelow, TriggerConfidence)
	excess := schemas.MeasureValue(c.Measures, schemas.CorrectedSpeed) - schemas.MeasureValue(c.Measures, schemas.AllowedSpeed)
	addIf(s.ExcessFrom > 0 && excess >= int64(s.ExcessFrom), TriggerExcess)
	addIf(slices.Contains(s.Tracks, c.Track), TriggerTrack)
	addIf(slices.ContainsFunc(s.Series, func(x Series) bool { return x.Country == r.Country && x.Form.MatchString(r.Plate) }), TriggerSeries)
	addIf(s.Unverified && !c.Verified, TriggerUnverified)
	addIf(draw < s.ConfirmsPerMyriad, TriggerDraw)
	return out
}

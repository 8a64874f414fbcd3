package rules

import "github.com/gvc-brussels/anpr/schemas"

// SameOffence says when two offences of one vehicle under one rule are one offence.
type SameOffence struct {
	Day  bool           // of one Brussels day, wherever they were seen
	Span schemas.Micros // without Day: at one site, captured nearer than this; 0 = never
}

// spanner is a family whose offences at a site are one within a span.
type spanner interface {
	spanAt(at schemas.Micros) schemas.Micros
}

// SameOffences returns, for each family that decides, when two of its offences are one under the values in force at an
// instant. Decisions use the same values.
func (c *Catalogue) SameOffences(at schemas.Micros) map[schemas.Family]SameOffence {
	out := map[schemas.Family]SameOffence{}
	for _, family := range c.families {
		info := family.Info()
		if !info.Decides() {
			continue
		}
		same := SameOffence{Day: info.Period == PeriodDay}
		if s, ok := family.(spanner); ok && !same.Day {
			same.Span = s.spanAt(at)
		}
		if same != (SameOffence{}) {
			out[info.Family] = same
		}
	}
	return out
}

// spanAt implements spanner.
func (r *speed) spanAt(at schemas.Micros) schemas.Micros {
	if e := r.oneOffence.inForceAt(at); e != nil {
		return e.v
	}
	return 0
}

package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// The clauses about a vehicle's file. Placeholders in the messages describe the arguments.
var (
	stepFileTogether = fileClauses.addClause("file.together", 3)
	stepFileTotal    = fileClauses.addClause("file.total", 2)
	stepFileSerious  = fileClauses.addClause("file.serious", 2)
	stepFileRepeated = fileClauses.addClause("file.repeated", 4)
)

// recidivism says which excess is serious, and how long an earlier one counts.
type recidivism struct {
	above  schemas.Speed
	months int
	anchor string
}

type rawRecidivism struct {
	Meta         rawProvenance `yaml:",inline"`
	Surroundings []string      `yaml:"surroundings" subject:"yes" words:"surround"`
	Above        string        `yaml:"excess_above_kmh"`
	Months       string        `yaml:"months"`
	Anchor       string        `yaml:"anchor" words:"anchor"`
}

type recidivismRow struct {
	surroundings []string
	v            recidivism
}

type rawTogether struct {
	Meta    rawProvenance `yaml:",inline"`
	Minutes string        `yaml:"minutes"`
}

var (
	bandRecidivism = band{6, 120, "months"}
	bandTogether   = band{1, 1440, "minutes"}
)

// loadFileSections declares the sections of a vehicle's file. A catalogue without the sections knows neither offences
// together nor recidivism.
func (r *speed) loadFileSections(s *Sections) {
	first := len(s.all)
	rows := declareSection(s, "recidivism", (*checker).convertRecidivism)
	s.onLoaded(func(c *checker) {
		r.recidivism = map[string]datedSeries[recidivism]{}
		for _, surround := range surroundings {
			var own []datedValue[recidivism]
			for _, row := range *rows {
				for _, x := range row.v.surroundings {
					if x == surround {
						own = append(own, datedValue[recidivism]{row.provenance, row.v.v})
					}
				}
			}
			if len(own) > 0 {
				r.recidivism[surround] = chainValues(c, "recidivism "+surround, own)
			}
		}
	})
	declareSeries(s, "offences_together", func(c *checker, path string, r *rawTogether) datedValue[schemas.Micros] {
		return datedValue[schemas.Micros]{c.checkProvenance(path, &r.Meta), schemas.Micros(c.parsePlausible(path+".minutes", r.Minutes, bandTogether)) * schemas.Minute}
	}, &r.together)
	for i := first; i < len(s.all); i++ {
		s.all[i].optional = true
	}
}

func (c *checker) convertRecidivism(path string, r *rawRecidivism) datedValue[recidivismRow] {
	return datedValue[recidivismRow]{c.checkProvenance(path, &r.Meta), recidivismRow{
		parseEach(c, path+".surroundings", r.Surroundings, parseSurrounding),
		recidivism{
			above:  schemas.Speed(10 * c.parsePlausible(path+".excess_above_kmh", r.Above, bandExcess)),
			months: int(c.parsePlausible(path+".months", r.Months, bandRecidivism)),
			anchor: c.oneOf(path+".anchor", r.Anchor, anchorSending, "event"),
		},
	}}
}

// readFile implements filer: offences of the same moment whose total is too high for an immediate collection, and the
// level of recidivism. Only offences that were sent count as earlier ones.
func (r *speedRules) readFile(a *FileAnswer, earlier []FileEntry, this FileEntry) {
	a.Outcome, a.Together, a.TotalCents = FileAnswerCollect, 1, this.AmountCents
	if this.Reason == reasonProsecutor {
		a.Outcome = FileAnswerProsecute
	}
	prosecuted := a.Outcome == FileAnswerProsecute
	if t := r.together.inForceAt(this.CapturedAt); t != nil {
		for i := range earlier {
			e := &earlier[i]
			if max(e.CapturedAt, this.CapturedAt)-min(e.CapturedAt, this.CapturedAt) <= t.v && e.Kind == FileFine {
				a.Together++
				a.TotalCents += e.AmountCents
				prosecuted = prosecuted || e.Reason == reasonProsecutor
			}
		}
		a.addDecidingClause(&t.provenance, stepFileTogether, a.Together > 1, formatCount(a.Together-1), strconv.FormatInt(int64(t.v/schemas.Minute), 10), strconv.FormatInt(a.TotalCents, 10))
	}
	if route := r.routing[routingKey{this.Abroad, this.Surround}].inForceAt(this.CapturedAt); route != nil && a.Together > 1 {
		within := !prosecuted && a.TotalCents <= route.v.maxTotal
		a.addDecidingClause(&route.provenance, stepFileTotal, within, strconv.FormatInt(a.TotalCents, 10), strconv.FormatInt(route.v.maxTotal, 10))
		prosecuted = !within
	}
	if prosecuted {
		a.Outcome = FileAnswerProsecute
	}
	r.findLevel(a, earlier, this)
}

// findLevel counts the earlier serious offences within the time that the catalogue gives. Level 0 without one, and for
// an offence that is not serious itself.
func (r *speedRules) findLevel(a *FileAnswer, earlier []FileEntry, this FileEntry) {
	rule := r.recidivism[this.Surround].inForceAt(this.CapturedAt)
	if rule == nil {
		return
	}
	serious := this.Excess > rule.v.above
	a.addDecidingClause(&rule.provenance, stepFileSerious, serious, formatSpeed(this.Excess), formatSpeed(rule.v.above))
	if !serious {
		return
	}
	day := this.CapturedAt.Day()
	for i := range earlier {
		e := &earlier[i]
		own := r.recidivism[e.Surround].inForceAt(e.CapturedAt)
		at := anchorDay(e, rule.v.anchor)
		if e.Kind == FileFine && e.SentAt != 0 && own != nil && e.Excess > own.v.above && e.CapturedAt < this.CapturedAt && at <= day && day < at.AddMonths(rule.v.months) {
			a.Level++
		}
	}
	a.addDecidingClause(&rule.provenance, stepFileRepeated, a.Level > 0, formatCount(a.Level), formatCount(rule.v.months), rule.v.anchor, day.String())
}

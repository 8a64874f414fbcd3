package rules

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// The clauses about a vehicle's file. Placeholders in the messages describe the arguments.
var (
	stepFileWindow     = fileClauses.addClause("file.window", 4)
	stepFileYear       = fileClauses.addClause("file.year", 2)
	stepFileFirst      = fileClauses.addClause("file.first_warned", 1)
	stepFileNoWindow   = fileClauses.addClause("file.no_window", 1)
	stepFileNotWarning = fileClauses.addClause("file.warning_due", 0)
)

// anchorSending is the anchor of the window that the sending of the notice opens.
const anchorSending = "sending"

type rawFirstWarning struct {
	Meta   rawProvenance `yaml:",inline"`
	Reason string        `yaml:"reason" subject:"yes" words:"reason"`
	Warn   string        `yaml:"warn"`
}

func (c *checker) convertFirstWarning(path string, r *rawFirstWarning) datedValue[keyed[string, bool]] {
	return datedValue[keyed[string, bool]]{c.checkProvenance(path, &r.Meta), keyed[string, bool]{
		c.oneOf(path+".reason", r.Reason, reasonPolluting, reasonForeign), c.parseBool(path+".warn", r.Warn),
	}}
}

// readFile implements filer. A warning and a fine open a window, in which no new fine is sent. Days are Brussels days
// and months calendar months: with a window of three months, a notice of 20 March makes a new fine possible from 20
// June. Two cases of one window are one fine, in whatever order they are decided.
func (r *lez) readFile(a *FileAnswer, earlier []FileEntry, this FileEntry) {
	rep := r.cat.repeat.inForceAt(this.CapturedAt)
	a.Outcome = FileAnswerFine
	if rep == nil {
		a.addClause(stepFileNoWindow, true, this.CapturedAt.Day().String())
		return
	}
	months, _ := strconv.Atoi(rep.v.months) // checked when the catalogue was loaded
	highest, _ := strconv.Atoi(rep.v.perYear)
	if e, free := closingEntry(earlier, &this, rep.v.anchor, months); e != nil {
		text := ""
		if a.Outcome = FileAnswerWindow; free != 0 {
			text, a.FreeFrom = free.String(), free.Start()
		}
		a.addDecidingClause(&rep.provenance, stepFileWindow, false, rep.v.months, anchorDay(e, rep.v.anchor).String(), rep.v.anchor, text)
		return
	}
	a.addDecidingClause(&rep.provenance, stepFileWindow, true, rep.v.months, "", rep.v.anchor, "")
	fines, free := finesOfYear(earlier, this)
	a.addDecidingClause(&rep.provenance, stepFileYear, fines < highest, formatCount(fines), rep.v.perYear)
	if fines >= highest {
		a.Outcome, a.FreeFrom = FileAnswerCap, free.Start()
		return
	}
	r.warnFirst(a, earlier, this)
}

// warnFirst turns a vehicle's first infringement into a warning, when the catalogue says so. A vehicle gets one warning:
// a fine that follows this case in the file leaves this case the first.
func (r *lez) warnFirst(a *FileAnswer, earlier []FileEntry, this FileEntry) {
	if this.Kind == FileWarning {
		a.addClause(stepFileNotWarning, true)
		a.Outcome = FileAnswerWarning
		return
	}
	first := r.cat.firstWarning[this.Reason].inForceAt(this.CapturedAt)
	if first == nil || !first.v {
		return
	}
	known := 0
	for i := range earlier {
		if earlier[i].Kind == FileWarning || earlier[i].comesBefore(&this) {
			known++
		}
	}
	a.addDecidingClause(&first.provenance, stepFileFirst, known > 0, formatCount(known))
	if known == 0 {
		a.Outcome = FileAnswerWarning
	}
}

// comesBefore reports whether the notice of e comes before that of f: sent notices in the order of sending, then the
// others in the order of capture.
func (e *FileEntry) comesBefore(f *FileEntry) bool {
	switch {
	case e.SentAt == 0 && f.SentAt == 0:
		return e.CapturedAt < f.CapturedAt
	case e.SentAt == 0 || f.SentAt == 0:
		return e.SentAt != 0
	}
	return e.SentAt < f.SentAt
}

// anchorDay returns the day that opens the window. A notice that is not sent yet opens the window with its passage.
func anchorDay(e *FileEntry, anchor string) schemas.Day {
	if anchor == anchorSending && e.SentAt != 0 {
		return e.SentAt.Day()
	}
	return e.CapturedAt.Day()
}

// closingEntry returns the entry with which this case shares a window, and the first free day: the latest when there are
// several. A notice that is not sent yet keeps its window open, and no free day is known: free is 0.
func closingEntry(earlier []FileEntry, this *FileEntry, anchor string, months int) (closing *FileEntry, free schemas.Day) {
	day := this.CapturedAt.Day()
	for i := range earlier {
		e := &earlier[i]
		end := anchorDay(e, anchor).AddMonths(months)
		switch {
		case day >= e.CapturedAt.Day() && waitsForSending(e, anchor):
			return e, 0
		case sharesWindow(e, this, anchor, months) && end > free:
			closing, free = e, end
		}
	}
	return closing, free
}

// sharesWindow reports whether the later passage of two lies in the window of the other. So both never are fines,
// whichever was decided or sent first.
func sharesWindow(x, y *FileEntry, anchor string, months int) bool {
	if y.CapturedAt.Day() < x.CapturedAt.Day() {
		x, y = y, x
	}
	return waitsForSending(x, anchor) || y.CapturedAt.Day() < anchorDay(x, anchor).AddMonths(months)
}

// waitsForSending reports whether the window of an entry has no end yet.
func waitsForSending(e *FileEntry, anchor string) bool {
	return anchor == anchorSending && e.SentAt == 0
}

// finesOfYear counts the fines of the calendar year and those of the twelve months before the passage, and returns the
// larger number with the first day on which one fine less counts. Which of the two years the law means was not found,
// so both bound the fines.
func finesOfYear(earlier []FileEntry, this FileEntry) (fines int, free schemas.Day) {
	day := this.CapturedAt.Day()
	year := schemas.DayOf(day.Year(), 1, 1)
	calendar, rolling, first := 0, 0, schemas.Day(0)
	for i := range earlier {
		e := &earlier[i]
		seen := e.CapturedAt.Day()
		if e.Kind != FileFine {
			continue
		}
		if seen >= year && seen < year.AddMonths(12) {
			calendar++
		}
		if seen <= day && seen > day.AddMonths(-12) {
			if rolling++; first == 0 {
				first = seen
			}
		}
	}
	if calendar >= rolling {
		free = year.AddMonths(12)
	}
	if rolling > 0 && rolling >= calendar {
		free = max(free, first.AddMonths(12))
	}
	return max(calendar, rolling), free
}

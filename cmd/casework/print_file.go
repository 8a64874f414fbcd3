package casework

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// addFile adds what a confirmed case is in view of its vehicle's file, and why, by the last reading.
func (d *desk) addFile(s *sheet, a *office.CaseAnswer) {
	f := a.Case.File
	if f == nil {
		return
	}
	said := []string{d.word(f.Outcome)}
	if f.Amount != 0 {
		said = append(said, d.euros(f.Amount))
	}
	if f.Level > 0 {
		said = append(said, fmt.Sprintf(s.l["level"], f.Level))
	}
	if f.Together > 1 {
		said = append(said, fmt.Sprintf(s.l["together"], f.Together, d.euros(f.Total)))
	}
	if f.FreeFrom != nil {
		said = append(said, fmt.Sprintf(s.l["free_from"], clock(*f.FreeFrom)))
	}
	s.addField("file", strings.Join(said, ", "))
	for _, e := range slices.Backward(a.Events) {
		if last := e.File; last != nil {
			for _, line := range d.linesOf(last.Trace) {
				s.addRow("", line)
			}
			return
		}
	}
}

// euros writes an amount of cents.
func (d *desk) euros(cents int64) string {
	return d.decimals(fmt.Sprintf("%d.%02d EUR", cents/100, cents%100))
}

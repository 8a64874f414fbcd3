package rules

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteResults writes one line for each scenario, with got and want where they differ. wrong counts the wrong
// scenarios.
func WriteResults(w io.Writer, all []ScenarioResult) (wrong int, err error) {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	errs := []error{}
	row := func(cells ...string) {
		_, err := fmt.Fprintln(t, strings.Join(cells, "\t"))
		errs = append(errs, err)
	}
	row("FILE", "ID", "LINE", "RESULT", "GOT", "WANT")
	for i := range all {
		r := &all[i]
		if r.Right {
			row(r.File, r.ID, strconv.Itoa(r.Line), "right", "", "")
			continue
		}
		wrong++
		got, want := strings.Split(r.Got, "\n"), strings.Split(r.Want, "\n")
		for k := range max(len(got), len(want)) {
			file, id, line, result := r.File, r.ID, strconv.Itoa(r.Line), "WRONG"
			if k > 0 {
				file, id, line, result = "", "", "", ""
			}
			row(file, id, line, result, lineAt(got, k), lineAt(want, k))
		}
	}
	errs = append(errs, t.Flush())
	_, err = fmt.Fprintf(w, "%d of %d scenarios right\n", len(all)-wrong, len(all))
	return wrong, errors.Join(append(errs, err)...)
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

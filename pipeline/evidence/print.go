package evidence

import (
	"fmt"
	"io"
	"strings"
)

// WriteAltered writes a line for every row: sealed content, or altered columns. It returns the number of altered rows.
func WriteAltered(w io.Writer, rows []Row) (altered int, err error) {
	for i := range rows {
		verdict := "is what was sealed"
		if columns := rows[i].Altered(); len(columns) > 0 {
			altered++
			verdict = "IS NOT WHAT WAS SEALED: " + strings.Join(columns, ", ")
		}
		if _, err := fmt.Fprintf(w, "offence %s, seal %s, after %s: %s\n", rows[i].OffenceID, rows[i].Seal, rows[i].PrevSeal, verdict); err != nil {
			return altered, err
		}
	}
	return altered, nil
}

package evidence

import (
	"fmt"
	"io"
	"strings"
)

// WriteAltered writes of every row whether it is what was sealed, with the columns that are not, and returns how many rows are altered.
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

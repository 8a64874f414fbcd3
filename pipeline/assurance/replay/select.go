package replay

import (
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/schemas"
)

// inMicros ends the name of a time in microseconds. The rest of the name is the column.
const inMicros = "_us"

// inCount ends the name of the length of an array. The rest of the name is the column.
const inCount = "_count"

// selectOf returns the select list for the results, in order. A name that is no column of the row struct panics.
func selectOf[R any](results proto.Results) string {
	columns := schemas.ColumnNames[R](nil)
	out := make([]string, len(results))
	for i, r := range results {
		column, micros := strings.CutSuffix(r.Name, inMicros)
		column, count := strings.CutSuffix(column, inCount)
		if !slices.Contains(columns, column) {
			panic("BUG: " + r.Name + " is no column of its table")
		}
		out[i] = "`" + column + "`"
		if count {
			out[i] = "length(" + column + ") AS " + r.Name
		}
		if micros {
			out[i] = "toUnixTimestamp64Micro(" + column + ") AS " + r.Name
		}
	}
	return strings.Join(out, ", ")
}

package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// sealedTable is offences with the stored columns, for verification inside the office. An answer contains at most
// column names from such a row, so plates need no mask.
var sealedTable = queriedTable{
	name: "offences", columns: storedColumns[evidence.Row](), time: "captured_at", zone: inZones,
	order: []fragment{"captured_at", "offence_id"}, routes: []access.Route{access.RouteCase, access.RoutePrint, access.RouteBundle, access.RouteTransmit},
}

// Sealed selects all stored columns and all rows for the given offences, captured in [from, to].
func Sealed(p access.Permit, ids []string, from, to time.Time) (Statement, error) {
	b := newBuilder(p, &sealedTable)
	b.addCondition("offence_id IN {ids:Array(UUID)}", "ids", ids)
	b.addCondition("captured_at >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')", "first", from.UnixMicro())
	b.addCondition("captured_at <= fromUnixTimestamp64Micro({last:Int64}, 'UTC')", "last", to.UnixMicro())
	return b.finishStatement(b.writeSelect(b.writeColumns()), 4*MaxLimit)
}

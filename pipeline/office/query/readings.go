package query

import (
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Reading is what a camera wrote of a plate, and what else it considered.
type Reading struct {
	ReadID       schemas.ReadID `ch:"read_id"`
	RawPlate     string         `ch:"raw_plate"`
	Alternatives []string       `ch:"alternatives"`
}

// ReadKey finds a read by the order of its table.
type ReadKey struct {
	Read  schemas.ReadID
	Plate string
	At    schemas.Micros // time of capture
}

// readingsTable is reads for items: the right to the case covers the read it was made from, so no zone bounds it again.
var readingsTable = queriedTable{
	name: "reads",
	columns: []column{
		{name: "read_id"}, {name: "raw_plate", plate: "''"}, {name: "alternatives", plate: "emptyArrayString()"},
	},
	order: []fragment{"captured_at", "read_id"}, id: "read_id", routes: []access.Route{access.RouteLease, access.RouteUndo},
}

// Readings selects what the cameras wrote of the given reads.
func Readings(p access.Permit, keys []ReadKey) (Statement, error) {
	b := newBuilder(p, &readingsTable)
	var ids, plates []string
	var first, last schemas.Micros
	for i, k := range keys {
		ids, plates = append(ids, k.Read.String()), append(plates, k.Plate)
		if i == 0 || k.At < first {
			first = k.At
		}
		last = max(last, k.At)
	}
	b.addCondition("plate IN {plates:Array(String)}", "plates", plates)
	b.addCondition("read_id IN {ids:Array(UUID)}", "ids", ids)
	b.addCondition("captured_at >= fromUnixTimestamp64Micro({first:Int64}, 'UTC')", "first", int64(first))
	b.addCondition("captured_at <= fromUnixTimestamp64Micro({last:Int64}, 'UTC')", "last", int64(last))
	return b.finishStatement(b.writeSelect(b.writeColumns())+" LIMIT 1 BY "+string(b.from.id), len(keys))
}

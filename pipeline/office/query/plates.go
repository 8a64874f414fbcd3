package query

import (
	"maps"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// seenPlate is a row from the table of distinct plates.
type seenPlate struct {
	Plate string    `ch:"plate"`
	Seen  time.Time `ch:"seen"` // last read in the scope, to the second
}

// platesTable has a row for each plate and zone. A further row with an empty zone serves users who see all zones. A
// search resolves only against plates seen in the user's scope. Neither the answer nor the response time tells about
// other zones.
var platesTable = queriedTable{name: "plates", routes: readsTable.routes}

// platesOf begins a statement on the matching plates seen in the permit's zones since the window began. There is no
// upper bound: a plate seen after the window may also have been seen in the window.
func platesOf(p access.Permit, plate PlateFilter) *builder {
	b := newBuilder(p, &platesTable)
	b.whereLastSeen(p)
	switch {
	case plate.IsZero():
		b.noteFault("plate", "must be given")
	case plate.wide:
		// The sort key is (zone, class, plate): known first characters of the plate give known first characters of the
		// class.
		b.addCondition("startsWith(class, {head:String})", "head", plate.classPrefix())
		b.wherePlate(plate)
	default:
		b.addCondition("class = {class:String}", "class", plate.classText())
		if !plate.confusable {
			b.wherePlate(plate)
		}
	}
	return b
}

// whereLastSeen keeps the plates seen in the scope since the window began.
func (b *builder) whereLastSeen(p access.Permit) {
	if zones := p.Zones(); len(zones) > 0 {
		b.addCondition(inZones, "zones", zones)
	} else {
		b.addCondition("zone = ''", "", nil)
	}
	if p.From() != 0 {
		b.addCondition("last_seen >= toDateTime(fromUnixTimestamp64Micro({from:Int64}, 'UTC'), 'UTC')", "from", int64(p.From()))
	}
}

// Plates selects the matching plates, last seen first. Plates seen in the same second as the last plate are included
// beyond the limit.
func Plates(p access.Permit, plate PlateFilter, limit int) (Statement, error) {
	b := platesOf(p, plate)
	b.params["limit"] = uint32(limit)
	sql := b.writeSelect("plate, max(last_seen) AS seen") + " GROUP BY plate ORDER BY seen DESC LIMIT {limit:UInt32} WITH TIES"
	return b.finishStatement(sql, limit+maxTies)
}

// maxTies bounds the matching plates seen in one second.
const maxTies = 10_000

// addMatching adds a condition that keeps the matching plates only.
func (b *builder) addMatching(plate PlateFilter) {
	sub := platesOf(b.permit, plate)
	if sub.err != nil {
		b.err = sub.err
		return
	}
	maps.Copy(b.params, sub.params) // zones and from are the same in both
	b.where = append(b.where, fragment("plate IN ("+sub.writeSelect("plate")+")"))
}

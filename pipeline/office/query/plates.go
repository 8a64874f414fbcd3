package query

import (
	"maps"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// seenPlate is a plate of the dimension of distinct plates.
type seenPlate struct {
	Plate string    `ch:"plate"`
	Seen  time.Time `ch:"seen"` // its last read in the scope, to the second
}

// platesTable has a row a plate and zone, and one of zone ” for who sees all zones: a search resolves against what its own
// scope has seen, so that neither an answer nor how long it takes says what others have.
var platesTable = table{name: "plates", routes: readsTable.routes}

// platesOf begins a statement on the plates that match and were seen in the permit's zones since its window began. There is
// no upper bound: a plate that was seen after the window may have been seen in it too.
func platesOf(p access.Permit, plate Plate) *builder {
	b := newBuilder(p, &platesTable)
	b.whereLastSeen(p)
	switch {
	case plate.IsZero():
		b.noteFault("plate", "must be given")
	case plate.wide:
		// The sort key is (zone, class, plate): what is known of the beginning of the plate is known of its class.
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

// whereLastSeen keeps the plates that the scope has seen since its window began.
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

// Plates selects the plates that match, those seen last first, and all that were seen in the same second as the last of
// them.
func Plates(p access.Permit, plate Plate, limit int) (Statement, error) {
	b := platesOf(p, plate)
	b.params["limit"] = uint32(limit)
	sql := b.writeSelect("plate, max(last_seen) AS seen") + " GROUP BY plate ORDER BY seen DESC LIMIT {limit:UInt32} WITH TIES"
	return b.finishStatement(sql, limit+maxTies)
}

// maxTies bounds how many plates may be seen in one second and match.
const maxTies = 10_000

// addMatching adds the condition that the plate is one of those that match.
func (b *builder) addMatching(plate Plate) {
	sub := platesOf(b.permit, plate)
	if sub.err != nil {
		b.err = sub.err
		return
	}
	maps.Copy(b.params, sub.params) // zones and from are the same in both
	b.where = append(b.where, fragment("plate IN ("+sub.writeSelect("plate")+")"))
}

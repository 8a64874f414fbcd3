package query

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// Reject is a rejected record. Detail and payload may hold a plate, and are empty for users without the right to
// plates.
type Reject schemas.RejectRow

// Cursor returns the position after the row.
func (r *Reject) Cursor() Cursor {
	return Cursor{at: r.ReceivedAt.UnixMicro(), key: fmt.Sprintf("%d/%d", r.Partition, r.Offset)}
}

// ReasonCount is the number of rejected records for one reason.
type ReasonCount struct {
	Reason string `ch:"reason" json:"reason"`
	Count  uint64 `ch:"count" json:"count"`
}

var rejectsTable = queriedTable{
	name: "rejects", columns: columnsOf[schemas.RejectRow](),
	zone:   inZones, // only users for the whole region see records from unknown cameras
	order:  []fragment{"received_at", "kafka_partition", "kafka_offset"},
	id:     "kafka_topic, kafka_partition, kafka_offset",
	routes: []access.Route{access.RouteRejects},
}

// RejectFilter chooses rejects.
type RejectFilter struct {
	Reason  string
	Cameras []string
}

// buildRejects includes records without a time of receipt in every window.
func (f RejectFilter) buildRejects(p access.Permit) *builder {
	b := newBuilder(p, &rejectsTable)
	if b.err != nil {
		return b
	}
	b.addCondition("(received_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') OR toUnixTimestamp64Micro(received_at) = 0)", "from", int64(p.From()))
	if p.To() != 0 {
		b.addCondition("received_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')", "to", int64(p.To()))
	}
	b.whereName("reason = {reason:String}", "reason", f.Reason)
	b.whereCameras(f.Cameras)
	return b
}

// Rejects selects rejected records, newest first.
func Rejects(p access.Permit, f RejectFilter, page Page) (Statement, error) {
	b := f.buildRejects(p)
	if page.After.key != "" && b.err == nil {
		partition, offset, _ := strings.Cut(page.After.key, "/")
		n, err1 := strconv.ParseInt(partition, 10, 32)
		o, err2 := strconv.ParseInt(offset, 10, 64)
		if err1 != nil || err2 != nil {
			b.noteFault("after", "is not a cursor of this list")
		}
		b.addCondition("(received_at, kafka_partition, kafka_offset) < (fromUnixTimestamp64Micro({after_at:Int64}, 'UTC'), {after_partition:Int32}, {after_offset:Int64})",
			"after_at", page.After.at)
		b.params["after_partition"], b.params["after_offset"] = int32(n), o
	}
	return b.finishPage(page)
}

// CountRejects counts the records on all pages of Rejects, by reason.
func CountRejects(p access.Permit, f RejectFilter) (Statement, error) {
	b := f.buildRejects(p)
	sql := b.writeSelect("reason, uniqExact("+string(b.from.id)+") AS count") + " GROUP BY reason ORDER BY reason"
	return b.finishStatement(sql, 256)
}

package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// HourCount is how many reads were captured in an hour in a police zone.
type HourCount struct {
	Hour  time.Time `ch:"hour" json:"hour"`
	Zone  string    `ch:"zone" json:"zone"`
	Count uint64    `ch:"count" json:"count"`
}

// HitCount is how many hits of a list there were, by how they matched.
type HitCount struct {
	List  string `ch:"list" json:"list"`
	Match string `ch:"match" json:"match"`
	Count uint64 `ch:"count" json:"count"`
}

// MaxDashboardHours bounds the window of a dashboard.
const MaxDashboardHours = 31*24 + 1

var (
	hoursTable = table{name: "reads", zone: inZones, routes: []access.Route{access.RouteDashboard}}
	hitCounts  = table{name: "hits", time: "captured_at", zone: hitsTable.zone, routes: hoursTable.routes}
)

// Hours counts the reads of the whole hours of the permit's window by hour and zone: each read once however often it is
// stored, by the set of offsets that the projection by_hour keeps.
func Hours(p access.Permit) (Statement, error) {
	b := newBuilder(p, &hoursTable)
	b.projected = true
	const hour fragment = "toStartOfHour(captured_at)"
	b.addCondition(hour+" >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')", "from", int64(p.From()))
	b.addCondition(hour+" < fromUnixTimestamp64Micro({to:Int64}, 'UTC')", "to", int64(p.To()))
	sql := "SELECT hour, zone, toUInt64(sum(n)) AS count FROM (" +
		b.writeSelect(string(hour)+" AS hour, zone, kafka_partition, groupBitmap(kafka_offset) AS n") +
		" GROUP BY hour, zone, kafka_partition) GROUP BY hour, zone ORDER BY hour, zone"
	return b.finishStatement(sql, MaxDashboardHours*maxZones)
}

// maxZones bounds the police zones of the country, and the empty one of cameras without.
const maxZones = 200

// HitCounts counts the hits of the permit's window by list, each once however often it is stored.
func HitCounts(p access.Permit) (Statement, error) {
	b := newBuilder(p, &hitCounts)
	return b.finishStatement(b.writeSelect("list, match, uniqExact(hit_id) AS count")+" GROUP BY list, match ORDER BY list, match", 1000)
}

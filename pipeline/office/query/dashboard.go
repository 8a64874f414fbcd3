package query

import (
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// HourCount is the number of reads captured in one hour in one police zone.
type HourCount struct {
	Hour  time.Time `ch:"hour" json:"hour"`
	Zone  string    `ch:"zone" json:"zone"`
	Count uint64    `ch:"count" json:"count"`
}

// HitCount is the number of hits for one list and one kind of match.
type HitCount struct {
	List  string `ch:"list" json:"list"`
	Match string `ch:"match" json:"match"`
	Count uint64 `ch:"count" json:"count"`
}

// MaxDashboardHours bounds the time range of a dashboard.
const MaxDashboardHours = 31*24 + 1

var (
	hoursTable = queriedTable{name: "reads", zone: inZones, routes: []access.Route{access.RouteDashboard}}
	hitCounts  = queriedTable{name: "hits", time: "captured_at", zone: hitsTable.zone, routes: hoursTable.routes}
)

// Hours counts reads by hour and zone, for the whole hours in the permit's window. A read stored twice counts once:
// the projection by_hour keeps a set of offsets.
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

// maxZones bounds the police zones in the country, including the empty zone for cameras without a zone.
const maxZones = 200

// HitCounts counts the hits in the permit's window by list and match. A hit stored twice counts once.
func HitCounts(p access.Permit) (Statement, error) {
	b := newBuilder(p, &hitCounts)
	return b.finishStatement(b.writeSelect("list, match, uniqExact(hit_id) AS count")+" GROUP BY list, match ORDER BY list, match", 1000)
}

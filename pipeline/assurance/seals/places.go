package seals

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/schemas"
)

// placesAtOnce is the number of offences whose reads and decisions a query compares.
const placesAtOnce = 500

// readPlace is the place of capture of the read behind an offence.
type readPlace struct {
	ReadID       schemas.ReadID `ch:"read_id"`
	Site         string         `ch:"site"`
	Zone         string         `ch:"zone"`
	Municipality uint32         `ch:"municipality"`
	Partition    int32          `ch:"kafka_partition"`
}

// decisionPlace is the place of an offence's decision on the log.
type decisionPlace struct {
	OffenceID schemas.OffenceID `ch:"offence_id"`
	Partition int32             `ch:"kafka_partition"`
	Offset    int64             `ch:"kafka_offset"`
}

// comparePlaces compares the unsealed columns with their source rows. A deleted read or decision proves nothing.
func (w *Walker) comparePlaces(ctx context.Context, r *SealReport, rows []sealedRow) error {
	if len(rows) == 0 {
		return nil
	}
	var plates, reads, offences []string
	from, to := rows[0].CapturedAt, rows[0].CapturedAt
	for i := range rows {
		row := &rows[i]
		plates, reads, offences = append(plates, row.Plate), append(reads, row.ReadID.String()), append(offences, row.OffenceID.String())
		if row.CapturedAt.Before(from) {
			from = row.CapturedAt
		}
		if row.CapturedAt.After(to) {
			to = row.CapturedAt
		}
	}
	qctx := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 2, "max_threads": 1, "max_execution_time": 600, "log_queries": 0}))
	window := " WHERE plate IN {plates:Array(String)} AND captured_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND captured_at <= fromUnixTimestamp64Micro({to:Int64}, 'UTC')"
	args := func(name string, ids []string) []any {
		return []any{
			clickhouse.Named("plates", plates), clickhouse.Named(name, ids),
			clickhouse.Named("from", microsOf(from)), clickhouse.Named("to", microsOf(to)),
		}
	}
	var rs []readPlace
	err := w.DB.Select(qctx, &rs, "SELECT read_id, site, zone, municipality, kafka_partition FROM reads"+window+" AND read_id IN {reads:Array(UUID)}", args("reads", reads)...)
	if err != nil {
		return fmt.Errorf("read the reads of offences: %w", err)
	}
	var ds []decisionPlace
	err = w.DB.Select(qctx, &ds, "SELECT offence_id, kafka_partition, kafka_offset FROM decisions"+window+" AND offence_id IN {offences:Array(UUID)} AND outcome IN ('offence', 'held')", args("offences", offences)...)
	if err != nil {
		return fmt.Errorf("read the decisions of offences: %w", err)
	}
	byRead, byOffence := map[schemas.ReadID][]readPlace{}, map[schemas.OffenceID][]decisionPlace{}
	for _, p := range rs {
		byRead[p.ReadID] = append(byRead[p.ReadID], p)
	}
	for _, p := range ds {
		byOffence[p.OffenceID] = append(byOffence[p.OffenceID], p)
	}
	for i := range rows {
		if columns := rows[i].misplacedColumns(byRead[rows[i].ReadID], byOffence[rows[i].OffenceID]); len(columns) > 0 {
			r.addFault(faultOf(Place, &rows[i], columns, "not as its read and its decision have it"))
		}
	}
	return nil
}

func microsOf(t time.Time) int64 { return t.UnixMicro() }

// misplacedColumns returns the columns that differ from every source row, where there are source rows.
func (s *sealedRow) misplacedColumns(reads []readPlace, decisions []decisionPlace) []string {
	var out []string
	none := func(column string, n int, same func(int) bool) {
		for i := range n {
			if same(i) {
				return
			}
		}
		if n > 0 {
			out = append(out, column)
		}
	}
	none("site", len(reads), func(i int) bool { return reads[i].Site == s.Site })
	none("zone", len(reads), func(i int) bool { return reads[i].Zone == s.Zone })
	none("municipality", len(reads), func(i int) bool { return reads[i].Municipality == s.Municipality })
	none("kafka_partition", len(reads), func(i int) bool { return reads[i].Partition == s.Partition })
	none("kafka_offset", len(decisions), func(i int) bool { return decisions[i].Partition == s.Partition && decisions[i].Offset == s.Offset })
	return out
}

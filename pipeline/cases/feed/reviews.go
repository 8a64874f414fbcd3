package feed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/rs/zerolog"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// ReviewsGroup is the consumer group of all offices on anpr.reviews.v1.
const ReviewsGroup = "anpr-reviews"

// Reviews stores the records of anpr.reviews.v1 in the table reviews. Each range is planned in the metadata of the
// committed offset, inserted under a token of its own, then committed. Whoever takes over a planned range inserts the
// same rows under the same token, and ClickHouse drops them.
type Reviews struct {
	Group   ingest.ConsumerGroup
	DB      driver.Conn
	Linger  time.Duration // how long a range waits for more records; 0 = 300 ms
	Metrics *Metrics
	Log     zerolog.Logger

	part *Part
}

// rangeRecords is the number of records at which a range is full.
const rangeRecords = 5000

// Run stores reviews until ctx ends.
func (r *Reviews) Run(ctx context.Context) {
	r.part = NewPart(PartReviews, r.Metrics, r.Log)
	if r.Linger == 0 {
		r.Linger = 300 * time.Millisecond
	}
	readPartitions(ctx, r.Group, r.Log, r.readPartition)
}

// planPrefix begins the metadata of a commit with a plan: the range that starts at the offset and ends before the number
// behind the prefix.
const planPrefix = "reviews/1 "

func parsePlan(metadata string) (end int64, ok bool) {
	text, ok := strings.CutPrefix(metadata, planPrefix)
	if !ok {
		return 0, false
	}
	end, err := strconv.ParseInt(text, 10, 64)
	return end, err == nil
}

// readPartition stores the records of a partition, from where the group committed.
func (r *Reviews) readPartition(ctx context.Context, gen ingest.Generation, partition int32) error {
	at, metadata, gap, err := firstOffset(ctx, gen, partition)
	if err != nil {
		return err
	}
	if gap > 0 {
		r.Metrics.ReviewsGap.Add(float64(gap))
		r.Log.Error().Int32("partition", partition).Int64("offset", at).Int64("records", gap).Msg("reviews left the topic before they were stored")
	}
	reader, err := gen.Open(ctx, partition, at)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	p := &reviewsPartition{r: r, gen: gen, partition: partition, reader: reader, at: at}
	if end, ok := parsePlan(metadata); ok && gap == 0 && end > at {
		if err := p.fetchTo(ctx, end); err != nil {
			return err
		}
		if err := p.storeRange(ctx); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		if err := p.fetchSome(ctx); err != nil {
			return p.leaveUnreadable(ctx, err)
		}
		if p.recs.Len() == 0 {
			continue
		}
		if err := commitOffset(ctx, gen, r.part, partition, p.at, planPrefix+strconv.FormatInt(p.end(), 10)); err != nil {
			return err
		}
		if err := p.storeRange(ctx); err != nil {
			return err
		}
	}
	return nil
}

// reviewsPartition is the work on a partition in a generation.
type reviewsPartition struct {
	r         *Reviews
	gen       ingest.Generation
	partition int32
	reader    ingest.Reader
	recs      shard.Records // of the range, from at
	extra     shard.Records // fetched beyond a planned range
	at        int64
}

// end returns the offset after the last record of the range.
func (p *reviewsPartition) end() int64 {
	last, _ := p.recs.At(p.recs.Len() - 1)
	return last + 1
}

// fetchSome fetches records until a range is full or has waited.
func (p *reviewsPartition) fetchSome(ctx context.Context) error {
	p.recs.Reset()
	for n := range p.extra.Len() {
		p.recs.Append(p.extra.At(n))
	}
	p.extra.Reset()
	began := time.Now()
	for ctx.Err() == nil && p.recs.Len() < rangeRecords && (p.recs.Len() == 0 || time.Since(began) < p.r.Linger) {
		was := p.recs.Len()
		if err := p.reader.Fetch(ctx, &p.recs); err != nil && p.recs.Len() == 0 {
			return err
		}
		if was == 0 {
			began = time.Now()
		}
		if p.recs.Len() == was && was == 0 {
			return nil
		}
	}
	return ctx.Err()
}

// fetchTo fetches the records of a planned range. Records beyond it are kept for the next.
func (p *reviewsPartition) fetchTo(ctx context.Context, end int64) error {
	var all shard.Records
	for ctx.Err() == nil {
		if n := all.Len(); n > 0 {
			if last, _ := all.At(n - 1); last >= end-1 {
				break
			}
		}
		if err := p.reader.Fetch(ctx, &all); err != nil {
			return err
		}
	}
	for n := range all.Len() {
		if offset, value := all.At(n); offset < end {
			p.recs.Append(offset, value)
		} else {
			p.extra.Append(offset, value)
		}
	}
	return ctx.Err()
}

// storeRange inserts the range and commits its end.
func (p *reviewsPartition) storeRange(ctx context.Context) error {
	if p.recs.Len() == 0 {
		return nil
	}
	rows := make([]schemas.ReviewRow, 0, p.recs.Len())
	for n := range p.recs.Len() {
		offset, value := p.recs.At(n)
		row, err := parseReview(value)
		if err != nil {
			p.r.Metrics.ForeignReviews.Inc()
			p.r.Log.Error().Err(err).Int32("partition", p.partition).Int64("offset", offset).Msg("a record of the reviews topic is no review")
			continue
		}
		row.Partition, row.Offset = p.partition, offset
		rows = append(rows, row)
	}
	end := p.end()
	token := p.token(rows)
	err := retry(ctx, p.r.part, nil, func(ctx context.Context) error { return p.r.insert(ctx, token, rows) })
	if err != nil {
		return err
	}
	p.r.Metrics.Stored.Add(float64(len(rows)))
	p.at = end
	return commitOffset(ctx, p.gen, p.r.part, p.partition, end, "")
}

// token names the insert: by range and events, so that a topic made anew cannot meet the token of another range.
func (p *reviewsPartition) token(rows []schemas.ReviewRow) string {
	h := sha256.New()
	for n := range rows {
		h.Write(rows[n].EventID[:])
	}
	return fmt.Sprintf("%s/%d/%d-%d/%x/v%d", schemas.TopicReviews, p.partition, p.at, p.end(), h.Sum(nil)[:8], schemas.SchemaVersion)
}

// leaveUnreadable goes on behind records that cannot be taken from the log, when their extent is known.
func (p *reviewsPartition) leaveUnreadable(ctx context.Context, err error) error {
	to, ok := behindUnreadable(err)
	if !ok {
		return err
	}
	p.r.Metrics.ReviewsGap.Add(float64(to - p.at))
	return errors.Join(err, commitOffset(ctx, p.gen, p.r.part, p.partition, to, ""))
}

// insert stores rows in one block under the token.
func (r *Reviews) insert(ctx context.Context, token string, rows []schemas.ReviewRow) error {
	if len(rows) == 0 {
		return nil
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"async_insert": 0, "insert_deduplicate": 1, "insert_deduplication_token": token, "optimize_on_insert": 0,
	}))
	columns := schemas.ColumnNames[schemas.ReviewRow](func(c schemas.Column) bool { return c.Insert })
	batch, err := r.DB.PrepareBatch(ctx, "INSERT INTO reviews ("+strings.Join(columns, ", ")+")")
	if err != nil {
		return fmt.Errorf("store reviews: %w", err)
	}
	for n := range rows {
		if err := batch.Append(insertValues(&rows[n])...); err != nil {
			_ = batch.Abort()
			return fmt.Errorf("BUG: a review does not fit its table: %w", err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("store reviews: %w", err)
	}
	return nil
}

// insertValues returns the values that an insert writes, in table order. Digests go as raw bytes; their String is
// hexadecimal.
func insertValues(row *schemas.ReviewRow) (out []any) {
	v := reflect.ValueOf(*row)
	for _, c := range schemas.ColumnsOf[schemas.ReviewRow]() {
		if !c.Insert {
			continue
		}
		switch x := v.Field(c.Field).Interface().(type) {
		case []schemas.Digest:
			raw := make([]string, len(x))
			for i := range x {
				raw[i] = string(x[i])
			}
			out = append(out, raw)
		default:
			out = append(out, x)
		}
	}
	return out
}

// parseReview reads a record of anpr.reviews.v1.
func parseReview(value []byte) (schemas.ReviewRow, error) {
	var m anprv1.Review
	if err := proto.Unmarshal(value, &m); err != nil {
		return schemas.ReviewRow{}, err
	}
	if len(m.GetEventId()) != len(schemas.ID{}) || len(m.GetCaseId()) != len(schemas.ID{}) || m.GetRecordedAtUs() <= 0 {
		return schemas.ReviewRow{}, fmt.Errorf("its event id has %d bytes, its case id %d, and it was recorded at %d", len(m.GetEventId()), len(m.GetCaseId()), m.GetRecordedAtUs())
	}
	row := schemas.ReviewRow{
		EventID: schemas.ID(m.GetEventId()), CaseID: schemas.ID(m.GetCaseId()), Attempt: m.GetAttempt(), N: m.GetN(), Kind: m.GetKind(), From: m.GetFromState(),
		To: m.GetToState(), SettlesTo: m.GetSettlesTo(), RecordedAt: timeOf(m.GetRecordedAtUs()), EffectiveAt: timeOf(m.GetEffectiveAtUs()), User: m.GetUser(),
		Role: m.GetRole(), Purpose: m.GetPurposeId(), LogSeq: m.GetLogSeq(), Verdict: m.GetVerdict(), Reason: m.GetReason(), Triggers: m.GetTriggers(),
		Incident: m.GetIncident(), Checks: m.GetChecks(), ShownMS: m.GetShownMs(), Input: m.GetInput(), Catalogue: m.GetCatalogueVersion(),
		Reference: m.GetReferenceVersion(), Family: m.GetFamily(), Rule: m.GetRule(), Regime: m.GetRegime(), Track: m.GetTrack(), Zone: m.GetZone(),
		Municipality: m.GetMunicipality(), Camera: m.GetCameraId(), CapturedAt: timeOf(m.GetCapturedAtUs()), DueAt: timeOf(m.GetDueAtUs()), PlateChanged: m.GetPlateChanged(),
	}
	for _, sum := range m.GetPicturesSha256() {
		if len(sum) == len(schemas.Sum{}) {
			row.Pictures = append(row.Pictures, schemas.Digest(sum))
		}
	}
	return row, nil
}

func timeOf(us int64) time.Time { return schemas.Micros(us).Time() }

package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Errors of [DecideSingle] that other data cure, or time explains.
var (
	// ErrNotFound means that the tables do not have the passage or the read decided on: over its retention, not stored
	// yet, or the tables are behind. See [IsKept].
	ErrNotFound = errors.New("the passage or its read is not in the tables")
	// ErrNoCamera means that the registry does not have the camera of the read decided on.
	ErrNoCamera = errors.New("the camera is not in the registry")
)

// keptMonths is the retention of reads and passages, as the tables state it.
const keptMonths = 12

// IsKept reports whether the tables must still have a read at now. What they do not have although they must says nothing
// about the vehicle.
func IsKept(captured, now schemas.Micros) bool {
	return now.Time().Before(captured.Time().AddDate(0, keptMonths, 0))
}

// Single selects one stored decision, to be decided again.
type Single struct {
	Offence    schemas.OffenceID // the offence's own row never counts as a prior offence
	Passage    schemas.PassageID
	Read       schemas.ReadID // the read decided on
	CapturedAt schemas.Micros // of the read
	Rule       schemas.RuleID
	Family     schemas.Family

	Plate   schemas.Plate   // what persons read from the picture; zero = as stored
	Country schemas.Country // with Plate
	Lane    *uint8          // recorded from the picture; nil = as stored
	Settled []string        // reasons to hold whose doubt a person has settled
	Stored  schemas.Plate   // plate of the passage where it is known; finds the passage without the offence's row
}

// DecideSingle decides a stored passage again, under the engine and the registry. A late read is judged alone, as the
// pipeline judged it. The error wraps [ErrNotFound] or [ErrNoCamera] when evidence or camera are missing, and
// [ErrUnreachable] when nothing could be asked. Earlier
// offences count only where they can matter: for a decision that had such a doubt, and for a plate that persons read.
//
// Where passages are compared, those of the plate that closed before are read too, as far as the history goes.
func DecideSingle(ctx context.Context, conns *Connections, engine *rules.Engine, reg CameraRegistry, q *Single) (out rules.Explained, err error) {
	err = conns.use(ctx, func(conn *connection) error {
		out, err = decideSingle(ctx, conn, engine, reg, q)
		return err
	})
	return out, err
}

func decideSingle(ctx context.Context, conn *connection, engine *rules.Engine, reg CameraRegistry, q *Single) (out rules.Explained, err error) {
	own, err := findOwnOffence(ctx, conn, q)
	if err != nil {
		return out, err
	}
	g, err := readSingle(ctx, conn, reg, q, own)
	if err != nil {
		return out, err
	}
	subjects := g.subjectsOf(nil, reg, func(bool) {})
	for i := range subjects {
		s := &subjects[i].Subject
		if !q.concerns(s) {
			continue
		}
		if q.historySpan(s.Camera) > 0 && !s.Straggler {
			s.History = &closedBefore{g, subjects, &subjects[i]}
		}
		q.correctReading(s)
		s.Settled = q.Settled
		if s.Prior, err = readPriors(ctx, conn, q, own, s); err != nil {
			return out, err
		}
		x, ok := engine.ExplainRule(s, reg, q.Rule)
		if !ok {
			return out, fmt.Errorf("rule %s is in no catalogue of this program", q.Rule)
		}
		if x.On.Read == q.Read {
			return x, nil
		}
	}
	if camera := g.missingCamera(q.Read, reg); camera != "" {
		return out, fmt.Errorf("passage %s, camera %s: %w", q.Passage, camera, ErrNoCamera)
	}
	return out, fmt.Errorf("passage %s, read %s: %w", q.Passage, q.Read, ErrNotFound)
}

// missingCamera returns the camera of a read that the group has, when a camera of its passage is not in the registry; ""
// = none is missing.
func (g *readGroup) missingCamera(read schemas.ReadID, reg CameraRegistry) string {
	missing := func(p *schemas.Passage) string {
		on := sightingsOf(p)
		if !slices.ContainsFunc(on, func(s *schemas.Sighting) bool { return s.Read == read }) {
			return ""
		}
		for _, on := range on {
			if _, ok := reg.Camera(on.Camera); !ok && !on.Read.IsZero() {
				return on.Camera
			}
		}
		return ""
	}
	for i := range g.passages {
		if camera := missing(&g.passages[i]); camera != "" {
			return camera
		}
	}
	for i := range g.late {
		if camera := missing(&g.late[i].passage); camera != "" {
			return camera
		}
	}
	return ""
}

// sightingsOf returns every sighting of the passage; that of the speed is zero without one.
func sightingsOf(p *schemas.Passage) []*schemas.Sighting {
	out := []*schemas.Sighting{&p.Best, &p.Measured}
	for i := range p.Measurements {
		out = append(out, &p.Measurements[i].On)
	}
	return out
}

// concerns reports whether the read decided on is one of the subject's sightings.
func (q *Single) concerns(s *rules.Subject) bool {
	return slices.ContainsFunc(sightingsOf(s.Passage), func(on *schemas.Sighting) bool { return on.Read == q.Read })
}

// correctReading puts what persons read from the picture in the place of what the camera read.
func (q *Single) correctReading(s *rules.Subject) {
	p := s.Passage
	for _, on := range sightingsOf(p) {
		if on.Read.IsZero() {
			continue
		}
		if q.Lane != nil && on.Read == q.Read {
			on.Lane = *q.Lane
		}
		if !q.Plate.IsZero() {
			on.Plate, on.Country, on.Confidence, on.CountryConfidence = q.Plate, q.Country, 1000, 1000
		}
	}
	if !q.Plate.IsZero() {
		p.Class, p.Variants = q.Plate.Class(), 1
	}
}

// boundParams returns the bounds around the capture, and further parameters.
func (q *Single) boundParams(around schemas.Micros, more ...proto.Parameter) []proto.Parameter {
	c := &Config{From: q.CapturedAt, To: q.CapturedAt + 1}
	return c.boundParams(around, more...)
}

func textParam(key, value string) proto.Parameter {
	return proto.Parameter{Key: key, Value: "'" + value + "'"} // ids, rules and plates have no quote
}

// singleSettings are the settings of the small queries about one case.
var singleSettings = []ch.Setting{
	{Key: "readonly", Value: "2"}, {Key: "max_threads", Value: "1"}, {Key: "max_execution_time", Value: "20"}, {Key: "log_queries", Value: "0"},
}

// readRows runs a small query on the connection and returns all rows.
func readRows[T any](ctx context.Context, conn *connection, query string, params []proto.Parameter, cols columnReceiver[T]) (out []T, err error) {
	err = conn.Do(ctx, ch.Query{
		Body: query, Parameters: params, Settings: singleSettings, Result: cols.resultColumns(),
		OnResult: func(_ context.Context, block proto.Block) (err error) {
			out, err = cols.appendRows(out, block.Rows)
			return err
		},
	})
	return out, err
}

// readSingle reads the passage with its reads. The tables are in the order of plates, so a known plate finds the
// passage at once.
func readSingle(ctx context.Context, conn *connection, reg CameraRegistry, q *Single, own *ownOffence) (*readGroup, error) {
	id := textParam("id", q.Passage.String())
	plate := q.Stored
	if own != nil {
		plate = own.plate
	}
	var rows []passageRow
	var err error
	const all = ` FROM passages WHERE passage_id = {id:UUID} AND `
	if !plate.IsZero() {
		rows, err = readRows(ctx, conn, `SELECT `+passageSelect+all+`plate = {plate:String} AND `+inBounds("first_at"), q.boundParams(margin, id, textParam("plate", plate.String())), &passageCols{})
	}
	if err == nil && len(rows) == 0 {
		rows, err = readRows(ctx, conn, `SELECT `+passageSelect+all+inBounds("first_at"), q.boundParams(margin, id), &passageCols{})
	}
	if err != nil {
		return nil, fmt.Errorf("read the passage of a case: %w", err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("passage %s: %w", q.Passage, ErrNotFound)
	}
	reads, err := readReads(ctx, conn, q, &rows[0])
	if err != nil {
		return nil, fmt.Errorf("read the reads of a case: %w", err)
	}
	g := &readGroup{}
	g.addPassage(&rows[0])
	for i := range reads {
		g.takeRead(&reads[i])
	}
	span := q.historySpan(nil)
	for i := range reads {
		if cam, ok := reg.Camera(reads[i].camera); ok {
			span = max(span, q.historySpan(cam))
		}
	}
	if err := q.addHistory(ctx, conn, g, rows[0].plate, span); err != nil {
		return nil, fmt.Errorf("read the passages before that of a case: %w", err)
	}
	g.completePassages()
	return g, nil
}

// historySpan returns the time for which passages are compared with those of the camera, by the family or before any
// finding; 0 for most.
func (q *Single) historySpan(cam *schemas.Camera) schemas.Micros {
	span := rules.HistoryOfHolds(cam)
	if info := rules.InfoOf(q.Family); info != nil {
		span = max(span, info.History)
	}
	return span
}

// addHistory adds the other passages of the plate within the span, with their reads.
func (q *Single) addHistory(ctx context.Context, conn *connection, g *readGroup, plate schemas.Plate, span schemas.Micros) error {
	if span == 0 {
		return nil
	}
	of := textParam("plate", plate.String())
	rows, err := readRows(ctx, conn, `SELECT `+passageSelect+` FROM passages WHERE plate = {plate:String} AND NOT parked AND `+inBounds("first_at"), q.boundParams(span, of), &passageCols{})
	if err != nil {
		return err
	}
	reads, err := readRows(ctx, conn, `SELECT `+readSelect+` FROM reads WHERE plate = {plate:String} AND `+inBounds("captured_at"), q.boundParams(2*span, of), newReadCols())
	if err != nil {
		return err
	}
	for i := range rows {
		g.addPassage(&rows[i])
	}
	for i := range reads {
		if reads[i].passage != q.Passage.ID {
			g.takeRead(&reads[i])
		}
	}
	return nil
}

// readReads reads the reads of a passage, by the plate when all of them name one and the read decided on is none that
// came late.
func readReads(ctx context.Context, conn *connection, q *Single, p *passageRow) ([]readRow, error) {
	params := q.boundParams(2*margin, textParam("id", q.Passage.String()), textParam("plate", p.plate.String()))
	const all = ` FROM reads WHERE passage_id = {id:UUID} AND `
	if p.variants <= 1 {
		reads, err := readRows(ctx, conn, `SELECT `+readSelect+all+`plate = {plate:String} AND `+inBounds("captured_at"), params, newReadCols())
		if err != nil || slices.ContainsFunc(reads, func(r readRow) bool { return r.id == q.Read.ID && r.offset < p.closed }) {
			return reads, err
		}
	}
	return readRows(ctx, conn, `SELECT `+readSelect+all+inBounds("captured_at"), params, newReadCols())
}

// ownOffence is the stored row of the offence itself.
type ownOffence struct {
	priorRow
	columnPlace
	doubted bool // another reading of the vehicle stood already
}

// priorRow is a stored offence as a later decision needs it.
type priorRow struct {
	id, passage, read schemas.ID
	plate             schemas.Plate
	country           schemas.Country
	captured          schemas.Micros
	site              string
	certain           bool
}

// findOwnOffence reads the offence's row; nil when there is none, for example for a passage that another offence had
// swallowed.
func findOwnOffence(ctx context.Context, conn *connection, q *Single) (*ownOffence, error) {
	rows, err := readRows(ctx, conn, priorSelect+` WHERE family = {family:String} AND captured_at = fromUnixTimestamp64Micro({at:Int64}, 'UTC') AND offence_id = {id:UUID}`,
		[]proto.Parameter{textParam("family", string(q.Family)), textParam("at", strconv.FormatInt(int64(q.CapturedAt), 10)), textParam("id", q.Offence.String())}, newPriorCols())
	if err != nil {
		return nil, fmt.Errorf("read the offence of a case: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// readPriors returns the offences with which the decision is compared: for a stored reading those that stood when the
// pipeline decided, for a reading of persons all others.
func readPriors(ctx context.Context, conn *connection, q *Single, own *ownOffence, s *rules.Subject) (*rules.PriorOffences, error) {
	keyed := !q.Plate.IsZero()
	if !keyed && (own == nil || !own.doubted) {
		return nil, nil
	}
	day := q.CapturedAt.Day()
	c := &Config{From: day.Start(), To: (day + 1).Start()}
	rows, err := readRows(ctx, conn, priorSelect+` WHERE family = {family:String} AND `+inBounds("captured_at"), c.boundParams(margin, textParam("family", string(q.Family))), newPriorCols())
	if err != nil {
		return nil, fmt.Errorf("read the offences beside a case: %w", err)
	}
	out := &rules.PriorOffences{}
	for i := range rows {
		r := &rows[i]
		stood := keyed || own != nil && r.partition == own.partition && (r.offset < own.offset || r.offset == own.offset && r.seq < own.seq)
		if r.id == q.Offence.ID || r.read == q.Read.ID || r.plate.Class() != s.Passage.Class || !stood {
			continue
		}
		out.Add(schemas.PriorOffence{
			ID: schemas.OffenceID{ID: r.id}, ExclusionKey: rules.ExclusionKeyOf(q.Rule, q.Family, r.plate, r.site, r.captured), Plate: r.plate, Country: r.country,
			Certain: r.certain, Read: schemas.ReadID{ID: r.read}, CapturedAt: r.captured, Passage: schemas.PassageID{ID: r.passage},
		})
	}
	return out, nil
}

// priorSelect selects the columns of an ownOffence. The trace says whether a reading was certain, and whether another
// reading stood.
const priorSelect = `SELECT offence_id, passage_id, read_id, plate, country, site, toUnixTimestamp64Micro(captured_at) AS captured_at_us, kafka_partition, kafka_offset, seq,
	position(trace, '{"code":"certain","holds":true') > 0 AS certain, position(trace, '{"code":"other_reading"') > 0 AS doubted FROM offences`

type priorCols struct {
	id, passage, read proto.ColUUID
	plate             proto.ColStr
	country           *enumColumn[schemas.Country]
	site              *enumColumn[string]
	captured, offset  proto.ColInt64
	partition         proto.ColInt32
	seq               proto.ColUInt32
	certain, doubted  proto.ColUInt8
}

func newPriorCols() *priorCols {
	return &priorCols{site: newLow("site", parseText), country: newLow("country", func(s string) (schemas.Country, bool) {
		c, ok := schemas.CountryFrom(s)
		return c, ok || s == ""
	})}
}

func (c *priorCols) resultColumns() proto.Results {
	return proto.Results{
		{Name: "offence_id", Data: &c.id},
		{Name: "passage_id", Data: &c.passage},
		{Name: "read_id", Data: &c.read},
		{Name: "plate", Data: &c.plate},
		c.country.resultColumn(), c.site.resultColumn(),
		{Name: "captured_at_us", Data: &c.captured},
		{Name: "kafka_partition", Data: &c.partition},
		{Name: "kafka_offset", Data: &c.offset},
		{Name: "seq", Data: &c.seq},
		{Name: "certain", Data: &c.certain},
		{Name: "doubted", Data: &c.doubted},
	}
}

func (c *priorCols) appendRows(dst []ownOffence, n int) ([]ownOffence, error) {
	c.country.readDictionary()
	c.site.readDictionary()
	for i := range n {
		p, ok := schemas.PlateFrom(c.plate.RowBytes(i))
		if !ok {
			return nil, fmt.Errorf("offence %s: its plate is not canonical", schemas.ID(c.id[i]))
		}
		country, errCountry := c.country.valueAt(i)
		site, errSite := c.site.valueAt(i)
		if err := errors.Join(errCountry, errSite); err != nil {
			return nil, fmt.Errorf("offence %s: %w", schemas.ID(c.id[i]), err)
		}
		dst = append(dst, ownOffence{
			priorRow{schemas.ID(c.id[i]), schemas.ID(c.passage[i]), schemas.ID(c.read[i]), p, country, schemas.Micros(c.captured[i]), site, c.certain[i] != 0},
			columnPlace{c.partition[i], c.offset[i], c.seq[i]},
			c.doubted[i] != 0,
		})
	}
	return dst, nil
}

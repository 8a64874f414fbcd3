package office

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

var update = flag.Bool("update", false, "write schemas/openapi/office.json anew")

func TestMain(m *testing.M) {
	if text := os.Getenv(envOffice); text != "" {
		fmt.Fprintln(os.Stderr, "office process:", runOfficeProcess(text))
		os.Exit(1)
	}
	flag.Parse()
	testkit.Main(m)
}

// now is every test's clock: 21 November 2026, 13:00 in Brussels.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const why = "witness of an accident with flight"

// Numbers in the catalogue's forms.
const (
	aFile     = "BR.43.L2.000001/2026"
	aReport   = "AD.5339.000017/2026"
	aDecision = "PK.BR.2026/000114"
)

// makeWideLimits returns limits that no test reaches by accident.
func makeWideLimits() UserLimits {
	return UserLimits{PerSecond: 1e6, Queries: 1000, PlatesHour: 1e6, RowsDay: 1e9, PatternKnown: 3, PatternDays: 400, CameraMinutes: 24 * 60}
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// desk is an office over a fresh database, with one user in every role. A role's token is "token of <role>".
type desk struct {
	t      testing.TB
	conn   driver.Conn
	logs   *pgxpool.Pool // database of the look-up log, opened as owner
	keys   *access.Keys
	office *Office
	server *httptest.Server
	output *syncBuffer
	reg    *prometheus.Registry

	offset  int64
	inserts int
	mu      sync.Mutex // guards clients: a test's goroutines ask at the same time
	clients map[access.Role]*Client
	opened  map[string]string // purposes for requests without a client, by token and purpose
	people  *pgxpool.Pool

	cases  *casestore.Store
	moved  atomic.Int64 // nanoseconds that the test added to the clock of cases
	policy *cases.Policy
}

func users(t testing.TB) *access.Users {
	t.Helper()
	u, err := readUsers()
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func readUsers() (*access.Users, error) {
	var b strings.Builder
	b.WriteString("users:\n")
	for _, r := range access.Roles() {
		zones := ""
		if r == access.ZoneOfficer {
			zones = `, zones: ["5339"]`
		}
		fmt.Fprintf(&b, "  - {name: user-%s, role: %s%s, token_sha256: %s, valid_to: 2027-06-30}\n", r, r, zones, hash("token of "+string(r)))
	}
	return access.ReadUsers(strings.NewReader(b.String()))
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func connect(t testing.TB) driver.Conn {
	t.Helper()
	addr, db := testkit.Tables(t)
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{addr}, Auth: clickhouse.Auth{Database: db},
		DialTimeout: 10 * time.Second, MaxOpenConns: 8,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // some tests close the connection themselves
	return conn
}

// newDesk makes a desk. change may alter the configuration.
func newDesk(t testing.TB, change func(*Config)) *desk {
	t.Helper()
	d := &desk{t: t, conn: connect(t), output: &syncBuffer{}, reg: prometheus.NewRegistry(), clients: map[access.Role]*Client{}, opened: map[string]string{}}
	var err error
	at := testkit.StartPostgres(t)
	if d.logs, err = testkit.PostgresAs(at, embedded.PostgresMigrator).Open(t.Context(), "test", 2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.logs.Close)
	pool, err := at.Open(t.Context(), "office", 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if d.people, err = at.Open(t.Context(), "people", 8); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.people.Close)
	if d.keys, err = access.LoadKeys(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	d.policy = cases.DefaultPolicy()
	d.policy.Holds = map[string]cases.HoldRule{"country_unknown": {AtDecideBy: true, Then: cases.Arbitration, ByKeying: true}}
	d.cases = casestore.New(d.people, casestore.Options{
		Policy: func() *cases.Policy { return d.policy }, DrawKey: []byte("key of the test"), Filer: fileOfNobody{}, Shift: func() time.Duration { return time.Duration(d.moved.Load()) }, Depends: DependsOn,
	})
	cfg := Config{
		Cases: &Casework{Store: d.cases},
		DB:    d.conn, Users: users(t), Now: func() time.Time { return now }, Logger: zerolog.New(d.output), Metrics: NewMetrics(d.reg),
		LookUps: store.NewLookUps(pool), Keys: d.keys, Old: access.NewOldLogTable(d.conn),
		People: store.NewPeople(d.people), Limits: makeWideLimits(), FailuresPerMinute: 1e6,
		Camera: func(id string) *schemas.Camera {
			return &schemas.Camera{
				ID: id, LatE6: 50846700, LonE6: 4352500, Street: schemas.Street{NL: "Wetstraat", FR: "Rue de la Loi"},
				Certificates: []schemas.Certificate{{Serial: "S1", Approval: "A1", ValidTo: schemas.MicrosOf(now.Add(3650 * day))}},
			}
		},
		Summary: func(lang, family string, held bool, reason string, until time.Time) []string {
			return []string{fmt.Sprint(lang, " ", family, " ", held, " ", reason, " ", until.Unix())}
		},
		Explain: func(lang, steps string) ([]string, error) { return []string{lang + ": " + steps}, nil },
	}
	if change != nil {
		change(&cfg)
	}
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(end)
	if d.office, err = New(life, cfg); err != nil {
		t.Fatal(err)
	}
	d.server = httptest.NewServer(d.office.Handler())
	t.Cleanup(d.server.Close)
	return d
}

// as returns the client for a role's user. Safe for concurrent use.
func (d *desk) as(r access.Role) *Client {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.clients[r]; c != nil {
		return c
	}
	c := &Client{BaseURL: d.server.URL, Token: "token of " + string(r), HTTP: d.server.Client(), MaxWait: -1}
	d.clients[r] = c
	return c
}

// rawRequest is an API request without a client.
type rawRequest struct{ method, url, body string }

// purpose opens a purpose for a token, once; "" = the office refuses.
func (d *desk) purpose(token string, p access.Purpose) string {
	d.t.Helper()
	if p == "" || p == access.Operation {
		return ""
	}
	key := token + " " + string(p)
	if id, ok := d.opened[key]; ok {
		return id
	}
	file := aFile
	if p == access.Administrative {
		file = aReport
	}
	_, body := d.send(token, "", rawRequest{http.MethodPost, "/v1/purposes", fmt.Sprintf(`{"purpose":%q,"reason":%q,"case_ref":%q}`, p, why, file)})
	var a PurposeAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		d.t.Fatal(err)
	}
	d.opened[key] = a.ID
	return a.ID
}

// send sends one request under a purpose and returns the answer.
func (d *desk) send(token, purpose string, q rawRequest) (status int, answer string) {
	d.t.Helper()
	status, answer, err := d.trySend(token, purpose, q)
	if err != nil {
		d.t.Fatal(err)
	}
	return status, answer
}

// trySend is send for several goroutines: it ends no test.
func (d *desk) trySend(token, purpose string, q rawRequest) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(d.t.Context(), q.method, d.server.URL+q.url, strings.NewReader(q.body))
	if err != nil {
		return 0, "", err
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.method == http.MethodPost && (strings.HasPrefix(q.url, "/v1/cases/") || strings.HasPrefix(q.url, "/v1/work/")) {
		req.Header.Set("If-Match", `"1"`)
		req.Header.Set("Idempotency-Key", rand.Text())
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	if purpose != "" {
		req.Header.Set(purposeHeader, purpose)
	}
	resp, err := d.server.Client().Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", err
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		d.t.Errorf("%s: Cache-Control %q, want no-store", strings.SplitN(q.url, "?", 2)[0], got)
	}
	return resp.StatusCode, string(b), nil
}

func (d *desk) exec(sql string) {
	d.t.Helper()
	if err := d.conn.Exec(d.t.Context(), sql); err != nil {
		d.t.Fatalf("%.200s: %v", sql, err)
	}
}

func (d *desk) count(sql string) uint64 {
	d.t.Helper()
	var n uint64
	if err := d.conn.QueryRow(d.t.Context(), sql).Scan(&n); err != nil {
		d.t.Fatalf("%.200s: %v", sql, err)
	}
	return n
}

// logged counts the entries in the look-up log under a condition.
func (d *desk) logged(where string) (n int) {
	d.t.Helper()
	if err := d.logs.QueryRow(d.t.Context(), "SELECT count(*) FROM look_ups WHERE "+where).Scan(&n); err != nil {
		d.t.Fatalf("%.200s: %v", where, err)
	}
	return n
}

// attack changes the look-up log with the database owner's power.
func (d *desk) attack(sql string) {
	d.t.Helper()
	tables := []string{"look_ups", "asked_plates", "disclosed", "look_up_plates", "look_up_head"}
	if strings.HasPrefix(sql, "ALTER") {
		tables = nil
	}
	all := "BEGIN; "
	for _, table := range tables {
		all += "ALTER TABLE " + table + " DISABLE TRIGGER USER; "
	}
	all += sql + "; "
	for _, table := range tables {
		all += "ALTER TABLE " + table + " ENABLE TRIGGER USER; "
	}
	if _, err := d.logs.Exec(d.t.Context(), all+"COMMIT", pgx.QueryExecModeSimpleProtocol); err != nil {
		d.t.Fatalf("%.200s: %v", sql, err)
	}
}

// insert adds rows with the given columns. Unnamed columns get their defaults.
func (d *desk) insert(table string, rows ...map[string]any) {
	d.t.Helper()
	for _, r := range rows {
		if _, sealed := r["sealed"]; table == "offences" && !sealed {
			sealRow(d.t, r)
		}
		cols := make([]string, 0, len(r))
		vals := make([]any, 0, len(r))
		for c, v := range r {
			cols, vals = append(cols, c), append(vals, v)
		}
		// The tables' deduplication window would drop equal blocks, on 26.7 even with insert_deduplicate = 0, because
		// deduplicate_insert overrides. Tests that insert a row twice want two rows.
		d.inserts++
		ctx := clickhouse.Context(d.t.Context(), clickhouse.WithSettings(clickhouse.Settings{
			"insert_deduplication_token": strconv.Itoa(d.inserts),
		}))
		b, err := d.conn.PrepareBatch(ctx, "INSERT INTO "+table+" ("+strings.Join(cols, ", ")+")")
		if err != nil {
			d.t.Fatal(err)
		}
		if err := b.Append(vals...); err != nil {
			d.t.Fatal(err)
		}
		if err := b.Send(); err != nil {
			d.t.Fatal(err)
		}
	}
}

// readRow returns a row of reads for a plate, captured the duration ago before now.
func (d *desk) readRow(plate, camera, zone string, ago time.Duration) map[string]any {
	at := now.Add(-ago)
	id := schemas.NewReadID(&schemas.Read{Camera: camera, CapturedAt: schemas.MicrosOf(at), RawPlate: plate})
	d.offset++
	return map[string]any{
		"read_id": id.String(), "passage_id": schemas.PassageIDOf(id).String(), "camera_id": camera, "zone": zone,
		"site": "S-" + camera, "captured_at": at, "received_at": at.Add(time.Second), "plate": plate, "raw_plate": "raw " + plate,
		"class": schemas.MustPlate(plate).Class().String(), "country": "BE", "confidence": uint16(950), "speed_dkmh": int32(505),
		"image_sha256": strings.Repeat("\x0f", 32), "more_images_sha256": []string{strings.Repeat("\x0e", 32)}, "alternatives": []string{plate}, "kafka_offset": d.offset,
	}
}

// offenceRow returns a row of offences for a read, with the plate in the trace.
func (d *desk) offenceRow(read map[string]any, family, status string) map[string]any {
	plate := read["plate"].(string)
	id := schemas.NewOffenceID("bru."+schemas.RuleID(family)+".test", schemas.MustPlate(plate), schemas.Belgium, []byte(fmt.Sprint(read["captured_at"])))
	return map[string]any{
		"offence_id": id.String(), "rule": "bru." + family + ".test", "family": family, "status": status,
		"plate": plate, "class": read["class"], "read_id": read["read_id"], "passage_id": read["passage_id"],
		"camera_id": read["camera_id"], "zone": read["zone"], "captured_at": read["captured_at"], "amount_cents": int64(35000),
		"measures.name": []string{"corrected_speed_dkmh", "limit_dkmh"}, "measures.value": []int64{445, 300},
		"measures.uncertainty": []int64{0, 0}, "measures.device": []string{"", ""}, "image_sha256": strings.Repeat("\x0f", 32),
		"trace": `[{"code":"speed.above","holds":true,"args":["` + plate + `","44.5"],"basis":"AR 30/09/2005","verified":true}]`,
	}
}

// sealRow seals a row of offences as the camera's first. Unnamed columns get their defaults.
func sealRow(t testing.TB, row map[string]any) {
	t.Helper()
	text := func(column string) string { s, _ := row[column].(string); return s }
	at := schemas.MicrosOf(row["captured_at"].(time.Time))
	d := schemas.Decision{
		Rule: schemas.RuleID(text("rule")), Family: schemas.Family(text("family")), Reason: text("reason"), Verified: row["verified"] == true,
		On:      schemas.Sighting{Camera: text("camera_id"), CapturedAt: at, ReceivedAt: at + 1, Plate: schemas.MustPlate(text("plate"))},
		Outcome: schemas.OutcomeOffence, LegalBasis: text("legal_basis"),
	}
	if row["status"] == "held" {
		d.Outcome = schemas.OutcomeHeld
	}
	d.On.Country, _ = schemas.CountryFrom(text("country"))
	d.Offence.ID, _ = schemas.ParseID(text("offence_id"))
	d.On.Read.ID, _ = schemas.ParseID(text("read_id"))
	d.Passage.ID, _ = schemas.ParseID(text("passage_id"))
	measures := schemas.OffenceRow{}
	measures.MeasureNames, _ = row["measures.name"].([]string)
	measures.MeasureValues, _ = row["measures.value"].([]int64)
	measures.MeasureUncertainties, _ = row["measures.uncertainty"].([]int64)
	measures.MeasureDevices, _ = row["measures.device"].([]string)
	d.Measures = measures.ListMeasures()
	d.AmountCents, _ = row["amount_cents"].(int64)
	copy(d.On.Image[:], text("image_sha256"))
	var err error
	if d.Trace, err = evidence.ParseTrace([]byte(text("trace"))); err != nil {
		t.Fatal(err)
	}
	evidence.Seal(&d, schemas.Sum{})
	row["class"], row["day"] = d.On.Plate.Class().String(), d.On.CapturedAt.Time().In(schemas.Brussels())
	row["seal_sha256"], row["prev_seal_sha256"], row["sealed"] = string(d.Seal[:]), string(d.PrevSeal[:]), string(d.Sealed)
}

const hour, day = time.Hour, 24 * time.Hour

// fileOfNobody is the law of a family whose cases have no file.
type fileOfNobody struct{}

// ReadFile implements [cases.Filer].
func (fileOfNobody) ReadFile(q *cases.FileQuestion) (cases.FileReading, error) {
	return cases.FileReading{
		Answer: cases.FileAnswer{Verdict: q.Case.Decisive, Outcome: cases.FileNone, AmountCents: q.Case.AmountCents, At: q.At},
		Trace:  []schemas.Step{{Code: "file.no_window", Holds: true, Args: []string{"2026-11-20"}, Verified: true}},
	}, nil
}

// journey asks where a plate went on a day, as a zone officer.
func (d *desk) journey(plate, on string) (*JourneyAnswer, error) {
	c := d.as(access.ZoneOfficer)
	found, err := c.Search(d.t.Context(), SearchQuery{Justification: judicial(), Plate: plate, TimeRange: TimeRange{From: now.Add(-30 * day), To: now}})
	if err != nil {
		return nil, err
	}
	return c.Journey(d.t.Context(), judicial(), JourneyQuery{ID: found.SearchID, Day: on})
}

package lookups

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/ingest/sink"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/access/accesstest"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	rows = 200_000
	days = 32
)

// small is the measurement at a size for tests, with every read in memory beside the tables.
type small struct {
	*Bench
	conn  driver.Conn
	sink  sink.Config
	reads []bench.Stored // newest first, as the office orders them
}

func openSmall(t *testing.T) *small {
	t.Helper()
	addr, db := testkit.Database(t)
	s := &small{sink: sink.Config{ClickHouse: platform.ClickHouse{Addr: addr, Database: db}}}
	today := schemas.MicrosOf(time.Now())
	city, err := bench.NewCity(bench.CityConfig{Seed: 4, Cameras: 100, Temporary: -1, Vehicles: 5_000, At: today})
	if err != nil {
		t.Fatal(err)
	}
	year, err := city.Year(bench.YearConfig{Seed: 4, End: today, Rows: rows, Days: days})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(t.Context(), LoadConfig{Sink: s.sink, Year: year}); err != nil {
		t.Fatal(err)
	}
	for day := range days {
		year.Day(day, func(r *bench.Stored) {
			kept := *r
			kept.Hits = slices.Clone(r.Hits)
			s.reads = append(s.reads, kept)
		})
	}
	slices.SortFunc(s.reads, func(a, b bench.Stored) int {
		return cmp.Or(cmp.Compare(b.CapturedAt, a.CapturedAt), slices.Compare(b.ID.ID[8:], a.ID.ID[8:]), slices.Compare(b.ID.ID[:8], a.ID.ID[:8])) // as ClickHouse orders ids
	})
	if s.conn, err = s.sink.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	if s.Bench, err = Open(t.Context(), Config{Conn: s.conn, Postgres: testkit.StartPostgres(t), City: city, Year: year, Users: 4, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *small) newUser(i int) *user {
	return &user{Bench: s.Bench, account: s.users[i], r: rand.New(rand.NewPCG(5, uint64(i)))}
}

// TestLookUpsAtASmallSize is the whole measurement on 200,000 reads: every kind of question has an answer, the answers
// equal a scan over the same reads in memory, and the plans use sort key, index and projection.
func TestLookUpsAtASmallSize(t *testing.T) {
	s := openSmall(t)
	t.Run("every kind is answered", s.everyKind)
	t.Run("answers are those of a scan", s.checkAnswers)
	t.Run("the camera's window", s.cameraWindow)
	t.Run("dashboards", s.checkDashboards)
	t.Run("retro-match", s.checkRetro)
	t.Run("plans", s.checkPlans)
	t.Run("while reads are stored", s.whileStoring)
}

func (s *small) everyKind(t *testing.T) {
	for i := range 2 { // a prosecutor and a zone officer
		u := s.newUser(i)
		for _, k := range kinds {
			found := 0
			for range 4 {
				n, err := k.ask(t.Context(), u)
				if err != nil {
					t.Fatalf("%s by %s: %v", k.name, u.role, err)
				}
				found += n
			}
			if found == 0 && i == 0 && k.name != "prefix, 2 months ago" && k.name != "infix digits" && k.name != "journey of a day" {
				t.Errorf("%s: four questions found nothing", k.name)
			}
		}
	}
}

// checkRetro: half the list's plates drove, so each of these has a match with all its reads; the other half has none.
func (s *small) checkRetro(t *testing.T) {
	got, err := s.Retro(t.Context(), "small", 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Retro(t.Context(), "small", 400, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.Matches < 150 || got.Matches > 200 || got.Reads < uint64(got.Matches) || again.Matches != got.Matches || again.Reads != got.Reads {
		t.Errorf("%+v and again %+v: want nearly 200 matches, twice the same", got, again)
	}
}

// scanReads returns the ids of the reads that match in the year's window, newest first, and how many there are.
func (s *small) scanReads(zone string, match func(*bench.Stored) bool) (ids []string) {
	for i := range s.reads {
		r := &s.reads[i]
		if (zone == "" || r.From.ZoneAt(r.CapturedAt) == zone) && match(r) {
			ids = append(ids, r.ID.String())
		}
	}
	return ids
}

func matchesLike(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return matchesLike(pattern[1:], s) || s != "" && matchesLike(pattern, s[1:])
	case s == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == s[0]) && matchesLike(pattern[1:], s[1:])
}

func classOf(pattern string) string {
	b := []byte(pattern)
	for i, c := range b {
		if c != '?' && c != '*' {
			b[i] = schemas.MustPlate(string(c)).Class().At(0)
		}
	}
	return string(b)
}

func (s *small) checkAnswers(t *testing.T) {
	found := 0
	for i := range 36 {
		u := s.newUser(i % 2)
		p := u.drawPlate()
		p = []string{p, p[:4] + "*", "*" + p[1:4] + "*", u.drawMaskedPlate(2), u.drawMaskedPlate(1), p}[i%6]
		confusable := i%6 >= 4
		mode := office.Mode("")
		if confusable {
			mode = office.ModeLooksLike
		}
		a, err := u.officeClient(u.token).Search(t.Context(), office.SearchQuery{Justification: u.newJustification(), TimeRange: u.wholeYear(), Plate: p, Mode: mode, Count: true})
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		want := s.scanReads(u.zone, func(r *bench.Stored) bool {
			if confusable {
				return matchesLike(classOf(p), r.Class.String())
			}
			return matchesLike(p, r.Plate.String())
		})
		var got []string
		for k := range a.Reads {
			got = append(got, a.Reads[k].ReadID.String())
		}
		if *a.Count != uint64(len(want)) || !slices.Equal(got, want[:min(len(want), 100)]) {
			t.Errorf("%s confusable %v by %s: got %d reads counted %d, a scan finds %d", p, confusable, u.role, len(got), *a.Count, len(want))
		}
		found += len(got)
	}
	if found < 300 {
		t.Errorf("%d reads found: the test checks little", found)
	}
}

func (s *small) cameraWindow(t *testing.T) {
	for i := range 10 {
		u := s.newUser(0)
		cam := s.cameras[(7*i)%len(s.cameras)].ID
		from := s.cfg.Year.Start(3*i + 1).Time().Add(8 * time.Hour)
		w := office.TimeRange{From: from, To: from.Add(time.Duration(i+1) * time.Hour)}
		a, err := u.officeClient(u.token).Search(t.Context(), office.SearchQuery{Justification: u.newJustification(), Camera: []string{cam}, TimeRange: w})
		if err != nil {
			t.Fatal(err)
		}
		want := s.scanReads("", func(r *bench.Stored) bool {
			return r.Camera == cam && r.CapturedAt >= schemas.MicrosOf(w.From) && r.CapturedAt < schemas.MicrosOf(w.To)
		})
		var got []string
		for k := range a.Reads {
			got = append(got, a.Reads[k].ReadID.String())
		}
		if !slices.Equal(got, want[:min(len(want), 100)]) {
			t.Errorf("%s %v: got %d, a scan finds %d", cam, w, len(got), len(want))
		}
	}
}

func (s *small) checkDashboards(t *testing.T) {
	u := s.newUser(0)
	w := office.TimeRange{From: s.cfg.Year.Start(5).Time(), To: s.cfg.Year.Start(31).Time()}
	a, err := u.officeClient(supervisor).Dashboard(t.Context(), office.DashboardQuery{TimeRange: w, By: "day"})
	if err != nil {
		t.Fatal(err)
	}
	hits := uint64(0)
	want := s.scanReads("", func(r *bench.Stored) bool {
		in := r.CapturedAt >= schemas.MicrosOf(w.From) && r.CapturedAt < schemas.MicrosOf(w.To)
		if in {
			hits += uint64(len(r.Hits))
		}
		return in
	})
	got := uint64(0)
	for _, h := range a.Hits {
		got += h.Count
	}
	if a.Total != uint64(len(want)) || got != hits || hits == 0 {
		t.Errorf("got %d reads and %d hits, a scan finds %d and %d", a.Total, got, len(want), hits)
	}
}

// newPermit goes the way every permit goes.
func (s *small) newPermit(t *testing.T, a access.Request) access.Permit {
	t.Helper()
	role := access.Prosecutor
	if a.Purpose == access.Operation {
		role = access.GVCSupervisor
	}
	a.Reason, a.ProsecutorRef = "measurement of look-ups", "BENCH-0001"
	return accesstest.Permit(t, &access.User{Name: "plans", Role: role}, a, schemas.MicrosOf(time.Now()))
}

func (s *small) checkPlans(t *testing.T) {
	now := schemas.MicrosOf(time.Now())
	judicial := access.Request{Route: access.RouteSearch, Purpose: access.Judicial, From: now - 60*24*schemas.Hour, To: now}
	reads := s.newPermit(t, judicial)
	judicial.Route, judicial.From, judicial.To = access.RouteSearch, s.cfg.Year.Start(20), s.cfg.Year.Start(20)+schemas.Hour
	camera := s.newPermit(t, judicial)
	dashboard := s.newPermit(t, access.Request{Route: access.RouteDashboard, Purpose: access.Operation, From: s.cfg.Year.Start(10), To: s.cfg.Year.Start(20)})
	plate := func(text string, confusable bool) query.PlateFilter {
		p, err := query.ParsePlateFilter(text, confusable)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	known := s.reads[1000].Plate.String()
	statement := func(st query.Statement, err error) query.Statement {
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	var parts uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'plates'").Scan(&parts); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		st       query.Statement
		table    string
		granules uint64 // at most
		uses     string
	}{
		// Two months are two parts; a plate is in one granule of each, at the edge of two.
		"exact":              {statement(query.Reads(reads, query.ReadFilter{Plate: plate(known, false)}, query.Page{})), "reads", 3 * 2, "PrimaryKey"},
		"confusable":         {statement(query.Plates(reads, plate(known, true), 200)), "plates", 2 * parts, "PrimaryKey"},
		"prefix":             {statement(query.Plates(reads, plate(known[:4]+"*", false), 200)), "plates", 3 * parts, "PrimaryKey"},
		"infix":              {statement(query.Plates(reads, plate("*XQZ*", false), 200)), "plates", 0, "Name: pattern"},
		"camera":             {statement(query.CameraReads(camera, []string{s.cameras[3].ID}, query.Page{})), "", 0, "Name: by_camera"},
		"dashboard of hours": {statement(query.Hours(dashboard)), "", 0, "by_hour"},
	} {
		plan, err := query.NewDB(s.conn, 0).Explain(t.Context(), c.st)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(plan.Text, c.uses) {
			t.Errorf("%s: the plan does not use %s:\n%s", name, c.uses, plan.Text)
		}
		for _, r := range plan.Reads {
			if r.Table == c.table && c.granules > 0 && r.Granules > c.granules {
				t.Errorf("%s: reads %d granules of %s, want at most %d:\n%s", name, r.Granules, r.Table, c.granules, plan.Text)
			}
		}
	}
}

// waitForStored waits until a batch of the run is in the ledger: the reads are made first, and a machine may be slow
// at that.
func (s *small) waitForStored(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for n := uint64(0); n == 0; {
		if err := s.conn.QueryRow(ctx, "SELECT count() FROM batches WHERE kafka_partition > ?", int32(Partition)).Scan(&n); err != nil {
			t.Fatalf("no batch of the run is stored: %v", err)
		}
	}
}

// whileStoring runs a phase as the command does. How long answers take is not tested.
func (s *small) whileStoring(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan IngestResult, 1)
	go func() {
		got, err := Ingest{Sink: s.sink, City: s.cfg.City, Rate: 1000, Partitions: 2, Seed: 99}.Run(ctx)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	res, err := s.Run(t.Context(), Phase{Name: "test", Users: 4, Duration: 3 * time.Second, AtLeast: len(kinds)})
	if err != nil || res.Error != "" {
		t.Fatalf("got %v %s", err, res.Error)
	}
	s.waitForStored(t)
	cancel()
	got := <-done
	if res.Kinds[0].Asked < 4 || got.Rows == 0 {
		t.Errorf("got %d answers and %d reads stored, want some of both", res.Kinds[0].Asked, got.Rows)
	}
	var stored, ledger uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT (SELECT count() FROM reads), (SELECT sum(stored) FROM batches)").Scan(&stored, &ledger); err != nil {
		t.Fatal(err)
	}
	if stored != ledger || stored < rows+got.Rows {
		t.Errorf("the tables hold %d reads, the ledger says %d, loaded and stored were %d", stored, ledger, rows+got.Rows)
	}
	r, err := s.NewReport(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.Phases = append(r.Phases, res)
	var text strings.Builder
	if err := r.Print(&text); err != nil || !strings.Contains(text.String(), "dashboard of 30 days") || !strings.Contains(text.String(), "reads, projection by_camera") {
		t.Errorf("got report %s, err %v", text.String(), err)
	}
}

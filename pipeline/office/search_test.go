package office

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// town has the same reads in memory and in the tables, for comparison.
type town struct {
	*desk
	r     *rand.Rand
	reads []map[string]any
}

const townChars = "018BDOQ3"

func newTown(t *testing.T, seed uint64, n int) *town {
	w := &town{desk: newDesk(t, nil), r: rand.New(rand.NewPCG(seed, 1))}
	t.Logf("seed %d", seed)
	plates := make([]string, 150)
	for i := range plates {
		b := []byte{'1', 'A', 'A', '0', '0'}
		for k := range b {
			b[k] = townChars[w.r.IntN(len(townChars))]
		}
		plates[i] = string(b)
	}
	for range n {
		p := plates[min(w.r.IntN(len(plates)), w.r.IntN(len(plates)))]
		// Few whole seconds: many reads share an instant, and plates share their last second.
		ago := time.Duration(w.r.IntN(4000)) * 17 * time.Minute
		row := w.readRow(p, fmt.Sprint("C", w.r.IntN(5)), []string{"5339", "5340", "5341"}[w.r.IntN(3)], ago+time.Second)
		row["kafka_partition"] = int32(0)
		w.reads = append(w.reads, row)
	}
	seen := map[string]bool{}
	w.reads = slices.DeleteFunc(w.reads, func(r map[string]any) bool { // camera, plate and instant identify a read
		id := r["read_id"].(string)
		again := seen[id]
		seen[id] = true
		return again
	})
	for part := range slices.Chunk(w.reads, 500) {
		w.insertAll("reads", part)
	}
	w.insertAll("reads", w.reads[:300]) // repeats
	return w
}

// search is one question with a way to answer without a database.
type search struct {
	q     SearchQuery
	zones []string
}

func (w *town) search() search {
	known := func() byte { return townChars[w.r.IntN(len(townChars))] }
	var pattern string
	switch w.r.IntN(6) {
	case 0:
		pattern = w.reads[w.r.IntN(len(w.reads))]["plate"].(string)
	case 1:
		pattern = string([]byte{known(), known(), known()}) + "*"
	case 2:
		pattern = "*" + string([]byte{known(), known(), known()}) + "*"
	case 3:
		pattern = string([]byte{'?', known(), known(), '?', known()})
	case 4:
		pattern = string([]byte{known(), '*', known(), '*', known()})
	default:
		p := w.reads[w.r.IntN(len(w.reads))]["plate"].(string)
		pattern = p[:2] + "?" + p[3:]
	}
	to := now.Add(-time.Duration(w.r.IntN(3)) * time.Duration(w.r.IntN(30*24)) * time.Hour)
	s := search{q: SearchQuery{
		Justification: judicial(), Plate: pattern, Mode: modeFor(w.r.IntN(2) == 0), Count: true,
		TimeRange: TimeRange{From: to.Add(-time.Duration(1+w.r.IntN(47*24)) * time.Hour), To: to}, Paging: Paging{Limit: []int{5, 20, 100}[w.r.IntN(3)]},
	}}
	s.q.Justification.ProsecutorRef = aDecision
	if w.r.IntN(4) == 0 {
		s.q.Camera = []string{"C1", "C3"}
	}
	return s
}

// want computes the answer by brute force: ids, newest first.
func (w *town) want(s search) []string {
	form := func(p string) string { return p }
	if s.q.Mode == ModeLooksLike {
		form = func(p string) string {
			b := []byte(p)
			for i, c := range b {
				if c != '?' && c != '*' {
					b[i] = schemas.MustPlate(string(c)).Class().At(0)
				}
			}
			return string(b)
		}
	}
	re := regexp.MustCompile("^" + strings.NewReplacer("?", ".", "*", ".*").Replace(form(s.q.Plate)) + "$")
	var rows []map[string]any
	for _, r := range w.reads {
		at := r["captured_at"].(time.Time)
		if re.MatchString(form(r["plate"].(string))) && !at.Before(s.q.From) && at.Before(s.q.To) &&
			(s.zones == nil || slices.Contains(s.zones, r["zone"].(string))) &&
			(s.q.Camera == nil || slices.Contains(s.q.Camera, r["camera_id"].(string))) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b map[string]any) int {
		return cmp.Or(b["captured_at"].(time.Time).Compare(a["captured_at"].(time.Time)), uuidOrder(b["read_id"].(string), a["read_id"].(string)))
	})
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r["read_id"].(string)
	}
	return ids
}

// uuidOrder is ClickHouse's order for ids: by the second half first.
func uuidOrder(a, b string) int {
	return cmp.Or(strings.Compare(a[19:], b[19:]), strings.Compare(a, b))
}

func TestEverySearchIsWhatABruteForceScanFinds(t *testing.T) {
	w := newTown(t, uint64(time.Now().UnixNano()), 3000)
	found, pages := 0, 0
	for i := range searchesTried {
		s := w.search()
		role := access.Prosecutor
		if i%2 == 0 {
			role, s.zones = access.ZoneOfficer, []string{"5339"}
		}
		want := w.want(s)
		var got []string
		for {
			a, err := w.as(role).Search(t.Context(), s.q)
			if err != nil {
				t.Fatalf("%+v: %v", s.q, err)
			}
			if *a.Count != uint64(len(want)) {
				t.Errorf("%s %+v: counted %d, want %d", role, s.q, *a.Count, len(want))
			}
			for k := range a.Reads {
				got = append(got, a.Reads[k].ReadID.String())
			}
			pages++
			if s.q.After = a.Next; a.Next == "" || len(got) > len(want) || pages > 4000 {
				break
			}
			s.q.Count = true
		}
		found += len(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s %+v: got %d reads, want %d\n got %.200v\nwant %.200v", role, s.q, len(got), len(want), got, want)
		}
	}
	t.Logf("%d reads on %d pages", found, pages)
	if found < 6*searchesTried {
		t.Errorf("%d reads found: the test checks little", found)
	}
}

func TestASearchIsResolvedAgainstWhatItsOwnScopeHasSeen(t *testing.T) {
	d := newDesk(t, nil)
	d.insert("reads", d.readRow("1ABC123", "BRU-1", "5340", hour)) // in another zone
	for i := range 5 {
		d.insert("reads", d.readRow("1ABC12"+strconv.Itoa(4+i), "BRU-2", "5339", time.Duration(i+2)*hour))
	}
	window := TimeRange{From: now.Add(-day), To: now}
	a, err := d.as(access.ZoneOfficer).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Plate: "1ABC12?", Count: true})
	if err != nil || len(a.Reads) != 5 || *a.Count != 5 {
		t.Errorf("zone officer: got %v, err %v, want the five of his zone", plates(a), err)
	}
	p, err := d.as(access.Prosecutor).Search(t.Context(), SearchQuery{Justification: judicial(), TimeRange: window, Plate: "1ABC12?"})
	if err != nil || len(p.Reads) != 6 {
		t.Errorf("prosecutor: got %v, err %v, want six", plates(p), err)
	}
	if n := d.count("SELECT uniqExact(plate) FROM plates WHERE zone = '5339'"); n != 5 {
		t.Errorf("the zone's own part of the dimension has %d plates, want 5", n)
	}
}

func TestACameraShowsItsWindowOnly(t *testing.T) {
	w := newTown(t, uint64(time.Now().UnixNano()), 1500)
	for i := range 15 {
		to := now.Add(-time.Duration(w.r.IntN(30*24)) * time.Hour)
		q := SearchQuery{
			Justification: judicial(), Camera: []string{fmt.Sprint("C", w.r.IntN(6))}, Paging: Paging{Limit: []int{1, 3, 50}[i%3]},
			TimeRange: TimeRange{From: to.Add(-time.Duration(1+w.r.IntN(24)) * time.Hour), To: to},
		}
		q.Justification.ProsecutorRef = aDecision
		role, zones := access.Prosecutor, []string(nil)
		if i%2 == 0 {
			role, zones = access.ZoneOfficer, []string{"5339"}
		}
		want := w.want(search{q: SearchQuery{Plate: "*", TimeRange: q.TimeRange, Camera: q.Camera}, zones: zones})
		var got []string
		for range 200 {
			a, err := w.as(role).Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for k := range a.Reads {
				got = append(got, a.Reads[k].ReadID.String())
			}
			if q.After = a.Next; a.Next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s %+v: got %v, want %v", role, q, got, want)
		}
	}
	_, err := w.as(access.Prosecutor).Search(t.Context(), SearchQuery{Justification: judicial(), Camera: []string{"C1"}, TimeRange: TimeRange{From: now.Add(-2 * day), To: now}})
	if status(err) != 422 || !strings.Contains(err.Error(), "24 hours") {
		t.Errorf("two days: got %v, want 422", err)
	}
	if _, err = w.as(access.Prosecutor).Search(t.Context(), SearchQuery{Justification: judicial(), Camera: []string{"C1"}}); status(err) != 422 {
		t.Errorf("no window: got %v, want 422", err)
	}
}

func TestAJourneyIsTheDayInOrder(t *testing.T) {
	d := newDesk(t, nil)
	var want []string
	for i, ago := range []time.Duration{30 * hour, 20 * hour, 9 * hour, 3 * hour, hour} { // now: 13:00 in Brussels
		r := d.readRow("1ABC123", fmt.Sprint("BRU-", i), "5339", ago)
		d.insert("reads", r, r)
		if ago < 13*hour {
			want = append(want, r["read_id"].(string))
		}
	}
	d.insert("reads", d.readRow("1ABC124", "BRU-9", "5339", 2*hour), d.readRow("1ABC123", "BRU-8", "5340", 2*hour))
	a, err := d.journey("1-abc-123", "2026-11-21")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for i := range a.Reads {
		got = append(got, a.Reads[i].ReadID.String())
	}
	if !slices.Equal(got, want) || a.Cut || a.Reads[0].LatE6 == 0 {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, q := range []struct{ plate, day string }{{"1ABC*", "2026-11-21"}, {"1ABC123", "yesterday"}} {
		if _, err := d.journey(q.plate, q.day); status(err) != 422 {
			t.Errorf("%s of %s: got %v, want 422", q.plate, q.day, err)
		}
	}
	if _, err := d.journey("1ABC123", "2026-09-01"); status(err) != 403 {
		t.Errorf("a day of two months ago: got %v, want 403", err)
	}
}

func TestTheDashboardCountsEachReadOnceAndTheUsersZonesOnly(t *testing.T) {
	w := newTown(t, uint64(time.Now().UnixNano()), 1500)
	w.exec("SYSTEM STOP MERGES reads")
	w.insertAll("reads", w.reads[:400])
	w.insert("hits", map[string]any{"hit_id": schemas.ID{1}.String(), "list": "stolen", "match": "exact", "zone": "5340", "captured_at": now.Add(-hour)},
		map[string]any{"hit_id": schemas.ID{2}.String(), "list": "stolen", "match": "exact", "zone": "5339", "captured_at": now.Add(-hour)},
		map[string]any{"hit_id": schemas.ID{2}.String(), "list": "stolen", "match": "exact", "zone": "5339", "captured_at": now.Add(-hour)})
	q := DashboardQuery{TimeRange: TimeRange{From: now.Add(-30 * day), To: now}}
	want := func(zone string) (total uint64) {
		for _, r := range w.reads {
			if at := r["captured_at"].(time.Time); !at.Before(q.From) && at.Before(q.To) && (zone == "" || r["zone"] == zone) {
				total++
			}
		}
		return total
	}
	for _, by := range []string{"hour", "day"} {
		q.By = by
		a, err := w.as(access.GVCSupervisor).Dashboard(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if a.Total != want("") || len(a.Hits) != 1 || a.Hits[0].Count != 2 || a.Scope.Plates {
			t.Fatalf("supervisor by %s: got %d reads, hits %+v, want %d", by, a.Total, a.Hits, want(""))
		}
		for i := 1; i < len(a.Reads); i++ {
			if a.Reads[i].From.Before(a.Reads[i-1].From) || a.Reads[i].From.Equal(a.Reads[i-1].From) && a.Reads[i].Zone <= a.Reads[i-1].Zone {
				t.Fatalf("by %s: not in order, or twice: %+v", by, a.Reads[i-1:i+1])
			}
		}
		if by == "day" && len(a.Reads) > 31*3 {
			t.Errorf("got %d rows for 31 days and 3 zones", len(a.Reads))
		}
	}
	a, err := w.as(access.ZoneOfficer).Dashboard(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if a.Total != want("5339") || a.Hits[0].Count != 1 {
		t.Errorf("zone officer: got %+v, want %d reads and 1 hit", a, want("5339"))
	}
	for name, win := range map[string]TimeRange{
		"open": {From: now}, "too long": {From: now.Add(-40 * day), To: now}, "half hours": {From: now.Add(-30 * time.Minute), To: now},
	} {
		if _, err := w.as(access.GVCSupervisor).Dashboard(t.Context(), DashboardQuery{TimeRange: win}); status(err) != 422 {
			t.Errorf("%s: got %v, want 422", name, err)
		}
	}
}

// A pattern with a window long past takes another way, because many plates were seen later.
func TestAPatternOfManyPlatesInThePastIsSearchedBackwards(t *testing.T) {
	d := newDesk(t, nil)
	var rows []map[string]any
	for i := range 1200 {
		plate := fmt.Sprintf("1ABC%03d", i%1000)
		if i >= 1000 {
			plate = fmt.Sprintf("1ABD%03d", i)
		}
		row := d.readRow(plate, "BRU-1", "5339", time.Duration(i+1)*time.Second)
		row["kafka_partition"] = int32(0)
		rows = append(rows, row)
	}
	want := []string{}
	for i := range searchesTried {
		row := d.readRow(fmt.Sprintf("1ABC%03d", i), "BRU-1", "5339", 20*day+time.Duration(i)*hour)
		row["kafka_partition"] = int32(0)
		rows, want = append(rows, row), append(want, row["plate"].(string))
	}
	d.insertAll("reads", rows)
	q := SearchQuery{Justification: judicial(), Plate: "1AB*", TimeRange: TimeRange{From: now.Add(-29 * day), To: now.Add(-2 * day)}, Paging: Paging{Limit: 40}}
	var got []string
	for range 3 {
		a, err := d.as(access.ZoneOfficer).Search(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, plates(a)...)
		if q.After = a.Next; a.Next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d reads %v, want %v", len(got), got, want)
	}
}

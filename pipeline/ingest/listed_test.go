package ingest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// listedRegistry is the simulated reference data in versions: its list is empty before the entry is on it.
type listedRegistry struct {
	*simRegistry
	version string
	entries []*schemas.ListEntry
}

func (r *listedRegistry) Version() string { return r.version }
func (r *listedRegistry) Entries(dst []*schemas.ListEntry, c schemas.Class, _ schemas.Micros) []*schemas.ListEntry {
	for _, e := range r.entries {
		if e.Plate.Class() == c {
			dst = append(dst, e)
		}
	}
	return dst
}

func versionsOf(version string, plates ...string) *shard.Versions {
	r := &listedRegistry{simRegistry: simRegistered(), version: version}
	for i, p := range plates {
		r.entries = append(r.entries, &schemas.ListEntry{List: "stolen", ID: fmt.Sprint(i, p), Plate: schemas.MustPlate(p), Reason: "theft", Confusable: true})
	}
	return &shard.Versions{Reference: r, Engine: simEngine()}
}

// listing feeds one shard and changes the versions between records.
type listing struct {
	cfg    Config
	shard  *shard.Shard
	block  *simBlock
	b      *Batch
	offset int64
}

func newListing() *listing {
	w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
	cfg := Config{Partitions: 1, Publisher: &simTopics{w}}.withDefaults()
	l := &listing{cfg: cfg, shard: shard.New(cfg.shardConfig(0), shard.Rewind{}), block: &simBlock{newSimRows()}}
	l.b = newBatch(l.block, cfg.Publisher)
	return l
}

func (l *listing) putRead(v *shard.Versions, m *anprv1.PlateRead) {
	one := &shard.Records{}
	one.Append(l.offset, encodeReads([]*anprv1.PlateRead{m})[0])
	l.offset++
	l.b.processRecords(l.shard, v, one, 0, 1)
}

// TestAVehicleInViewWhenItIsListedIsAHitOnce: for a vehicle standing in view, just read, or gone a moment before; not
// for a vehicle long gone.
func TestAVehicleInViewWhenItIsListedIsAHitOnce(t *testing.T) {
	at := simStart + schemas.Hour
	read := func(plate string, after schemas.Micros) *anprv1.PlateRead {
		return camRead("front", plate, at+after, at+after, func(m *anprv1.PlateRead) { m.SpeedDkmh = 0 })
	}
	for _, c := range []struct {
		name     string
		seen     []schemas.Micros // reads of the vehicle before the entry is there
		other    schemas.Micros   // what is received first under the new list, another vehicle
		entry    string
		hits     int
		tickOnly bool
	}{
		{"in view", []schemas.Micros{0, schemas.Second}, 2 * schemas.Second, "2XYZ987", 1, false},
		{"in view, met by its class", []schemas.Micros{0, schemas.Second}, 2 * schemas.Second, "2XYZ9B7", 1, false},
		{"in view, nothing else comes", []schemas.Micros{0, schemas.Second}, 3 * schemas.Second, "2XYZ987", 1, true},
		{"standing in view for 12 minutes", everyStep(schemas.Second, 720), 720 * schemas.Second, "2XYZ987", 1, false},
		{"gone 5 s before", []schemas.Micros{0}, 5 * schemas.Second, "2XYZ987", 1, false},
		{"gone 50 s before", append([]schemas.Micros{0}, everyStep(5*schemas.Second, 10)...)[:1], 50 * schemas.Second, "2XYZ987", 1, true},
		{"gone an hour before", []schemas.Micros{0}, schemas.Hour, "2XYZ987", 0, false},
		{"another is listed", []schemas.Micros{0}, schemas.Second, "1KLM453", 0, false},
	} {
		l := newListing()
		before, after := versionsOf("1"), versionsOf("2", c.entry)
		for _, s := range c.seen {
			l.putRead(before, read("2XYZ987", s))
		}
		if last := c.seen[len(c.seen)-1]; c.other-last >= 5*schemas.Second {
			l.putRead(before, tickAt(at+last+6*schemas.Second)) // it left, and its passage was decided
		}
		if l.b.Totals.Hits != 0 {
			t.Errorf("%s: %d hits before it is listed", c.name, l.b.Totals.Hits)
		}
		first := read("1AAA112", c.other)
		if c.tickOnly {
			first = tickAt(at + c.other)
		}
		l.putRead(after, first)
		if int(l.b.Totals.Hits) != c.hits {
			t.Errorf("%s: %d hits at the first record under the new list, want %d", c.name, l.b.Totals.Hits, c.hits)
		}
		for i, again := range []*shard.Versions{after, versionsOf("3", c.entry), versionsOf("4", c.entry, "1TTT221")} { // goes on, in view again, and lists change
			l.putRead(again, read("2XYZ987", c.other+schemas.Micros(i)*schemas.Second))
			l.putRead(again, read("1AAA112", c.other+schemas.Micros(i)*schemas.Second+1))
		}
		most := c.hits
		if c.other-c.seen[len(c.seen)-1] > 10*schemas.Second && c.entry == "2XYZ987" {
			most++ // a passing of its own
		}
		if int(l.b.Totals.Hits) != most {
			t.Errorf("%s: %d hits in the end, want %d: %v", c.name, l.b.Totals.Hits, most, l.block.rows["hits"])
		}
	}
}

func everyStep(step schemas.Micros, n int) (out []schemas.Micros) {
	for i := range n {
		out = append(out, schemas.Micros(i)*step)
	}
	return out
}

// TestNoHitIsToldTwiceWhateverListsChange: no second hit for the same passage and entry; and a vehicle listed while in
// view gives a hit.
func TestNoHitIsToldTwiceWhateverListsChange(t *testing.T) {
	plates := []string{"2XYZ987", "2XYZ9B7", "1KLM453"}
	rapid.Check(t, func(t *rapid.T) {
		l, at := newListing(), simStart+schemas.Hour
		version := 0
		var listed []string
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			at += schemas.Micros(rapid.IntRange(100, 20_000).Draw(t, "ms")) * schemas.Millisecond
			if rapid.IntRange(0, 3).Draw(t, "reload") == 0 {
				version++
				if p := rapid.SampledFrom(plates).Draw(t, "entry"); len(listed) < 3 {
					listed = append(listed, p)
				}
			}
			w := versionsOf(fmt.Sprint(version), listed...)
			if rapid.IntRange(0, 4).Draw(t, "tick") == 0 {
				l.putRead(w, tickAt(at))
			} else {
				l.putRead(w, camRead("front", rapid.SampledFrom(plates).Draw(t, "plate"), at, at))
			}
		}
		if all := l.block.rows["hits"]; len(distinctRows(all, 0)) != len(all) {
			t.Fatalf("a hit is told twice: %v", all)
		}
	})
}

// TestATakeOverTellsNoHitAgainAndLosesNone: the new owner has the same lists, or others than those the vehicle in view
// was matched against.
func TestATakeOverTellsNoHitAgainAndLosesNone(t *testing.T) {
	at := simStart + schemas.Hour
	for _, c := range []struct {
		name      string
		old, new  *shard.Versions
		told, now int // hits before and after
	}{
		{"the same lists", versionsOf("1", "2XYZ987"), versionsOf("1", "2XYZ987"), 1, 0},
		{"a later version, the same entry", versionsOf("1", "2XYZ987"), versionsOf("2", "2XYZ987"), 1, 0},
		{"listed meanwhile", versionsOf("1"), versionsOf("2", "2XYZ987"), 0, 1},
		{"listed meanwhile, another too", versionsOf("1", "2XYZ987"), versionsOf("2", "2XYZ987", "2XYZ9B7"), 1, 1},
	} {
		l := newListing()
		var values [][]byte
		for i := range schemas.Micros(3) {
			m := camRead("front", "2XYZ987", at+i*schemas.Second, at+i*schemas.Second)
			values = append(values, encodeReads([]*anprv1.PlateRead{m})[0])
			l.putRead(c.old, m)
		}
		plan, err := ParsePlan(newPlan(l.shard, l.offset).String(), l.offset)
		if err != nil {
			t.Fatal(err)
		}
		n := newListing()
		n.shard = shard.New(n.cfg.shardConfig(0), plan.rewindPoint())
		var told []shard.Told
		for _, x := range l.block.told {
			told = append(told, x.Told)
		}
		n.shard.RestoreTold(told)
		for i, v := range values {
			one := &shard.Records{}
			one.Append(int64(i), v)
			n.shard.Process(c.new, one, 0, 1, nil, nil)
		}
		n.shard.SetMatched(plan.matchedVersions())
		n.offset = l.offset
		n.putRead(c.new, camRead("front", "2XYZ987", at+3*schemas.Second, at+3*schemas.Second))
		if int(l.b.Totals.Hits) != c.told || int(n.b.Totals.Hits) != c.now {
			t.Errorf("%s: %d hits told, then %d, want %d and %d: %v", c.name, l.b.Totals.Hits, n.b.Totals.Hits, c.told, c.now, n.block.rows["hits"])
		}
	}
}

package ingest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// camRead is a read of the simulated registry's cameras; mod changes it.
func camRead(camera, plate string, captured, received schemas.Micros, mod ...func(*anprv1.PlateRead)) *anprv1.PlateRead {
	m := &anprv1.PlateRead{
		CameraId: camera, CapturedAtUs: int64(captured), ReceivedAtUs: int64(received), RawPlate: plate, Country: "BE",
		ConfidencePm: 950, CountryConfidencePm: 990, SpeedDkmh: 430, Lane: 1, CameraEventId: fmt.Sprintf("%s-%d", plate, captured),
	}
	for _, f := range mod {
		f(m)
	}
	return m
}

// oneShard processes records in the order given, then closes what is open.
func oneShard(t testing.TB, values [][]byte) (*simBlock, *Batch) {
	t.Helper()
	w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
	cfg := Config{Partitions: 1, Publisher: &simTopics{w}, Dedup: simDedup()}.withDefaults()
	sh, block := shard.New(cfg.shardConfig(0), shard.Rewind{}), &simBlock{newSimRows()}
	b := newBatch(block, cfg.Publisher)
	for i, v := range values {
		one := &shard.Records{}
		one.Append(int64(i), v)
		b.processRecords(sh, simVersions(), one, 0, 1)
		_, used := one.At(0)
		for k := range used { // whatever is kept of a record is not the record
			used[k] = 0xff
		}
	}
	for i := range 3 {
		one := &shard.Records{}
		one.Append(int64(len(values)+i), tickRecord(max(sh.Clock(), simStart)+30*schemas.Second))
		b.processRecords(sh, simVersions(), one, 0, 1)
	}
	if !b.Balanced() {
		t.Errorf("totals %+v do not balance", b.Totals)
	}
	return block, b
}

func encodeReads(reads []*anprv1.PlateRead) (out [][]byte) {
	for _, m := range reads {
		b, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		out = append(out, b)
	}
	return out
}

func countRowsWith(rows []string, all ...string) (n int) {
	for _, r := range rows {
		if !slices.ContainsFunc(all, func(s string) bool { return !strings.Contains(r, s) }) {
			n++
		}
	}
	return n
}

// proposed is how a fine of LEZ is proposed: a day pass may still be bought for it.
const proposed = " held pass_possible "

// TestAWrongClockKeepsReadsAndHitsAndIssuesNothing: a read under a wrong clock is stored and matched, and makes no offence.
func TestAWrongClockKeepsReadsAndHitsAndIssuesNothing(t *testing.T) {
	const at = schemas.Hour // into the simulated day
	now := simStart + at
	speeding := func(m *anprv1.PlateRead) { m.SpeedDkmh = 700 }
	stamped := func(m *anprv1.PlateRead) { m.ClockSuspect = true }
	for _, c := range []struct {
		name    string
		camera  string
		skew    schemas.Micros // captured minus received
		stamped bool           // by the gateway
		suspect bool
		reject  string
		late    bool // the camera declares it so
	}{
		{"right", "front", -schemas.Second, false, false, "", false},
		{"2 h ahead", "front", 2 * schemas.Hour, false, true, "", false},
		{"5 min ahead", "front", 5 * schemas.Minute, false, true, "", false},
		{"2 h behind", "front", -2 * schemas.Hour, false, true, "", false},
		{"5 min behind", "front", -5 * schemas.Minute, false, true, "", false},
		{"5 min behind, temporary camera, the gateway says so", "mobile-00", -5 * schemas.Minute, true, true, "", false},
		{"6 h late, temporary camera: a backlog", "mobile-00", -6 * schemas.Hour, false, false, "", false},
		{"1970", "front", 1 - now, false, false, "clock_behind", false},
		{"2106", "front", schemas.MicrosOf(time.Date(2106, 2, 7, 6, 28, 15, 0, time.UTC)) - now, false, false, "clock_ahead", false},
		{"5 min late, declared so: the end of a track", "front", -5 * schemas.Minute, false, false, "", true},
		{"2 h late, declared so: a buffer", "front", -2 * schemas.Hour, false, false, "", true},
	} {
		mods := []func(*anprv1.PlateRead){speeding}
		if c.stamped {
			mods = append(mods, stamped)
		}
		if c.late {
			mods = append(mods, func(m *anprv1.PlateRead) { m.LateUpload = true })
		}
		block, b := oneShard(t, encodeReads([]*anprv1.PlateRead{
			camRead(c.camera, "1ABC128", now+c.skew, now, mods...), // listed, and too fast
			camRead(c.camera, "1AAA111", now+c.skew, now, mods...), // polluting, and too fast
		}))
		if c.reject != "" {
			if b.Totals.Rejected != 2 || countRowsWith(block.rows["rejects"], c.reject) != 2 {
				t.Errorf("%s: %v, want two rejects with %s", c.name, block.rows["rejects"], c.reject)
			}
			continue
		}
		if b.Totals.Stored != 2 || b.Totals.Hits != 1 {
			t.Errorf("%s: %d stored and %d hits, want 2 and 1", c.name, b.Totals.Stored, b.Totals.Hits)
		}
		held, issued := countRowsWith(block.rows["decisions"], "speed", "held clock_suspect"), countRowsWith(block.rows["decisions"], " offence ")+countRowsWith(block.rows["decisions"], "lez", proposed)
		withheld := countRowsWith(block.rows["decisions"], "lez", "withheld clock_suspect")
		switch {
		case c.suspect && (held != 2 || withheld != 1 || issued != 0):
			t.Errorf("%s: %d speed held, %d LEZ withheld, %d offences issued, want 2, 1, 0", c.name, held, withheld, issued)
		case !c.suspect && (held+withheld != 0 || issued != 3):
			t.Errorf("%s: %d held, %d withheld, %d offences issued, want 0, 0, 3", c.name, held, withheld, issued)
		}
	}
	for _, lang := range rules.Langs() {
		if text := rules.RenderOffence(lang, "speed", true, "clock_suspect", 0)[0]; text == "" || strings.Contains(text, "_") {
			t.Errorf("%s has no text for the reason: %q", lang, text)
		}
	}
}

// makeBacklog makes a day's reads from 48 temporary cameras and two fixed ones, and their arrival order when the
// temporary cameras send their last hours at once.
func makeBacklog(rng *rand.Rand, hours schemas.Micros, perCamera int) (onTime, burst []*anprv1.PlateRead) {
	end := simStart + hours*schemas.Hour
	n := 0
	plate := func() string {
		n++
		return []string{"1ABC128", "1ABC12B", fmt.Sprintf("1LE%c%d%d1", 'A'+n%26, n/26%10, n%10), fmt.Sprintf("1OK%c%d%d2", 'A'+n%26, n/26%10, n%10)}[rng.IntN(4)]
	}
	speed := func(m *anprv1.PlateRead) { m.SpeedDkmh = uint32(400 + rng.IntN(250)) }
	late := func(m *anprv1.PlateRead) { m.LateUpload = true }
	for cam := range 48 {
		every := hours * schemas.Hour / schemas.Micros(perCamera)
		p, at := "", schemas.Micros(0)
		for i := range schemas.Micros(perCamera) {
			if at += schemas.Second; i%4 != 3 || p == "" { // now and then a second read of the same passing
				p, at = plate(), simStart+i*every+schemas.Micros(rng.Int64N(int64(every/2)))
			}
			m := camRead(fmt.Sprintf("mobile-%02d", cam), p, at, at+schemas.Second, speed)
			onTime = append(onTime, m)
			l := proto.Clone(m).(*anprv1.PlateRead)
			late(l)
			l.ReceivedAtUs = int64(end) + int64((at-simStart)/(hours*180)) // each its oldest first, in 20 s
			burst = append(burst, l)
		}
	}
	for i := range schemas.Micros(600) {
		at := simStart + i*hours*schemas.Hour/600
		m := camRead("front", plate(), at, at+schemas.Second, speed)
		onTime, burst = append(onTime, m), append(burst, m)
	}
	byReceipt := func(a, b *anprv1.PlateRead) int {
		if a.ReceivedAtUs != b.ReceivedAtUs {
			return int(a.ReceivedAtUs - b.ReceivedAtUs)
		}
		return int(a.CapturedAtUs - b.CapturedAtUs)
	}
	slices.SortFunc(onTime, byReceipt)
	slices.SortFunc(burst, byReceipt)
	return onTime, burst
}

// distinctRows are the distinct offences (first column) or hits of a block.
func distinctRows(rows []string, columns ...int) []string {
	var out []string
	for _, r := range rows {
		f, key := strings.Fields(r), ""
		for _, c := range columns {
			key += f[c] + " "
		}
		out = append(out, key)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unpaired drops the rows of the family that pairs sites: closed passages are remembered for some log time, and a
// burst has little of it.
func unpaired(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(r string) bool {
		return strings.Contains(r, string(sitePairsInfo.Rule)) || strings.Contains(r, " "+pairsList+"/")
	})
}

// TestABacklogOfHoursGivesTheSameOffences: 6 and 72 hours late, the offences and hits equal an on-time run's.
func TestABacklogOfHoursGivesTheSameOffences(t *testing.T) {
	for _, hours := range []schemas.Micros{6, 72} {
		onTime, burst := makeBacklog(rand.New(rand.NewPCG(uint64(hours), 7)), hours, 40)
		want, wantBatch := oneShard(t, encodeReads(onTime))
		got, gotBatch := oneShard(t, encodeReads(burst))
		if wantBatch.Totals.Stored != gotBatch.Totals.Stored || gotBatch.Totals.Rejected != 0 {
			t.Errorf("%d h: %+v stored on time, %+v in a burst", hours, wantBatch.Totals, gotBatch.Totals)
		}
		// An offence is its id, rule and status; a hit its entry and read. LEZ sees a day's passages in another order, but
		// the day's case stays the same.
		for table, columns := range map[string][]int{"offences": {0, 1, 2}, "hits": {1, 2, 3}} {
			w, g := distinctRows(unpaired(want.rows[table]), columns...), distinctRows(unpaired(got.rows[table]), columns...)
			if len(w) < 20 || !slices.Equal(w, g) {
				t.Errorf("%d h: %s differ: %d on time, %d in a burst, first difference %s", hours, table, len(w), len(g), firstDifference(w, g))
			}
		}
		if hours == 72 && gotBatch.Counts.Late == 0 {
			t.Error("nothing is marked late 72 hours after its capture")
		}
	}
}

// TestOneExcessIsOneOffenceHoweverItArrives: a passing's reads arrive too far apart for a single passage.
func TestOneExcessIsOneOffenceHoweverItArrives(t *testing.T) {
	at := simStart + schemas.Hour + 59*schemas.Second // the second camera sees it in the next slot of a minute
	read := func(camera string, captured, received schemas.Micros) *anprv1.PlateRead {
		return camRead(camera, "1OKA112", captured, received, func(m *anprv1.PlateRead) { m.SpeedDkmh = 700 })
	}
	first, second := at, at+2*schemas.Second
	plain := func(m *anprv1.PlateRead) { m.SpeedDkmh = 0 }
	unmeasured, other := camRead("front", "1OKA112", first, first, plain), camRead("front", "1OKB112", first+3*schemas.Second, first+3*schemas.Second, plain)
	slow := camRead("front", "1OKA112", first, first)                                  // 43 km/h
	held := read("rear", second, first+5*schemas.Second)                               // on the log, the other car has moved the clock on
	idle, longer := tickAt(second+10*schemas.Second), tickAt(second+60*schemas.Second) // the owner's, in the hours between
	for _, c := range []struct {
		name                           string
		reads                          []*anprv1.PlateRead
		passages, offences, duplicates int
	}{
		{"together", []*anprv1.PlateRead{read("front", first, first), read("rear", second, second)}, 1, 1, 0},
		{"hours apart", []*anprv1.PlateRead{read("front", first, second), idle, read("rear", second, second+3*schemas.Hour)}, 2, 1, 1},
		{"hours apart, the later one first", []*anprv1.PlateRead{read("rear", second, second), idle, read("front", first, second+3*schemas.Hour)}, 2, 1, 1},
		{"uploaded again without the first read", []*anprv1.PlateRead{
			read("front", first, second), read("front", second, second), idle, longer, read("front", second, second+3*schemas.Hour),
		}, 2, 1, 1},
		{"uploaded again as it was", []*anprv1.PlateRead{read("front", first, second), idle, longer, read("front", first, second+3*schemas.Hour)}, 2, 1, 0},
		{"one held back until its passage was decided, the other without a speed", []*anprv1.PlateRead{unmeasured, other, held}, 2, 1, 0},
		{"one held back, the other measured too", []*anprv1.PlateRead{read("front", first, first), other, held}, 2, 1, 0},
		{"one held back, the other within the limit: the lower speed counts", []*anprv1.PlateRead{slow, other, held}, 2, 0, 0},

		{"two excesses", []*anprv1.PlateRead{read("front", first, first), read("front", first+schemas.Minute, first+schemas.Minute)}, 2, 2, 0},
	} {
		block, b := oneShard(t, encodeReads(c.reads))
		offences, duplicates := countRowsWith(block.rows["offences"], "speed"), countRowsWith(block.rows["decisions"], "speed", " duplicate ")
		if int(b.Totals.Passages) != c.passages || offences != c.offences || duplicates != c.duplicates || countRowsWith(block.rows["decisions"], "speed", " offence ") != c.offences {
			t.Errorf("%s: %d passages, %d offences, %d duplicates, want %d, %d, %d: %v", c.name, b.Totals.Passages, offences, duplicates,
				c.passages, c.offences, c.duplicates, block.rows["decisions"])
		}
	}
}

// TestALateReadIsJudgedByEveryFamilyWhosePeriodItOpens: a read held back until after its passage's decision loses no
// offence and makes none twice. In the simulated register a plate ending in 1 pollutes.
func TestALateReadIsJudgedByEveryFamilyWhosePeriodItOpens(t *testing.T) {
	noon, midnight := simStart+13*schemas.Hour, simStart+3*schemas.Minute
	plain := func(m *anprv1.PlateRead) { m.SpeedDkmh = 0 }
	fast := func(m *anprv1.PlateRead) { m.SpeedDkmh = 700 }
	suspect := func(m *anprv1.PlateRead) { m.ClockSuspect = true }
	for _, c := range []struct {
		name                string
		first, late         *anprv1.PlateRead
		passages            int
		offences, held      int // of LEZ: proposed, in doubt
		speedOffence, speed int // candidates, held
	}{
		{"of a passage of another class that closed", camRead("front", "1KLM452", noon, noon, plain), camRead("rear", "1AAA111", noon, noon+4*schemas.Second, plain), 2, 1, 0, 0, 0},
		{"a clean one of it", camRead("front", "1KLM452", noon, noon, plain), camRead("rear", "1KLM452", noon, noon+4*schemas.Second, plain), 1, 0, 0, 0, 0},
		{"the same vehicle, judged before", camRead("front", "1AAA111", noon, noon, plain), camRead("rear", "1AAA111", noon, noon+4*schemas.Second, plain), 1, 1, 0, 0, 0},
		{
			"on the next day", camRead("front", "1AAA111", midnight-schemas.Second, midnight-schemas.Second, plain),
			camRead("rear", "1AAA111", midnight+schemas.Second, midnight+3*schemas.Second, plain), 1, 2, 0, 0, 0,
		},
		{"the passage's clock was not trusted", camRead("front", "1AAA111", noon, noon, plain, suspect), camRead("rear", "1AAA111", noon, noon+4*schemas.Second, plain), 1, 1, 0, 0, 0},
		{"another plate of the class", camRead("front", "1AAA11I", noon, noon, plain), camRead("rear", "1AAA111", noon, noon+4*schemas.Second, plain), 1, 0, 1, 0, 0},
		{"another plate of the class, and too fast", camRead("front", "1AAA11I", noon, noon, plain), camRead("rear", "1AAA111", noon, noon+4*schemas.Second, fast), 1, 0, 1, 0, 1},
		{"too fast", camRead("front", "1AAA112", noon, noon, plain), camRead("rear", "1AAA112", noon, noon+4*schemas.Second, fast), 1, 0, 0, 1, 0},
	} {
		decided := tickAt(schemas.Micros(c.first.GetReceivedAtUs()) + 3*schemas.Second)
		again := proto.Clone(c.late).(*anprv1.PlateRead)
		again.CameraEventId += "again"
		block, _ := oneShard(t, encodeReads([]*anprv1.PlateRead{c.first, decided, c.late, again}))
		count := func(family, outcome string) int { return countRowsWith(block.rows["decisions"], family, outcome) }
		got := []int{len(block.rows["passages"]), count("lez", proposed), count("lez", " held plate_ambiguous "), count("speed", " offence "), count("speed", " held ")}
		if want := []int{c.passages, c.offences, c.held, c.speedOffence, c.speed}; !slices.Equal(got, want) || count("lez", " duplicate ") != 0 {
			t.Errorf("%s: passages, LEZ offences and holds, speed offences and holds %v, want %v: %v", c.name, got, want, block.rows["decisions"])
		}
	}
}

// TestAVehicleToldInSeveralMessagesIsOneWholePassage, in any arrival order: each message's facts about the vehicle
// reach the passage, the offence and the rules.
func TestAVehicleToldInSeveralMessagesIsOneWholePassage(t *testing.T) {
	at := simStart + schemas.Hour
	brief := camRead("front", "1OKA112", at, at, func(m *anprv1.PlateRead) {
		m.SpeedDkmh, m.ConfidencePm, m.Country, m.CountryConfidencePm = 0, 990, "", 0
	})
	rest := camRead("front", "1OKA112", at, at+schemas.Second, func(m *anprv1.PlateRead) {
		m.CameraEventId, m.ConfidencePm, m.SpeedDkmh, m.VehicleKind = "rest", 900, 700, anprv1.VehicleKind_VEHICLE_KIND_TRUCK
		m.Make, m.Colour, m.ImageSha256 = "DAF", "white", slices.Repeat([]byte{0xab}, 32)
	})
	speed := camRead("front", "1OKA112", at, at+schemas.Second, func(m *anprv1.PlateRead) { // a vendor that sends each in a message of its own
		m.CameraEventId, m.ConfidencePm, m.SpeedDkmh, m.Country, m.CountryConfidencePm = "speed", 0, 700, "", 0
	})
	looks := proto.Clone(rest).(*anprv1.PlateRead)
	looks.CameraEventId, looks.SpeedDkmh = "looks", 0
	for name, reads := range map[string][]*anprv1.PlateRead{
		"first the brief one": {brief, rest}, "first the rest": {rest, brief}, "the rest twice": {brief, rest, rest},
		"the rest alone": {rest}, "three": {brief, speed, looks}, "three, otherwise": {looks, speed, brief}, "and otherwise": {speed, brief, looks},
	} {
		for i := range reads { // received in this order
			reads[i] = proto.Clone(reads[i]).(*anprv1.PlateRead)
			reads[i].ReceivedAtUs = int64(at) + int64(i)*300_000
		}
		block, b := oneShard(t, encodeReads(reads))
		if b.Totals.Passages != 1 || countRowsWith(block.rows["passages"], "truck DAF white abab BE 700") != 1 {
			t.Errorf("%s: %v, want one passage of a white DAF truck with its picture and speed", name, block.rows["passages"])
		}
		if countRowsWith(block.rows["offences"], "speed", "truck DAF white abab BE 700") != 1 || len(block.rows["offences"]) != 1 {
			t.Errorf("%s: %v, want one speed offence with all that is known", name, block.rows["offences"])
		}
	}
	block, _ := oneShard(t, encodeReads([]*anprv1.PlateRead{brief}))
	if countRowsWith(block.rows["passages"], "unknown   0000") != 1 || len(block.rows["offences"]) != 0 {
		t.Errorf("the brief one alone: %v %v", block.rows["passages"], block.rows["offences"])
	}
}

// TestBeyondRetentionIsQuarantinedWithItsReason: a read beyond the retention limit is not kept, and does not vanish
// either.
func TestBeyondRetentionIsQuarantinedWithItsReason(t *testing.T) {
	now := simStart
	reads := encodeReads([]*anprv1.PlateRead{
		camRead("mobile-01", "1AAA111", now-366*24*schemas.Hour, now),
		camRead("mobile-01", "1AAA111", now-366*24*schemas.Hour-1, now),
	})
	block, b := oneShard(t, reads)
	if b.Totals.Stored != 1 || b.Totals.Rejected != 1 || countRowsWith(block.rows["rejects"], "clock_behind", fmt.Sprintf("%x", reads[1])) != 1 {
		t.Errorf("%+v %v: want the first stored and the second rejected as clock_behind with its bytes", b.Totals, block.rows["rejects"])
	}
}

// TestShuffledWithinReachGivesTheSortedResult: reads of a passage in any order, cameras and partitions
// interleaved in any order, give the same passages, decisions and numbers as sorted input.
func TestShuffledWithinReachGivesTheSortedResult(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 9))
		var sorted []*anprv1.PlateRead
		for i := range schemas.Micros(120) { // passings 20 s apart, 1-4 reads each within 1.5 s, by both cameras of the site
			at, p := simStart+i*20*schemas.Second, []string{"1AAA111", "2XYZ001", "1ABC128", "1KLM453"}[i%4]
			for range 1 + rng.IntN(4) {
				c := at + schemas.Micros(rng.IntN(1500))*schemas.Millisecond
				sorted = append(sorted, camRead([]string{"front", "rear"}[rng.IntN(2)], p, c, at+2*schemas.Second, func(m *anprv1.PlateRead) {
					m.CameraEventId = strconv.Itoa(len(sorted))
					m.SpeedDkmh, m.ConfidencePm = uint32(400+rng.IntN(250)), uint32(800+rng.IntN(200))
				}))
			}
		}
		slices.SortStableFunc(sorted, func(a, b *anprv1.PlateRead) int { return int(a.CapturedAtUs - b.CapturedAtUs) })
		shuffled := slices.Clone(sorted)
		for i := range shuffled { // within the same receipt: what the network did
			if j := i + rng.IntN(4); j < len(shuffled) && shuffled[i].ReceivedAtUs == shuffled[j].ReceivedAtUs {
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
		}
		want, _ := oneShard(t, encodeReads(sorted))
		got, _ := oneShard(t, encodeReads(shuffled))
		// Passages and offences are named after their first read on the log; what they say must not depend on it.
		for table, columns := range map[string][]int{"passages": {1, 2, 3, 4, 5, 6, 7}, "offences": {1, 2, 3, 4}, "decisions": {0, 1, 2}} {
			w, g := distinctRows(want.rows[table], columns...), distinctRows(got.rows[table], columns...)
			if len(w) == 0 || len(want.rows[table]) != len(got.rows[table]) || !slices.Equal(w, g) {
				t.Errorf("seed %d: %s differ: %d and %d rows, %s", seed, table, len(want.rows[table]), len(got.rows[table]), firstDifference(w, g))
			}
		}
	}
}

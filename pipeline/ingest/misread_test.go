package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/gateway"
	"github.com/gvc-brussels/anpr/pipeline/ingest/normalise"
	"github.com/gvc-brussels/anpr/pipeline/ingest/shard"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// uploadRegistry is the simulated registry with a token for every camera.
type uploadRegistry struct{ *simRegistry }

func (r uploadRegistry) Camera(id string) (*schemas.Camera, bool) {
	c, ok := r.simRegistry.Camera(id)
	if !ok {
		return nil, false
	}
	with := *c
	with.TokenSum = sha256.Sum256([]byte("token"))
	return &with, true
}

// partitionLog is the log in memory, a list of values a partition. It can refuse.
type partitionLog struct {
	values  [][][]byte
	let     int // calls that it takes
	doubted int
}

func (l *partitionLog) Produce(_ context.Context, records []gateway.Record) error {
	if l.let--; l.let < 0 {
		return errors.New("refused")
	}
	for _, r := range records {
		l.values[r.Partition] = append(l.values[r.Partition], r.Value)
		var m anprv1.PlateRead
		if err := proto.Unmarshal(r.Value, &m); err != nil {
			return err
		}
		if m.Tick != nil {
			l.doubted++
		}
	}
	return nil
}

// uploads is a gateway over a log of several partitions.
type uploads struct {
	log     *partitionLog
	handler http.Handler
	now     schemas.Micros
}

const uploadPartitions = 8

func newUploads(t *testing.T) *uploads {
	t.Helper()
	u := &uploads{log: &partitionLog{values: make([][][]byte, uploadPartitions), let: 100}}
	g, err := gateway.New(gateway.Config{
		Registry: func() gateway.Registry { return uploadRegistry{simRegistered()} }, NearMisread: normalise.NearMisread, Producer: u.log,
		Normalise: func(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, error) {
			p, rej := normalise.PlateOf(raw, country, confidence)
			if rej != nil {
				return p, rej
			}
			return p, nil
		},
		Partitions: uploadPartitions, Now: func() time.Time { return u.now.Time() }, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	u.handler = g.Handler()
	return u
}

// sendRead uploads the read as its camera and returns the answer's code.
func (u *uploads) sendRead(t *testing.T, m *anprv1.PlateRead) int {
	t.Helper()
	u.now = schemas.Micros(m.GetReceivedAtUs())
	sent := proto.Clone(m).(*anprv1.PlateRead)
	sent.ReceivedAtUs = 0
	body, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/cameras/"+m.GetCameraId()+"/reads", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Authorization", "Bearer token")
	w := httptest.NewRecorder()
	u.handler.ServeHTTP(w, req)
	return w.Code
}

// decisionRows are the rows of what all partitions decide.
func (u *uploads) decisionRows(t *testing.T) (rows []string) {
	t.Helper()
	for p, values := range u.log.values {
		w := &simWorker{sim: &sim{s: &sched{arrived: make(chan struct{}, 1)}}}
		cfg := Config{Partitions: uploadPartitions, Publisher: &simTopics{w}}.withDefaults()
		sh, block := shard.New(cfg.shardConfig(int32(p)), shard.Rewind{}), &simBlock{newSimRows()}
		b := newBatch(block, cfg.Publisher)
		for i, v := range append(values, tickRecord(u.now+10*schemas.Second)) {
			one := &shard.Records{}
			one.Append(int64(i), v)
			b.processRecords(sh, simVersions(), one, 0, 1)
		}
		if !b.Balanced() || b.Totals.Rejected != 0 {
			t.Errorf("partition %d: %+v", p, b.Totals)
		}
		rows = append(rows, block.rows["decisions"]...)
	}
	return rows
}

// TestNearMisreadsOfOneVehicleAreHeld: through the gateway, the log and both plates' shards. In the simulated register
// a plate ending in 1 pollutes, and all the vehicles are too fast.
func TestNearMisreadsOfOneVehicleAreHeld(t *testing.T) {
	at := simStart + schemas.Hour
	for _, c := range []struct {
		name       string
		a, b       string
		mod        func(m *anprv1.PlateRead) // of the second
		after      schemas.Micros
		camera     string
		oneVehicle bool
	}{
		{"8 and 6", "1AAA811", "1AAA611", nil, schemas.Second, "front", true},
		{"V and B", "1VAA111", "1BAA111", nil, schemas.Second, "front", true},
		{"1 and 7", "1AAA111", "1AAA711", nil, schemas.Second, "front", true},
		{"3 and 8", "1AAA311", "1AAA811", nil, schemas.Second, "front", true},
		{"0 and 8", "1AAA011", "1AAA811", nil, schemas.Second, "front", true},
		{"H and N", "1AHA111", "1ANA111", nil, schemas.Second, "front", true},
		{"the first character missing", "1AAC811", "AAC811", nil, schemas.Second, "front", true},
		{"the other camera of the site", "1AAA811", "1AAA611", func(m *anprv1.PlateRead) { m.Direction = anprv1.Direction_DIRECTION_DEPARTING }, schemas.Second, "rear", true},
		{"the lane is not said", "1AAA811", "1AAA611", func(m *anprv1.PlateRead) { m.Lane = 0 }, schemas.Second, "front", true},
		{"captured before, arrived after", "1AAA811", "1AAA611", func(m *anprv1.PlateRead) { m.CapturedAtUs -= 2_000_000 }, schemas.Second, "front", true},
		{"side by side in two lanes", "1AAA811", "1AAA611", func(m *anprv1.PlateRead) { m.Lane = 2 }, 0, "front", false},
		{"the other direction", "1AAA811", "1AAA611", func(m *anprv1.PlateRead) { m.Direction = anprv1.Direction_DIRECTION_DEPARTING }, 0, "front", false},
		{"three seconds later", "1AAA811", "1AAA611", nil, 3 * schemas.Second, "front", false},
		{"at another site", "1AAA811", "1AAA611", nil, schemas.Second, "mobile-00", false},
		{"two other plates", "1AAA811", "1KPR421", nil, schemas.Second, "front", false},
	} {
		for _, swapped := range []bool{false, true} {
			a, b := c.a, c.b
			if swapped {
				a, b = b, a
			}
			read := func(camera, plate string, at schemas.Micros) *anprv1.PlateRead {
				return camRead(camera, plate, at, at, func(m *anprv1.PlateRead) {
					m.SpeedDkmh, m.Direction = 700, anprv1.Direction_DIRECTION_APPROACHING
				})
			}
			second := read(c.camera, b, at+c.after)
			if c.mod != nil {
				c.mod(second)
			}
			u := newUploads(t)
			sent := []*anprv1.PlateRead{read("front", a, at), second}
			if c.oneVehicle { // goes on in view: what is doubted is not doubted again
				sent = append(sent, read("front", a, at+schemas.Second+schemas.Second/2))
			}
			for _, m := range sent {
				if code := u.sendRead(t, m); code != http.StatusOK {
					t.Fatalf("%s: answered %d", c.name, code)
				}
			}
			rows := u.decisionRows(t)
			held, offences := countRowsWith(rows, " held plate_ambiguous "), countRowsWith(rows, " offence ")+countRowsWith(rows, proposed)
			if c.oneVehicle && (held != 4 || offences != 0 || u.log.doubted != 2) || !c.oneVehicle && (held != 0 || offences != 4 || u.log.doubted != 0) {
				t.Errorf("%s, swapped %v: %d held, %d candidates, %d doubts: %v", c.name, swapped, held, offences, u.log.doubted, rows)
			}
		}
	}
}

// TestADoubtThatTheLogDidNotTakeIsSentAgain: the camera is told to repeat, and its repetition brings the doubts.
func TestADoubtThatTheLogDidNotTakeIsSentAgain(t *testing.T) {
	at := simStart + schemas.Hour
	u := newUploads(t)
	first, second := camRead("front", "1AAA811", at, at), camRead("front", "1AAA611", at+schemas.Second, at+schemas.Second)
	u.log.let = 2 // both reads, not what follows them
	for i, want := range []int{http.StatusOK, http.StatusServiceUnavailable} {
		if code := u.sendRead(t, []*anprv1.PlateRead{first, second}[i]); code != want {
			t.Errorf("read %d: answered %d, want %d", i, code, want)
		}
	}
	u.log.let = 10
	if code := u.sendRead(t, second); code != http.StatusOK || u.log.doubted != 2 {
		t.Errorf("sent again: answered %d, %d doubts, want 200 and 2", code, u.log.doubted)
	}
	if rows := u.decisionRows(t); countRowsWith(rows, " offence ") != 0 || countRowsWith(rows, " held plate_ambiguous ") != 2 {
		t.Errorf("%v", rows)
	}
}

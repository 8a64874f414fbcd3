package roles

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference/announce"
	"github.com/gvc-brussels/anpr/pipeline/reference/approval"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// announceWorld is a broker, and catalogues that two people have signed.
type announceWorld struct {
	t       *testing.T
	dir     string
	kafka   platform.Kafka
	signers string
}

func newAnnounceWorld(t *testing.T, partitions int) *announceWorld {
	t.Helper()
	w := &announceWorld{t: t, dir: t.TempDir(), kafka: platform.Kafka{Addr: testkit.Broker(t, embeddedTopics(partitions))}}
	w.signers = filepath.Join(w.dir, "signers.yaml")
	text := "signers:\n"
	for _, name := range []string{"anne", "bram"} {
		public, err := approval.MakeKey(filepath.Join(w.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintf("  - name: %s\n    keys:\n      - {public_key: %s, from: 2020-01-01, to: 2100-01-01}\n", name, public)
	}
	if err := os.WriteFile(w.signers, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// catalogue writes a catalogue like the built-in one, with another hash, signed by the people.
func (w *announceWorld) catalogue(name string, people ...string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, name)
	if _, err := ExportCatalogue("", dir); err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(dir, "goods.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file, fmt.Appendf(text, "# %s\n", name), 0o600); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range people {
		if _, _, err := SignCatalogue(dir, w.signers, p, filepath.Join(w.dir, p), time.Now()); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}

// pack returns the packed content of a catalogue.
func (w *announceWorld) pack(dir string) []byte {
	w.t.Helper()
	files, err := CatalogueFiles(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	names, err := catalogueNames(files)
	if err != nil {
		w.t.Fatal(err)
	}
	content, err := packFiles(files, names)
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

// activation is an announcement of an approved catalogue, made an hour before an instant, which may be long ago.
func (w *announceWorld) activation(dir string, instant time.Time) *announce.Activation {
	w.t.Helper()
	approved, err := VerifyCatalogue(dir, w.signers, time.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return &announce.Activation{
		Kind: catalogueKind, Hash: approved.Catalogue.Hash(), Instant: instant, AnnouncedAt: instant.Add(-time.Hour), By: "x", Reason: "x", Approved: approvalsOf(approved.Signed),
	}
}

// at announces for an instant, as if an hour before it.
func (w *announceWorld) at(instant time.Time) Announcing {
	return Announcing{Kafka: w.kafka, Signers: w.signers, Instant: instant, By: "test", Reason: "a test", Release: "0", Now: instant.Add(-time.Hour), Log: zerolog.Nop()}
}

func (w *announceWorld) announced(now time.Time) []AnnouncedCatalogue {
	w.t.Helper()
	all, err := ReadAnnounced(w.t.Context(), w.kafka, now, zerolog.Nop())
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// states joins the states of what was announced.
func states(all []AnnouncedCatalogue) string {
	var out []string
	for i := range all {
		out = append(out, all[i].State)
	}
	return strings.Join(out, " ")
}

// What two people have not signed, what lies in the past and what would share an instant is refused by the command; on the topic it
// counts for nobody. A rollback is an activation of the catalogue before, with its signatures.
func TestAnAnnouncementThatMustNotCountCountsForNobody(t *testing.T) {
	w := newAnnounceWorld(t, 1)
	noon := time.Now().UTC().Truncate(time.Hour).Add(24 * time.Hour)
	first, second := w.catalogue("first", "anne", "bram"), w.catalogue("second", "anne", "bram")
	try := func(what, dir string, how Announcing, want string) *announce.Activation {
		t.Helper()
		a, err := AnnounceCatalogue(t.Context(), dir, how)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		return a
	}
	now := w.at(noon)
	now.Now = time.Now()
	early := now
	early.Instant = now.Now.Add(59 * time.Second)
	try("one signature", w.catalogue("one", "anne"), now, "not approved by two people")
	try("no time to hear of it", first, early, "is not at least 1m0s after")
	if _, err := RollBackCatalogue(t.Context(), now); err == nil || !strings.Contains(err.Error(), "nothing to go back from") {
		t.Errorf("a rollback of nothing: %v", err)
	}
	a := try("the first", first, now, "")
	try("the first again", first, now, "")
	try("another for its instant", second, now, "name another instant")
	if got := states(w.announced(now.Now)); got != "planned" {
		t.Fatalf("states %q, want planned", got)
	}
	// Whoever writes to the topic past the command is not followed.
	write := func(change func(*announce.Activation)) {
		t.Helper()
		b := announce.Activation{Kind: catalogueKind, Hash: strings.Repeat("ab", 32), Instant: noon.Add(time.Minute), AnnouncedAt: now.Now, By: "x", Reason: "x", Approved: a.Approved}
		change(&b)
		value := fmt.Sprintf(`{"activation":{"kind":%q,"hash":%q,"instant":%q,"announced_at":%q,"by":"x","reason":"x","approved":[%s]}}`, b.Kind, b.Hash, b.Instant.Format(time.RFC3339Nano), b.AnnouncedAt.Format(time.RFC3339Nano),
			strings.Join(slices.Repeat([]string{`{"signer":"anne"}`}, len(b.Approved)), ","))
		if err := w.kafka.PublishKeyed(t.Context(), "test", schemas.TopicReference, []byte(value), []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	write(func(*announce.Activation) {})                                                // anne twice
	write(func(b *announce.Activation) { b.Instant = noon })                            // shares the instant
	write(func(b *announce.Activation) { b.AnnouncedAt = b.Instant.Add(-time.Second) }) // too late to be heard of
	write(func(b *announce.Activation) { b.Approved = nil })                            // by nobody
	if err := w.kafka.PublishKeyed(t.Context(), "test", schemas.TopicReference, []byte("k"), []byte("noise")); err != nil {
		t.Fatal(err)
	}
	if got := states(w.announced(now.Now)); got != "planned void void void void" {
		t.Errorf("states %q", got)
	}
	later := w.at(noon.Add(time.Hour))
	try("the second", second, later, "")
	later.Instant, later.Now = noon.Add(3*time.Hour), noon.Add(2*time.Hour)
	back, err := RollBackCatalogue(t.Context(), later)
	if err != nil || back.Hash != a.Hash || len(back.Approved) != 2 || !back.Rollback {
		t.Fatalf("rollback: %+v, %v", back, err)
	}
	if got := states(w.announced(noon.Add(4 * time.Hour))); got != "former former active void void void void" {
		t.Errorf("after the rollback: states %q", got)
	}
}

func TestWorkersFollowWhatIsAnnounced(t *testing.T) {
	m := newMatureWorld(t)
	t.Run("content", func(t *testing.T) { testAnnouncedContent(t, m) })
	t.Run("two workers", func(t *testing.T) { testTwoWorkers(t, m) })
}

// A worker refuses content that is not what the hash says, is not signed by those whom it knows, or is not there, and
// takes it when it has come; one that knows nobody asks for no signature. The topic's loss is no reason to go on.
func testAnnouncedContent(t *testing.T, m *matureWorld) {
	w := newAnnounceWorld(t, 1)
	ctx, noon := t.Context(), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	start, err := LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	follow := func(signers string) *catalogues {
		c := followCatalogues(ctx, w.kafka, start, m.store, signers, "test", nil, zerolog.Nop())
		c.patience = 0
		t.Cleanup(c.Close)
		return c
	}
	c := follow(w.signers)
	versions := func(c *catalogues, id, want string) {
		t.Helper()
		if err := c.Await(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		v, err := c.Versions(ctx, id)
		switch {
		case want != "" && (!errors.Is(err, ingest.ErrStop) || !strings.Contains(err.Error(), want)):
			t.Errorf("versions of %q: %v, want %q", id, err, want)
		case want == "" && err != nil:
			t.Errorf("versions of %q: %v", id, err)
		case want == "" && id != "" && !strings.HasPrefix(id, v.Names().Catalogue[:8]):
			t.Errorf("versions of %q: %v", id, v.Names())
		}
	}
	first, other := w.catalogue("first", "anne", "bram"), w.catalogue("other")
	a := w.activation(first, noon)
	unsigned := *a
	unsigned.Instant = noon.Add(time.Hour)
	otherCat, err := LoadCatalogue(other)
	if err != nil {
		t.Fatal(err)
	}
	unsigned.Hash = otherCat.Hash()
	for _, step := range []struct {
		a       *announce.Activation
		content []byte
		want    string
	}{
		{a, w.pack(other), "what was announced under this hash has the hash"},
		{a, []byte("noise"), "not a valid zip file"},
		{a, w.pack(first), ""},
		{&unsigned, w.pack(other), "not approved by two people"},
	} {
		if err := announce.Announce(ctx, w.kafka, step.a, step.content); err != nil {
			t.Fatal(err)
		}
		versions(c, step.a.ID(), step.want)
	}
	versions(c, "", "")
	versions(c, "0123456789abcdef@2026-11-20T12:00:00.000000Z", "does not have")
	if _, err := c.Resume(0, 5, "0123456789abcdef@2026-11-20T12:00:00.000000Z"); !errors.Is(err, ingest.ErrStop) {
		t.Errorf("resumed under an activation that was never announced: %v", err)
	}
	versions(follow(""), unsigned.ID(), "")
	if held, err := c.InForce(noon.Add(time.Minute)); err != nil || held.catalogue.Hash() != a.Hash {
		t.Errorf("the office a minute after noon: %v", err)
	}
	if held, err := c.InForce(noon.Add(-time.Minute)); err != nil || held.catalogue != start {
		t.Errorf("the office a minute before noon: %v", err)
	}
	q := m.pass("1AXC100", "BE", schemas.MicrosOf(noon.Add(-time.Hour)))
	m.inForce = c.InForce
	defer func() { m.inForce = nil }()
	for _, at := range []struct {
		minute int
		hash   string // "" = no answer
	}{{-1, start.Hash()}, {1, a.Hash}, {120, ""}} {
		q.Now = schemas.MicrosOf(noon.Add(time.Duration(at.minute) * time.Minute))
		answer, err := m.Decide(ctx, q)
		if at.hash == "" && !errors.Is(err, errNotHeld) || at.hash != "" && (err != nil || answer.Facts.Catalogue == "" || !strings.HasPrefix(at.hash, answer.Facts.Catalogue)) {
			t.Errorf("a case decided again at minute %d is decided under %q, want %.12q: %v", at.minute, answer.Facts.Catalogue, at.hash, err)
		}
	}
	if held, err := c.InForce(noon.Add(2 * time.Hour)); !errors.Is(err, errNotHeld) || held.catalogue.Hash() != a.Hash {
		t.Errorf("the office under an unsigned catalogue: %v", err)
	}
}

// Two workers share the partitions, and one is stopped and started anew on the way: every decision is under the catalogue of its
// record's side of the instant, no batch has two, and a reading of the log from its beginning by another group, into other tables,
// gives the same rows though no worker of it asks a clock.
func testTwoWorkers(t *testing.T, live *matureWorld) {
	const partitions, records = 2, 240
	w := newAnnounceWorld(t, partitions)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	dir := w.catalogue("next", "anne", "bram")
	a := w.activation(dir, noon)
	if err := announce.Announce(t.Context(), w.kafka, a, w.pack(dir)); err != nil {
		t.Fatal(err)
	}
	produce := func(from, to int) {
		t.Helper()
		out := &kafka.Writer{Addr: kafka.TCP(w.kafka.Addr), Topic: schemas.TopicReads, BatchTimeout: time.Millisecond, Balancer: kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.WriterData.(int) })}
		defer func() { _ = out.Close() }()
		var all []kafka.Message
		for i := from; i < to; i++ {
			received := schemas.MicrosOf(noon.Add(time.Duration(i-records/2) * time.Second))
			captured := received - schemas.Second
			if i%9 == 0 {
				captured -= 3 * schemas.Minute // late
			}
			plate := fmt.Sprintf("1AXC%03d", 100+i)
			value, err := proto.Marshal(&anprv1.PlateRead{
				CameraId: "C1", CapturedAtUs: int64(captured), ReceivedAtUs: int64(received), RawPlate: plate, Country: "BE", ConfidencePm: 950, CountryConfidencePm: 990, Lane: 1, CameraEventId: plate,
			})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, kafka.Message{Value: value, WriterData: schemas.Partition(schemas.MustPlate(plate).Class(), "C1", partitions)})
		}
		if err := out.WriteMessages(t.Context(), all...); err != nil {
			t.Fatal(err)
		}
	}
	start := func(m *matureWorld, group string) *IngestRole {
		t.Helper()
		r, err := StartIngest(t.Context(), IngestConfig{Kafka: w.kafka, Tables: m.tables, Group: group, Signers: w.signers, PartitionRate: 100, Store: m.store, Ops: platform.NewOps(), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	stored := func(m *matureWorld, want uint64) {
		t.Helper()
		for n := uint64(0); n < want; time.Sleep(20 * time.Millisecond) {
			if err := m.conn.QueryRow(t.Context(), "SELECT sum(reads) FROM (SELECT any(stored) AS reads FROM batches GROUP BY kafka_partition, start_offset)").Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop := func(r *IngestRole) {
		t.Helper()
		if err := r.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
	produce(0, records/2+3) // just past the instant, in some partition; where nothing came yet, the owner's mark begins it
	one, two := start(live, "live"), start(live, "live")
	stored(live, records/2)
	stop(two) // its partition goes to the other
	produce(records/2+3, records)
	stored(live, records)
	stop(one)

	announced := w.announced(noon.Add(time.Hour))
	if len(announced) != 1 || len(announced[0].Places) != partitions {
		t.Fatalf("places %+v, want one for each partition", announced)
	}
	for _, p := range announced[0].Places {
		var wrong, before, after uint64
		err := live.conn.QueryRow(t.Context(), "SELECT countIf(startsWith(?, catalogue_version) != (kafka_offset >= ?)), countIf(kafka_offset < ?), countIf(kafka_offset >= ?) FROM decisions WHERE kafka_partition = ?",
			a.Hash, p.Offset, p.Offset, p.Offset, p.Partition).Scan(&wrong, &before, &after)
		if err != nil || wrong > 0 || before == 0 || after == 0 {
			t.Errorf("partition %d from offset %d: %d of %d and %d decisions under the wrong catalogue, %v", p.Partition, p.Offset, wrong, before, after, err)
		}
		var early, late uint64
		err = live.conn.QueryRow(t.Context(), "SELECT countIf(kafka_offset < ? AND received_at >= ?), countIf(kafka_offset >= ? AND received_at < ?) FROM reads WHERE kafka_partition = ?",
			p.Offset, noon, p.Offset, noon, p.Partition).Scan(&early, &late)
		if err != nil || early+late > 0 {
			t.Errorf("partition %d changed at offset %d: %d records past the instant before it, %d before the instant after it, %v", p.Partition, p.Offset, early, late, err)
		}
		var both uint64
		err = live.conn.QueryRow(t.Context(), "SELECT countIf(start_offset < ? AND end_offset > ?) FROM batches WHERE kafka_partition = ?", p.Offset, p.Offset, p.Partition).Scan(&both)
		if err != nil || both > 0 {
			t.Errorf("partition %d: %d batches have two catalogues, %v", p.Partition, both, err)
		}
	}
	again := newMatureWorld(t)
	r := start(again, "again")
	stored(again, records)
	stop(r)
	sum := func(m *matureWorld) (sum uint64) {
		t.Helper()
		err := m.conn.QueryRow(t.Context(), "SELECT sum(cityHash64(passage_id, offence_id, outcome, reason, catalogue_version, kafka_partition, kafka_offset)) FROM decisions FINAL "+
			"INNER JOIN (SELECT kafka_partition AS of, max(kafka_offset) AS last FROM reads GROUP BY of) AS l ON kafka_partition = l.of WHERE kafka_offset <= l.last").Scan(&sum) // ticks may follow the last read
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if x, y := sum(live), sum(again); x != y || x == 0 {
		t.Errorf("decisions have the hash %x live and %x read again", x, y)
	}
}

package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// tables lists a worker's tables, the columns that identify a row, and the columns with the time of making.
var tables = []struct{ name, identity, except string }{
	{"reads", "read_id", "inserted_at"},
	{"passages", "passage_id", "inserted_at"},
	{"hits", "hit_id", "inserted_at, processed_at"},
	{"offences", "offence_id", "inserted_at"},
	{"decisions", "passage_id, read_id, rule, outcome, reason", "inserted_at"}, // a late read is judged alone
	{"merges", "kafka_partition, kafka_offset", "inserted_at"},
	{"rejects", "kafka_partition, kafka_offset", "inserted_at"},
	{"batches", "kafka_partition, start_offset", "inserted_at"},
}

// verdict collects faults.
type verdict []string

func (v *verdict) add(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// store reads the tables of a job.
type store struct {
	t    *testing.T
	conn driver.Conn
}

func open(t *testing.T, j job) store {
	t.Helper()
	conn, err := platform.ClickHouse{Addr: j.ClickHouse, Database: j.Database}.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return store{t, conn}
}

// strings returns a query's first column.
func (s store) strings(query string) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	rows, err := s.conn.Query(ctx, query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			s.t.Fatalf("%s: %v", query, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return out
}

func (s store) numbers(query string, into ...any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if err := s.conn.QueryRow(ctx, query).Scan(into...); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
}

// verify checks every promise about the tables and topics of a drained universe.
func (u *universe) verify() {
	u.t.Helper()
	found := u.faults()
	for _, wrong := range found {
		u.t.Error(wrong)
	}
	u.note(found)
}

// faults returns the faults of the tables and topics.
func (u *universe) faults() verdict {
	u.t.Helper()
	var v verdict
	s, reference := open(u.t, u.job), open(u.t, u.undisturbed())
	u.checkLedger(&v, s)
	u.checkOffsets(&v, s)
	u.checkIDs(&v, s)
	u.checkTopics(&v, s)
	for _, table := range tables {
		var n, different uint64
		s.numbers(fmt.Sprintf("SELECT count(), uniqExact(%s) FROM %s", table.identity, table.name), &n, &different)
		if n != different {
			v.add("%s: %d rows of %d things: %d are there twice", table.name, n, different, n-different)
		}
		if n == 0 {
			v.add("%s is empty: the test tests nothing of it", table.name)
		}
		if table.name == "batches" {
			continue // the ranges depend on timing
		}
		if u.mixed && table.name == "decisions" {
			table.except += ", catalogue_version"
		}
		// the sealed record names the version too, and each seal covers the one before
		if u.mixed && table.name == "offences" {
			table.except += ", catalogue_version, sealed, seal_sha256, prev_seal_sha256"
		}
		query := fmt.Sprintf("SELECT toString(tuple(* EXCEPT (%s))) FROM %s ORDER BY 1", table.except, table.name)
		rows := s.strings(query)
		u.sum(table.name, rows)
		compare(&v, table.name, rows, reference.strings(query))
	}
	return v
}

// compare adds the first differences of two sorted lists.
func compare(v *verdict, name string, got, want []string) {
	if slices.Equal(got, want) {
		return
	}
	v.add("%s: %d rows, the undisturbed worker has %d", name, len(got), len(want))
	shown := 0
	for i, j := 0, 0; (i < len(got) || j < len(want)) && shown < 4; {
		switch {
		case j == len(want) || i < len(got) && got[i] < want[j]:
			v.add("%s: surplus %.700s", name, got[i])
			i++
			shown++
		case i == len(got) || want[j] < got[i]:
			v.add("%s: missing %.700s", name, want[j])
			j++
			shown++
		default:
			i++
			j++
		}
	}
}

// checkLedger: the ranges of a partition cover the log without overlap or gap, and each adds up.
func (u *universe) checkLedger(v *verdict, s store) {
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	rows, err := s.conn.Query(ctx, `SELECT kafka_partition, start_offset, end_offset, fetched, stored + merged + rejected + ticks
		FROM batches ORDER BY kafka_partition, start_offset, end_offset`)
	if err != nil {
		u.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var next [partitions]int64
	for rows.Next() {
		var p int32
		var from, to int64
		var fetched, sum uint64
		if err := rows.Scan(&p, &from, &to, &fetched, &sum); err != nil {
			u.t.Fatal(err)
		}
		if from != next[p] {
			v.add("ledger: partition %d: range [%d, %d) follows one that ends at %d", p, from, to, next[p])
		}
		if fetched != sum || fetched != uint64(to-from) {
			v.add("ledger: partition %d: range [%d, %d): fetched %d, accounted for %d", p, from, to, fetched, sum)
		}
		next[p] = to
	}
	if err := rows.Err(); err != nil {
		u.t.Fatal(err)
	}
	if next != u.ends {
		v.add("ledger: ends at %v, the log at %v", next, u.ends)
	}
}

// checkOffsets: every offset is in exactly one of reads, merges and rejects, or is a tick.
func (u *universe) checkOffsets(v *verdict, s store) {
	for p := range partitions {
		var rows, different, ticks uint64
		s.numbers(fmt.Sprintf(`SELECT count(), uniqExact(kafka_offset), (SELECT sum(ticks) FROM batches WHERE kafka_partition = %d) FROM
			(SELECT kafka_partition, kafka_offset FROM reads UNION ALL SELECT kafka_partition, kafka_offset FROM merges
			UNION ALL SELECT kafka_partition, kafka_offset FROM rejects) WHERE kafka_partition = %d`, p, p), &rows, &different, &ticks)
		if rows != different || rows+ticks != uint64(u.ends[p]) {
			v.add("partition %d: %d rows of %d offsets and %d ticks, want one for each of %d offsets", p, rows, different, ticks, u.ends[p])
		}
	}
	var ticks uint64
	s.numbers("SELECT sum(ticks) FROM batches", &ticks)
	if ticks != uint64(u.ticks) {
		v.add("%d ticks, produced %d", ticks, u.ticks)
	}
}

// checkIDs: the reads produced are the reads stored or merged, and no others.
func (u *universe) checkIDs(v *verdict, s store) {
	found := s.strings("SELECT DISTINCT toString(read_id) FROM (SELECT read_id FROM reads UNION ALL SELECT read_id FROM merges)")
	foreign := 0
	for _, id := range found {
		if !u.ids[id] {
			foreign++
		}
	}
	if foreign > 0 || len(found) != len(u.ids) {
		v.add("%d read ids are stored or merged, %d of them never produced; produced %d", len(found), foreign, len(u.ids))
	}
	var rejects uint64
	s.numbers("SELECT count() FROM rejects", &rejects)
	if rejects != uint64(u.rejects) {
		v.add("%d rejects, produced %d", rejects, u.rejects)
	}
}

// checkTopics: every hit, offence and reject of the tables was published. Repeats carry the same id and are allowed.
func (u *universe) checkTopics(v *verdict, s store) {
	for _, topic := range []struct {
		name, query string
		id          func([]byte) (string, error)
	}{
		{schemas.TopicHits, "SELECT toString(hit_id) FROM hits", func(b []byte) (string, error) {
			var m anprv1.Hit
			err := proto.Unmarshal(b, &m)
			return idText(m.GetHitId()), err
		}},
		{schemas.TopicOffences, "SELECT toString(offence_id) FROM offences", func(b []byte) (string, error) {
			var m anprv1.Offence
			err := proto.Unmarshal(b, &m)
			return idText(m.GetOffenceId()), err
		}},
		{schemas.TopicRejects, "SELECT concat(kafka_topic, '/', toString(kafka_partition), '/', toString(kafka_offset)) FROM rejects", func(b []byte) (string, error) {
			var m anprv1.Reject
			err := proto.Unmarshal(b, &m)
			return fmt.Sprintf("%s/%d/%d", m.GetTopic(), m.GetPartition(), m.GetOffset()), err
		}},
	} {
		published := map[string]bool{}
		for _, value := range readTopic(u.t, u.job.Kafka, topic.name) {
			id, err := topic.id(value)
			if err != nil {
				u.t.Fatal(err)
			}
			published[id] = true
		}
		lost := 0
		for _, id := range s.strings(topic.query) {
			if !published[id] {
				lost++
			}
		}
		if lost > 0 {
			v.add("%s: %d rows of the tables were never published", topic.name, lost)
		}
	}
}

// readTopic returns the values of all records of a topic.
func readTopic(t *testing.T, broker, topic string) (values [][]byte) {
	t.Helper()
	for _, r := range readRecords(t, broker, topic) {
		values = append(values, r.Value)
	}
	return values
}

// readRecords returns all records of a topic, in order within a partition.
func readRecords(t *testing.T, broker, topic string) (out []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokersOf(broker)...), kgo.Dialer(directly), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	left := ends(ctx, t, cl, topic)
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read topic %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			out = append(out, r)
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
		})
	}
	return out
}

// ends returns the end offset of each partition with records.
func ends(ctx context.Context, t *testing.T, cl *kgo.Client, topic string) map[int32]int64 {
	t.Helper()
	list, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err == nil {
		err = list.Error()
	}
	if err != nil {
		t.Fatalf("end offsets of %s: %v", topic, err)
	}
	out := map[int32]int64{}
	list.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			out[o.Partition] = o.Offset
		}
	})
	return out
}

// idText is the form in which the tables show an id; empty when b is none.
func idText(b []byte) string {
	if len(b) != len(schemas.ID{}) {
		return ""
	}
	return schemas.ID(b).String()
}

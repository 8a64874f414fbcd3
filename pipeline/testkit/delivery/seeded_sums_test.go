//go:build !kafka

package delivery

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

var update = flag.Bool("update", false, "write testdata/seeded_day.txt anew from what the seeded day makes")

var sumsFile = filepath.Join("testdata", "seeded_day.txt")

const sumsHeader = `# What the seeded day makes: a sum for each column of each table, over values and identities of the rows; for each field of
# each output topic, over the messages sorted by id; and how many rows there are of each kind. Written by
# go test ./pipeline/testkit/delivery -run TestASeededDay -update
`

const (
	wallClock = "is the wall clock"
	perInsert = "the ranges of batches follow the pace of the machine; their sums and ends a partition do not"
)

// daySums lists the tables: the columns that identify a row, and the columns left out, with the reason. A table
// that is neither here nor in notSummed, or a column of batches that batchSums lacks, fails the test.
var daySums = []struct {
	table, identity string
	except          map[string]string
	kinds           string // columns whose combinations are counted, so that a difference shows the way of the rows
}{
	{"reads", "read_id", map[string]string{"inserted_at": wallClock}, "late, late_upload, clock_suspect"},
	{"passages", "passage_id", map[string]string{"inserted_at": wallClock}, "parked"},
	{"hits", "hit_id", map[string]string{"inserted_at": wallClock, "processed_at": wallClock}, "list, match, late"},
	{"offences", "offence_id", map[string]string{"inserted_at": wallClock}, "rule, status, reason"},
	{"decisions", "passage_id, read_id, rule", map[string]string{"inserted_at": wallClock}, "rule, outcome, reason"},
	{"merges", "kafka_partition, kafka_offset", map[string]string{"inserted_at": wallClock}, "kind"},
	{"rejects", "kafka_partition, kafka_offset", map[string]string{"inserted_at": wallClock}, "reason, field"},
	{"plates", "zone, class, plate", nil, ""},
	{"batches", "kafka_topic, kafka_partition", map[string]string{"inserted_at": wallClock}, ""},
}

// notSummed are the tables and views that a worker does not write.
var notSummed = map[string]string{
	"access_log":       "nothing writes it any more",
	"office_lease":     "nothing writes it any more",
	"plates_of_reads":  "is the view that fills plates",
	"reviews":          "is filled from the cases, which the worker does not make",
	"goose_db_version": "keeps the migrations and their wall clock",
}

// batchSums says how the rows of a partition become one: single ranges depend on timing, and so would a sum of
// rows.
var batchSums = map[string]string{
	"kafka_topic": "", "kafka_partition": "", // the identity
	"start_offset": "min", "end_offset": "max", "log_clock": "max", // the ranges leave no gap, as the other tests show
	"fetched": "sum", "stored": "sum", "merged": "sum", "rejected": "sum", "ticks": "sum", "lost": "sum", "passages": "sum", "hits": "sum", "offences": "sum",
	"loss_reason": "groupUniqArray", "loss_by": "groupUniqArray", "catalogue_version": "groupUniqArray", "reference_version": "groupUniqArray",
}

// sums holds a sum or a count by "table column".
type sums map[string]string

// sumsOf sums all tables and topics of a job.
func sumsOf(t *testing.T, j job) sums {
	t.Helper()
	s, out := open(t, j), sums{}
	known := maps.Clone(notSummed)
	for _, table := range daySums {
		known[table.table] = ""
		columns := s.strings("SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '" + table.table + "' ORDER BY position")
		for name := range table.except {
			if !slices.Contains(columns, name) {
				t.Errorf("table %s has no column %s to leave out", table.table, name)
			}
		}
		columns = slices.DeleteFunc(columns, func(name string) bool { return table.except[name] != "" })
		out.addTable(s, table.table, table.identity, columns)
		if table.kinds != "" {
			out.addKinds(s, table.table, table.kinds)
		}
	}
	for _, name := range s.strings("SELECT name FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE '.inner%'") {
		if _, ok := known[name]; !ok {
			t.Errorf("table %s is new: give it a row in daySums, or a reason in notSummed", name)
		}
	}
	out.addTopic(t, j, schemas.TopicHits, &anprv1.Hit{}, "hit_id")
	out.addTopic(t, j, schemas.TopicOffences, &anprv1.Offence{}, "offence_id")
	out.addTopic(t, j, schemas.TopicRejects, &anprv1.Reject{}, "topic", "partition", "offset")
	return out
}

// addTable adds the number of rows, and for each column the sum of a hash of (identity, value) over all rows. The
// order of rows does not matter; a repeated row and a value moved to another row do.
func (m sums) addTable(s store, table, identity string, columns []string) {
	s.t.Helper()
	from := table
	switch table {
	case "batches":
		from = batchesByPartition(s.t, columns)
	case "plates":
		// as the table's readers do
		from = "(SELECT zone, class, plate, max(last_seen) AS last_seen FROM plates GROUP BY zone, class, plate)"
	}
	parts := []string{"toString(count())", "toString(uniqExact(" + identity + "))"}
	for _, c := range columns {
		parts = append(parts, fmt.Sprintf("leftPad(lower(hex(sum(sipHash64(toString(tuple(%s)), toString(%s))))), 16, '0')", identity, c))
	}
	got := s.strings("SELECT arrayJoin([" + strings.Join(parts, ",\n") + "]) FROM " + from)
	rows, different := got[0], got[1]
	if rows == "0" {
		s.t.Errorf("table %s is empty: the day tests nothing of it", table)
	}
	if rows != different {
		s.t.Errorf("table %s has %s rows of %s things", table, rows, different)
	}
	m[table+" rows"] = rows
	for i, c := range columns {
		m[table+" "+c] = got[2+i]
	}
}

// batchesByPartition is a subquery with a row a partition.
func batchesByPartition(t *testing.T, columns []string) string {
	t.Helper()
	parts := []string{}
	for _, c := range columns {
		switch how, ok := batchSums[c]; {
		case !ok:
			t.Errorf("column %s of batches is new: batchSums must say how it is summed (%s)", c, perInsert)
		case how == "":
			parts = append(parts, "b."+c+" AS "+c)
		case how == "groupUniqArray":
			parts = append(parts, "arraySort(groupUniqArray(b."+c+")) AS "+c)
		default:
			parts = append(parts, how+"(b."+c+") AS "+c)
		}
	}
	return "(SELECT " + strings.Join(parts, ", ") + " FROM batches AS b GROUP BY b.kafka_topic, b.kafka_partition)"
}

// addKinds counts the combinations of some columns.
func (m sums) addKinds(s store, table, columns string) {
	s.t.Helper()
	names := strings.Split(columns, ", ")
	values := []string{}
	for _, name := range names {
		values = append(values, "'"+name+"=', toString("+name+")")
	}
	query := "SELECT concat(" + strings.Join(values, ", ',', ") + ", ' ', toString(count())) FROM " + table + " GROUP BY " + columns
	for _, line := range s.strings(query) {
		kind, n, _ := strings.Cut(line, " ")
		m[table+" "+kind] = n
	}
}

// addTopic adds, over the messages of a topic sorted by id, a hash of the whole records (key, value and headers;
// without the time, which is the wall clock), and a hash for each field of the message. A repeated message must be
// the same both times.
func (m sums) addTopic(t *testing.T, j job, topic string, message proto.Message, identity ...string) {
	t.Helper()
	byID := map[string]*kgo.Record{}
	fields := message.ProtoReflect().Descriptor().Fields()
	for _, r := range readRecords(t, j.Kafka, topic) {
		fresh := message.ProtoReflect().New()
		if err := proto.Unmarshal(r.Value, fresh.Interface()); err != nil {
			t.Fatalf("topic %s, partition %d, offset %d: %v", topic, r.Partition, r.Offset, err)
		}
		id := ""
		for _, name := range identity {
			id += fmt.Sprintf("%q ", textOf(fresh, fields.ByName(protoreflect.Name(name))))
		}
		if before, ok := byID[id]; ok && !bytes.Equal(recordBytes(before), recordBytes(r)) {
			t.Errorf("topic %s: two messages with id %s differ", topic, id)
		}
		byID[id] = r
	}
	if len(byID) == 0 {
		t.Errorf("topic %s is empty: the day tests nothing of it", topic)
	}
	whole := sha256.New()
	byField := make([]bytes.Buffer, fields.Len())
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		fmt.Fprintf(whole, "%s%q\n", id, recordBytes(byID[id]))
		fresh := message.ProtoReflect().New()
		if err := proto.Unmarshal(byID[id].Value, fresh.Interface()); err != nil {
			t.Fatal(err)
		}
		for i := range fields.Len() {
			fmt.Fprintf(&byField[i], "%s%q\n", id, textOf(fresh, fields.Get(i)))
		}
	}
	m[topic+" messages"] = fmt.Sprint(len(byID))
	m[topic+" hash"] = fmt.Sprintf("%x", whole.Sum(nil))
	for i := range fields.Len() {
		sum := sha256.Sum256(byField[i].Bytes())
		m[topic+" "+string(fields.Get(i).Name())] = fmt.Sprintf("%x", sum[:8])
	}
}

// textOf returns a field as text: its name as well for a list, so that an empty list is not the empty text.
func textOf(m protoreflect.Message, field protoreflect.FieldDescriptor) string {
	value := m.Get(field)
	if field.IsList() {
		texts := []string{}
		for i := range value.List().Len() {
			element := value.List().Get(i)
			text := element.String()
			if field.Message() != nil { // a message writes itself with other blanks in each build
				raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(element.Message().Interface())
				if err != nil {
					panic("BUG: an element does not marshal: " + err.Error())
				}
				text = string(raw)
			}
			texts = append(texts, fmt.Sprintf("%q", text))
		}
		return strings.Join(texts, ",")
	}
	if field.Kind() == protoreflect.BytesKind {
		return string(value.Bytes())
	}
	return value.String()
}

// recordBytes returns a record as a consumer gets it, without the time.
func recordBytes(r *kgo.Record) []byte {
	return fmt.Appendf(nil, "%d %q %q %q", r.Partition, r.Key, r.Value, r.Headers)
}

// writeSums writes the file of expected sums.
func writeSums(t *testing.T, got sums) {
	t.Helper()
	text := sumsHeader
	for _, key := range slices.Sorted(maps.Keys(got)) {
		text += key + " " + got[key] + "\n"
	}
	if err := os.MkdirAll(filepath.Dir(sumsFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sumsFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// readSums reads the file of expected sums.
func readSums(t *testing.T) sums {
	t.Helper()
	text, err := os.ReadFile(sumsFile)
	if err != nil {
		t.Fatal(err)
	}
	want := sums{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			t.Fatalf("%s: line %q: want table, column, sum", sumsFile, line)
		}
		want[f[0]+" "+f[1]] = f[2]
	}
	return want
}

// compareSums names every table and column that differs.
func compareSums(t *testing.T, got, want sums) {
	t.Helper()
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		g, inGot := got[key]
		w, inWant := want[key]
		switch {
		case !inWant:
			t.Errorf("%s: %s is new", key, g)
		case !inGot:
			t.Errorf("%s: is gone, was %s", key, w)
		case g != w:
			t.Errorf("%s: %s, want %s", key, g, w)
		}
	}
}

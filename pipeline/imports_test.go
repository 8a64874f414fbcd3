package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gvc-brussels/anpr/"

// listed holds fields of `go list -json` for a package, without tests. Our own packages have full paths.
type listed struct {
	ImportPath string
	Imports    []string // direct
	Deps       []string // direct and indirect
}

// importRule is a row of the import law: our packages that a package may import, and the packages that it must
// never reach, not even through another package.
type importRule struct {
	pkg   string   // path in the module
	ours  []string // our packages that may be imported; anyOurs = all
	never []string // prefixes of import paths that must not be reached
	why   string
}

const anyOurs = "*"

// outside is what ties a package to a broker, a database, a log, a metric, the network or a process.
var outside = []string{
	"github.com/segmentio/kafka-go", "github.com/twmb/franz-go", "github.com/ClickHouse", "github.com/rs/zerolog",
	"github.com/prometheus", "github.com/sony/gobreaker", "net/http", "os/exec", "database/sql", "math/rand",
}

// outsideButRandom is outside for what draws from a seed, or checks signatures by the standard library.
var outsideButRandom = slices.DeleteFunc(slices.Clone(outside), func(path string) bool { return path == "math/rand" })

// secondClient is the Kafka client of the tests. The SCRAM mechanism that platform uses is no client.
var secondClient = []string{"github.com/twmb/franz-go/pkg/kgo", "github.com/twmb/franz-go/pkg/kadm"}

var importRules = []importRule{
	// Floor 0: the contract and the pure rooms.
	{"schemas", nil, outside, "the contract is a leaf: everything may import it, so it imports nothing of ours"},
	{"schemas/proto/anprv1", nil, []string{"github.com/segmentio/kafka-go", "github.com/ClickHouse"}, "generated code of the wire contract"},
	{"rules", []string{"schemas"}, outside, "a verdict is a function of its arguments"},
	{"pipeline/ingest/decode", []string{"schemas"}, outside, "a pure stage; stages never import each other"},
	{"pipeline/ingest/normalise", []string{"schemas"}, outside, "a pure stage; stages never import each other"},
	{"pipeline/ingest/dedup", []string{"schemas"}, outside, "a pure stage; stages never import each other"},
	{"pipeline/evidence", []string{"schemas"}, outside, "a pure stage; stages never import each other"},
	{"pipeline/evidence/bundle", []string{"schemas", "pipeline/evidence"}, outsideButRandom, "a bundle follows from its parts, key and instant, and is checked with nothing else"},
	{"pipeline/handover", []string{"schemas"}, outsideButRandom, "the form of what goes to recipients and comes from them, as bytes"},
	{"pipeline/evidence/dossier", []string{"schemas"}, outsideButRandom, "a dossier follows from its case; the texts of the rules are handed in"},
	{"pipeline/evidence/timestamp", nil, outsideButRandom, "questions and answers of an authority as bytes; whoever asks brings the network"},
	{"pipeline/evidence/signing", []string{"pipeline/evidence/bundle"}, outsideButRandom, "keys are files of this machine: no database and no network has them"},
	// Floor 1: the whole logic of the path.
	{
		"pipeline/ingest/shard",
		[]string{"schemas", "rules", "pipeline/ingest/decode", "pipeline/ingest/normalise", "pipeline/ingest/dedup", "pipeline/evidence"},
		outside,
		"rows are a function of records and versions, by this test and not by a comment",
	},
	// Floor 2: contracts, facts, connections.
	{
		"pipeline/ingest",
		[]string{"schemas", "rules", "pipeline/ingest/dedup", "pipeline/ingest/shard"},
		[]string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go", "github.com/ClickHouse", "github.com/sony/gobreaker"},
		"the worker knows the shard, the names of families for its metrics, and interfaces, never an implementation",
	},
	{"pipeline/reference", []string{"schemas", "rules"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go", "github.com/ClickHouse"}, "implements the reference interface of rules from files"},
	{"pipeline/reference/approval", nil, outsideButRandom, "signatures over files, by keys in files: it knows neither what they mean nor a network"},
	{"pipeline/reference/announce", []string{"schemas", "pipeline/platform"}, secondClient, "versions by their hash, on the topic: it knows no kind's content"},
	{"pipeline/platform", []string{"schemas"}, append([]string{"github.com/sony/gobreaker"}, secondClient...), "connections, process life, migrations: it knows nothing of plates"},
	{"pipeline/platform/durable", nil, outsideButRandom, "what the disk keeps of a directory: it knows no file by name"},
	{"pipeline/platform/images", []string{"pipeline/platform/durable", "schemas"}, append([]string{"github.com/ClickHouse", "github.com/jackc/pgx"}, secondClient...), "pictures by their sum; it knows neither reads nor cases"},
	{"pipeline/platform/embedded", []string{"pipeline/platform/durable"}, []string{"github.com/segmentio/kafka-go"}, "a broker and a database for anybody; it knows nothing of plates"},
	{"pipeline/office/access", []string{"schemas"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "who may ask what, under the queries and the API"},
	{"pipeline/office/access/accesstest", []string{"schemas", "pipeline/office/access"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "permits for tests, without a database"},
	{"pipeline/office/store", []string{"schemas", "pipeline/office/access"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "what people do, in PostgreSQL; it keeps entries and knows no query of the tables"},
	{"pipeline/office/witness", []string{"schemas", "pipeline/office/access"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go", "github.com/jackc"}, "heads outside the database: it reaches neither the database nor a broker"},
	{"pipeline/office/query", []string{"schemas", "pipeline/ingest/normalise", "pipeline/evidence", "pipeline/office/access"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "a statement needs a scope, and only access makes scopes"},
	{"pipeline/cases", []string{"schemas"}, append([]string{"github.com/jackc"}, outside...), "the state machine is a function of case, command, actor and moment"},
	{"pipeline/cases/store", []string{"schemas", "pipeline/cases"}, append([]string{"github.com/segmentio/kafka-go", "github.com/ClickHouse"}, secondClient...), "cases in PostgreSQL; the decider, the consumer and the publisher are handed in"},
	{"pipeline/cases/feed", []string{"schemas", "schemas/proto/anprv1", "pipeline/cases", "pipeline/cases/store", "pipeline/evidence", "pipeline/ingest", "pipeline/ingest/shard", "pipeline/platform"}, secondClient, "offences in and events out: it shares the contract of consumer groups with the worker, and no stage"},
	{"pipeline/office/web", nil, append([]string{"github.com/segmentio/kafka-go", "github.com/ClickHouse", "github.com/jackc/pgx"}, secondClient...), "pages and their headers: it knows no user and no row"},
	{"pipeline/office/signin", []string{"schemas", "pipeline/office/access", "pipeline/office/web"}, append([]string{"github.com/segmentio/kafka-go"}, secondClient...), "who somebody is; what they may see is access's matter, and the look-up log is handed in"},
	// Floor 3: rooms that meet the outside.
	{"pipeline/gateway", []string{"schemas", "schemas/proto/anprv1"}, []string{"github.com/ClickHouse", "github.com/twmb/franz-go"}, "a stage; the registry, the normaliser and the producer are handed in"},
	{"pipeline/ingest/source", []string{"pipeline/ingest", "pipeline/ingest/shard", "schemas", "schemas/proto/anprv1"}, []string{"github.com/ClickHouse", "github.com/twmb/franz-go"}, "an implementation imports the contract, never another implementation"},
	{"pipeline/ingest/sink", []string{"pipeline/ingest", "pipeline/ingest/shard", "pipeline/evidence", "pipeline/platform", "schemas", "rules", "schemas/proto/anprv1"}, secondClient, "an implementation imports the contract, never another implementation"},
	{"pipeline/office", []string{"schemas", "rules", "pipeline/cases", "pipeline/cases/store", "pipeline/evidence", "pipeline/evidence/bundle", "pipeline/evidence/dossier", "pipeline/evidence/signing", "pipeline/handover", "pipeline/office/access", "pipeline/office/query", "pipeline/office/store"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "reads tables; it never sees the data path"},
	{"pipeline/assurance/seals", []string{"schemas", "pipeline/evidence"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "compares what is stored with its seals; the topic is handed in"},
	{"pipeline/assurance/reconcile", []string{"schemas", "schemas/proto/anprv1", "pipeline/ingest", "pipeline/platform"}, secondClient, "an account from outside: it shares the form of a plan with the pipeline, and no stage"},
	{"pipeline/assurance/recovery", []string{"schemas", "schemas/proto/anprv1", "pipeline/ingest", "pipeline/ingest/shard", "pipeline/ingest/decode", "pipeline/ingest/normalise", "pipeline/platform", "pipeline/office/access", "pipeline/assurance/reconcile"}, secondClient, "makes tables and records again; worker, tables and producer are handed in; it verifies the access log that it puts back"},
	{"pipeline/assurance/replay", []string{"schemas", "rules", "pipeline/ingest/dedup", "pipeline/evidence"}, []string{"github.com/segmentio/kafka-go", "github.com/twmb/franz-go"}, "decides what is stored anew; the connection and the registry are handed in"},
	{"pipeline/assurance/tripwire", []string{"schemas", "rules"}, append([]string{"github.com/jackc"}, outsideButRandom...), "whether offences jump is a function of counts and bounds; the counts are handed in"},
	{"pipeline/testkit", []string{"pipeline/platform", "pipeline/platform/embedded"}, nil, "engines, brokers and migrated databases for tests"},
	{"pipeline/testkit/delivery", nil, nil, "holds the tests of exactly-once delivery, no code"},
	{"pipeline", nil, outside, "holds the picture and this test, no code"},
	// Floors 4 and 5: measuring, commands.
	{"bench/pictures", []string{"schemas"}, outsideButRandom, "made-up pictures follow from what they show: no file, no clock, no network"},
	{"bench", []string{"schemas", "schemas/proto/anprv1", "bench/pictures"}, []string{"github.com/ClickHouse"}, "an oracle that shared code with the pipeline would share its mistakes"},
	{"bench/harness", []string{"bench", "schemas", "schemas/proto/anprv1"}, []string{"github.com/ClickHouse", "github.com/twmb/franz-go"}, "starts the program as processes and watches it from outside, with drivers of its own"},
	{"bench/desk", []string{"bench", "bench/pictures", "pipeline/cases", "pipeline/cases/store", "pipeline/evidence", "pipeline/office", "pipeline/platform", "rules", "schemas"}, secondClient, "makes cases through the store, and decides them at the office as its agents do"},
	{"bench/lookups", []string{"bench", "pipeline/platform", "pipeline/ingest", "pipeline/ingest/shard", "pipeline/ingest/sink", "pipeline/office", "pipeline/office/access", "pipeline/office/query", "pipeline/office/store", "schemas"}, secondClient, "fills the tables through the real sink, and asks the office as its users do"},
	{
		"pipeline/roles",
		[]string{
			"schemas", "rules", "pipeline/evidence", "pipeline/evidence/bundle", "pipeline/evidence/signing", "pipeline/evidence/timestamp", "pipeline/handover", "pipeline/gateway", "pipeline/ingest", "pipeline/ingest/dedup", "pipeline/ingest/normalise", "pipeline/ingest/shard", "pipeline/ingest/sink",
			"pipeline/ingest/source", "pipeline/office", "pipeline/office/access", "pipeline/office/store", "pipeline/office/witness", "pipeline/office/signin", "pipeline/office/web", "pipeline/reference", "pipeline/reference/announce", "pipeline/reference/approval", "pipeline/platform", "pipeline/platform/durable", "pipeline/platform/embedded", "pipeline/platform/images",
			"pipeline/assurance/reconcile", "pipeline/assurance/recovery", "pipeline/assurance/replay", "pipeline/assurance/seals", "pipeline/assurance/tripwire", "pipeline/cases", "pipeline/cases/store", "pipeline/cases/feed",
		},
		[]string{module + "bench", "testing", "github.com/alecthomas/kong"},
		"the only place that wires: the half of the commands that two programs and the tests share; it knows no command line and no load generator",
	},
	{"cmd/ask", []string{"cmd/flags", "pipeline/office", "pipeline/office/query", "pipeline/platform/embedded", "schemas"}, []string{module + "bench", "testing"}, "anpr query: a client of the office"},
	{"cmd/casework", []string{"cmd/ask", "pipeline/office", "rules", "schemas"}, []string{module + "bench", "testing"}, "anpr cases: a client of the office, with the texts of the rules for reasons"},
	{"cmd/bundles", []string{"cmd/flags", "pipeline/evidence/bundle", "pipeline/evidence/signing", "pipeline/evidence/timestamp", "pipeline/roles"}, []string{module + "bench", "testing"}, "anpr evidence, what is about bundles"},
	{"cmd/catalogue", []string{"cmd/flags", "pipeline/platform", "pipeline/platform/embedded", "pipeline/reference/announce", "pipeline/reference/approval", "pipeline/roles", "rules", "schemas"}, []string{module + "bench", "testing"}, "anpr rules: files of a machine, and which of them the tables name"},
	{"cmd/flags", []string{"schemas", "pipeline/roles", "pipeline/platform", "pipeline/platform/images", "pipeline/platform/embedded", "pipeline/ingest/dedup", "pipeline/office/access", "pipeline/assurance/reconcile"}, []string{module + "bench", "testing"}, "flag groups of both programs, turned into configurations of roles"},
	{
		"cmd/anprload",
		[]string{
			"bench", "bench/desk", "bench/harness", "bench/lookups", "cmd/flags", "cmd/anprload/rehearsal", "pipeline/cases", "pipeline/cases/store", "pipeline/roles", "pipeline/platform", "pipeline/platform/embedded", "pipeline/platform/images",
			"pipeline/ingest/sink", "pipeline/evidence", "pipeline/gateway", "rules", "schemas", "schemas/proto/anprv1",
		},
		nil, "load for the stream and for the tables, and the demonstration; roles wires",
	},
	{
		"cmd/anprload/rehearsal",
		[]string{"bench", "cmd/flags", "pipeline/roles", "pipeline/assurance/reconcile", "pipeline/assurance/recovery", "pipeline/platform", "pipeline/platform/embedded", "schemas"},
		[]string{"testing"},
		"a machine with made-up traffic that is rebuilt; tests of whole programs begin with it",
	},
	{
		"cmd/anpr",
		[]string{
			"cmd/flags", "cmd/ask", "cmd/bundles", "cmd/casework", "cmd/catalogue", "pipeline/roles", "rules", "pipeline/office", "pipeline/office/access", "pipeline/platform", "pipeline/platform/embedded",
			"pipeline/assurance/reconcile", "pipeline/assurance/recovery", "pipeline/assurance/replay", "pipeline/assurance/seals", "pipeline/evidence", "pipeline/reference", "schemas",
		},
		[]string{"testing", module + "bench"},
		"flags into configurations, exit codes, printing; no load generator in production",
	},
	{"deploy", nil, nil, "holds a test of the files beside it, no code"},
}

// listPackages asks the go command for every package of the module, without tests.
func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// violations returns a line for each import that a rule forbids.
func violations(pkgs []listed, rules []importRule) []string {
	var out []string
	for _, p := range pkgs {
		name := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(rules, func(r importRule) bool { return r.pkg == name })
		if i < 0 {
			out = append(out, name+" has no row in importRules: say what it may import, and why")
			continue
		}
		r := rules[i]
		for _, imp := range p.Imports {
			of, ours := strings.CutPrefix(imp, module)
			if ours && !slices.Contains(r.ours, anyOurs) && !slices.Contains(r.ours, of) {
				out = append(out, fmt.Sprintf("%s imports %s; it may import %q of ours: %s", name, of, r.ours, r.why))
			}
		}
		for _, dep := range p.Deps {
			if under := slices.IndexFunc(r.never, func(n string) bool { return dep == n || strings.HasPrefix(dep, n+"/") }); under >= 0 {
				out = append(out, fmt.Sprintf("%s reaches %s, and must never reach %s: %s", name, dep, r.never[under], r.why))
			}
		}
	}
	return out
}

func TestImportDirectionHolds(t *testing.T) {
	pkgs := listPackages(t)
	if got, want := len(pkgs), 15; got < want {
		t.Fatalf("go list found %d packages, want at least %d: the test looks at the wrong place", got, want)
	}
	for _, v := range violations(pkgs, importRules) {
		t.Error(v)
	}
	for _, r := range importRules {
		if !slices.ContainsFunc(pkgs, func(p listed) bool { return p.ImportPath == module+r.pkg }) {
			t.Errorf("importRules has a row for %s, which does not exist: delete the row", r.pkg)
		}
	}
}

func TestImportViolationsAreReported(t *testing.T) {
	rules := []importRule{{"schemas", nil, []string{"net/http"}, "a leaf"}, {"pipeline/ingest/dedup", []string{"schemas"}, outside, "pure"}, {"cmd/anpr", []string{anyOurs}, nil, "wires"}}
	for name, c := range map[string]struct {
		pkg  listed
		want string // part of the only line; "" = nothing is wrong
	}{
		"a contract that imports the pipeline":     {listed{module + "schemas", []string{module + "pipeline"}, nil}, "schemas imports pipeline"},
		"a stage that imports another stage":       {listed{module + "pipeline/ingest/dedup", []string{module + "pipeline/ingest/decode"}, nil}, "pipeline/ingest/dedup imports pipeline/ingest/decode"},
		"a stage that imports its parent":          {listed{module + "pipeline/ingest/dedup", []string{module + "pipeline/ingest"}, nil}, "pipeline/ingest/dedup imports pipeline/ingest;"},
		"a broker reached through another":         {listed{module + "pipeline/ingest/dedup", []string{"innocent"}, []string{"innocent", "github.com/segmentio/kafka-go/protocol"}}, "reaches github.com/segmentio/kafka-go/protocol"},
		"a package nobody wrote a rule for":        {listed{module + "pipeline/secret", nil, nil}, "pipeline/secret has no row"},
		"a name that only begins like a bad one":   {listed{module + "schemas", []string{"net/httpx"}, []string{"net/httpx"}}, ""},
		"what is allowed":                          {listed{module + "pipeline/ingest/dedup", []string{module + "schemas", "fmt"}, []string{"fmt", "os"}}, ""},
		"a command that imports whatever it needs": {listed{module + "cmd/anpr", []string{module + "pipeline/ingest/sink", module + "bench"}, nil}, ""},
	} {
		got := violations([]listed{c.pkg}, rules)
		switch {
		case c.want == "" && len(got) != 0:
			t.Errorf("%s: got %q, want nothing", name, got)
		case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
			t.Errorf("%s: got %q, want one line with %q", name, got, c.want)
		}
	}
}

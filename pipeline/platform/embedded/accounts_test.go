package embedded

import (
	"context"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// secured is an engine with the accounts of the roles, and outside things that no statement may reach.
type secured struct {
	*ClickHouseEngine

	t         *testing.T
	passwords Passwords
	makers    []DatabaseRole // roles that may make tables; the first makes the tables
	outside   string         // a directory with a secret
	web       string         // host:port where nobody may call
	calls     atomic.Int32
}

const secretText = "a-token-of-a-user"

func newSecured(t *testing.T) *secured {
	t.Helper()
	passwords := NewPasswords()
	users, err := passwords.Users("anpr")
	if err != nil {
		t.Fatal(err)
	}
	return secure(t, users, passwords, Migrator, Backup)
}

// secure starts an engine with these users.
func secure(t *testing.T, users []EngineUser, passwords Passwords, makers ...DatabaseRole) *secured {
	t.Helper()
	s := &secured{t: t, passwords: passwords, makers: makers, outside: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.outside, "secret"), []byte(secretText), 0o600); err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s.web = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.calls.Add(1)
			_ = conn.Close()
		}
	}()
	cfg := testConfig(t.TempDir())
	cfg.HTTPAddr = "127.0.0.1:0"
	cfg.Users = append(users, EngineUser{Name: "inspector", Password: "i", Grants: []string{"GRANT SELECT ON system.*"}})
	t.Setenv("ANPR_CANARY", "a password in the environment")
	s.ClickHouseEngine = startEngine(t, cfg)
	exec1(t, s.as(makers[0]), "CREATE DATABASE anpr")
	migrate(t, dial(t, ch.Options{Address: s.NativeAddr(), User: string(makers[0]), Password: s.passwords[makers[0]], Database: "anpr"}))
	return s
}

func (s *secured) as(r DatabaseRole) *ch.Client {
	return dial(s.t, ch.Options{Address: s.NativeAddr(), User: string(r), Password: s.passwords[r]})
}

// ask runs a statement as a role on a separate connection, and returns the error and the text columns of the
// answer.
func (s *secured) ask(r DatabaseRole, statement string) (string, error) {
	conn := s.as(r)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	var results proto.Results
	var text strings.Builder
	err := conn.Do(ctx, ch.Query{Body: statement, Result: results.Auto(), OnResult: func(context.Context, proto.Block) error {
		for _, c := range results {
			fmt.Fprint(&text, c.Data)
			if col, ok := c.Data.(*proto.ColAuto); ok {
				if str, ok := col.Data.(*proto.ColStr); ok {
					text.Write(str.Buf)
				}
			}
		}
		return nil
	}})
	return text.String(), err
}

// refused checks that a statement is answered with any of the codes; without codes, with any error of the server.
func (s *secured) refused(r DatabaseRole, statement string, codes ...proto.Error) {
	s.t.Helper()
	text, err := s.ask(r, statement)
	ex, ok := ch.AsException(err)
	if !ok || len(codes) > 0 && !slices.Contains(codes, ex.Code) {
		s.t.Errorf("%s: %s: answered %.80q and %v, want a refusal %v", r, statement, text, err, codes)
	}
	if strings.Contains(text, secretText) || err != nil && strings.Contains(err.Error(), secretText) {
		s.t.Errorf("%s: %s: gave the secret away", r, statement)
	}
}

// names asks the engine for a list.
func (s *secured) names(query string) []string {
	s.t.Helper()
	var col proto.ColStr
	var out []string
	conn := dial(s.t, ch.Options{Address: s.NativeAddr(), User: "inspector", Password: "i"})
	err := conn.Do(s.t.Context(), ch.Query{Body: query, Result: proto.Results{{Data: &col}}, OnResult: func(context.Context, proto.Block) error {
		for i := range col.Rows() {
			out = append(out, col.Row(i))
		}
		return nil
	}})
	if err != nil || len(out) == 0 {
		s.t.Fatalf("%s: %d names, %v", query, len(out), err)
	}
	slices.Sort(out)
	return out
}

const denied = proto.ErrAccessDenied

func TestNoAccountReachesOutOfTheDatabase(t *testing.T) {
	reachesNothing(t, newSecured(t))
}

// The test takes the users that deploy/ gives a server. The engine has its own settings instead of the server's;
// config.d sets the same values.
func TestNoAccountOfTheServersUsersFileReachesOutOfTheDatabase(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/clickhouse/users.d/anpr.xml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Users struct {
			User []struct {
				XMLName xml.Name
				Grants  []string `xml:"grants>query"`
			} `xml:",any"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var users []EngineUser
	passwords := Passwords{}
	for _, u := range file.Users.User {
		if u.XMLName.Local == localUser {
			continue
		}
		passwords[DatabaseRole(u.XMLName.Local)] = NewPassword()
		users = append(users, EngineUser{Name: u.XMLName.Local, Password: passwords[DatabaseRole(u.XMLName.Local)], Grants: u.Grants})
	}
	if len(users) != 5 {
		t.Fatalf("%d users in the file, want 5: the test looks at the wrong place", len(users))
	}
	for _, u := range users { // the roles of a machine and of a server may do the same: the two lists go together
		if r := DatabaseRole(u.Name); r == Office || r == Reconciler || r == Seals {
			mine := grantsOf(r, "anpr")
			slices.Sort(mine)
			slices.Sort(u.Grants)
			if !slices.Equal(mine, u.Grants) {
				t.Errorf("%s: embedded %q, server %q", r, mine, u.Grants)
			}
		}
	}
	reachesNothing(t, secure(t, users, passwords, Ingest, Backup))
}

func reachesNothing(t *testing.T, s *secured) {
	roles := slices.Sorted(maps.Keys(s.passwords))
	roles = roles[:min(len(roles), accountsTried)]
	for name, check := range map[string]func(t *testing.T, s *secured, r DatabaseRole){
		"table engines": tableEngines, "database engines": databaseEngines, "table functions": tableFunctions, "dictionaries": dictionaries,
		"functions": functions, "files of inserts": infiles, "disks": disks, "backups": backups, "objects": objects, "privileges": privileges, "system": systemStatements,
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			if name == "backups" { // the engine tries Azure for nine seconds, without a call: the accounts wait together
				var waiting sync.WaitGroup
				for _, r := range roles {
					waiting.Go(func() { check(t, s, r) })
				}
				waiting.Wait()
				return
			}
			for _, r := range roles {
				check(t, s, r)
			}
		})
	}
	s.t = t
	if n := s.calls.Load(); n > 0 {
		t.Errorf("the engine called out %d times", n)
	}
	var found []string
	err := filepath.WalkDir(s.outside, func(path string, _ fs.DirEntry, err error) error {
		found = append(found, filepath.Base(path))
		return err
	})
	if err != nil || !slices.Equal(found, []string{filepath.Base(s.outside), "secret"}) {
		t.Errorf("outside there are now %q, %v", found, err)
	}
	if text, err := os.ReadFile(filepath.Join(s.outside, "secret")); err != nil || string(text) != secretText {
		t.Errorf("the secret is now %q, %v", text, err)
	}
}

// makesTables says whether a role may make tables.
func (s *secured) makesTables(r DatabaseRole) bool { return slices.Contains(s.makers, r) }

func tableEngines(_ *testing.T, s *secured, r DatabaseRole) {
	for _, e := range s.names("SELECT name FROM system.table_engines") {
		// a replicated engine needs a Keeper, from the configuration
		if s.makesTables(r) && (slices.Contains(TableEngines(), e) || strings.HasPrefix(e, "Replicated")) {
			continue
		}
		s.refused(r, "CREATE TABLE anpr.outside (a String) ENGINE = "+e+" ORDER BY a", denied)
		s.refused(r, "CREATE TEMPORARY TABLE outside (a String) ENGINE = "+e, denied, proto.ErrIncorrectQuery)
	}
	for _, args := range []string{
		"File(LineAsString, '" + s.outside + "/secret')", "URL('http://" + s.web + "/', LineAsString)", "MySQL('" + s.web + "', 'a', 'b', 'c', 'd')",
		"Executable('id', TSV)", "SQLite('" + s.outside + "/db', 't')", "S3('http://" + s.web + "/bucket/key', TSV)", "Log", "TinyLog",
	} {
		s.refused(r, "CREATE TABLE anpr.outside (a String) ENGINE = "+args, denied)
		s.refused(r, "CREATE TABLE default.outside (a String) ENGINE = "+args, denied)
		s.refused(r, "ATTACH TABLE anpr.outside (a String) ENGINE = "+args, denied)
	}
}

func databaseEngines(_ *testing.T, s *secured, r DatabaseRole) {
	for _, e := range s.names("SELECT name FROM system.database_engines") {
		s.refused(r, "CREATE DATABASE outside ENGINE = "+e, denied)
		if e != "Memory" { // tables in memory: no further than the others
			s.refused(r, "CREATE DATABASE anpr_outside ENGINE = "+e+"('"+s.outside+"/db')", denied)
		}
	}
	for _, args := range []string{
		"SQLite('" + s.outside + "/db')", "Filesystem('" + s.outside + "')", "MySQL('" + s.web + "', 'a', 'b', 'c')", "PostgreSQL('" + s.web + "', 'a', 'b', 'c')",
		"S3('http://" + s.web + "/bucket/')", "DataLakeCatalog('http://" + s.web + "')", "Atomic SETTINGS disk = disk(type = local, path = '" + s.outside + "/')",
	} {
		s.refused(r, "CREATE DATABASE anpr_outside ENGINE = "+args, denied)
	}
}

// outward returns the table functions that reach out, with arguments that pass to the check of rights.
func (s *secured) outward() map[string][]string {
	file, web := "'"+s.outside+"/secret'", "'http://"+s.web+"/bucket/key'"
	bucket := web + ", 'a', 'b'"
	azure := "'DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Yg==;BlobEndpoint=http://" + s.web + "/a;', 'b', 'c', TSV"
	server := "'" + s.web + "', 'd', 't', 'u', 'p'"
	out := map[string][]string{
		"file": {file + ", LineAsString", file}, "fileCluster": {"'c', " + file + ", LineAsString, 'a String'"}, "filesystem": {"'" + s.outside + "'"},
		"url": {web + ", LineAsString", web + ", LineAsString, 'a String'"}, "urlCluster": {"'c', " + web + ", TSV, 'a String'"},
		"s3": {bucket + ", TSV, 'a String'"}, "gcs": {bucket + ", TSV, 'a String'"}, "oss": {bucket + ", TSV, 'a String'"}, "cosn": {bucket + ", TSV, 'a String'"},
		"s3Cluster": {"'c', " + bucket + ", TSV, 'a String'"}, "azureBlobStorage": {azure + ", 'none', 'a String'"}, "azureBlobStorageCluster": {"'c', " + azure + ", 'none', 'a String'"},
		"hdfs": {"'hdfs://" + s.web + "/a', TSV, 'a String'"}, "hdfsCluster": {"'c', 'hdfs://" + s.web + "/a', TSV, 'a String'"},
		"remote": {"'" + s.web + "', system.one", "'127.0.0.1', system.one"}, "remoteSecure": {"'" + s.web + "', system.one"}, "cluster": {"'default', system.one"},
		"clusterAllReplicas": {"'default', system.one"}, "mysql": {server}, "postgresql": {server}, "mongodb": {server + ", 'a String'"},
		"redis": {"'" + s.web + "', 'k', 'k String, v String'"}, "sqlite": {"'" + s.outside + "/db', 't'"}, "odbc": {"'DSN=a', 'd', 't'"}, "jdbc": {"'jdbc:a', 'd', 't'"},
		"executable": {"'id', TSV, 'a String'"}, "ytsaurus": {"'http://" + s.web + "', '//a', 'b', 'a String'"}, "prometheusQuery": {"'d', 't', 'up', now()"},
	}
	for _, lake := range []string{"deltaLake", "hudi", "iceberg", "paimon"} {
		out[lake], out[lake+"S3"] = []string{bucket}, []string{bucket}
		out[lake+"Cluster"], out[lake+"S3Cluster"] = []string{"'c', " + bucket}, []string{"'c', " + bucket}
		out[lake+"Azure"], out[lake+"AzureCluster"] = []string{azure}, []string{"'c', " + azure}
		out[lake+"Local"], out[lake+"LocalCluster"] = []string{file}, []string{"'c', " + file}
		out[lake+"HDFS"], out[lake+"HDFSCluster"] = []string{"'hdfs://" + s.web + "/a', TSV"}, []string{"'c', 'hdfs://" + s.web + "/a', TSV"}
	}
	return out
}

// inward are the table functions that stay within the database: they make rows, or read tables under the rights to
// these.
var inward = []string{
	"SQLStandardValues", "values", "numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generateRandom", "generateSeries", "generate_series", "fuzzJSON", "fuzzQuery",
	"null", "format", "input", "view", "viewExplain", "viewIfPermitted", "merge", "loop", "dictionary", "eval", "mergeTreeIndex", "mergeTreeTextIndex",
	"mergeTreeProjection", "mergeTreeAnalyzeIndexes", "mergeTreeAnalyzeIndexesUUID", "timeSeriesData", "timeSeriesMetrics", "timeSeriesSamples", "timeSeriesSelector",
	"timeSeriesTags", "prometheusQueryRange",
}

func tableFunctions(t *testing.T, s *secured, r DatabaseRole) {
	outward := s.outward()
	for _, f := range s.names("SELECT name FROM system.table_functions") {
		args, known := outward[f]
		if !known {
			if !slices.Contains(inward, f) {
				t.Errorf("table function %s: does it reach out of the database? Say so in this test", f)
			}
			continue
		}
		for _, a := range args {
			// some functions first report a missing support or a missing file
			s.refused(r, "SELECT * FROM "+f+"("+a+")")
			if s.makesTables(r) && f != "executable" { // a table that cannot be read: see functions
				s.refused(r, "CREATE TABLE anpr.outside AS "+f+"("+a+")")
			}
			s.refused(r, "INSERT INTO FUNCTION "+f+"("+a+") SELECT 'x'")
		}
	}
	for _, f := range []string{"file", "url", "s3", "remote", "mysql", "postgresql", "filesystem"} {
		s.refused(r, "SELECT * FROM "+f+"("+outward[f][0]+")", denied)
	}
	s.refused(r, "SELECT * FROM merge('system', 'users')", denied, proto.ErrUnknownTable, proto.ErrCannotExtractTableStructure)
}

func dictionaries(_ *testing.T, s *secured, r DatabaseRole) {
	for _, source := range []string{
		"EXECUTABLE(COMMAND 'id' FORMAT TSV)", "EXECUTABLE_POOL(COMMAND 'id' FORMAT TSV)", "HTTP(URL 'http://" + s.web + "/' FORMAT TSV)",
		"FILE(PATH '" + s.outside + "/secret' FORMAT TSV)", "MYSQL(HOST '127.0.0.1' PORT 1 USER 'a' PASSWORD 'b' DB 'c' TABLE 'd')",
		"POSTGRESQL(HOST '127.0.0.1' PORT 1 USER 'a' PASSWORD 'b' DB 'c' TABLE 'd')", "MONGODB(HOST '127.0.0.1' PORT 1 DB 'c' COLLECTION 'd')",
		"REDIS(HOST '127.0.0.1' PORT 1)", "CASSANDRA(HOST '127.0.0.1' PORT 1 KEYSPACE 'a' COLUMN_FAMILY 'b')", "ODBC(DB 'a' TABLE 'b' CONNECTION_STRING 'DSN=c')",
		"CLICKHOUSE(TABLE 'users' DB 'system')", "YAMLREGEXPTREE(PATH '" + s.outside + "/secret')", "NULL()", "YTSAURUS(HTTP_PROXY_URLS 'http://" + s.web + "')",
	} {
		for _, verb := range []string{"CREATE", "CREATE OR REPLACE"} {
			s.refused(r, verb+" DICTIONARY anpr.outside (a UInt64, b String) PRIMARY KEY a SOURCE("+source+") LAYOUT(FLAT()) LIFETIME(1)", denied)
		}
	}
}

func functions(_ *testing.T, s *secured, r DatabaseRole) {
	for _, call := range []string{
		"file('" + s.outside + "/secret')", "file('/proc/" + fmt.Sprint(os.Getpid()) + "/environ')", "file('/etc/passwd')",
		"catboostEvaluate('" + s.outside + "/secret', 1)", "dictGet('a', 'b', 1)", "addressToLine(1)",
	} {
		s.refused(r, "SELECT "+call)
	}
	if text, _ := s.ask(r, "SELECT file('"+s.outside+"/secret', 'instead')"); strings.Contains(text, secretText) {
		s.t.Errorf("%s reads the secret", r)
	}
	if text, _ := s.ask(r, "SELECT file('/proc/self/environ')"); strings.Contains(text, "ANPR_CANARY") {
		s.t.Errorf("%s reads the environment of this process: %q", r, text)
	}
}

// infiles: as a library, the engine itself reads the INFILE of a client of the HTTP port.
func infiles(t *testing.T, s *secured, r DatabaseRole) {
	h := http.Header{"X-ClickHouse-User": {string(r)}, "X-ClickHouse-Key": {s.passwords[r]}}
	for _, table := range []string{"anpr.access_log (user)", "anpr.merges (camera_id)", "anpr.rejects (detail)", "FUNCTION null('a String')"} {
		if status, body := s.post(t, "INSERT INTO "+table+" FROM INFILE '"+s.outside+"/secret' FORMAT LineAsString", h); status == http.StatusOK || strings.Contains(body, secretText) {
			t.Errorf("%s: INSERT INTO %s FROM INFILE: answered %d %q", r, table, status, body)
		}
	}
	if status, body := s.post(t, "SELECT 1 INTO OUTFILE '"+s.outside+"/new'", h); status == http.StatusOK {
		t.Errorf("%s: INTO OUTFILE: answered %d %q", r, status, body)
	}
}

func disks(_ *testing.T, s *secured, r DatabaseRole) {
	for _, disk := range []string{
		"disk(type = web, endpoint = 'http://" + s.web + "/')", "disk(type = local, path = '" + s.outside + "/disk/')", "disk(type = s3, endpoint = 'http://" + s.web + "/bucket/')",
		"disk(type = object_storage, object_storage_type = web, endpoint = 'http://" + s.web + "/')", "disk(type = cache, path = '" + s.outside + "/c/', max_size = '1Gi', disk = 'default')",
		"'backups'",
	} {
		codes := []proto.Error{denied}
		if s.makesTables(r) {
			codes = nil // the setting is closed, or the disk is refused before that
		}
		s.refused(r, "CREATE TABLE anpr.outside (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS disk = "+disk, codes...)
		s.refused(r, "ATTACH TABLE anpr.outside (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS disk = "+disk, codes...)
		s.refused(r, "ALTER TABLE anpr.reads MODIFY SETTING disk = "+disk, codes...)
	}
}

func backups(_ *testing.T, s *secured, r DatabaseRole) {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	for _, place := range []string{
		"File('" + s.outside + "/backup')", "File('backup')", "Disk('default', 'backup')", "Disk('backups', '../../backup')", "S3('http://" + s.web + "/bucket/', 'a', 'b')",
		"AzureBlobStorage('DefaultEndpointsProtocol=http;AccountName=a;AccountKey=Yg==;BlobEndpoint=http://" + s.web + "/a;', 'b', 'c')",
		"disk(type = local, path = '" + s.outside + "/')",
	} {
		waiting.Go(func() {
			codes := []proto.Error{denied}
			if r == Backup {
				codes = nil // may back up, but only to the disk of backups
			}
			s.refused(r, "BACKUP TABLE anpr.batches TO "+place, codes...)
		})
		waiting.Go(func() { s.refused(r, "RESTORE TABLE anpr.batches AS anpr.outside FROM "+place) })
		s.refused(r, "BACKUP TABLE system.users TO "+place)
	}
	if r == Backup {
		s.refused(r, "BACKUP TABLE system.users TO Disk('backups', 'users')")
		s.refused(r, "BACKUP ALL TO Disk('backups', 'all')", denied)
		if _, err := s.ask(r, "BACKUP TABLE anpr.batches TO Disk('backups', 'mine')"); err != nil {
			s.t.Errorf("the backup of %s: %v", r, err)
		}
	} else {
		s.refused(r, "BACKUP TABLE anpr.batches TO Disk('backups', 'others')", denied)
	}
}

// objects are made with CREATE, beside tables, views and databases.
func objects(_ *testing.T, s *secured, r DatabaseRole) {
	for _, statement := range []string{
		"CREATE USER outside IDENTIFIED WITH no_password", "CREATE ROLE outside", "CREATE ROW POLICY outside ON anpr.reads USING 1", "CREATE QUOTA outside", "CREATE SETTINGS PROFILE outside",
		"CREATE FUNCTION outside AS x -> x", "CREATE NAMED COLLECTION outside AS a = 'b'", "CREATE WORKLOAD outside", "CREATE RESOURCE outside (WRITE DISK default, READ DISK default)",
		"ALTER USER anpr_office IDENTIFIED BY 'x'", "DROP USER anpr_office", "GRANT ALL ON *.* TO anpr_office", "REVOKE ALL ON *.* FROM anpr_office", "SET DEFAULT ROLE ALL TO anpr_office",
		"CREATE VIEW anpr.outside DEFINER = default SQL SECURITY DEFINER AS SELECT 1", "CREATE VIEW anpr.outside SQL SECURITY NONE AS SELECT name FROM system.users",
		"CREATE TABLE system.outside (a Int8) ENGINE = Memory", "CREATE TABLE default.outside (a Int8) ENGINE = Memory", "SELECT * FROM default." + stdinTable,
		"DROP TABLE default." + stdinTable, "SELECT * FROM system.users", "SELECT * FROM system.processes", "SELECT * FROM information_schema.tables", "KILL QUERY WHERE 1 SYNC",
		"EXECUTE AS default SELECT 1",
	} {
		s.refused(r, statement)
	}
	if r != Backup {
		s.refused(r, "DROP TABLE anpr.access_log", denied)
		s.refused(r, "TRUNCATE TABLE anpr.access_log", denied)
		s.refused(r, "DROP DATABASE anpr", denied)
	}
	if !s.makesTables(r) {
		s.refused(r, "ALTER TABLE anpr.access_log DELETE WHERE 1", denied, proto.ErrReadonly)
		s.refused(r, "ALTER TABLE anpr.reads MODIFY TTL toDateTime(captured_at) + INTERVAL 1 DAY", denied, proto.ErrReadonly)
		s.refused(r, "CREATE TEMPORARY TABLE outside (a Int8)", denied)
	}
	switch r {
	case Reconciler:
		s.refused(r, "SELECT plate FROM anpr.reads", denied)
		s.refused(r, "SELECT user FROM anpr.access_log", denied)
	case Seals:
		s.refused(r, "SELECT user FROM anpr.access_log", denied)
		s.refused(r, "SELECT plate FROM anpr.hits", denied)
		s.refused(r, "SELECT trace FROM anpr.decisions", denied)
		s.refused(r, "INSERT INTO anpr.offences (plate) VALUES ('1ABC123')", denied)
	case Office, Reader:
		s.refused(r, "INSERT INTO anpr.reads (plate) VALUES ('1ABC123')", denied, proto.ErrReadonly)
	case Migrator, Ingest, Backup:
	}
}

// privileges: nobody has any right on everything, and no right at all that is not about tables.
func privileges(t *testing.T, s *secured, r DatabaseRole) {
	for _, p := range s.names("SELECT toString(privilege) FROM system.privileges") {
		if p == "NONE" {
			continue
		}
		text, err := s.ask(r, "CHECK GRANT "+p+" ON *.*")
		if ex, ok := ch.AsException(err); ok && ex.Code == proto.ErrSyntaxError || err != nil && strings.Contains(err.Error(), "SYNTAX_ERROR") {
			text, err = s.ask(r, "CHECK GRANT "+p+" ON *")
		}
		if err == nil && strings.Contains(text, "[1]") {
			if p != "SHOW FILESYSTEM CACHES" && (!slices.Contains(impliedByTables, p) || !s.makesTables(r)) {
				t.Errorf("%s has %s on everything", r, p)
			}
		}
	}
}

// The right to make tables implies a temporary table with a permitted engine, and a view of such a table.
var impliedByTables = []string{"CREATE TEMPORARY TABLE", "CREATE ARBITRARY TEMPORARY TABLE", "CREATE TEMPORARY VIEW"}

func systemStatements(_ *testing.T, s *secured, r DatabaseRole) {
	for _, statement := range []string{
		"SHUTDOWN", "KILL", "STOP LISTEN TCP", "STOP LISTEN QUERIES ALL", "START LISTEN HTTP", "RELOAD CONFIG", "RELOAD USERS", "RELOAD DICTIONARIES", "DROP DNS CACHE",
		"FLUSH LOGS", "STOP MERGES anpr.reads", "RESTART DISK default", "UNFREEZE WITH NAME 'x'", "ENABLE FAILPOINT x", "RELOAD FUNCTIONS", "DROP MARK CACHE",
	} {
		s.refused(r, "SYSTEM "+statement)
	}
}

package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// User may log in to the engine. Users are written to a file: the engine without a server binary refuses CREATE USER.
type User struct {
	Name     string // letters, digits, _ and -; not "default"
	Password string // not empty; only its SHA-256 is stored
	ReadOnly bool   // may only read; it may change settings, as clients with a deadline do
}

var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// serverConfig is what the engine's configuration files are made of.
type serverConfig struct {
	DataDir, BackupDir   string // absolute
	Host                 string
	NativePort, HTTPPort int
	MaxMemory            int64 // bytes
	Threads              int
	MergeThreads         int
	Fsync                bool
	LogLevel             string
}

// files of the engine inside its data directory.
const (
	configFile = "config.xml"
	usersFile  = "users.xml"
	logFile    = "engine.log"
	lockFile   = "engine.lock"
	storeDir   = "store.d"
)

// KeepFree is how many bytes of its disk the engine leaves free: it refuses an insert that would take of them (code 243), so that
// none is under way when something else takes the last byte. Engine 26.7 then acknowledges parts that nobody can read.
const KeepFree = 128 << 20

// text of the configuration. The engine as a library and the server binary read the same file; each ignores what it has
// no use for. Every system log table is absent, so none is created: an idle engine writes and merges nothing.
const configText = `<clickhouse>
  <logger><level>%[1]s</level><console>1</console></logger>
  <path>%[2]s/</path>
  <tmp_path>%[2]s/tmp/</tmp_path>
  <user_files_path>%[2]s/user_files/</user_files_path>
  <format_schema_path>%[2]s/format_schemas/</format_schema_path>
  <users_config>%[3]s</users_config>
  <user_directories><users_xml><path>%[3]s</path></users_xml></user_directories>
  <listen_host>%[4]s</listen_host>
  <tcp_port>%[5]d</tcp_port>
  <http_port>%[6]d</http_port>
  <timezone>UTC</timezone>
  <max_server_memory_usage>%[7]d</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <index_mark_cache_size>16777216</index_mark_cache_size>
  <mmap_cache_size>256</mmap_cache_size>
  <compiled_expression_cache_size>33554432</compiled_expression_cache_size>
  <background_pool_size>%[12]d</background_pool_size>
  <background_merges_mutations_concurrency_ratio>4</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
  <background_message_broker_schedule_pool_size>2</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <tables_loader_foreground_pool_size>2</tables_loader_foreground_pool_size>
  <tables_loader_background_pool_size>1</tables_loader_background_pool_size>
  <async_load_databases>false</async_load_databases>
  <asynchronous_metrics_update_period_s>30</asynchronous_metrics_update_period_s>
  <dictionaries_lazy_load>true</dictionaries_lazy_load>
  <storage_configuration><disks><default><keep_free_space_bytes>%[11]d</keep_free_space_bytes></default><backups><type>local</type><path>%[10]s/</path></backups></disks></storage_configuration>
  <backups><allowed_disk>backups</allowed_disk></backups>
  <shutdown_wait_unfinished>2</shutdown_wait_unfinished>
  <send_crash_reports><enabled>false</enabled></send_crash_reports>
  <merge_tree>
    <fsync_after_insert>%[9]d</fsync_after_insert>
    <fsync_part_directory>%[9]d</fsync_part_directory>
    <merge_selecting_sleep_ms>5000</merge_selecting_sleep_ms>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`

// writeConfig writes both files into c.DataDir and returns the path of the first.
func writeConfig(c *serverConfig, users []User) (string, error) {
	text, err := usersXML(users, c.Threads)
	if err != nil {
		return "", err
	}
	up := filepath.Join(c.DataDir, usersFile)
	if err := os.WriteFile(up, text, 0o600); err != nil {
		return "", err
	}
	fsync := 0
	if c.Fsync {
		fsync = 1
	}
	conf := fmt.Sprintf(configText, xmlText(c.LogLevel), xmlText(filepath.Join(c.DataDir, storeDir)), xmlText(up),
		xmlText(c.Host), c.NativePort, c.HTTPPort, c.MaxMemory, c.Threads, fsync, xmlText(c.BackupDir), KeepFree, c.MergeThreads)
	cp := filepath.Join(c.DataDir, configFile)
	return cp, os.WriteFile(cp, []byte(conf), 0o600)
}

// What a user may do: everything but reach out of the database. Without a server binary the engine does not confine
// file() to a folder, so whoever may log in could read and write this machine's files; url(), s3() and remote() would
// reach its network. The Kafka table engine is what bench/peers compares us with.
const (
	grantAll = "<grants><query>GRANT SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, " +
		"SYSTEM, dictGet, INTROSPECTION, BACKUP, TABLE ENGINE ON *.*</query><query>GRANT READ, WRITE ON KAFKA</query></grants>"
	grantRead = "<grants><query>GRANT SHOW, SELECT, dictGet, CREATE TEMPORARY TABLE ON *.*</query></grants>"
	// what the engine's own start needs; see engineArgs
	grantStart = "<grants><query>GRANT SYSTEM LISTEN, CREATE TEMPORARY TABLE ON *.*</query>" +
		"<query>GRANT CREATE TABLE, SELECT ON default." + stdinTable + "</query><query>GRANT TABLE ENGINE ON File</query></grants>"
)

// usersXML makes the users file. The library always starts as "default" without a password; when users are named it may
// do nothing but start, and it never connects from elsewhere than loopback. async_insert is on by default in this engine
// and would let it gather inserts into blocks of its own choosing: off, so that one insert is one block.
func usersXML(users []User, threads int) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<clickhouse>
  <profiles>
    <default><max_threads>%[1]d</max_threads><max_insert_threads>1</max_insert_threads><async_insert>0</async_insert></default>
    <reader><max_threads>%[1]d</max_threads><readonly>2</readonly></reader>
  </profiles>
  <quotas><default></default></quotas>
  <users>
`, threads)
	entry := func(name, secret, networks, profile, grants string) {
		fmt.Fprintf(&b, "    <%[1]s>%[2]s<networks>%[3]s</networks><profile>%[4]s</profile><quota>default</quota>%[5]s</%[1]s>\n",
			name, secret, networks, profile, grants)
	}
	grants := grantAll
	if len(users) > 0 {
		grants = grantStart
	}
	entry("default", "<password></password>", "<ip>127.0.0.1</ip><ip>::1</ip>", "default", grants)
	seen := map[string]bool{"default": true}
	for _, u := range users {
		switch {
		case !userName.MatchString(u.Name):
			return nil, fmt.Errorf("ClickHouse user %q: a name is a letter followed by at most 62 letters, digits, _ or -", u.Name)
		case seen[u.Name]:
			return nil, fmt.Errorf("ClickHouse user %q is reserved or named twice", u.Name)
		case u.Password == "":
			return nil, fmt.Errorf("ClickHouse user %q has no password", u.Name)
		}
		seen[u.Name] = true
		profile, grants := "default", grantAll
		if u.ReadOnly {
			profile, grants = "reader", grantRead
		}
		sum := sha256.Sum256([]byte(u.Password))
		entry(u.Name, "<password_sha256_hex>"+hex.EncodeToString(sum[:])+"</password_sha256_hex>", "<ip>::/0</ip>", profile, grants)
	}
	b.WriteString("  </users>\n</clickhouse>\n")
	return b.Bytes(), nil
}

func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic("BUG: a strings.Builder refused bytes: " + err.Error())
	}
	return b.String()
}

// memoryTotal returns the machine's memory in bytes, or the control group's limit when that is lower.
func memoryTotal() (int64, error) {
	total, err := physicalMemory()
	if err != nil {
		return 0, err
	}
	if limit, ok := cgroupLimit("/sys/fs/cgroup/memory.max"); ok && limit < total {
		total = limit
	}
	if total <= 0 {
		return 0, errors.New("the machine reports no memory")
	}
	return total, nil
}

func cgroupLimit(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	var n int64
	if _, err := fmt.Sscanf(string(text), "%d", &n); err != nil || n <= 0 {
		return 0, false // "max": no limit
	}
	return n, true
}

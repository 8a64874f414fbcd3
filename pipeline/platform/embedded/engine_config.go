package embedded

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// serverConfig holds the values of the engine's configuration files.
type serverConfig struct {
	DataDir, BackupDir   string // absolute
	Host                 string
	NativePort, HTTPPort int   // HTTPPort 0: not opened
	MaxMemory            int64 // bytes
	Threads              int
	MergeThreads         int
	Fsync                bool
	LogLevel             string
	Reach                []uint16 // ports for outgoing connections
}

// Files of the engine inside the data directory.
const (
	configFile = "config.xml"
	usersFile  = "users.xml"
	logFile    = "engine.log"
	lockFile   = "engine.lock"
	storeDir   = "store.d"
)

// KeepFree is the number of bytes that the engine leaves free on the disk. The engine refuses an insert that would use
// these bytes (code 243). The disk therefore never fills up during an insert: engine 26.7 would then acknowledge parts
// that nobody can read.
const KeepFree = 128 << 20

// The text of the configuration. Library and server read the same file, and each ignores foreign settings. Every
// system log table is absent, so none is created: an idle engine writes and merges nothing.
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
  %[6]s
  <timezone>UTC</timezone>
  <access_control_improvements>
    <table_engines_require_grant>true</table_engines_require_grant>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
    <on_cluster_queries_require_cluster_grant>true</on_cluster_queries_require_cluster_grant>
    <users_without_row_policies_can_read_rows>false</users_without_row_policies_can_read_rows>
  </access_control_improvements>
  <remote_url_allow_hosts></remote_url_allow_hosts>
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

// httpText opens the HTTP port for requests with a name of this machine as Host and without an Origin. All other
// requests get a 404. A web page under a name that points to this machine sends a foreign Host, and a page from
// elsewhere sends an Origin.
func httpText(port int) string {
	if port == 0 {
		return "<!-- no HTTP port -->"
	}
	const local = `regex:(?i)(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?`
	rule := func(methods, path, handler string) string {
		return "<rule>" + methods + path + "<headers><Host>" + local + "</Host><Origin>regex:</Origin></headers><handler>" + handler + "</handler></rule>"
	}
	return "<http_port>" + strconv.Itoa(port) + "</http_port><http_handlers>" +
		rule("<methods>GET,HEAD</methods>", "<url>/ping</url>", "<type>static</type><status>200</status><response_content>Ok.\n</response_content>") +
		rule("<methods>GET,HEAD,POST</methods>", "", "<type>dynamic_query_handler</type><query_param_name>query</query_param_name>") +
		"</http_handlers>"
}

// writeConfig writes both files into c.DataDir and returns the path of the first.
func writeConfig(c *serverConfig, users []EngineUser) (string, error) {
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
		xmlText(c.Host), c.NativePort, httpText(c.HTTPPort), c.MaxMemory, c.Threads, fsync, xmlText(c.BackupDir), KeepFree, c.MergeThreads)
	cp := filepath.Join(c.DataDir, configFile)
	return cp, os.WriteFile(cp, []byte(conf), 0o600)
}

func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic("BUG: a strings.Builder refused bytes: " + err.Error())
	}
	return b.String()
}

// memoryTotal returns the machine's memory in bytes, or the control group's limit when lower.
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

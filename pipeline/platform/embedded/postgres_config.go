package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// postgresText is the configuration. The server has no socket file: clients come over loopback with a password, and a
// data directory may have a long path. synchronous_commit stays on without fsync too, so that a commit survives the end
// of the processes. The log may hold neither statements nor the values of rows, which may be plates.
const postgresText = `# Written anew at every start.
listen_addresses = '%[1]s'
port = %[2]d
unix_socket_directories = ''
max_connections = %[3]d
password_encryption = 'scram-sha-256'
shared_buffers = '64MB'
dynamic_shared_memory_type = 'mmap'
max_parallel_workers_per_gather = 0
jit = off
fsync = %[4]s
synchronous_commit = on
full_page_writes = on
wal_level = 'replica'
max_wal_size = '256MB'
min_wal_size = '32MB'
idle_in_transaction_session_timeout = '60s'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_destination = 'stderr'
logging_collector = off
log_min_messages = 'warning'
log_min_error_statement = 'panic'
log_error_verbosity = 'terse'
log_statement = 'none'
log_checkpoints = off
log_autovacuum_min_duration = -1
update_process_title = off
`

// hbaText lets the accounts log in over loopback with a password, and never the superuser.
func hbaText() string {
	all := []string{accountsAccount}
	for _, a := range PostgresAccounts() {
		all = append(all, string(a))
	}
	names := strings.Join(all, ",")
	return `# Written anew at every start.
local all all                    scram-sha-256
host  all postgres all           reject
host  all ` + names + ` 127.0.0.1/32 scram-sha-256
host  all ` + names + ` ::1/128      scram-sha-256
`
}

// writeFiles writes the configuration into the cluster. The server's user can write there too. Links are therefore
// never followed out of the directory, and an existing file is replaced instead of overwritten.
func (cl *postgresCluster) writeFiles(host string, port int) (err error) {
	root, err := os.OpenRoot(cl.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	onOff := map[bool]string{true: "on", false: "off"}[cl.cfg.Fsync]
	for name, text := range map[string]string{
		"postgresql.conf": fmt.Sprintf(postgresText, strings.ReplaceAll(host, "'", "''"), port, cl.cfg.Connections, onOff),
		"pg_hba.conf":     hbaText(),
	} {
		if err := cl.writeFile(root, name, text); err != nil {
			return err
		}
	}
	return nil
}

func (cl *postgresCluster) writeFile(root *os.Root, name, text string) (err error) {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if cl.uid != 0 {
		if err := f.Chown(int(cl.uid), int(cl.uid)); err != nil {
			return err
		}
	}
	return f.Sync()
}

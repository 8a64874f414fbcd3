package embedded

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// EngineUser may log in to the engine. Users are written to a file: the engine without a server binary refuses
// CREATE USER.
type EngineUser struct {
	Name     string   // letters, digits, _ and -
	Password string   // not empty; only the SHA-256 is stored
	Grants   []string // GRANT statements without the user; empty: may log in and do nothing
	ReadOnly bool     // may change nothing but settings, as clients with a deadline do
}

// DatabaseRole is an account of the engine for a single job. The value is the name of the user.
type DatabaseRole string

// The roles. deploy/clickhouse/users.d has the same for a server.
const (
	Migrator   DatabaseRole = "anpr_migrate"   // makes and alters tables, when `anpr up` starts
	Ingest     DatabaseRole = "anpr_ingest"    // stores, and reads back the state for a new owner of a partition
	Office     DatabaseRole = "anpr_office"    // reads, and stores the events of cases for statistics
	Reconciler DatabaseRole = "anpr_reconcile" // offsets, ids, cameras and times; no column with plates
	Seals      DatabaseRole = "anpr_seals"     // offences whole, and the columns of other tables to compare them with
	Backup     DatabaseRole = "anpr_backup"    // backs up and restores, so may drop tables
	Reader     DatabaseRole = "anpr_reader"    // for an operator's queries; changes nothing
)

// DatabaseRoles lists all roles.
func DatabaseRoles() []DatabaseRole {
	return []DatabaseRole{Migrator, Ingest, Office, Reconciler, Seals, Backup, Reader}
}

// TableEngines lists the table engines for migrations and restores: none reaches out of the database.
func TableEngines() []string {
	return []string{"MergeTree", "ReplacingMergeTree", "AggregatingMergeTree", "MaterializedView", "View", "Memory"}
}

// Passwords holds a password for each role.
type Passwords map[DatabaseRole]string

// NewPasswords draws a password of 256 random bits for each role.
func NewPasswords() Passwords {
	out := Passwords{}
	for _, r := range DatabaseRoles() {
		out[r] = NewPassword()
	}
	return out
}

// NewPassword draws 256 random bits, as text.
func NewPassword() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: the program would have ended
	return hex.EncodeToString(b)
}

// Users makes the accounts of the roles for a database. Backup may also make databases for a rehearsal: their names
// begin with the name of the database and an underscore.
func (p Passwords) Users(database string) ([]EngineUser, error) {
	if !databaseName.MatchString(database) {
		return nil, fmt.Errorf("database %q: want a letter followed by at most 62 letters, digits or _", database)
	}
	out := make([]EngineUser, 0, len(p))
	for _, r := range DatabaseRoles() {
		out = append(out, EngineUser{Name: string(r), Password: p[r], Grants: grantsOf(r, database), ReadOnly: r == Reader})
	}
	return out, nil
}

var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// Grants on descriptions of tables, without plates.
var describing = []string{"GRANT SELECT ON system.databases", "GRANT SELECT ON system.tables", "GRANT SELECT ON system.merge_tree_settings"}

// Grants on tables that describe the state of the server.
var observing = []string{
	"GRANT SELECT ON system.parts", "GRANT SELECT ON system.projection_parts", "GRANT SELECT ON system.merges", "GRANT SELECT ON system.mutations", "GRANT SELECT ON system.metrics",
	"GRANT SELECT ON system.asynchronous_metrics", "GRANT SELECT ON system.events", "GRANT SELECT ON system.errors", "GRANT SELECT ON system.disks",
	"GRANT SELECT ON system.columns", "GRANT SELECT ON system.settings", "GRANT SELECT ON system.functions", "GRANT SELECT ON system.one", "GRANT SELECT ON system.numbers",
}

func grantsOf(r DatabaseRole, db string) []string {
	switch r {
	case Migrator:
		return append(append(engineGrants(), describing...),
			"GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, CREATE VIEW ON "+db+".*")
	case Ingest:
		return append([]string{"GRANT SELECT, INSERT ON " + db + ".*"}, describing...)
	case Office:
		return []string{
			"GRANT SELECT ON " + db + ".*",
			"GRANT INSERT ON " + db + ".reviews",
			"GRANT SELECT ON system.replicas",
		} // see sink.Open
	case Reconciler:
		return append(reconcileGrants(db), "GRANT SELECT ON system.tables")
	case Seals:
		return append(sealGrants(db), "GRANT SELECT ON system.tables")
	case Backup:
		return append(append(engineGrants(), describing...),
			"GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, BACKUP ON "+db+".*",
			"GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, BACKUP ON "+db+"_*.*")
	case Reader:
		return append(append([]string{"GRANT SHOW, SELECT ON " + db + ".*", "GRANT SHOW, SELECT ON " + db + "_*.*"}, describing...), observing...)
	default:
		panic("BUG: no role " + string(r))
	}
}

// reconcileGrants are columns without a plate, as in deploy/clickhouse/users.d.
func reconcileGrants(db string) []string {
	return []string{
		"GRANT SELECT(kafka_partition, kafka_offset, captured_at) ON " + db + ".reads",
		"GRANT SELECT(kafka_partition, kafka_offset) ON " + db + ".merges",
		"GRANT SELECT(kafka_topic, kafka_partition, kafka_offset) ON " + db + ".rejects",
		"GRANT SELECT(hit_id, camera_id, received_at, kafka_partition, kafka_offset) ON " + db + ".hits",
		"GRANT SELECT(offence_id, camera_id, captured_at, kafka_partition, kafka_offset) ON " + db + ".offences",
		"GRANT SELECT ON " + db + ".batches",
		"GRANT SELECT(event_id) ON " + db + ".reviews",
	}
}

// sealGrants are grants on offences and on the columns to compare them with, as in deploy/clickhouse/users.d.
func sealGrants(db string) []string {
	return []string{
		"GRANT SELECT ON " + db + ".offences",
		"GRANT SELECT(read_id, plate, site, zone, municipality, captured_at, kafka_partition) ON " + db + ".reads",
		"GRANT SELECT(offence_id, plate, outcome, captured_at, kafka_partition, kafka_offset) ON " + db + ".decisions",
	}
}

func engineGrants() (out []string) {
	for _, e := range TableEngines() {
		out = append(out, "GRANT TABLE ENGINE ON "+e)
	}
	return out
}

// HarnessUser returns a user with all rights from all roles, on all databases, and with the further grants. Programs
// that measure on made-up data need this user.
func HarnessUser(name, password string, more ...string) EngineUser {
	return EngineUser{Name: name, Password: password, Grants: append(append(engineGrants(), more...),
		"GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, BACKUP, KILL QUERY, "+
			"SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM FLUSH LOGS, SYSTEM DROP CACHE, SYSTEM SYNC FILE CACHE ON *.*")}
}

// localUser is the user for the engine's library, which logs in without a password before a port is open.
const localUser = "default"

var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

// Grants for the start of the library; see engineArgs. Nobody else can be the user of the library: the profile allows a
// single session. The library itself holds the session as long as the ports are open.
var startGrants = []string{
	"GRANT SYSTEM LISTEN ON *.*", "GRANT CREATE TABLE, SELECT ON default." + stdinTable, "GRANT TABLE ENGINE ON File",
}

// usersText begins the users file. async_insert is off, so that each insert is a block; otherwise the engine gathers
// several inserts into a block. Statements may not name a disk, because a disk can be a web server. A backup to an
// unreachable place fails at once.
const usersText = `<clickhouse>
  <profiles>
    <default>
      <max_threads>%[1]d</max_threads><max_insert_threads>1</max_insert_threads><async_insert>0</async_insert><log_queries>0</log_queries>
      <backup_restore_s3_retry_attempts>0</backup_restore_s3_retry_attempts><s3_retry_attempts>0</s3_retry_attempts>
      <constraints>
        <merge_tree_disk><const/></merge_tree_disk><merge_tree_storage_policy><const/></merge_tree_storage_policy>
        <backup_restore_s3_retry_attempts><const/></backup_restore_s3_retry_attempts><s3_retry_attempts><const/></s3_retry_attempts>
      </constraints>
    </default>
    <reader><profile>default</profile><readonly>2</readonly></reader>
    <locked><max_sessions_for_user>1</max_sessions_for_user><constraints><max_sessions_for_user><const/></max_sessions_for_user></constraints></locked>
  </profiles>
  <quotas><default></default></quotas>
  <users>
`

// usersXML makes the users file. The library always starts as "default" without a password. Unless users has "default",
// nobody else can log in under the name.
func usersXML(users []EngineUser, threads int) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, usersText, threads)
	seen := map[string]bool{}
	for _, u := range users {
		switch {
		case !userName.MatchString(u.Name):
			return nil, fmt.Errorf("ClickHouse user %q: a name is a letter followed by at most 62 letters, digits, _ or -", u.Name)
		case seen[u.Name]:
			return nil, fmt.Errorf("ClickHouse user %q is named twice", u.Name)
		case u.Password == "" && u.Name != localUser:
			return nil, fmt.Errorf("ClickHouse user %q has no password", u.Name)
		case u.Password != "" && u.Name == localUser:
			return nil, fmt.Errorf("ClickHouse user %q is reserved: it cannot have a password, the engine starts as it", u.Name)
		}
		seen[u.Name] = true
		profile, networks, secret := "default", "<ip>::/0</ip>", "<password></password>"
		if u.ReadOnly {
			profile = "reader"
		}
		grants := u.Grants
		if u.Name == localUser {
			networks, grants = loopbackOnly, append(slices.Clip(startGrants), u.Grants...)
		} else {
			sum := sha256.Sum256([]byte(u.Password))
			secret = "<password_sha256_hex>" + hex.EncodeToString(sum[:]) + "</password_sha256_hex>"
		}
		writeUser(&b, u.Name, secret, networks, profile, grants)
	}
	if !seen[localUser] {
		writeUser(&b, localUser, "<password></password>", loopbackOnly, "locked", startGrants)
	}
	b.WriteString("  </users>\n</clickhouse>\n")
	return b.Bytes(), nil
}

const loopbackOnly = "<ip>127.0.0.1</ip><ip>::1</ip>"

func writeUser(b *bytes.Buffer, name, secret, networks, profile string, grants []string) {
	if len(grants) == 0 {
		grants = []string{"GRANT NONE ON *.*"}
	}
	var g strings.Builder
	for _, q := range grants {
		g.WriteString("<query>" + xmlText(q) + "</query>")
	}
	fmt.Fprintf(b, "    <%[1]s>%[2]s<networks>%[3]s</networks><profile>%[4]s</profile><quota>default</quota><grants>%[5]s</grants></%[1]s>\n",
		name, secret, networks, profile, g.String())
}

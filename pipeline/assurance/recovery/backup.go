package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/assurance/reconcile"
	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// BackupOffsets name the offsets from which the log completes a backup: for each partition the plan that the group
// had committed when the backup began. The comment of the table batches carries the offsets into the backup.
type BackupOffsets struct {
	At    time.Time             `json:"at"`
	Topic string                `json:"topic"`
	Group string                `json:"group"`
	Plans map[int32]ingest.Plan `json:"plans"`
}

// EndOffsets returns the offset of each partition from which the log completes the backup.
func (c *BackupOffsets) EndOffsets() map[int32]int64 {
	out := map[int32]int64{}
	for p, plan := range c.Plans {
		out[p] = plan.Start
	}
	return out
}

// NewBackupOffsets makes the offsets from a group's commits. The offset is the beginning of a batch under way, because
// the rows of the batch may be there or not.
func NewBackupOffsets(topic, group string, commits map[int32]platform.GroupCommit) (*BackupOffsets, error) {
	c := &BackupOffsets{At: time.Now().UTC(), Topic: topic, Group: group, Plans: map[int32]ingest.Plan{}}
	for p, commit := range commits {
		if commit.Offset < 0 {
			continue // the pipeline never processed a record here
		}
		plan, err := ingest.ParsePlan(commit.Metadata, commit.Offset)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", p, err)
		}
		plan.End = plan.Start
		c.Plans[p] = plan
	}
	return c, nil
}

// BackupStore names a database, and the disk for backups in the server's configuration.
type BackupStore struct {
	Conn     driver.Conn
	Disk     string
	Database string
}

var backupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,100}$`)

func (s *BackupStore) checkNames(names ...string) error {
	for _, n := range append(names, s.Disk) {
		if !backupName.MatchString(n) {
			return fmt.Errorf("name %q of a backup or disk: use letters, digits, '.', '_' and '-'", n)
		}
	}
	return nil
}

// Backup writes every table of the database to the disk under a name. With a base only the changes since the base
// are written.
func (s *BackupStore) Backup(ctx context.Context, name, base string, cut *BackupOffsets) error {
	text, err := json.Marshal(cut)
	if err != nil {
		return fmt.Errorf("cut of the backup: %w", err)
	}
	note, err := reconcile.ReadNote(ctx, s.Conn, s.Database)
	if err != nil {
		return err
	}
	note.Cut = text
	if err := note.Write(ctx, s.Conn, s.Database); err != nil {
		return err
	}
	return s.runBackup(ctx, "DATABASE "+quoteName(s.Database), name, base)
}

// BackupTable writes a single table, for data that are not on the log.
func (s *BackupStore) BackupTable(ctx context.Context, table, name, base string) error {
	return s.runBackup(ctx, "TABLE "+quoteName(s.Database)+"."+quoteName(table), name, base)
}

func (s *BackupStore) runBackup(ctx context.Context, what, name, base string) error {
	names := []string{name}
	settings := ""
	if base != "" {
		names = append(names, base)
		settings = fmt.Sprintf(" SETTINGS base_backup = Disk('%s', '%s')", s.Disk, base)
	}
	if err := s.checkNames(names...); err != nil {
		return err
	}
	if err := s.Conn.Exec(ctx, fmt.Sprintf("BACKUP %s TO Disk('%s', '%s')%s", what, s.Disk, name, settings)); err != nil {
		return s.explainNames(fmt.Errorf("backup %s: %w", name, err), name, base)
	}
	return nil
}

// ErrTaken means that a backup with the name exists.
var ErrTaken = errors.New("there is a backup of this name")

// ErrNoBackup means that no backup has the name.
var ErrNoBackup = errors.New("there is no backup of this name")

// explainNames words the two mistakes with names for people; any other error comes back unchanged.
func (s *BackupStore) explainNames(err error, name, base string) error {
	e, ok := errors.AsType[*clickhouse.Exception](err)
	switch {
	case ok && proto.Error(e.Code) == proto.ErrBackupAlreadyExists:
		return fmt.Errorf("%w: %s on disk %s; choose another", ErrTaken, name, s.Disk)
	case ok && proto.Error(e.Code) == proto.ErrBackupNotFound && base != "":
		return fmt.Errorf("%w: %s on disk %s, which --base names; correct it, or leave --base out", ErrNoBackup, base, s.Disk)
	case ok && proto.Error(e.Code) == proto.ErrBackupNotFound:
		return fmt.Errorf("%w: %s on disk %s; correct the name", ErrNoBackup, name, s.Disk)
	}
	return err
}

// Restore makes the database from a backup, taken from a database named from, and returns the backup's offsets. An
// existing database must be empty, the access log included, and is dropped first.
func (s *BackupStore) Restore(ctx context.Context, name, from string) (*BackupOffsets, error) {
	if err := s.checkNames(name); err != nil {
		return nil, err
	}
	if err := s.CheckEmpty(ctx, "access_log"); err != nil {
		return nil, err
	}
	if err := s.Conn.Exec(ctx, "DROP DATABASE IF EXISTS "+quoteName(s.Database)+" SYNC"); err != nil {
		return nil, fmt.Errorf("make room for backup %s: %w", name, err)
	}
	if err := s.Conn.Exec(ctx, fmt.Sprintf("RESTORE DATABASE %s AS %s FROM Disk('%s', '%s')", quoteName(from), quoteName(s.Database), s.Disk, name)); err != nil {
		return nil, s.explainNames(fmt.Errorf("restore backup %s: %w", name, err), name, "")
	}
	note, err := reconcile.ReadNote(ctx, s.Conn, s.Database)
	if err != nil {
		return nil, err
	}
	if len(note.Cut) == 0 {
		return nil, fmt.Errorf("backup %s has no cut: it was not made by anpr backup, so it is not known from where on the log completes it", name)
	}
	var cut BackupOffsets
	if err := json.Unmarshal(note.Cut, &cut); err != nil {
		return nil, fmt.Errorf("read the cut of backup %s: %w", name, err)
	}
	return &cut, s.DeleteFrom(ctx, cut.EndOffsets())
}

// RestoreTable restores a table from a backup into the database side, which must not have the table. The backup is a
// copy of the database from.
func (s *BackupStore) RestoreTable(ctx context.Context, name, from, table, side string) error {
	if err := s.checkNames(name); err != nil {
		return err
	}
	if err := s.Conn.Exec(ctx, fmt.Sprintf("RESTORE TABLE %[1]s.%[3]s AS %[2]s.%[3]s FROM Disk('%[4]s', '%[5]s')", quoteName(from), quoteName(side), quoteName(table), s.Disk, name)); err != nil {
		return s.explainNames(fmt.Errorf("restore table %s of backup %s: %w", table, name, err), name, "")
	}
	return nil
}

// NoteRebuilt notes the offsets below which rows were made again, for the protocol checker.
func (s *BackupStore) NoteRebuilt(ctx context.Context, ends map[int32]int64) error {
	note, err := reconcile.ReadNote(ctx, s.Conn, s.Database)
	if err != nil {
		return err
	}
	note.Rebuilt = ends
	return note.Write(ctx, s.Conn, s.Database)
}

// DeleteFrom deletes the rows of records at or above the offsets. The rebuild makes these rows again.
func (s *BackupStore) DeleteFrom(ctx context.Context, ends map[int32]int64) error {
	for _, t := range Tables() {
		column := "kafka_offset"
		if t == "batches" {
			column = "start_offset"
		}
		keep := belowOffsets(column+" < %d", ends)
		if err := s.Conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s.%s DELETE WHERE NOT %s SETTINGS mutations_sync = 2", quoteName(s.Database), t, keep)); err != nil {
			return fmt.Errorf("delete the rows of %s beyond the cut: %w", t, err)
		}
	}
	return nil
}

// countRows counts the rows of the tables made from the log and of others, and returns the tables with rows.
func (s *BackupStore) countRows(ctx context.Context, others []string) (map[string]uint64, error) {
	out := map[string]uint64{}
	for _, t := range append(Tables(), others...) {
		var there, n uint64
		err := s.Conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name = ?", s.Database, t).Scan(&there)
		if err == nil && there > 0 {
			err = s.Conn.QueryRow(ctx, "SELECT count() FROM "+quoteName(s.Database)+"."+quoteName(t)).Scan(&n)
		}
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", t, err)
		}
		if n > 0 {
			out[t] = n
		}
	}
	return out, nil
}

// ErrNotEmpty means that a restore would mix with existing rows.
var ErrNotEmpty = errors.New("the tables are not empty")

// CheckEmpty returns ErrNotEmpty when a table made from the log, or any of the others, has rows.
func (s *BackupStore) CheckEmpty(ctx context.Context, others ...string) error {
	rows, err := s.countRows(ctx, others)
	if err != nil || len(rows) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s of database %s; restore into another database, or drop this one first", ErrNotEmpty, strings.Join(slices.Sorted(maps.Keys(rows)), ", "), s.Database)
}

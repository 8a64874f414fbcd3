package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// RestoreNote is the note that backups and restores leave for later checks. The table batches has the note as comment,
// and so does each backup of the table.
type RestoreNote struct {
	Cut json.RawMessage `json:"cut,omitempty"` // recovery.BackupOffsets of the last backup
	// Rebuilt is the offset of each partition up to which a restore made the rows again, in ranges other than the
	// planned ranges.
	Rebuilt map[int32]int64 `json:"rebuilt,omitempty"`
}

const noteMark = "anpr: "

// ReadNote returns the note of a database, or an empty note.
func ReadNote(ctx context.Context, conn driver.Conn, database string) (n RestoreNote, err error) {
	where := "database = '" + escapeSQL(database) + "'"
	if database == "" {
		where = "database = currentDatabase()"
	}
	err = tableReader{conn}.queryRows(ctx, "SELECT comment FROM system.tables WHERE "+where+" AND name = 'batches'", func(rows driver.Rows) error {
		var comment string
		if err := rows.Scan(&comment); err != nil {
			return err
		}
		text, ok := strings.CutPrefix(comment, noteMark)
		if !ok {
			return nil
		}
		return json.Unmarshal([]byte(text), &n)
	})
	if err != nil {
		return n, fmt.Errorf("read the comment of batches: %w", err)
	}
	return n, nil
}

// Write leaves the note in a database.
func (n *RestoreNote) Write(ctx context.Context, conn driver.Conn, database string) error {
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("note for batches: %w", err)
	}
	if err := conn.Exec(ctx, fmt.Sprintf("ALTER TABLE `%s`.batches MODIFY COMMENT '%s'", strings.ReplaceAll(database, "`", "\\`"), escapeSQL(noteMark+string(text)))); err != nil {
		return fmt.Errorf("write the comment of batches: %w", err)
	}
	return nil
}

func escapeSQL(s string) string { return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) }

package sink

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// MinWindow is the deduplication window, in parts, for the tables created by schemas.
const MinWindow = 10_000

// CheckWindow verifies that every table for the sink exists and remembers at least minimum insert tokens. A worker
// stalled for longer than the window would insert its range a second time, so it must not start. The error wraps
// ingest.ErrStop and gives the statement to run. On a plain MergeTree the server's own default is 0.
func CheckWindow(ctx context.Context, conn driver.Conn, database string, minimum uint64) error {
	rows, err := conn.Query(ctx, "SELECT name, engine, engine_full FROM system.tables WHERE database = ?", database)
	if err != nil {
		return fmt.Errorf("read the tables of %s: %w", database, err)
	}
	defer func() { _ = rows.Close() }()
	found := map[string][2]string{}
	for rows.Next() {
		var name, engine, full string
		if err := rows.Scan(&name, &engine, &full); err != nil {
			return fmt.Errorf("read the tables of %s: %w", database, err)
		}
		found[name] = [2]string{engine, full}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the tables of %s: %w", database, err)
	}
	for _, name := range append(tableNames[:], batchesTable) {
		t, ok := found[name]
		if !ok {
			return fmt.Errorf("table %s.%s is missing: run anpr migrate: %w", database, name, ingest.ErrStop)
		}
		if err := checkTableWindow(ctx, conn, windowCheck{database, name, t[0], t[1], minimum}); err != nil {
			return err
		}
	}
	return nil
}

type windowCheck struct {
	database, table, engine, full string
	minimum                       uint64
}

func checkTableWindow(ctx context.Context, conn driver.Conn, w windowCheck) error {
	setting, defaults, err := windowSetting(w.engine)
	if err != nil {
		return fmt.Errorf("table %s.%s: %w", w.database, w.table, err)
	}
	have, ok := settingIn(w.full, setting)
	if !ok {
		q := "SELECT value FROM " + defaults + " WHERE name = ?"
		var value string
		if err := conn.QueryRow(ctx, q, setting).Scan(&value); err != nil {
			return fmt.Errorf("read the server's default of %s: %w", setting, err)
		}
		if have, err = strconv.ParseUint(value, 10, 64); err != nil {
			return fmt.Errorf("server's default of %s is %q, not a number: %w", setting, value, err)
		}
	}
	if have < w.minimum {
		return fmt.Errorf("table %s.%s remembers %d insert tokens and needs %d, a repeated range could be counted twice: run ALTER TABLE %s.%s MODIFY SETTING %s = %d: %w",
			w.database, w.table, have, w.minimum, platform.QuoteName(w.database), platform.QuoteName(w.table), setting, w.minimum, ingest.ErrStop)
	}
	return nil
}

// windowSetting names the setting for an engine's token memory, and the system table with the setting's default.
func windowSetting(engine string) (setting, defaults string, err error) {
	switch {
	case !strings.HasSuffix(engine, "MergeTree"):
		return "", "", fmt.Errorf("engine %s does not deduplicate inserts: use a MergeTree engine: %w", engine, ingest.ErrStop)
	case strings.HasPrefix(engine, "Replicated"), strings.HasPrefix(engine, "Shared"):
		return "replicated_deduplication_window", "system.replicated_merge_tree_settings", nil
	default:
		return "non_replicated_deduplication_window", "system.merge_tree_settings", nil
	}
}

// settingIn finds a numeric setting in a table's engine clause. Example: ... SETTINGS a = 1, index_granularity = 8192
func settingIn(engineFull, setting string) (uint64, bool) {
	i := strings.LastIndex(engineFull, " SETTINGS ")
	if i < 0 {
		return 0, false
	}
	for part := range strings.SplitSeq(engineFull[i+len(" SETTINGS "):], ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || strings.TrimSpace(name) != setting {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		return n, err == nil
	}
	return 0, false
}

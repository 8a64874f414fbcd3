package testkit

import (
	"context"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// A copied database equals a migrated one: each column, key, projection and view, and the versions of the migrations.
func TestACopyOfTheTablesIsWhatTheMigrationsMake(t *testing.T) {
	addr, copied := Tables(t)
	_, migrated := Database(t)
	if err := platform.Migrate(t.Context(), platform.ClickHouse{Addr: addr, Database: migrated}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	conn, err := ch.Dial(t.Context(), ch.Options{Address: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	list := func(db string) (out []string) {
		for _, q := range []string{
			"SELECT replaceAll(create_table_query, '" + db + ".', '') AS line FROM system.tables WHERE database = '" + db + "' ORDER BY name",
			"SELECT concat(table, ' ', name, ' ', type, ' ', default_kind, ' ', default_expression, ' ', comment, ' ', compression_codec) AS line FROM system.columns WHERE database = '" + db + "' ORDER BY table, position",
			"SELECT concat(table, ' ', name, ' ', query) AS line FROM system.projections WHERE database = '" + db + "' ORDER BY table, name",
			"SELECT toString(version_id) AS line FROM " + db + ".goose_db_version WHERE is_applied ORDER BY version_id",
		} {
			var lines proto.ColStr
			err := conn.Do(t.Context(), ch.Query{Body: q, Result: proto.Results{{Name: "line", Data: &lines}}, OnResult: func(context.Context, proto.Block) error {
				for i := range lines.Rows() {
					out = append(out, lines.Row(i))
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	got, want := list(copied), list(migrated)
	if len(got) != len(want) || len(want) < 100 {
		t.Fatalf("the copy has %d definitions, the migrated database %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("the copy has\n%s\nwant\n%s", got[i], want[i])
		}
	}
}

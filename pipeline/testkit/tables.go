package testkit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// template is the database that the migrations have made once in this test binary.
var template struct {
	once   sync.Once
	name   string
	tables []tableCopy
	err    error
}

// tableCopy is the definition of a table or view in the template.
type tableCopy struct {
	create string // definition with the template's name
	name   string
	filled bool // the migrations wrote rows
}

// Tables creates a database with the tables of today for this test, dropped when the test ends, and returns the native
// address and the database's name. The migrations run once in a test binary; each database gets the definitions that
// they left, and their rows.
func Tables(tb testing.TB) (addr, db string) {
	tb.Helper()
	addr, db = Database(tb)
	template.once.Do(func() { template.err = makeTemplate(context.Background(), addr) })
	if template.err != nil {
		tb.Fatal("testkit: ", template.err)
	}
	if err := copyTemplate(context.Background(), addr, db); err != nil {
		tb.Fatal("testkit: ", err)
	}
	return addr, db
}

// makeTemplate migrates an empty database and reads the definitions of the tables.
func makeTemplate(ctx context.Context, addr string) (err error) {
	t := &template
	t.name = fmt.Sprintf("template_%d", os.Getpid())
	if err := Exec(ctx, addr, "CREATE DATABASE "+t.name); err != nil {
		return err
	}
	if err := platform.Migrate(ctx, platform.ClickHouse{Addr: addr, Database: t.name}, zerolog.Nop()); err != nil {
		return err
	}
	conn, err := ch.Dial(ctx, ch.Options{Address: addr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	var names, engines, creates proto.ColStr
	var filled proto.ColUInt8
	err = conn.Do(ctx, ch.Query{
		Body:   "SELECT name, engine, create_table_query, ifNull(total_rows, 0) > 0 AS filled FROM system.tables WHERE database = '" + t.name + "' ORDER BY name",
		Result: proto.Results{{Name: "name", Data: &names}, {Name: "engine", Data: &engines}, {Name: "create_table_query", Data: &creates}, {Name: "filled", Data: &filled}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range names.Rows() {
				view := strings.HasSuffix(engines.Row(i), "View")
				t.tables = append(t.tables, tableCopy{create: creates.Row(i), name: names.Row(i), filled: filled[i] != 0 && !view})
			}
			return nil
		},
	})
	slices.SortStableFunc(t.tables, func(a, b tableCopy) int { return cmp.Compare(orderOf(a), orderOf(b)) })
	if err == nil && len(t.tables) == 0 {
		err = fmt.Errorf("the migrations made no table in %s", t.name)
	}
	return err
}

// orderOf puts tables before the views that read them.
func orderOf(c tableCopy) int {
	if strings.HasPrefix(c.create, "CREATE TABLE ") {
		return 0
	}
	return 1
}

// copyTemplate gives a database the definitions and rows of the template.
func copyTemplate(ctx context.Context, addr, db string) (err error) {
	conn, err := ch.Dial(ctx, ch.Options{Address: addr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, c := range template.tables {
		if err := conn.Do(ctx, ch.Query{Body: strings.ReplaceAll(c.create, template.name+".", db+".")}); err != nil {
			return fmt.Errorf("copy %s: %w", c.name, err)
		}
		if !c.filled {
			continue
		}
		if err := conn.Do(ctx, ch.Query{Body: fmt.Sprintf("INSERT INTO %s.`%s` SELECT * FROM %s.`%s`", db, c.name, template.name, c.name)}); err != nil {
			return fmt.Errorf("copy the rows of %s: %w", c.name, err)
		}
	}
	return nil
}

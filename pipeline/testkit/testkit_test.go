package testkit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"
)

func TestMain(m *testing.M) { Main(m) }

func TestDatabaseIsEmptyAndOfTheTestAlone(t *testing.T) {
	names := map[string]bool{}
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			addr, db := Database(t)
			if names[db] {
				t.Fatalf("database %s was given out twice", db)
			}
			names[db] = true
			conn, err := clickhouse.Open(&clickhouse.Options{
				Addr: []string{addr}, Auth: clickhouse.Auth{Database: db},
				Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			}()
			ctx := context.Background()
			if err := conn.Exec(ctx, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a"); err != nil {
				t.Fatal(err)
			}
			if err := conn.Exec(ctx, "INSERT INTO t SELECT number FROM numbers(10)"); err != nil {
				t.Fatal(err)
			}
			var sum uint64
			if err := conn.QueryRow(ctx, "SELECT sum(a) FROM t").Scan(&sum); err != nil {
				t.Fatal(err)
			}
			if sum != 45 {
				t.Errorf("sum = %d, want 45", sum)
			}
		})
	}
	addr := ClickHouse(t).NativeAddr()
	for db := range names {
		if err := Exec(context.Background(), addr, "CREATE TABLE "+db+".t (a Int8) ENGINE = Memory"); err == nil {
			t.Errorf("database %s outlived its test", db)
		}
	}
}

func TestBrokerServesKafkaGo(t *testing.T) {
	addr := Broker(t, map[string]int{"one": 3})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := kafka.DialContext(ctx, "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := conn.ReadPartitions("one")
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	if len(parts) != 3 {
		t.Errorf("%d partitions, want 3", len(parts))
	}
}

package schemas

import "embed"

// Migrations holds the ClickHouse migrations, clickhouse/NNNN_*.sql, in goose's form.
//
//go:embed clickhouse/*.sql
var Migrations embed.FS

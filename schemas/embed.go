package schemas

import "embed"

// Migrations holds the ClickHouse migrations, clickhouse/NNNN_*.sql, in goose's form.
//
//go:embed clickhouse/*.sql
var Migrations embed.FS

// PostgresMigrations holds the PostgreSQL migrations, postgres/NNNN_*.sql, in goose's form. Numbers begin at 1.
// Numbers from 9001 belong to the queue river, in pipeline/platform.
//
//go:embed postgres/*.sql
var PostgresMigrations embed.FS

// HandoverSchemas holds the JSON Schemas of what goes to recipients of cases and comes from them, handover/*.schema.json.
//
//go:embed handover/*.json
var HandoverSchemas embed.FS

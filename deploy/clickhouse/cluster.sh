#!/usr/bin/env bash
# Prints the tables of schemas/clickhouse in their form for a replicated cluster: the same columns and sorting, engines
# Replicated..., the deduplication window under the name it has there. Run the output on the cluster before `anpr migrate`,
# which then finds the tables and only notes its versions:
#   deploy/clickhouse/cluster.sh CLUSTER | clickhouse-client --multiquery
# The servers need the macros {shard} and {replica}, and the workers an insert quorum. Not run on a cluster yet.
set -euo pipefail
cd "$(dirname "$0")/../../schemas/clickhouse"
cluster=${1:?name of the cluster, as in <remote_servers>}
echo "CREATE DATABASE IF NOT EXISTS anpr ON CLUSTER '$cluster';"
for file in [0-9]*.sql; do
	sed -n '/^-- +goose Down/q; /^-- +goose/d; p' "$file" | sed -E \
		-e "s/^CREATE TABLE IF NOT EXISTS ([a-z_]+)\$/CREATE TABLE IF NOT EXISTS anpr.\1 ON CLUSTER '$cluster'/" \
		-e "s/^CREATE MATERIALIZED VIEW IF NOT EXISTS ([a-z_]+) TO ([a-z_]+)\$/CREATE MATERIALIZED VIEW IF NOT EXISTS anpr.\1 ON CLUSTER '$cluster' TO anpr.\2/" \
		-e "s/^ALTER TABLE ([a-z_]+) /ALTER TABLE anpr.\1 ON CLUSTER '$cluster' /" \
		-e "s/^INSERT INTO ([a-z_]+) /INSERT INTO anpr.\1 /" \
		-e "s/^FROM ([a-z_]+) GROUP/FROM anpr.\1 GROUP/" \
		-e "s/^ENGINE = (Replacing|Aggregating)?MergeTree\$/ENGINE = Replicated\1MergeTree('\/clickhouse\/tables\/{shard}\/{database}\/{table}', '{replica}')/" \
		-e "s/non_replicated_deduplication_window = ([0-9]+)/replicated_deduplication_window = \1, replicated_deduplication_window_seconds = 604800/"
done

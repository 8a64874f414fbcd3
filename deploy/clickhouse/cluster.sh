#!/usr/bin/env bash
# Prints the tables of schemas/clickhouse in their form for a replicated cluster: the same columns and sorting, engines
# Replicated..., the deduplication window under the name it has there. Run the output once, on an empty cluster, before `anpr migrate`:
#   deploy/clickhouse/cluster.sh CLUSTER | clickhouse-client --multiquery
# The output ends with the versions of the migrations, in a table that every replica has: `anpr migrate` carries out later ones only,
# whichever replica it reaches. Some migrations cannot be carried out twice.
# The servers need the macros {shard} and {replica}, and the workers an insert quorum. Not run on a cluster yet.
set -euo pipefail
cd "$(dirname "$0")/../../schemas/clickhouse"
cluster=${1:?name of the cluster, as in <remote_servers>}
replicated="MergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
echo "CREATE DATABASE IF NOT EXISTS anpr ON CLUSTER '$cluster';"
versions="(0, 1)"
for file in [0-9]*.sql; do
	sed -n '/^-- +goose Down/q; /^-- +goose/d; p' "$file" | sed -E \
		-e "s/^CREATE TABLE IF NOT EXISTS ([a-z_]+)\$/CREATE TABLE IF NOT EXISTS anpr.\1 ON CLUSTER '$cluster'/" \
		-e "s/^CREATE MATERIALIZED VIEW IF NOT EXISTS ([a-z_]+) TO ([a-z_]+)\$/CREATE MATERIALIZED VIEW IF NOT EXISTS anpr.\1 ON CLUSTER '$cluster' TO anpr.\2/" \
		-e "s/^ALTER TABLE ([a-z_]+)( |\$)/ALTER TABLE anpr.\1 ON CLUSTER '$cluster'\2/" \
		-e "s/^INSERT INTO ([a-z_]+) /INSERT INTO anpr.\1 /" \
		-e "s/^FROM ([a-z_]+) GROUP/FROM anpr.\1 GROUP/" \
		-e "s#^ENGINE = (Replacing|Aggregating)?MergeTree\$#ENGINE = Replicated\1$replicated#" \
		-e "s/non_replicated_deduplication_window = ([0-9]+)/replicated_deduplication_window = \1, replicated_deduplication_window_seconds = 604800/"
	number=${file%%_*}
	versions+=", ($((10#$number)), 1)"
done
# The table of goose, which `anpr migrate` would make on one server alone.
cat <<END
CREATE TABLE anpr.goose_db_version ON CLUSTER '$cluster' (version_id Int64, is_applied UInt8, date Date DEFAULT now(), tstamp DateTime DEFAULT now())
ENGINE = Replicated$replicated
ORDER BY date;
INSERT INTO anpr.goose_db_version (version_id, is_applied) VALUES $versions;
END

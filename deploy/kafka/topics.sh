#!/usr/bin/env bash
# Creates the topics, or brings the settings of existing ones up to date. Run it before the first worker and again after
# changing a value. Needs the scripts of an Apache Kafka distribution.
#   BOOTSTRAP=kafka-1:9092 PARTITIONS=16 REPLICAS=3 KAFKA_BIN=/opt/kafka/bin deploy/kafka/topics.sh
# BOOTSTRAP   brokers, default 127.0.0.1:9092
# PARTITIONS  of reads, hits, offences and reviews: one shard each, and the most workers that can share the work. It cannot be
#             changed later: a plate would move to another partition, away from its state. Default 16.
# REPLICAS    copies, default 1. With 3, two must have a record before the camera gets its answer.
# READS_DAYS  how long reads stay on the log, default 7: the longest time ClickHouse may be away, and the reach of a replay.
# CONFIG      file with client settings (TLS, SASL), passed on as --command-config
set -euo pipefail

BOOTSTRAP=${BOOTSTRAP:-127.0.0.1:9092}
PARTITIONS=${PARTITIONS:-16}
REPLICAS=${REPLICAS:-1}
READS_DAYS=${READS_DAYS:-7}
bin=${KAFKA_BIN:+$KAFKA_BIN/}
common=(--bootstrap-server "$BOOTSTRAP")
[ -z "${CONFIG:-}" ] || common+=(--command-config "$CONFIG")
insync=1
if [ "$REPLICAS" -ge 3 ]; then insync=2; fi
day=$((24 * 3600 * 1000))

# find_tool NAME: kafka-topics.sh in the distribution, kafka-topics in some packages.
find_tool() {
	local name
	for name in "$bin$1.sh" "$bin$1"; do
		if command -v "$name" >/dev/null; then echo "$name"; return; fi
	done
	echo "topics.sh: $1.sh is not on PATH: set KAFKA_BIN to the bin folder of a Kafka distribution" >&2
	exit 1
}
topics=$(find_tool kafka-topics)
configs=$(find_tool kafka-configs)

# topic NAME PARTITIONS RETENTION_MS [POLICY]
topic() {
	local settings=cleanup.policy=${4:-delete},retention.ms=$3,max.message.bytes=1048588,min.insync.replicas=$insync,unclean.leader.election.enable=false have
	"$topics" "${common[@]}" --create --if-not-exists --topic "$1" --partitions "$2" --replication-factor "$REPLICAS" >/dev/null
	"$configs" "${common[@]}" --alter --entity-type topics --entity-name "$1" --add-config "$settings" >/dev/null
	have=$("$topics" "${common[@]}" --describe --topic "$1" | sed -n 's/.*PartitionCount: *\([0-9]*\).*/\1/p' | head -n 1)
	if [ "$have" != "$2" ]; then
		echo "topics.sh: $1 has $have partitions, not $2. Do not add partitions to a topic in use: plates would change shards." >&2
		exit 1
	fi
	echo "$1: $2 partitions, $REPLICAS copies ($insync in sync), $(($3 / day)) days"
}

topic anpr.reads.v1 "$PARTITIONS" $((READS_DAYS * day))
topic anpr.hits.v1 "$PARTITIONS" $((7 * day))
topic anpr.offences.v1 "$PARTITIONS" $((7 * day))
# Events of cases, without plates, keyed by case. ClickHouse keeps them for ever in the table reviews.
topic anpr.reviews.v1 "$PARTITIONS" $((7 * day))
# The dead-letter topic holds the original bytes of what was refused, for repair.
topic anpr.rejects.v1 1 $((30 * day))
# Signed heads of the look-up log: by them a log that was cut or written anew is found. Its readers and writers are not those of the database.
topic anpr.lookuplog.v1 1 $((3650 * day))
# Versions of reference data and when they begin. Compacted: nothing of it is ever dropped, since the log is read again by it. Only
# whoever announces and the workers may write it.
topic anpr.reference.v1 1 $((3650 * day)) compact
# Gateways that hear of no upload ask here whether the broker takes records.
topic anpr.probe.v1 1 "$day"

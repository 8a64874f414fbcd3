package main

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// job is a start of a system, with its log and its database.
type job struct {
	h     *harness
	log   *topicLog
	group string
	db    string     // of this round, with the tables made by prepare
	rng   *rand.Rand // set when the system is to be killed: every start of ours then has another size of batches
}

// system is a program that brings the log into ClickHouse.
type system struct {
	name string
	form string // of the log
	does string // work done and work not done; without this the numbers mean nothing
	// absent is the reason why the system is not measured; empty for a measured system.
	absent string
	// inServer means that the system is a part of the database, and the server's CPU time includes the system's.
	inServer bool
	// prepare makes the tables.
	prepare func(ctx context.Context, j *job) error
	// start starts the system; the process is nil when the system runs inside the database.
	start func(ctx context.Context, j *job) (*peerProcess, error)
	// end ends a system without a process; optional.
	end func(ctx context.Context, j *job) error
	// progress counts the stored records. It is called again and again and must be cheap.
	progress func(ctx context.Context, j *job) (uint64, error)
	// target is the progress with all records stored.
	target func(ctx context.Context, j *job) (uint64, error)
	count  func(ctx context.Context, j *job) (rowTally, error)
}

func (h *harness) listSystems() []*system {
	list := []*system{h.ourSystem(protobuf), h.ourSystem(jsonForm), h.kafkaEngineSystem(), h.bentoSystem(), h.sinkerSystem()}
	if len(h.Only) == 0 {
		return list
	}
	var out []*system
	for _, s := range list {
		for _, name := range h.Only {
			if s.name == name {
				out = append(out, s)
			}
		}
	}
	return out
}

const exactCount = "whole pipeline: decode, normalise, dedup, passages, all LEZ, speed and list rules against the register, sealed evidence, hits and offences on topics, " +
	"plan-insert-commit into the real tables, ledger"

// ourSystem is `anpr ingest` as installed.
func (h *harness) ourSystem(form string) *system {
	return &system{
		name: "anpr-" + form, form: form, does: exactCount,
		prepare: func(ctx context.Context, j *job) error {
			p, err := startProcess(h.accountEnv(), h.Anpr, "migrate", "--clickhouse-addr="+h.engine.NativeAddr(), "--clickhouse-database="+j.db, "--log-level=warn")
			if err != nil {
				return err
			}
			select {
			case <-p.endedChannel():
			case <-ctx.Done():
				p.killProcess()
			}
			if p.err != nil {
				return p.failureError("migrate: " + p.err.Error())
			}
			return nil
		},
		start: func(_ context.Context, j *job) (*peerProcess, error) {
			args := []string{
				"ingest", "--kafka-addr=" + j.log.broker.addr, "--clickhouse-addr=" + h.engine.NativeAddr(), "--clickhouse-database=" + j.db,
				"--group=" + j.group, "--reference=" + h.reference, "--ops-addr=" + h.opsAddr, "--log-level=warn",
			}
			if h.Profile != "" {
				args = append(args, "--profile-waits=10us")
			}
			args = append(args, h.OursFlag...)
			if j.rng != nil {
				args = append(args, fmt.Sprintf("--batch-rows=%d", 1000+j.rng.IntN(20_000)))
			}
			return startProcess(h.accountEnv(), h.Anpr, args...)
		},
		progress: func(ctx context.Context, j *job) (uint64, error) {
			return h.store.queryNumber(ctx, "SELECT toUInt64(sum(fetched)) FROM "+j.db+".batches")
		},
		target: func(context.Context, *job) (uint64, error) { return uint64(h.Count), nil },
		count:  func(ctx context.Context, j *job) (rowTally, error) { return h.store.countOurs(ctx, j.db, form) },
	}
}

// peerTable is the table for ingest-only systems.
const peerTable = `CREATE TABLE %s.peer_reads (
	read_id String, ts DateTime, camera_id String, lane UInt8, plate String, region String, confidence Float32, make String, model String,
	colour String, speed UInt16, lat Float64, lon Float64, direction String, image_ref String%s
) ENGINE = MergeTree PARTITION BY toYYYYMMDD(ts) ORDER BY (camera_id, ts)`

const ingestOnly = "ingest only: the fields of the JSON into 15 columns of one table (model, lat and lon are not in the record and stay empty); " +
	"no rules, no dedup, no register, no passages, no evidence, no topics"

// fillPeer fills in the common part of all ingest-only systems.
func (h *harness) fillPeer(s *system) *system {
	s.form = jsonForm
	s.progress = func(ctx context.Context, j *job) (uint64, error) {
		return h.store.queryNumber(ctx, "SELECT count() FROM "+j.db+".peer_reads")
	}
	s.target = func(ctx context.Context, _ *job) (uint64, error) {
		return h.store.queryNumber(ctx, "SELECT count() FROM harness.log_json WHERE text != ''")
	}
	s.count = func(ctx context.Context, j *job) (rowTally, error) { return h.store.countPeer(ctx, j.db, jsonForm) }
	if s.prepare == nil {
		s.prepare = func(ctx context.Context, j *job) error {
			return h.store.execAll(ctx, "CREATE DATABASE "+j.db, fmt.Sprintf(peerTable, j.db, ""))
		}
	}
	return s
}

// kafkaEngineSystem is ClickHouse's own Kafka table engine with a materialized view.
func (h *harness) kafkaEngineSystem() *system {
	return h.fillPeer(&system{
		name: "clickhouse-kafka-engine", inServer: true, does: ingestOnly + "; at least once; records that cannot be read are skipped uncounted",
		start: func(ctx context.Context, j *job) (*peerProcess, error) {
			return nil, h.store.execAll(ctx, fmt.Sprintf(kafkaEngineTable, j.db, j.log.broker.addr, j.group, h.Consumers), fmt.Sprintf(kafkaEngineView, j.db))
		},
		end: func(ctx context.Context, j *job) error {
			return h.store.execAll(ctx, "DROP TABLE "+j.db+".feed SYNC", "DROP TABLE "+j.db+".queue SYNC")
		},
	})
}

// Flush interval and block size are the engine's defaults. Broken records are skipped: otherwise the first would
// stop the consumer for good.
const kafkaEngineTable = `CREATE TABLE %[1]s.queue (
	readId String, capturedAtUs Int64, cameraId String, lane UInt8, rawPlate String, country String, confidencePm UInt16, make String,
	colour String, speedDkmh UInt16, direction String, imageSha256 String
) ENGINE = Kafka SETTINGS kafka_broker_list = '%[2]s', kafka_topic_list = 'anpr.reads.v1', kafka_group_name = '%[3]s',
	kafka_format = 'JSONEachRow', kafka_num_consumers = %[4]d, kafka_thread_per_consumer = 1, kafka_skip_broken_messages = 1000000000,
	input_format_skip_unknown_fields = 1`

const kafkaEngineView = `CREATE MATERIALIZED VIEW %[1]s.feed TO %[1]s.peer_reads AS SELECT readId AS read_id,
	toDateTime(intDiv(capturedAtUs, 1000000)) AS ts, cameraId AS camera_id, lane, rawPlate AS plate, country AS region, confidencePm / 1000 AS confidence,
	make, '' AS model, colour, intDiv(speedDkmh, 10) AS speed, 0. AS lat, 0. AS lon, direction, imageSha256 AS image_ref FROM %[1]s.queue`

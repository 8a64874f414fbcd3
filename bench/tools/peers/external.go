package main

import (
	"bytes"
	"context"
	_ "embed" // the configurations
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
)

// The peers' own configurations, as they would be written for this job; the addresses are filled in.
var (
	//go:embed bento.yaml.tmpl
	bentoConfig string
	//go:embed sinker.hjson.tmpl
	sinkerConfig string
)

// settings are the values for a configuration.
type settings struct {
	Kafka, Topic, Group, ClickHouse, Host, Port, Database, User, Password string
	Partitions                                                            int
}

// findProgram looks for a peer's program: by the environment variable, then on PATH under each name.
func findProgram(env string, names ...string) (path, absent string) {
	if path := os.Getenv(env); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Sprintf("not found: %s says %s: %v", env, path, err)
		}
		return path, ""
	}
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			return path, ""
		}
	}
	return "", fmt.Sprintf("not found: no %v on PATH and %s is not set", names, env)
}

// writeConfig writes the configuration for a start and returns the path.
func (j *job) writeConfig(name, text string) (string, error) {
	host, port, err := net.SplitHostPort(j.h.engine.NativeAddr())
	if err != nil {
		return "", fmt.Errorf("address of ClickHouse: %w", err)
	}
	t, err := template.New(name).Parse(text)
	if err != nil {
		return "", fmt.Errorf("configuration %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, settings{
		Kafka: j.log.broker.addr, Topic: "anpr.reads.v1", Group: j.group, ClickHouse: j.h.engine.NativeAddr(), Host: host, Port: port,
		User: j.h.user.Name, Password: j.h.user.Password, Database: j.db, Partitions: j.h.Partitions,
	}); err != nil {
		return "", fmt.Errorf("configuration %s: %w", name, err)
	}
	path := filepath.Join(j.h.dir, j.db+"-"+name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("configuration %s: %w", name, err)
	}
	return path, nil
}

func (h *harness) bentoSystem() *system {
	path, absent := findProgram("ANPR_BENTO", "bento")
	return h.fillPeer(&system{
		name: "bento", absent: absent, does: ingestOnly + "; at least once",
		start: func(_ context.Context, j *job) (*peerProcess, error) {
			conf, err := j.writeConfig("bento.yaml", bentoConfig)
			if err != nil {
				return nil, err
			}
			return startProcess(nil, path, "-c", conf)
		},
	})
}

// sinkerSystem stores the capture time as text, and the table makes the time from it: clickhouse_sinker reads only
// unquoted 64-bit numbers, and canonical JSON quotes them.
func (h *harness) sinkerSystem() *system {
	path, absent := findProgram("ANPR_SINKER", "clickhouse_sinker")
	return h.fillPeer(&system{
		name: "clickhouse_sinker", absent: absent, does: ingestOnly + "; at least once",
		prepare: func(ctx context.Context, j *job) error {
			table := fmt.Sprintf(peerTable, j.db, ", captured_us String EPHEMERAL")
			return h.store.execAll(ctx, "CREATE DATABASE "+j.db, table,
				"ALTER TABLE "+j.db+".peer_reads MODIFY COLUMN ts DateTime DEFAULT toDateTime(intDiv(toUInt64OrZero(captured_us), 1000000))")
		},
		start: func(_ context.Context, j *job) (*peerProcess, error) {
			conf, err := j.writeConfig("sinker.hjson", sinkerConfig)
			if err != nil {
				return nil, err
			}
			return startProcess(nil, path, "--local-cfg-file", conf, "--http-port", "0")
		},
	})
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// Where everything listens unless something else is said.
const (
	defaultOffice     = "127.0.0.1:8080"
	defaultGateway    = "127.0.0.1:8081"
	defaultOps        = "127.0.0.1:6060"
	defaultKafka      = "127.0.0.1:9092"
	defaultClickhouse = "127.0.0.1:9000"
	defaultHTTP       = "127.0.0.1:8123"
	defaultData       = "anpr-data"
)

// runFlags say which `anpr up` of this machine a command belongs to.
type runFlags struct {
	Data string `help:"Data directory of an anpr up on this machine: the addresses of what runs there, and the passwords, are read from it. Default anpr-data, if something runs there." type:"path" env:"ANPR_DATA"`
}

// local is an `anpr up` that runs on this machine; nil when there is none.
type local struct {
	*embedded.Run
	*embedded.Secrets
}

// checkData refuses a data directory that is a file, with the word that was meant.
func checkData(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; name a directory with --data", dir)
	}
	return nil
}

// find returns what runs on the data directory. Nothing is no error unless the directory was named.
func (f *runFlags) find() (*local, error) {
	if err := checkData(f.Data); err != nil {
		return nil, err
	}
	run, err := embedded.ReadRun(cmp.Or(f.Data, defaultData))
	if errors.Is(err, embedded.ErrNotRunning) && f.Data == "" {
		return nil, nil //nolint:nilnil // nothing runs here, and nobody said so
	}
	if err != nil {
		return nil, err
	}
	secrets, err := run.Secrets()
	if err != nil {
		return nil, err
	}
	return &local{run, secrets}, nil
}

// broker fills in what was not given about Kafka.
func (l *local) broker(f *brokerFlags) {
	if l != nil && (f.KafkaAddr == "" || f.KafkaAddr == l.Kafka) {
		f.KafkaAddr, f.kafkaUser = l.Kafka, platform.Account{User: l.KafkaUser, Password: l.KafkaPassword}
	}
	f.KafkaAddr = cmp.Or(f.KafkaAddr, defaultKafka)
}

// tables fills in what was not given about ClickHouse. The role says as whom.
func (l *local) tables(f *clickhouseFlags, role embedded.Role) {
	if l != nil && f.ClickhouseUser == "" && (f.ClickhouseAddr == "" || f.ClickhouseAddr == l.Run.ClickHouse) {
		f.ClickhouseAddr, f.ClickhouseUser, f.ClickhousePassword, f.PasswordFile = l.Run.ClickHouse, string(role), l.Secrets.ClickHouse[role], ""
	}
	f.ClickhouseAddr, f.ClickhouseUser = cmp.Or(f.ClickhouseAddr, defaultClickhouse), cmp.Or(f.ClickhouseUser, "default")
}

// ports fills in the addresses that were not given, from the first port if there is one.
func (f *stackFlags) ports() {
	at := func(addr *string, i int, usual string) {
		if *addr == "" && f.PortBase != 0 {
			usual = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(f.PortBase)+i))
		}
		*addr = cmp.Or(*addr, usual)
	}
	at(&f.OfficeAddr, 0, defaultOffice)
	at(&f.GatewayAddr, 1, defaultGateway)
	at(&f.OpsAddr, 2, defaultOps)
	at(&f.KafkaAddr, 3, defaultKafka)
	at(&f.ClickhouseAddr, 4, defaultClickhouse)
	if f.ClickhouseHTTP == "base" { // the one of the row
		f.ClickhouseHTTP = ""
		at(&f.ClickhouseHTTP, 5, defaultHTTP)
	}
}

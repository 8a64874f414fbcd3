package flags

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// The default addresses.
const (
	DefaultOffice     = "127.0.0.1:8080"
	DefaultGateway    = "127.0.0.1:8081"
	DefaultOps        = "127.0.0.1:6060"
	DefaultKafka      = "127.0.0.1:9092"
	DefaultClickHouse = "127.0.0.1:9000"
	DefaultHTTP       = "127.0.0.1:8123"
	DefaultPostgres   = "127.0.0.1:5433"
	DefaultData       = "anpr-data"
)

// DataFlags name the data directory of the local `anpr up` to which a command belongs.
type DataFlags struct {
	Data string `help:"Data directory of an anpr up on this machine: the addresses of what runs there, and the passwords, are read from it. Default anpr-data, if something runs there." type:"path" env:"ANPR_DATA"`
}

// Local is a running `anpr up` on the same machine, or nil.
type Local struct {
	*embedded.RunFile
	*embedded.Secrets
}

// FindRunning returns the `anpr up` on the data directory. When nothing runs there, FindRunning returns nil for the
// default directory and an error for a named directory.
func (f *DataFlags) FindRunning() (*Local, error) {
	if err := roles.CheckData(f.Data); err != nil {
		return nil, err
	}
	run, err := embedded.ReadRun(cmp.Or(f.Data, DefaultData))
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
	return &Local{run, secrets}, nil
}

// nextRunLook is how often a command looks for another run.
const nextRunLook = time.Second

// AwaitRunning returns the `anpr up` on the data directory as soon as one runs there, or the error of ctx.
func (f *DataFlags) AwaitRunning(ctx context.Context) (*Local, error) {
	tick := time.NewTicker(nextRunLook)
	defer tick.Stop()
	for {
		l, err := f.FindRunning()
		switch {
		case l != nil:
			return l, nil
		// While an anpr up stops or starts, its passwords are gone or not there yet.
		case err != nil && !errors.Is(err, embedded.ErrNotRunning) && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// AwaitNext returns nil when another `anpr up` runs on the data directory, because the passwords are then others. When
// ctx ends, AwaitNext returns the error of ctx. A nil Local waits for ctx.
func (l *Local) AwaitNext(ctx context.Context) error {
	if l == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	tick := time.NewTicker(nextRunLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		run, err := embedded.ReadRun(filepath.Dir(l.Credentials))
		if err != nil {
			continue // the machine is stopped, or starts
		}
		if run.PID != l.PID || !run.Started.Equal(l.Started) {
			return nil
		}
	}
}

// FillReference fills in the directories of reference data and compiled tables, and the file of the users, when not
// given.
func (l *Local) FillReference(f *ReferenceFlags, users *string) {
	if l == nil || f.Reference != "" {
		return
	}
	f.Reference = l.RunFile.Reference
	f.Index = PathUnder(f.Index, filepath.Dir(l.Credentials), "reference-index")
	*users = cmp.Or(*users, l.Users)
}

// FillBroker fills in missing Kafka settings.
func (l *Local) FillBroker(f *BrokerFlags) {
	if l != nil && (f.KafkaAddr == "" || f.KafkaAddr == l.Kafka) {
		f.KafkaAddr, f.account = l.Kafka, platform.Account{User: l.KafkaUser, Password: l.KafkaPassword}
	}
	f.KafkaAddr = cmp.Or(f.KafkaAddr, DefaultKafka)
}

// FillTables fills in missing ClickHouse settings, with the account of the role.
func (l *Local) FillTables(f *ClickHouseFlags, role embedded.DatabaseRole) {
	if l != nil && f.ClickhouseUser == "" && (f.ClickhouseAddr == "" || f.ClickhouseAddr == l.RunFile.ClickHouse) {
		f.ClickhouseAddr, f.ClickhouseUser, f.ClickhousePassword, f.PasswordFile = l.RunFile.ClickHouse, string(role), l.Secrets.ClickHouse[role], ""
	}
	f.ClickhouseAddr, f.ClickhouseUser = cmp.Or(f.ClickhouseAddr, DefaultClickHouse), cmp.Or(f.ClickhouseUser, "default")
}

// FillPostgres fills in missing PostgreSQL settings, for an account.
func (l *Local) FillPostgres(f *PostgresFlags, account embedded.PostgresAccount) {
	if f.Postgres != "" {
		return
	}
	addr := DefaultPostgres
	if l != nil && l.RunFile.Postgres != "" {
		addr, f.PostgresPassword, f.PostgresPasswordFile = l.RunFile.Postgres, l.Secrets.Postgres[account], ""
	}
	f.Postgres = "postgres://" + string(account) + "@" + addr + "/" + embedded.PostgresDatabase
}

// LookUpKeys is the directory of the look-up log in a data directory.
const LookUpKeys = "look-ups"

// FillLookUpKeys fills in the directory for the keys of the look-up log: in the data directory of the running machine,
// else with the secrets of the reference data.
func (l *Local) FillLookUpKeys(dir *string, reference string) {
	if l != nil {
		*dir = PathUnder(*dir, filepath.Dir(l.Credentials), LookUpKeys)
		return
	}
	*dir = PathUnder(*dir, reference, filepath.Join("secrets", LookUpKeys))
}

// FillPorts fills in missing addresses, counting from the first port, if set.
func (f *MachineFlags) FillPorts() {
	f.PortBase.fillAddr(&f.OfficeAddr, 0, DefaultOffice)
	f.PortBase.fillAddr(&f.GatewayAddr, 1, DefaultGateway)
	f.PortBase.fillAddr(&f.OpsAddr, 2, DefaultOps)
	f.FillEnginePorts(&f.KafkaFlags, &f.ClickHouseFlags)
}

// FillEnginePorts fills in missing addresses of the broker and the databases.
func (f *EngineFlags) FillEnginePorts(k *KafkaFlags, c *ClickHouseFlags) {
	f.PortBase.fillAddr(&k.KafkaAddr, 3, DefaultKafka)
	f.PortBase.fillAddr(&c.ClickhouseAddr, 4, DefaultClickHouse)
	if f.ClickhouseHTTP == "base" { // the default port
		f.ClickhouseHTTP = ""
		f.PortBase.fillAddr(&f.ClickhouseHTTP, 5, DefaultHTTP)
	}
	f.PortBase.fillAddr(&f.PostgresAddr, 6, DefaultPostgres)
}

// fillAddr fills in a missing address: the i-th port from the base, or usual without a base.
func (p PortBase) fillAddr(addr *string, i int, usual string) {
	if *addr == "" && p != 0 {
		usual = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(p)+i))
	}
	*addr = cmp.Or(*addr, usual)
}

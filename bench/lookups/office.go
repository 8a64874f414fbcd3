package lookups

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// zones are the generated city's zones.
var zones = [...]string{"5339", "5340", "5341", "5342", "5343", "5344"}

// account is a user of the measured office. Every second account is a zone officer; the others are prosecutors, who see
// all zones. A supervisor asks for dashboards.
type account struct {
	name, token string
	role        access.Role
	zone        string // for a zone officer
}

func makeAccounts(n int) []account {
	out := make([]account, n)
	for i := range out {
		a := &out[i]
		a.name, a.token = fmt.Sprintf("bench-%03d", i), fmt.Sprintf("bench token %d: protects nothing", i)
		if a.role = access.Prosecutor; i%2 == 1 {
			a.role, a.zone = access.ZoneOfficer, zones[i/2%len(zones)]
		}
	}
	return out
}

const supervisor = "bench supervisor token: protects nothing"

func usersFile(list []account) string {
	var b strings.Builder
	add := func(name string, role access.Role, zone, token string) {
		sum := sha256.Sum256([]byte(token))
		fmt.Fprintf(&b, "  - {name: %s, role: %s, ", name, role)
		if zone != "" {
			fmt.Fprintf(&b, "zones: [%q], ", zone)
		}
		fmt.Fprintf(&b, "token_sha256: %s, valid_to: %s}\n", hex.EncodeToString(sum[:]), time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
	}
	b.WriteString("users:\n")
	add("bench-supervisor", access.GVCSupervisor, "", supervisor)
	for _, a := range list {
		add(a.name, a.role, a.zone, a.token)
	}
	return b.String()
}

// generous are limits that the load does not reach: what one person may take is not what is measured.
func generous() office.UserLimits {
	return office.UserLimits{PerSecond: 1000, Queries: 100, PlatesHour: 1e6, RowsDay: 1e9, PatternKnown: 3, PatternDays: 400, CameraMinutes: 24 * 60}
}

// serveOffice runs an office over the tables on a port of loopback until stop is called.
func serveOffice(ctx context.Context, cfg *Config, list []account, camera func(string) *schemas.Camera) (url string, stop func(), err error) {
	users, err := access.ReadUsers(strings.NewReader(usersFile(list)))
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "anpr-lookups-")
	if err != nil {
		return "", nil, err
	}
	keys, err := access.LoadKeys(dir)
	if err != nil {
		return "", nil, err
	}
	pool, err := cfg.Postgres.Open(ctx, "lookups", 6)
	if err != nil {
		return "", nil, err
	}
	people, err := cfg.Postgres.Open(ctx, "lookups people", 16)
	if err != nil {
		return "", nil, err
	}
	life, end := context.WithCancel(ctx)
	o, err := office.New(life, office.Config{
		DB: cfg.Conn, LookUps: store.NewLookUps(pool), Keys: keys, Users: users, Camera: camera, QueryTime: 30 * time.Second,
		People: store.NewPeople(people), Limits: generous(),
	})
	if err != nil {
		end()
		return "", nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		end()
		return "", nil, err
	}
	srv := &http.Server{Handler: o.Handler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends by Close
	}()
	return "http://" + l.Addr().String(), func() {
		_ = srv.Close() // the measurement is over
		<-done
		end()
		o.Wait()
		pool.Close()
		people.Close()
		_ = os.RemoveAll(dir)
	}, nil
}

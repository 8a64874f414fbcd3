package roles

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// officeWrite bounds the time for an answer. Answers are small, and a client that does not read must not hold memory.
// Verification takes longer.
const officeWrite = 2 * time.Minute

// OfficeConfig describes an office.
type OfficeConfig struct {
	Listener     net.Listener // for look-ups; Stop closes it
	Addr         string       // as configured; tells whether only this machine can reach the office
	Tables       platform.ClickHouse
	Users        string // file
	Reference    string // directory
	PseudonymKey string // file with the secret of pseudonyms; a missing file is made
	// Postgres has the look-up log. Without PostgreSQL the office is shut, and tries again.
	Postgres platform.Postgres
	// LookUpKeys is the directory for the keys of the look-up log and for the Merkle log of heads. A missing directory is
	// made. All offices of a database have the same keys.
	LookUpKeys string
	// Kafka takes the heads of the look-up log, brings offences and takes events of cases; without an address the heads
	// stay on this machine, and no offence becomes a case here.
	Kafka     platform.Kafka
	Catalogue string // directory; empty = the built-in catalogue
	Signers   string // file of those who approve a catalogue; empty = none need to
	// Handover is the directory in which recipients find batches and notices, and put their answers; empty = none, and batches
	// are fetched from the office.
	Handover string
	// Chromium prints the dossiers of evidence bundles; empty = the one of the machine, if there is one.
	Chromium string
	// TimeStamps is the address of an authority that stamps evidence bundles (RFC 3161); empty = none, and no network is
	// used for them.
	TimeStamps string

	SignIn SignInConfig
	// Images has the pictures; without an address the office shows none.
	Images images.Config

	Store *reference.Store
	Ops   *platform.Ops
	Log   zerolog.Logger
}

// OfficeRole is a running office.
type OfficeRole struct {
	server *platform.Server
	cases  *CasesRole
	close  func(context.Context) error
}

// Stop lets requests under way finish, then hands the newest head of the look-up log over.
func (o *OfficeRole) Stop(ctx context.Context) error {
	return errors.Join(o.server.Stop(ctx), o.close(ctx))
}

// LoadUsers reads the users of an office. The error names the flag for another file.
func LoadUsers(path string) (*access.Users, error) {
	users, err := access.LoadUsers(path)
	if err != nil {
		return nil, fmt.Errorf("%w; give the file with --users", platform.AdviseRights(err))
	}
	return users, nil
}

// StartOffice answers look-ups on the listener, and serves the pages. The tables must exist.
func StartOffice(ctx context.Context, c OfficeConfig) (*OfficeRole, error) {
	users, err := LoadUsers(c.Users)
	if err != nil {
		return nil, err
	}
	if err := refusePublicTokens(users, c.Reference, c.Addr); err != nil {
		return nil, err
	}
	f, err := newFront(ctx, c, users)
	if err != nil {
		return nil, err
	}
	role, err := startOffice(ctx, c, users, f)
	if err != nil {
		f.close()
	}
	return role, err
}

// startOffice starts the API of an office behind the front.
func startOffice(ctx context.Context, c OfficeConfig, users *access.Users, f *front) (*OfficeRole, error) {
	log, o := c.Log.With().Str("role", "office").Logger(), c.Ops
	pictures, err := openPictures(c.Images)
	if err != nil {
		return nil, fmt.Errorf("office: %w", err)
	}
	conn, err := c.Tables.Open()
	if err != nil {
		return nil, err
	}
	secret, err := office.LoadSecret(c.PseudonymKey)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	books, err := openLookUps(ctx, &c, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("office: %w", err), conn.Close())
	}
	casework, err := openCases(ctx, &c, books.keys, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("office: %w", err), books.Close(ctx), conn.Close())
	}
	desk, err := openEvidence(&c, casework.c.Catalogue, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("office: %w", err), casework.Stop(ctx), books.Close(ctx), conn.Close())
	}
	life, end := context.WithCancel(ctx)
	people, quotas := store.NewPeople(books.people), startQuotas(life, c.Reference, log)
	of, err := office.New(life, office.Config{
		Secret: secret, Loopback: c.onThisMachine(), SignedIn: f.tellSignedIn(), SignIns: f.ownSignIns(),
		DB: conn, Users: users, Now: time.Now, Explain: renderTrace, Summary: renderSummary, Basis: renderBasis,
		LookUps: books.store, People: people, Keys: books.keys, Old: access.NewOldLogTable(conn), Witnesses: []office.Witness{books.witness},
		Camera: func(id string) *schemas.Camera {
			cam, _ := c.Store.Current().Camera(id)
			return cam
		},
		Cameras: func() []*schemas.Camera { return c.Store.Current().Cameras() },
		Logger:  log, Metrics: office.NewMetrics(o.Registry), Pictures: showPictures(pictures), Evidence: desk, Quotas: quotas,
		Cases: &office.Casework{Store: casework.Store, Decider: casework.Decider, Blocks: casework.law.blocksOf, RegimeOf: casework.law.regimeOf, Reference: func() rules.Reference { return c.Store.Current() }},
	})
	if err == nil {
		err = watchPostgres(life, c.Postgres, o, log)
	}
	if err != nil {
		end()
		return nil, errors.Join(fmt.Errorf("office: %w", err), casework.Stop(ctx), books.Close(ctx), conn.Close())
	}
	o.AddReadyCheck("office", of.Ready)
	warn := func() { warnOfUsers(users, c.Store.Current().Cameras(), schemas.MicrosOf(time.Now()), log) }
	warn()
	go expireRows(life, people, log)
	expirePictures(life, pictures, casework.Store, o, log)
	go people.StayPresent(life)
	go watchUsers(ctx, c.Users, users, warn, log)
	f.api = of
	return &OfficeRole{cases: casework, server: platform.Serve("office", f.wrapListener(c.Listener), f.putPagesBefore(of.Handler()), officeWrite, log), close: func(ctx context.Context) error {
		end()
		of.Wait() // the newest head goes to the witnesses
		f.close()
		return errors.Join(casework.Stop(ctx), books.Close(ctx), conn.Close())
	}}, nil
}

// watchUsers takes over a changed users file within seconds, so that a revoked user is refused without a restart.
// A broken file leaves the list unchanged. After each change watchUsers calls taken.
func watchUsers(ctx context.Context, path string, users *access.Users, taken func(), log zerolog.Logger) {
	var seen time.Time
	if info, err := os.Stat(path); err == nil {
		seen = info.ModTime()
	}
	refused := func(err error) { log.Error().Err(err).Msg("users file not taken; the users stay as they were") }
	watchFile(ctx, path, time.Second, seen, func(f *os.File) { // revokes a user within 2 s, even where file times are whole seconds
		if f == nil {
			return // the list stays: a file that is replaced may be away for a moment
		}
		if err := users.Reload(f); err != nil {
			refused(err)
			return
		}
		log.Info().Int("users", users.Len()).Msg("users file taken")
		taken()
	}, refused)
}

// renderBasis renders a legal basis in a language.
func renderBasis(lang, cited string) string { return rules.RenderBasis(rules.Lang(lang), cited) }

// renderSummary renders the first sentences on an offence for a person, in a language.
func renderSummary(lang, family string, held bool, reason string, until time.Time) []string {
	var at schemas.Micros
	if until.UnixMicro() > 0 {
		at = schemas.MicrosOf(until)
	}
	return rules.RenderOffence(rules.Lang(lang), schemas.Family(family), held, reason, at)
}

// renderTrace renders a stored trace in a language.
func renderTrace(lang, stepsJSON string) ([]string, error) {
	steps, err := evidence.ParseTrace([]byte(stepsJSON))
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(steps))
	for _, s := range steps {
		out = append(out, rules.RenderStep(rules.Lang(lang), s))
	}
	return out, nil
}

// loopbackOnly reports whether only this machine can reach the address.
func loopbackOnly(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

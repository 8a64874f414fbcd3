package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

type officeCmd struct {
	runFlags
	clickhouseFlags
	referenceFlags
	officeFlags
	opsFlags
}

// Run answers look-ups until the context ends.
func (c *officeCmd) Run(ctx context.Context, log zerolog.Logger) error {
	if c.Users != "" { // what was given is looked at before what was not
		if _, err := access.LoadUsers(c.Users); err != nil {
			return fmt.Errorf("%w; give the file with --users", adviseRights(err))
		}
	}
	c.Users = under(c.Users, c.Reference, "users.yaml")
	run, err := c.find()
	if err != nil {
		return err
	}
	run.tables(&c.clickhouseFlags, embedded.Office)
	return runHTTP(ctx, c.opsFlags, httpRole{"office", cmp.Or(c.OfficeAddr, defaultOffice), "--office-addr", officeWrite}, log, func(o *platform.Ops) (http.Handler, func() error, error) {
		store, err := openReference(ctx, c.referenceFlags, o, log)
		if err != nil {
			return nil, nil, err
		}
		p, err := newOffice(ctx, c, store, o, log, alone)
		if err != nil {
			return nil, nil, err
		}
		return p.handler, p.close, nil
	})
}

// officeWrite bounds the writing of an answer: answers are small, and a reader who does not read must not hold one. Verification takes longer.
const officeWrite = 2 * time.Minute

// officePart is an office and what it must close.
type officePart struct {
	handler http.Handler
	close   func() error
}

// Whether the office is all that the process does. One that is alone ends when another office writes the access log; one beside the
// pipeline stays shut until it may, and the cameras go on.
const (
	alone  = true
	beside = false
)

func newOffice(ctx context.Context, c *officeCmd, store *reference.Store, o *platform.Ops, log zerolog.Logger, alone bool) (*officePart, error) {
	users, err := access.LoadUsers(c.Users)
	if err != nil {
		return nil, fmt.Errorf("%w; give the file with --users", adviseRights(err))
	}
	if err := refusePublicTokens(users, c.Reference, c.OfficeAddr); err != nil {
		return nil, err
	}
	cfg, err := c.clickhouseFlags.config(log, nil)
	if err != nil {
		return nil, err
	}
	conn, err := cfg.Open()
	if err != nil {
		return nil, err
	}
	lease := access.NewLease(conn, access.LeaseTimes{}, log.With().Str("role", "office").Logger())
	held, busy := lease.Acquire(ctx), (*access.HeldError)(nil)
	if errors.As(held, &busy) && alone {
		return nil, errors.Join(fmt.Errorf("office: %w", held), conn.Close())
	}
	secret, err := office.LoadSecret(under(c.PseudonymKey, c.Reference, filepath.Join("secrets", "pseudonyms.key")))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	life, end := context.WithCancel(ctx)
	of, err := office.New(life, office.Config{
		Secret: secret, Loopback: loopbackOnly(c.OfficeAddr),
		DB: conn, MayWrite: lease.Held, Users: users, Now: time.Now, Explain: explain, Summary: summaryOf, Basis: basisIn,
		Camera: func(id string) *schemas.Camera {
			cam, _ := store.Current().Camera(id)
			return cam
		},
		Logger: log.With().Str("role", "office").Logger(), Metrics: office.NewMetrics(o.Registry),
	})
	if err != nil {
		end()
		return nil, errors.Join(fmt.Errorf("office: %w", err), conn.Close())
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		lease.Keep(keeping)
	}()
	o.Ready("office", of.Ready)
	warn := func() { warnOfZones(users, store.Current().Cameras(), log) }
	warn()
	go watchUsers(ctx, c.Users, users, warn, log)
	return &officePart{handler: of.Handler(), close: func() error {
		end() // before the lease goes: an office that stops is not one that is shut
		stop()
		<-kept // it gives the lease up
		return conn.Close()
	}}, nil
}

// watchUsers takes a changed users file within seconds, so that a revoked user is refused without a restart. A broken file
// leaves the list as it was. taken is called after a change was taken.
func watchUsers(ctx context.Context, path string, users *access.Users, taken func(), log zerolog.Logger) {
	var seen time.Time
	if info, err := os.Stat(path); err == nil {
		seen = info.ModTime()
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		info, err := os.Stat(path)
		if err != nil || info.ModTime().Equal(seen) {
			continue
		}
		seen = info.ModTime()
		if err := reloadUsers(path, users); err != nil {
			log.Error().Err(err).Msg("users file not taken; the users stay as they were")
			continue
		}
		log.Info().Int("users", users.Len()).Msg("users file taken")
		taken()
	}
}

func reloadUsers(path string, users *access.Users) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return users.Reload(f)
}

// basisIn writes a legal basis in a language.
func basisIn(lang, cited string) string { return rules.RenderBasis(rules.Lang(lang), cited) }

// summaryOf writes what a person reads first of an offence, in a language.
func summaryOf(lang, family string, held bool, reason string, until time.Time) []string {
	var at schemas.Micros
	if until.UnixMicro() > 0 {
		at = schemas.MicrosOf(until)
	}
	return rules.RenderOffence(rules.Lang(lang), schemas.Family(family), held, reason, at)
}

// explain renders a stored trace in a language.
func explain(lang, stepsJSON string) ([]string, error) {
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

// loopbackOnly reports whether an address to listen on is reached from this machine alone.
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

package roles

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// pulseEvery is the interval at which an office tests whether PostgreSQL takes writes; pulseTimeout bounds a test.
const (
	pulseEvery   = 5 * time.Second
	pulseTimeout = 3 * time.Second
)

// postgresPulse tests whether PostgreSQL takes writes, with a row every few seconds. A server that answers may still be
// full, a standby, or without tables.
type postgresPulse struct {
	at      platform.Postgres
	pool    *pgxpool.Pool
	log     zerolog.Logger
	metrics *platform.PostgresMetrics

	mu   sync.Mutex // guards last
	last error      // result of the newest write; nil = committed
}

// watchPostgres makes PostgreSQL a condition of readiness until ctx ends. PostgreSQL may be away: the office reports
// the absence, and nothing else stops.
func watchPostgres(ctx context.Context, at platform.Postgres, o *platform.Ops, log zerolog.Logger) error {
	ready := func(context.Context) error {
		return errors.New("no PostgreSQL is named: give --postgres, or the --data of an anpr up that runs its own")
	}
	if !at.IsZero() {
		p, err := startPulse(ctx, at, o, log)
		if err != nil {
			return err
		}
		ready = p.Ready
	}
	o.AddReadyCheck("postgres", ready)
	return nil
}

// startPulse starts a pulse, which beats until ctx ends.
func startPulse(ctx context.Context, at platform.Postgres, o *platform.Ops, log zerolog.Logger) (*postgresPulse, error) {
	pool, err := at.Open(ctx, "office-pulse", 1)
	if err != nil {
		return nil, err
	}
	p := &postgresPulse{at: at, pool: pool, log: log, metrics: platform.NewPostgresMetrics(o.Registry)}
	p.last = p.writePulse(ctx)
	p.tell(nil)
	go func() {
		defer pool.Close()
		tick := time.NewTicker(pulseEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := p.writePulse(ctx)
			if ctx.Err() != nil {
				return
			}
			p.mu.Lock()
			before := p.last
			p.last = err
			p.mu.Unlock()
			p.tell(before)
		}
	}()
	return p, nil
}

// tell sets the gauge, and logs a change.
func (p *postgresPulse) tell(before error) {
	now := p.Ready(context.Background())
	if now == nil {
		p.metrics.OK.Set(1)
		if before != nil {
			p.log.Info().Msg("PostgreSQL takes writes again")
		}
		return
	}
	p.metrics.OK.Set(0)
	if before == nil {
		p.log.Error().Err(now).Msg("PostgreSQL takes no writes: the office cannot log a look-up; gateway and pipeline go on")
	}
}

func (p *postgresPulse) writePulse(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	_, err := p.pool.Exec(ctx, "INSERT INTO pulse (n, at) VALUES (1, now()) ON CONFLICT (n) DO UPDATE SET at = excluded.at")
	return p.at.Explain(err)
}

// Ready returns the error of the newest beat: the reason why PostgreSQL takes no writes.
func (p *postgresPulse) Ready(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

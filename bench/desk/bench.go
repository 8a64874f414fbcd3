package desk

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// Account names an agent of the measurement, counted from 0.
func Account(i int) string { return fmt.Sprintf("bench-agent-%02d", i) }

func tokenOf(i int) string { return fmt.Sprintf("bench desk token %d: protects nothing", i) }

// UsersFile is the users file of an office with so many agents, valid for two days.
func UsersFile(agents int) string {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range agents {
		fmt.Fprintf(&b, "  - {name: %s, role: gvc_agent, token_sha256: %x, valid_to: %s, appointment: {number: B-%d, from: 2026-01-01}}\n",
			Account(i), sha256.Sum256([]byte(tokenOf(i))), time.Now().AddDate(0, 0, 2).Format(time.DateOnly), i)
	}
	return b.String()
}

// Config says who works at which office.
type Config struct {
	Office string        // http://host:port
	Agents int           // named in the users file of the office
	Think  time.Duration // mean time that an agent looks at an item
	Seed   uint64
	// UntilEmpty ends a round when the queue has nothing more; else agents wait for new items until the time is over.
	UntilEmpty bool
}

// Bench is a number of agents at an office. One round runs at a time.
type Bench struct {
	cfg       Config
	transport *http.Transport
	agents    []*agent
}

// Open makes the agents. Close ends their connections.
func Open(cfg Config) *Bench {
	b := &Bench{cfg: cfg, transport: &http.Transport{MaxIdleConnsPerHost: 8 * cfg.Agents}}
	for i := range cfg.Agents {
		b.agents = append(b.agents, &agent{
			client: newClient(cfg.Office, tokenOf(i), b.transport), think: cfg.Think, untilEmpty: cfg.UntilEmpty, r: rand.New(rand.NewPCG(cfg.Seed, uint64(i))), //nolint:gosec // repeatable on purpose
		})
	}
	return b
}

// Close ends the connections.
func (b *Bench) Close() { b.transport.CloseIdleConnections() }

// Round is what agents met in a part of a measurement.
type Round struct {
	Variant string
	RoundResult
	tally *tally
}

// Run lets all agents work for a time. A request that was begun is finished and counted.
func (b *Bench) Run(ctx context.Context, variant string, length time.Duration) *Round {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var wg sync.WaitGroup
	for _, a := range b.agents {
		a.tally, a.held, a.waiting = newTally(), nil, nil
		wg.Go(func() { a.decideItems(ctx) })
	}
	wg.Wait()
	out := &Round{Variant: variant, tally: newTally()}
	for _, a := range b.agents {
		out.tally.addTally(a.tally)
	}
	out.RoundResult = out.tally.sumUp()
	return out
}

// Kept is what the database has of the agents' verdicts.
type Kept struct {
	Verdicts int64 `json:"verdicts"` // events of a verdict that an agent of the measurement gave
	Cases    int64 `json:"cases"`    // cases with a first verdict
	Twice    int64 `json:"twice"`    // cases with two first verdicts that nobody took back
}

// countKept counts verdicts by the events. A verdict on a known answer is kept as a probe.
const countKept = `WITH given AS (SELECT case_id, kind FROM case_events WHERE kind IN ('decided', 'probe') AND user_name LIKE 'bench-agent-%')
SELECT (SELECT count(*) FROM given), (SELECT count(DISTINCT case_id) FROM given WHERE kind = 'decided'),
	(SELECT count(*) FROM (SELECT FROM case_events d WHERE d.kind = 'decided' AND NOT EXISTS (SELECT FROM case_events u WHERE u.case_id = d.case_id AND u.kind = 'undone'
		AND (convert_from(u.body, 'UTF8')::jsonb->>'of')::uuid = d.event_id) GROUP BY d.case_id HAVING count(*) > 1) t)`

// CountKept counts what the database keeps.
func CountKept(ctx context.Context, at platform.Postgres) (k Kept, err error) {
	pool, err := at.Open(ctx, "desk count", 1)
	if err != nil {
		return k, err
	}
	defer pool.Close()
	if err := pool.QueryRow(ctx, countKept).Scan(&k.Verdicts, &k.Cases, &k.Twice); err != nil {
		return k, fmt.Errorf("count the verdicts that are kept: %w", err)
	}
	return k, nil
}

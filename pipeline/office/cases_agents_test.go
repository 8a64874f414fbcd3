package office

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// agentsSize returns the numbers of agents and cases, and how often an office is killed. ANPR_CASES_AGENTS sets the first
// two, as 20x1000, and then an office is killed every five seconds.
func agentsSize(t *testing.T) (agents, n int, every time.Duration) {
	t.Helper()
	text := os.Getenv("ANPR_CASES_AGENTS")
	if text == "" {
		return 3, 40, 0
	}
	if _, err := fmt.Sscanf(text, "%dx%d", &agents, &n); err != nil || agents < 2 || n < 1 {
		t.Fatalf("ANPR_CASES_AGENTS is %q, want two or more agents and a number of cases, as 20x1000", text)
	}
	return agents, n, 5 * time.Second
}

func agentName(i int) string { return fmt.Sprintf("agent-%02d", i) }

// readAgents makes the users of the test. A token is the name.
func readAgents(n int) (*access.Users, error) {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: %s, role: gvc_agent, token_sha256: %s, valid_to: 2027-06-30, appointment: {number: A-%d, from: 2026-01-01}}\n", agentName(i), hash(agentName(i)), i)
	}
	return access.ReadUsers(strings.NewReader(b.String()))
}

// agentPolicy is the policy of the test: verdicts take effect soon, and a fifth has a second look.
func agentPolicy() *cases.Policy {
	p := cases.DefaultPolicy()
	p.Settle = 500 * schemas.Millisecond
	p.Second = map[schemas.Family]cases.SecondLook{"": {ConfirmsPerMyriad: 2000, RejectsPerMyriad: 2000}}
	return p
}

// agentStore opens the cases of the test.
func agentStore(ctx context.Context, at platform.Postgres) (*casestore.Store, func(), error) {
	pool, err := at.Open(ctx, "cases", 8)
	if err != nil {
		return nil, nil, err
	}
	return casestore.New(pool, casestore.Options{Policy: agentPolicy, DrawKey: []byte("key of the test")}), pool.Close, nil
}

// startAgentCases opens the cases of an office process and starts the sweep; nil without agents.
func startAgentCases(ctx context.Context, at platform.Postgres, job *officeJob) (*Casework, error) {
	if job.Agents == 0 {
		return nil, nil //nolint:nilnil // the office of another test keeps no cases
	}
	db, _, err := agentStore(ctx, at)
	if err != nil {
		return nil, err
	}
	go func() {
		for range time.Tick(200 * time.Millisecond) {
			_, _ = db.Sweep(ctx) // the next one goes on
		}
	}()
	return &Casework{Store: db}, nil
}

// agentsRun is two office processes on one database, with agents who decide cases.
type agentsRun struct {
	t      *testing.T
	db     *casestore.Store
	jobs   [2]officeJob
	output *syncBuffer
	total  int

	unheard, lost atomic.Int64 // answers that did not come; leases that were lost
	answeredN     atomic.Int64

	mu       sync.Mutex // guards the fields below
	running  [2]*officeProcess
	verdicts map[string]string // case and event of each verdict that a client was told of
	undone   map[string]bool   // events that a client took back
	holders  map[string]string // who had a version of a case, as the clients know
}

func (r *agentsRun) addr(office int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return "http://" + r.running[office].addr
}

func (r *agentsRun) restart(office int) {
	r.mu.Lock()
	p := r.running[office]
	r.mu.Unlock()
	p.kill()
	p = startOfficeProcess(r.t, &r.jobs[office], r.output)
	r.mu.Lock()
	r.running[office] = p
	r.mu.Unlock()
}

// insist asks again, at either office, until there is an answer.
func insist[T any](ctx context.Context, r *agentsRun, c *Client, i int, ask func() (*T, error)) (*T, error) {
	for n := 0; ; n++ {
		c.BaseURL = r.addr((i + n) % 2)
		out, err := ask()
		said, ok := errors.AsType[*APIError](err)
		if err == nil || ok && said.Status < 500 && said.Code != codeUnderWay || ctx.Err() != nil {
			return out, err
		}
		r.unheard.Add(1)
		time.Sleep(20 * time.Millisecond) // leaves the processors to a starting office
	}
}

// work lets one agent decide until nothing is left.
func (r *agentsRun) work(ctx context.Context, i int) {
	c := &Client{Token: agentName(i), HTTP: &http.Client{}, MaxWait: -1}
	for ctx.Err() == nil && !r.isDone(ctx) {
		idle := true
		for _, queue := range []string{"second", "decide"} {
			a, err := insist(ctx, r, c, i, func() (*LeaseAnswer, error) {
				return c.Lease(ctx, shift(), LeaseQuery{Queue: queue, N: 3})
			})
			if err != nil {
				r.fail("%s leases: %v", agentName(i), err)
				return
			}
			for k := range a.Items {
				idle = false
				r.decide(ctx, c, i, &a.Items[k])
			}
		}
		if idle {
			time.Sleep(50 * time.Millisecond) // what settles is nobody's yet
		}
	}
}

// decide gives the verdict that follows from the case, so that two persons agree; now and then it takes one back first.
func (r *agentsRun) decide(ctx context.Context, c *Client, i int, item *Item) {
	for first := true; ; first = false {
		r.hold(item, i)
		if err := r.see(ctx, i, item); err != nil {
			r.fail("pictures: %v", err)
			return
		}
		v := confirming(item)
		if item.CaseID[0]%4 == 0 {
			v = rejecting(item, "two_vehicles")
		}
		a, err := insist(ctx, r, c, i, func() (*CaseActAnswer, error) { return c.Verdict(ctx, shift(), v) })
		if said, ok := errors.AsType[*APIError](err); ok && said.Code == "lease_lost" {
			r.lost.Add(1)
			return
		}
		if err != nil {
			r.fail("%s decides: %v", agentName(i), err)
			return
		}
		r.note(item.CaseID, a.EventID)
		if !first || rand.IntN(8) != 0 {
			return
		}
		if item = r.takeBack(ctx, c, i, a); item == nil {
			return
		}
	}
}

// takeBack undoes a verdict, and returns the item again; nil = it took effect before.
func (r *agentsRun) takeBack(ctx context.Context, c *Client, i int, a *CaseActAnswer) *Item {
	u := UndoQuery{CaseChange: CaseChange{CaseID: a.CaseID, IfMatch: VersionTag(a.Version), Key: aKey()}}
	u.Body.Event = a.EventID
	got, err := insist(ctx, r, c, i, func() (*UndoneAnswer, error) { return c.Undo(ctx, shift(), u) })
	if said, ok := errors.AsType[*APIError](err); ok && (said.Code == "decided" || said.Code == "stale") {
		return nil
	}
	if err != nil {
		r.fail("%s takes back: %v", agentName(i), err)
		return nil
	}
	r.mu.Lock()
	r.undone[a.EventID] = true
	r.mu.Unlock()
	return got.Item
}

// see notes the pictures of an item as served.
func (r *agentsRun) see(ctx context.Context, i int, item *Item) error {
	id, err := cases.ParseID(item.CaseID)
	if err != nil {
		return err
	}
	for _, p := range item.Pictures {
		var sum schemas.Digest
		if err := errors.Join(sum.UnmarshalText([]byte(p.SHA256)), r.db.NotePicture(ctx, agentName(i), id, sum)); err != nil {
			return err
		}
	}
	return nil
}

// hold notes who has a version of a case in hand. No lease of the test lapses and none is given back, so two persons with
// one version are a fault.
func (r *agentsRun) hold(item *Item, i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := fmt.Sprintf("%s@%d", item.CaseID, item.Version)
	if other, ok := r.holders[key]; ok && other != agentName(i) {
		r.t.Errorf("case %s was in the hands of %s and %s", key, other, agentName(i))
	}
	r.holders[key] = agentName(i)
}

func (r *agentsRun) note(id, event string) {
	r.answeredN.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verdicts[event] = id
}

func (r *agentsRun) fail(format string, args ...any) {
	if r.t.Context().Err() == nil {
		r.t.Errorf(format, args...)
	}
}

// isDone reports whether every case has ended its way through the agents.
func (r *agentsRun) isDone(ctx context.Context) bool {
	got, err := r.db.Totals(ctx)
	return r.t.Failed() || err == nil && got.ByState[cases.Open]+got.ByState[cases.Second]+got.ByState[cases.Settling] == 0
}

// verify compares the database with what the clients were told.
func (r *agentsRun) verify(at platform.Postgres) {
	t := r.t
	t.Helper()
	ctx := t.Context()
	got, err := r.db.Totals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, n := range got.ByState {
		sum += n
	}
	if got.Cases != int64(r.total) || sum != got.Cases || got.Offences != got.Cases || got.ByState[cases.Confirmed]+got.ByState[cases.Rejected] != got.Cases {
		t.Errorf("%d cases of %d offences, %v; want %d, confirmed or rejected", got.Cases, got.Offences, got.ByState, r.total)
	}
	bad, _, n, err := r.db.Rebuild(ctx, cases.ID{}, r.total+1)
	if err != nil || len(bad) > 0 || n != r.total {
		t.Errorf("%d cases were built again from their events, %v differ, err %v", n, bad, err)
	}
	pool, err := at.Open(ctx, "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(ctx, "SELECT case_id::text, event_id::text, kind, user_name, coalesce(convert_from(body, 'UTF8')::jsonb->>'of', '') FROM case_events WHERE kind IN ('decided', 'second_decided', 'undone') ORDER BY case_id, n")
	if err != nil {
		t.Fatal(err)
	}
	type verdict struct{ id, event, kind, user string }
	var standing []verdict
	back := map[string]bool{}
	for rows.Next() {
		var v verdict
		var of string
		if err := rows.Scan(&v.id, &v.event, &v.kind, &v.user, &of); err != nil {
			t.Fatal(err)
		}
		if v.kind == "undone" {
			back[strings.ReplaceAll(of, "-", "")] = true
			continue
		}
		standing = append(standing, v)
	}
	people, first := map[string]map[string]bool{}, map[string]int{}
	for _, v := range standing {
		event := strings.ReplaceAll(v.event, "-", "")
		if back[event] {
			continue
		}
		if people[v.id] == nil {
			people[v.id] = map[string]bool{}
		}
		if people[v.id][v.user] {
			t.Errorf("%s is twice in case %s", v.user, v.id)
		}
		people[v.id][v.user] = true
		if v.kind == "decided" {
			first[v.id]++
		}
	}
	for id, n := range first {
		if n != 1 {
			t.Errorf("case %s has %d first verdicts that stand", id, n)
		}
	}
	if len(first) != r.total {
		t.Errorf("%d cases have a first verdict, want %d", len(first), r.total)
	}
	known := map[string]bool{}
	for _, v := range standing {
		known[strings.ReplaceAll(v.event, "-", "")] = true
	}
	for event := range r.verdicts {
		if !known[strings.ReplaceAll(event, "-", "")] {
			t.Errorf("a client was told of verdict %s, and the database has none", event)
		}
	}
	for event := range r.undone {
		if !back[strings.ReplaceAll(event, "-", "")] {
			t.Errorf("a client took %s back, and the database kept it", event)
		}
	}
	if len(known) != len(r.verdicts) {
		t.Errorf("the database has %d verdicts, the clients were told of %d", len(known), len(r.verdicts))
	}
	t.Logf("%d cases, %v; %d verdicts, %d taken back, %d answers that did not come, %d leases lost", got.Cases, got.ByState, len(known), len(back), r.unheard.Load(), r.lost.Load())
}

// Agents decide cases at two offices that are killed in turn at work. Each case is decided once, by persons who are
// never the same, none is lost, every answer that a client got stands in the database, and the sums are exact.
func TestEachCaseIsDecidedOnceWhenOfficesAreKilled(t *testing.T) {
	agents, n, every := agentsSize(t)
	at := testkit.StartPostgres(t)
	r := &agentsRun{t: t, output: &syncBuffer{}, total: n, verdicts: map[string]string{}, undone: map[string]bool{}, holders: map[string]string{}}
	db, closeDB, err := agentStore(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeDB)
	r.db = db
	d := &caseDesk{desk: &desk{t: t, conn: connect(t)}}
	var in []cases.Intake
	for i := range n {
		in = append(in, d.makeCase(fmt.Sprintf("1KIL%03d", i%1000), []string{"5339", "5340"}[i%2], nil).intake)
	}
	if got, err := db.TakeIn(t.Context(), in); err != nil || got.New != n {
		t.Fatalf("intake: %+v, %v", got, err)
	}
	var name string
	if err := d.conn.QueryRow(t.Context(), "SELECT currentDatabase()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	pool, err := at.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for i := range r.jobs {
		r.jobs[i] = officeJob{
			Tables: testkit.ClickHouse(t).NativeAddr(), Database: name, Postgres: at.URL, Password: pool.Config().ConnConfig.Password,
			Keys: filepath.Join(t.TempDir(), "keys"), Heads: filepath.Join(t.TempDir(), "heads"), Agents: agents,
		}
	}
	r.jobs[1].Keys = r.jobs[0].Keys
	if _, err := access.LoadKeys(r.jobs[0].Keys); err != nil {
		t.Fatal(err)
	}
	for i := range r.jobs {
		r.running[i] = startOfficeProcess(t, &r.jobs[i], r.output)
	}
	t.Cleanup(func() {
		if out := r.output.String(); t.Failed() {
			t.Logf("end of what the offices said:\n%s", out[max(0, len(out)-6<<10):])
		}
	})
	kills := r.runAgents(agents, every)
	if t.Failed() {
		return
	}
	r.verify(at)
	t.Logf("%d agents, %d kills", agents, kills)
	if r.unheard.Load() == 0 {
		t.Errorf("%d kills, and no request was cut off: this test tests nothing", kills)
	}
}

// runAgents lets all agents work, and kills an office at every beat; without a beat, after each third of the verdicts.
func (r *agentsRun) runAgents(agents int, every time.Duration) (kills int) {
	r.t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range agents {
		wg.Go(func() { r.work(r.t.Context(), i) })
	}
	go func() {
		defer close(done)
		wg.Wait()
	}()
	beat := every
	if beat == 0 {
		beat = 10 * time.Millisecond
	}
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return kills
		case <-tick.C:
			if every == 0 && (kills == 2 || int(r.answeredN.Load()) < (kills+1)*r.total/3) {
				continue
			}
			r.restart(kills % 2)
			kills++
		}
	}
}

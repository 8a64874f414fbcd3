// The offices are other processes that are killed: the race detector of this one does not see them.

//go:build !race

package office

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/pipeline/office/witness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/testkit"
	"github.com/gvc-brussels/anpr/schemas"
)

// askers is the number of askers for each of the two offices.
const askers = 3

// killSize returns the test's size. ANPR_KILL_LOOKUPS sets the look-ups at each office, for instance a thousand. A set
// variable also kills an office every five seconds, as long as somebody asks.
func killSize(t *testing.T) (lookups int, every time.Duration) {
	t.Helper()
	text := os.Getenv("ANPR_KILL_LOOKUPS")
	if text == "" {
		return 150, 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ANPR_KILL_LOOKUPS is %q, want a number of look-ups", text)
	}
	return n, 5 * time.Second
}

// heldAnswer is an answer that a client received whole.
type heldAnswer struct {
	seq    uint64 // entry number of the question
	user   string
	plate  string // plate asked for; "" = none
	rows   int
	plates map[string]bool // plates shown
}

// fleet is two office processes on one PostgreSQL and the same tables, with clients asking both.
type fleet struct {
	t       *testing.T
	asks    int // whole answers for each asker: a multiple of the five kinds of question
	jobs    [2]officeJob
	keys    *access.Keys
	output  *syncBuffer
	unheard [2]atomic.Int64 // requests to an office without an answer, begun or not
	closed  [2]atomic.Int64 // an office's 503 answers
	invalid atomic.Int64    // 422 answers
	asking  [2]atomic.Int64 // an office's askers still at work

	mu      sync.Mutex // guards the fields below
	running [2]*officeProcess
	answers []heldAnswer
	more    *sync.Cond // signalled after each answer or 503
}

// newFleet starts both offices over tables with a few reads, for at least lookups look-ups at each.
func newFleet(t *testing.T, at platform.Postgres, lookups int) *fleet {
	t.Helper()
	d := &desk{t: t, conn: connect(t)}
	for i := range 24 {
		row := d.readRow(fmt.Sprintf("1KIL%03d", i*7), []string{"CAM-1", "CAM-2"}[i%2], []string{"5339", "5340"}[i/2%2], time.Duration(i)*time.Minute)
		row["alternatives"] = []string{row["plate"].(string), fmt.Sprintf("1KJL%03d", i*7)}
		d.insert("reads", row)
	}
	var db string
	if err := d.conn.QueryRow(t.Context(), "SELECT currentDatabase()").Scan(&db); err != nil {
		t.Fatal(err)
	}
	pool, err := at.Open(t.Context(), "test", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	f := &fleet{t: t, output: &syncBuffer{}, asks: (lookups + 5*askers - 1) / (5 * askers) * 5}
	f.more = sync.NewCond(&f.mu)
	dir := filepath.Join(t.TempDir(), "keys")
	if f.keys, err = access.LoadKeys(dir); err != nil {
		t.Fatal(err)
	}
	for i := range f.jobs {
		f.jobs[i] = officeJob{
			Tables: testkit.ClickHouse(t).NativeAddr(), Database: db, Postgres: at.URL, Password: pool.Config().ConnConfig.Password,
			Keys: dir, Heads: filepath.Join(t.TempDir(), "heads"),
		}
		f.running[i] = startOfficeProcess(t, &f.jobs[i], f.output)
	}
	t.Cleanup(func() {
		if out := f.output.String(); t.Failed() {
			t.Logf("end of what the offices said:\n%s", out[max(0, len(out)-6<<10):])
		}
	})
	return f
}

// addr returns an office's present address.
func (f *fleet) addr(office int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return "http://" + f.running[office].addr
}

// restart kills an office and starts a new process.
func (f *fleet) restart(office int) {
	f.mu.Lock()
	p := f.running[office]
	f.mu.Unlock()
	p.kill()
	p = startOfficeProcess(f.t, &f.jobs[office], f.output)
	f.mu.Lock()
	f.running[office] = p
	f.mu.Unlock()
}

// askedBy returns an asker's n-th question.
func askedBy(asker, n int) SearchQuery {
	q := SearchQuery{Justification: judicial()}
	switch n % 5 {
	case 0:
		q.Plate = fmt.Sprintf("1KIL%03d", (asker+n)%24*7)
	case 1:
		q.Plate, q.From, q.To = fmt.Sprintf("1KIL%d??", n/5%2), now.Add(-day), now
	case 2:
		q.Camera, q.From, q.To = []string{[]string{"CAM-1", "CAM-2"}[n%2]}, now.Add(-20*time.Minute), now
	case 3:
		q.Plate = fmt.Sprintf("1NON%03d", n) // nobody has the plate
	case 4:
		q.Plate = "1K[" // cannot be answered
	}
	return q
}

// ask collects an asker's answers from an office, through kills and shut times.
func (f *fleet) ask(ctx context.Context, office, asker int) {
	role := []access.Role{access.ZoneOfficer, access.Prosecutor}[asker%2]
	c := &Client{Token: "token of " + string(role), HTTP: &http.Client{}, MaxWait: -1}
	for got := 0; got < f.asks && ctx.Err() == nil; {
		c.BaseURL = f.addr(office)
		q := askedBy(asker, got)
		a, err := c.Search(ctx, q)
		var said *APIError
		switch {
		case err == nil:
			got++
			held := heldAnswer{seq: a.Scope.LogSeq, user: "user-" + string(role), plate: q.Plate, rows: len(a.Reads), plates: map[string]bool{}}
			for i := range a.Reads {
				held.plates[a.Reads[i].Plate] = true
				for _, p := range a.Reads[i].Alternatives {
					held.plates[p] = true
				}
			}
			f.mu.Lock()
			f.answers = append(f.answers, held)
			f.mu.Unlock()
		case errors.As(err, &said) && said.Status == http.StatusUnprocessableEntity && strings.HasPrefix(q.Plate, "1K["):
			got++
			f.invalid.Add(1)
		case errors.As(err, &said) && said.Status == http.StatusServiceUnavailable:
			f.closed[office].Add(1)
		case errors.As(err, &said):
			f.t.Errorf("an office answers %v", err)
			return
		default:
			f.unheard[office].Add(1)
		}
		f.wake()
		if err != nil {
			time.Sleep(20 * time.Millisecond) // leaves the processors to a starting office
		}
	}
}

// wake makes await look again. The lock prevents a missed signal.
func (f *fleet) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.more.Broadcast()
}

// await returns when a condition holds. The condition is checked after each answer.
func (f *fleet) await(holds func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !holds() && f.t.Context().Err() == nil {
		f.more.Wait()
	}
}

// run asks both offices and disturbs them a number of times, spread evenly over the answers.
func (f *fleet) run(times int, disturb func(i int)) {
	f.t.Helper()
	done := f.askAll()
	for i := range times {
		f.await(func() bool {
			return f.t.Failed() || len(f.answers) >= (i+1)*f.wanted()/(times+1) || f.asking[0].Load()+f.asking[1].Load() == 0
		})
		if f.t.Failed() {
			break
		}
		disturb(i)
	}
	<-done
	f.count()
}

// runEvery asks both offices, and disturbs them at every beat until all askers are done. The result counts the
// disturbances.
func (f *fleet) runEvery(beat time.Duration, disturb func(i int)) (times int) {
	f.t.Helper()
	done := f.askAll()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-done:
			f.count()
			return times
		case <-tick.C:
			disturb(times)
			times++
		}
	}
}

// askAll starts all askers. The channel closes when every asker is done.
func (f *fleet) askAll() <-chan struct{} {
	var wg sync.WaitGroup
	for office := range f.running {
		for asker := range askers {
			f.asking[office].Add(1)
			wg.Go(func() {
				f.ask(f.t.Context(), office, asker)
				f.asking[office].Add(-1)
				f.wake()
			})
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		wg.Wait()
	}()
	return done
}

// wanted is the number of answers with rows: a fifth are refusals.
func (f *fleet) wanted() int { return 2 * askers * f.asks * 4 / 5 }

// count checks the number of answers.
func (f *fleet) count() {
	f.t.Helper()
	if len(f.answers) != f.wanted() && !f.t.Failed() {
		f.t.Errorf("%d answers, want %d", len(f.answers), f.wanted())
	}
}

// unhappy counts requests without a countable answer: none at all, or a 503.
func (f *fleet) unhappy() int {
	n := int64(0)
	for i := range f.unheard {
		n += f.unheard[i].Load() + f.closed[i].Load()
	}
	return int(n)
}

// verify compares the log with the clients' answers, and with the heads on the offices' machines.
func (f *fleet) verify(logs *store.LookUps) {
	t := f.t
	t.Helper()
	var heads []access.Head
	for i := range f.jobs {
		hs, err := witness.Heads(t.Context(), f.jobs[i].Heads, &f.keys.Site.PublicKey)
		if err != nil || len(hs) == 0 {
			t.Errorf("Merkle log of office %d: %d heads, err %v", i, len(hs), err)
		}
		heads = append(heads, hs...)
	}
	v, err := access.VerifyStore(t.Context(), logs, &f.keys.Site.PublicKey, heads...)
	if err != nil || !v.OK() || len(v.Segments) != 1 {
		t.Fatalf("the log: %+v, err %v", v, err)
	}
	asked, disclosed, refused := map[uint64]*access.Entry{}, map[uint64]*access.Entry{}, 0
	err = logs.Scan(t.Context(), 1, func(e *access.Entry) error {
		switch {
		case e.Kind == access.KindAsked && e.Outcome == access.Granted:
			asked[e.Seq] = e
		case e.Kind == access.KindAsked:
			refused++
		case e.Kind == access.KindDisclosed && disclosed[e.Of] != nil:
			t.Errorf("entry %d discloses what entry %d disclosed, of look-up %d", e.Seq, disclosed[e.Of].Seq, e.Of)
		case e.Kind == access.KindDisclosed:
			disclosed[e.Of] = e
			if asked[e.Of] == nil {
				t.Errorf("entry %d discloses an answer to entry %d, which asked nothing", e.Seq, e.Of)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := f.keys.PlateKeys()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys of plates, err %v", len(keys), err)
	}
	met := map[uint64]bool{}
	for _, a := range f.answers {
		if met[a.seq] {
			t.Errorf("two answers have the number %d", a.seq)
		}
		met[a.seq] = true
		a.compare(t, keys[0], asked[a.seq], disclosed[a.seq])
	}
	t.Logf("%d entries, %d heads; %d answers whole, %d refused, %d without", v.Entries, len(heads), len(f.answers), f.invalid.Load(), f.unhappy())
	// An entry without an answer is a look-up cut off. Clients saw at least as many failures.
	if extra := len(asked) - len(f.answers); extra < 0 || extra > f.unhappy() {
		t.Errorf("%d look-ups were granted and %d answered, and clients saw %d without an answer", len(asked), len(f.answers), f.unhappy())
	}
	if got := int(f.invalid.Load()); refused < got || refused > got+f.unhappy() {
		t.Errorf("%d refusals are in the log, and clients got %d", refused, got)
	}
}

// compare compares an answer with the answer's log entries.
func (a *heldAnswer) compare(t *testing.T, key *access.PlateKey, asked, disclosed *access.Entry) {
	t.Helper()
	if asked == nil || disclosed == nil {
		t.Errorf("look-up %d was answered; asked is in the log: %t, disclosed: %t", a.seq, asked != nil, disclosed != nil)
		return
	}
	var named, shown []schemas.Sum
	if a.plate != "" {
		named = append(named, key.Mark(a.plate))
	}
	for p := range a.plates {
		shown = append(shown, key.Mark(p))
	}
	slices.SortFunc(shown, func(x, y schemas.Sum) int { return slices.Compare(x[:], y[:]) })
	if asked.User != a.user || disclosed.User != a.user || !slices.Equal(asked.Marks, named) {
		t.Errorf("look-up %d: asked by %q, disclosed to %q, %d plates named, want %q and %q", a.seq, asked.User, disclosed.User, len(asked.Marks), a.user, a.plate)
	}
	if disclosed.Rows != uint64(a.rows) || !slices.Equal(disclosed.Marks, shown) {
		t.Errorf("look-up %d: the log says %d rows and %d plates; the answer has %d rows and %d plates, or others", a.seq, disclosed.Rows, len(disclosed.Marks), a.rows, len(shown))
	}
}

func openStore(t *testing.T, at platform.Postgres) *store.LookUps {
	t.Helper()
	pool, err := at.Open(t.Context(), "test", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return store.NewLookUps(pool)
}

// Two offices share a log and are killed in turn at work. Each answer that a client received whole has log entries, and
// the entries match the answer.
func TestEveryAnswerHasItsEntriesWhenOfficesAreKilled(t *testing.T) {
	at := testkit.StartPostgres(t)
	lookups, every := killSize(t)
	f := newFleet(t, at, lookups)
	kill := func(i int) { f.restart(i % 2) }
	if every == 0 {
		f.run(5, kill)
	} else {
		began := time.Now()
		t.Logf("%d kills in %s", f.runEvery(every, kill), time.Since(began).Round(time.Second))
	}
	for i := range f.unheard {
		if f.unheard[i].Load() == 0 {
			t.Errorf("no look-up at office %d was cut off: this test tests nothing", i)
		}
	}
	for _, p := range f.running {
		p.kill() // the Merkle logs survive a final kill
	}
	f.verify(openStore(t, at))
}

// PostgreSQL is killed under two offices. Both answer 503 and nothing else, recover in the same process, and the log
// holds.
func TestEveryAnswerHasItsEntriesWhenPostgresIsKilled(t *testing.T) {
	cfg := embedded.PostgresConfig{DataDir: filepath.Join(t.TempDir(), "postgres"), Addr: "127.0.0.1:0", Binary: "-", Passwords: embedded.NewPostgresPasswords()}
	server, err := embedded.StartPostgres(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	cfg.Addr = server.Addr()
	at := platform.NewPostgres(cfg.Addr, embedded.PostgresDatabase, string(embedded.PostgresMigrator), cfg.Passwords[embedded.PostgresMigrator])
	if err := platform.MigratePostgres(t.Context(), at, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	at = at.As(string(embedded.PostgresOffice), cfg.Passwords[embedded.PostgresOffice])
	f := newFleet(t, at, 150)
	f.run(2, func(int) {
		killPostgres(t, cfg.DataDir)
		before := [2]int64{f.closed[0].Load(), f.closed[1].Load()}
		told := func(i int) bool { return f.asking[i].Load() == 0 || f.closed[i].Load() > before[i]+askers }
		f.await(func() bool { return f.t.Failed() || told(0) && told(1) })
		_ = server.Stop(t.Context()) // already killed
		again, err := embedded.StartPostgres(t.Context(), cfg)
		if err != nil {
			t.Error(err)
			return
		}
		server = again
	})
	if f.closed[0].Load()+f.closed[1].Load() == 0 {
		t.Error("no office answered 503: this test tests nothing")
	}
	for i, p := range f.running {
		select {
		case <-p.ended:
			t.Errorf("office %d ended", i)
		default:
		}
		if n := f.unheard[i].Load(); n > 0 {
			t.Errorf("%d look-ups at office %d had no answer at all, want 503", n, i)
		}
	}
	f.verify(openStore(t, at))
}

// killPostgres kills this test's own server, by the process id in the server's directory.
func killPostgres(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

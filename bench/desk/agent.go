package desk

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// ahead is how many items an agent holds, as the page does: the one that stands and two behind it.
const ahead = 3

// leastShown is how long an item stands before a key counts, as in the page.
const leastShown = 250 * time.Millisecond

// emptyPause is how long an agent waits who found no item.
const emptyPause = 200 * time.Millisecond

// shift is what an agent states.
var shift = office.Justification{Purpose: "traffic", Reason: "measurement of the review desk, no real case"}

// agent is a scripted person at the desk, in the order of the page: a key sends the verdict, shows the next item and takes
// another one, all at once.
type agent struct {
	client *office.Client
	think  time.Duration
	r      *rand.Rand

	untilEmpty bool

	leasing sync.Mutex // one request for items at a time

	mu      sync.Mutex // guards the fields below
	held    []*heldItem
	waiting []string // leases of verdicts that are on their way
	tally   *tally
	sending sync.WaitGroup
}

// heldItem is an item with its pictures.
type heldItem struct {
	*office.Item
	whole chan struct{} // closed when every picture came, or failed
	err   error         // of a picture; read after whole
}

// decideItems decides items until the context ends, and gives back what is left.
func (a *agent) decideItems(ctx context.Context) {
	life := context.WithoutCancel(ctx) // what was begun is finished and counted
	a.takeItems(life)
	for ctx.Err() == nil {
		item := a.awaitItem(ctx)
		if item == nil || !sleepUntil(ctx, time.Now().Add(a.thinkingTime())) {
			break
		}
		a.decideItem(ctx, life, item)
	}
	a.sending.Wait()
	for _, h := range a.held {
		<-h.whole
		_, err := a.client.GiveBack(life, shift, office.GiveBackQuery{Lease: h.Lease.ID, As: "give_back"})
		a.changeTally(func(t *tally) { t.noteError("give back", err) })
	}
}

// thinkingTime draws how long a person looks: half to one and a half of the mean, never less than the page demands.
func (a *agent) thinkingTime() time.Duration {
	return max(leastShown, a.think/2+time.Duration(a.r.Int64N(int64(a.think)+1)))
}

// awaitItem returns the first item, whole; nil when the context ended.
func (a *agent) awaitItem(ctx context.Context) *heldItem {
	for ctx.Err() == nil {
		if h := a.firstItem(); h != nil {
			<-h.whole
			if h.err == nil {
				return h
			}
			a.changeTally(func(t *tally) { t.noteError("picture", h.err) })
			a.dropItem(h)
		}
		a.takeItems(context.WithoutCancel(ctx))
		if a.firstItem() == nil && (a.untilEmpty || !sleepUntil(ctx, time.Now().Add(emptyPause))) {
			return nil
		}
	}
	return nil
}

func (a *agent) firstItem() *heldItem {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.held) == 0 {
		return nil
	}
	return a.held[0]
}

// dropItem leaves the first item, whose lease ends by itself.
func (a *agent) dropItem(h *heldItem) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.held) > 0 && a.held[0] == h {
		a.held = a.held[1:]
	}
}

// decideItem presses the key: the verdict goes out, the item behind it stands, and another one is taken.
func (a *agent) decideItem(ctx, life context.Context, h *heldItem) {
	pressed := time.Now()
	a.mu.Lock()
	a.held, a.waiting = a.held[1:], append(a.waiting, h.Lease.ID)
	a.mu.Unlock()
	a.sending.Go(func() { a.sendVerdict(life, h, pressed) })
	a.sending.Go(func() { a.takeItems(life) })
	if next := a.awaitItem(ctx); next != nil {
		took := time.Since(pressed)
		a.changeTally(func(t *tally) { t.keyToNext.recordTime(took) })
	}
}

// sendVerdict sends a verdict: half of all cases are confirmed, so that two persons who look agree.
func (a *agent) sendVerdict(ctx context.Context, h *heldItem, pressed time.Time) {
	v := office.VerdictQuery{CaseChange: office.CaseChange{CaseID: h.CaseID, IfMatch: office.VersionTag(h.Version), Key: h.Lease.ID}}
	v.Body.Verdict, v.Body.Lease, v.Body.Checks, v.Body.ShownMS, v.Body.Input = "confirm", h.Lease.ID, []bool{true, true, true, true, true}, leastShown.Milliseconds(), "script"
	if h.CaseID[0] < '8' {
		v.Body.Verdict, v.Body.Reason, v.Body.Checks = "reject", "two_vehicles", nil
	}
	_, err := a.client.Verdict(ctx, shift, v)
	took := time.Since(pressed)
	a.mu.Lock()
	a.waiting = slices.DeleteFunc(a.waiting, func(id string) bool { return id == h.Lease.ID })
	a.mu.Unlock()
	a.changeTally(func(t *tally) {
		if t.noteError("verdict", err); err == nil {
			t.verdict.recordTime(took)
			t.decided[v.Body.Verdict]++
		}
	})
}

// takeItems leases items until three are held, and fetches their pictures.
func (a *agent) takeItems(ctx context.Context) {
	a.leasing.Lock()
	defer a.leasing.Unlock()
	a.mu.Lock()
	q := office.LeaseQuery{Queue: "decide", N: ahead - len(a.held), Have: append([]string{}, a.waiting...)}
	for _, h := range a.held {
		q.Have = append(q.Have, h.Lease.ID)
	}
	a.mu.Unlock()
	if q.N <= 0 {
		return
	}
	began := time.Now()
	answer, err := a.client.Lease(ctx, shift, q)
	took := time.Since(began)
	a.changeTally(func(t *tally) {
		if t.noteError("lease", err); err == nil {
			t.lease.recordTime(took)
		}
	})
	if err != nil {
		return
	}
	for i := range answer.Items {
		h := &heldItem{Item: &answer.Items[i], whole: make(chan struct{})}
		a.mu.Lock()
		a.held = append(a.held, h)
		a.mu.Unlock()
		a.sending.Go(func() { a.fetchPictures(ctx, h, began) })
	}
}

// fetchPictures fetches all pictures of an item at once, as the page does.
func (a *agent) fetchPictures(ctx context.Context, h *heldItem, asked time.Time) {
	defer close(h.whole)
	errs := make([]error, len(h.Pictures))
	var wg sync.WaitGroup
	for i, p := range h.Pictures {
		wg.Go(func() {
			began := time.Now()
			_, _, errs[i] = a.client.Picture(ctx, shift, h.CaseID, p.SHA256)
			if took := time.Since(began); errs[i] == nil {
				a.changeTally(func(t *tally) { t.picture.recordTime(took) })
			}
		})
	}
	wg.Wait()
	if h.err = errors.Join(errs...); h.err == nil {
		took := time.Since(asked)
		a.changeTally(func(t *tally) { t.fetched.recordTime(took) })
	}
}

// changeTally changes the tally of the round.
func (a *agent) changeTally(change func(*tally)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.tally)
}

// sleepUntil waits for an instant; false when the context ends first.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.NewTimer(time.Until(at))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// newClient returns the client of an agent. A refusal for a limit is an error of the measurement.
func newClient(url, token string, transport http.RoundTripper) *office.Client {
	return &office.Client{BaseURL: url, Token: token, HTTP: &http.Client{Transport: transport, Timeout: time.Minute}, MaxWait: -1}
}

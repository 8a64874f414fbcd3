package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Questions are look-ups put to the office while a run is measured, over HTTP as its users do.
type Questions struct {
	Office  string          // the query API as http://host:port
	Tokens  []string        // tokens of users who may search by plate, each in its turn: one person may not ask for many
	Plates  []schemas.Plate // plates of driving vehicles
	Lookups int             // searches a second at scheduled times, each in its turn exact, by prefix, with wildcards, confusable; 0 = none
	Retro   int             // entries in a new list to match with the stored reads, match after match; 0 = none
}

// askers puts questions and times the answers.
type askers struct {
	cfg     Questions
	client  *http.Client
	lookups *latencyTimes // due to answered
	retros  *latencyTimes
	fail    func(error)

	mu       sync.Mutex        // guards what follows
	purposes map[string]string // that are open, by token
}

// mostAsked bounds the searches under way: further searches wait, and the wait counts.
const mostAsked = 64

func newAskers(cfg Questions, fail func(error)) *askers {
	return &askers{
		purposes: map[string]string{}, cfg: cfg, fail: fail, lookups: newTimes(), retros: newTimes(),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: mostAsked}},
	}
}

// askSearches asks until the end; a search waits for no other.
func (a *askers) askSearches(ctx context.Context, from, until time.Time) {
	slots := make(chan struct{}, mostAsked)
	every := time.Second / time.Duration(a.cfg.Lookups)
	for n := 0; ; n++ {
		due := from.Add(time.Duration(n) * every)
		if !due.Before(until) || !sleepContext(ctx, time.Until(due)) {
			break
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			a.askTimed(ctx, a.lookups, due, n, a.searchQuestion(n))
		}()
	}
	for range mostAsked {
		slots <- struct{}{} // until all have ended
	}
}

// askRetroMatches matches lists until the end.
func (a *askers) askRetroMatches(ctx context.Context, from, until time.Time) {
	if !sleepContext(ctx, time.Until(from)) {
		return
	}
	for n := 0; ctx.Err() == nil && time.Now().Before(until); n++ {
		a.askTimed(ctx, a.retros, time.Now(), n, a.retroQuestion(n))
	}
}

func (a *askers) askTimed(ctx context.Context, t *latencyTimes, due time.Time, n int, q question) {
	err := a.sendQuestion(ctx, n, q)
	if ctx.Err() != nil {
		return
	}
	a.fail(err)
	if err == nil {
		t.recordMicros(time.Since(due).Microseconds())
	}
}

// question is what a user asks: where, and with which body.
type question struct {
	path string
	body any
}

// sendQuestion asks as a user, under a purpose that is opened at the user's first question, and reads the whole answer.
func (a *askers) sendQuestion(ctx context.Context, n int, q question) error {
	token := a.cfg.Tokens[n%len(a.cfg.Tokens)]
	purpose, err := a.openPurpose(ctx, token)
	if err != nil {
		return err
	}
	_, err = a.exchange(ctx, token, purpose, q)
	return err
}

// openPurpose returns the purpose of a user.
func (a *askers) openPurpose(ctx context.Context, token string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := a.purposes[token]; id != "" {
		return id, nil
	}
	answer, err := a.exchange(ctx, token, "", question{"/v1/purposes", map[string]string{
		"purpose": "judicial", "reason": "measurement of look-ups, no real case", "case_ref": "BR.00.X1.000000/2026", "prosecutor_ref": "PK.BR.2026/000000",
	}})
	if err != nil {
		return "", err
	}
	var opened struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &opened); err != nil || opened.ID == "" {
		return "", fmt.Errorf("the office opened no purpose: %w", err)
	}
	a.purposes[token] = opened.ID
	return opened.ID, nil
}

func (a *askers) exchange(ctx context.Context, token, purpose string, q question) ([]byte, error) {
	body, err := json.Marshal(q.body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.Office+q.path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if purpose != "" {
		req.Header.Set("Anpr-Purpose", purpose)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the office: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("ask the office: %w", err)
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("the office answers %s: %.300s", res.Status, answer)
	}
	return answer, nil
}

// timeRange is the range of capture time that is asked for.
type timeRange struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func lastDay() timeRange {
	now := time.Now().UTC().Truncate(time.Second)
	return timeRange{now.Add(-24 * time.Hour), now.Add(time.Minute)}
}

// searchQuestion is the n-th search.
func (a *askers) searchQuestion(n int) question {
	plate, mode := a.cfg.Plates[n%len(a.cfg.Plates)].String(), ""
	switch n % 4 {
	case 0: // exact
	case 1:
		plate = plate[:min(4, len(plate))] + "*"
	case 2:
		plate = "?" + plate[1:]
	default:
		mode = "looks_like"
	}
	return question{"/v1/searches", struct {
		timeRange
		Plate string `json:"plate"`
		Mode  string `json:"mode,omitempty"`
	}{lastDay(), plate, mode}}
}

// retroQuestion is the n-th list: half of its plates drive.
func (a *askers) retroQuestion(n int) question {
	type entry struct {
		ID    string `json:"id"`
		Plate string `json:"plate"`
	}
	list := make([]entry, a.cfg.Retro)
	for i := range list {
		e := &list[i]
		e.ID = strconv.Itoa(i)
		if k := n*a.cfg.Retro + i; i%2 == 0 {
			e.Plate = a.cfg.Plates[k%len(a.cfg.Plates)].String()
		} else {
			e.Plate = fmt.Sprintf("2%c%c%c%03d", 'A'+k%26, 'A'+k/26%26, 'A'+k/676%26, k%1000)
		}
	}
	return question{"/v1/retro-matches", struct {
		timeRange
		Entries []entry `json:"entries"`
	}{lastDay(), list}}
}

package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// Questions are look-ups put to the office while a run is measured, over HTTP as its users do.
type Questions struct {
	Office  string          // the query API as http://host:port
	Token   string          // for a user with unlimited plate searches
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
}

// mostAsked bounds the searches under way: further searches wait, and the wait counts.
const mostAsked = 64

func newAskers(cfg Questions, fail func(error)) *askers {
	return &askers{
		cfg: cfg, fail: fail, lookups: newTimes(), retros: newTimes(),
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
			a.askTimed(ctx, a.lookups, due, func() (*http.Request, error) { return a.searchRequest(ctx, n) })
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
		a.askTimed(ctx, a.retros, time.Now(), func() (*http.Request, error) { return a.retroRequest(ctx, n) })
	}
}

func (a *askers) askTimed(ctx context.Context, t *latencyTimes, due time.Time, ask func() (*http.Request, error)) {
	req, err := ask()
	if err == nil {
		err = a.sendRequest(req)
	}
	if ctx.Err() != nil {
		return
	}
	a.fail(err)
	if err == nil {
		t.recordMicros(time.Since(due).Microseconds())
	}
}

// sendRequest reads the whole answer.
func (a *askers) sendRequest(req *http.Request) error {
	req.Header.Set("Authorization", "Bearer "+a.cfg.Token)
	res, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the office: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("ask the office: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the office answers %s: %.300s", res.Status, body)
	}
	return nil
}

func (a *askers) justificationValues() url.Values {
	return url.Values{
		"purpose": {"judicial"}, "reason": {"measurement of look-ups, no real case"}, "case_ref": {"BENCH"}, "prosecutor_ref": {"BENCH-0001"},
		"from": {time.Now().UTC().Add(-24 * time.Hour).Format(time.RFC3339)}, "to": {time.Now().UTC().Add(time.Minute).Format(time.RFC3339)},
	}
}

// searchRequest is the n-th search.
func (a *askers) searchRequest(ctx context.Context, n int) (*http.Request, error) {
	q := a.justificationValues()
	plate := a.cfg.Plates[n%len(a.cfg.Plates)].String()
	switch n % 4 {
	case 0: // exact
	case 1:
		plate = plate[:min(4, len(plate))] + "*"
	case 2:
		plate = "?" + plate[1:]
	default:
		q.Set("confusable", "true")
	}
	q.Set("plate", plate)
	return http.NewRequestWithContext(ctx, http.MethodGet, a.cfg.Office+"/v1/reads?"+q.Encode(), nil)
}

// retroRequest is the n-th list: half the plates drive.
func (a *askers) retroRequest(ctx context.Context, n int) (*http.Request, error) {
	type entry struct {
		ID    string `json:"id"`
		Plate string `json:"plate"`
	}
	list := struct {
		Entries []entry `json:"entries"`
	}{make([]entry, a.cfg.Retro)}
	for i := range list.Entries {
		e := &list.Entries[i]
		e.ID = strconv.Itoa(i)
		if k := n*a.cfg.Retro + i; i%2 == 0 {
			e.Plate = a.cfg.Plates[k%len(a.cfg.Plates)].String()
		} else {
			e.Plate = fmt.Sprintf("2%c%c%c%03d", 'A'+k%26, 'A'+k/26%26, 'A'+k/676%26, k%1000)
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.cfg.Office+"/v1/retro-matches?"+a.justificationValues().Encode(), bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// demoCases are the cases at the end of the demo. ToDecide, ToKey and Held wait for a person, a reading or a time.
type demoCases struct {
	All      int64            `json:"all"`
	Offences uint64           `json:"offences"` // distinct, in the table
	Taken    int64            `json:"taken_in"` // distinct offences that are cases
	ByState  map[string]int64 `json:"by_state"`
	ToDecide int64            `json:"to_decide"`
	ToKey    int64            `json:"to_key"`
	Held     int64            `json:"held"`
	Next     []string         `json:"next"` // commands of the next step
}

// errMore says that the cases are not yet as many as the offences.
var errMore = errors.New("offences are on their way to cases")

// countCases waits, at most two minutes, until each offence of the table is a case, and returns the cases.
func (c *pipelineCounts) countCases(ctx context.Context, m *roles.Machine) (out demoCases, err error) {
	out, err = backoff.Retry(ctx, func() (demoCases, error) {
		try, done := context.WithTimeout(ctx, 20*time.Second)
		defer done()
		var n demoCases
		if err := c.conn.QueryRow(try, "SELECT uniqExact(offence_id) FROM offences").Scan(&n.Offences); err != nil {
			return n, err
		}
		counts, err := m.CountCases(try)
		if err != nil {
			return n, err
		}
		n.All, n.Taken, n.ByState = counts.Cases, counts.Offences, counts.ByState
		n.ToDecide, n.ToKey, n.Held = n.ByState["open"]+n.ByState["arbitration"]+n.ByState["second"], n.ByState["keying"], n.ByState["held"]
		if counts.Offences < int64(n.Offences) || counts.Unbalanced() != 0 {
			return n, errMore
		}
		return n, nil
	}, backoff.WithBackOff(backoff.NewConstantBackOff(500*time.Millisecond)), backoff.WithMaxElapsedTime(2*time.Minute))
	if errors.Is(err, errMore) { // the summary says so
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("count the cases: %w", err)
	}
	return out, nil
}

// nameNext names the commands of the next step. Without data that stay, the demo is run once more with data.
func (n *demoCases) nameNext(data string, temporary bool, seconds int) {
	if temporary {
		data = "anpr-data"
		n.Next = append(n.Next, fmt.Sprintf("bin/anprload demo --data %s --seconds %d", data, seconds))
	}
	n.Next = append(n.Next, "bin/anpr up --data "+data, "bin/anpr cases next --user agent1 --data "+data)
}

// printCases says how many cases wait, and for what, and how to go on.
func (n *demoCases) printCases(w io.Writer) {
	var states []string
	for _, s := range slices.Sorted(maps.Keys(n.ByState)) {
		if n.ByState[s] > 0 {
			states = append(states, fmt.Sprintf("%s %d", s, n.ByState[s]))
		}
	}
	_, _ = fmt.Fprintf(w, "Cases %d, of %d of %d offences: %s\n", n.All, n.Taken, n.Offences, strings.Join(states, ", "))
	_, _ = fmt.Fprintf(w, "To decide: %d; plates to key: %d; held until something is known or has passed: %d. To go on:\n", n.ToDecide, n.ToKey, n.Held)
	for _, c := range n.Next {
		_, _ = fmt.Fprintln(w, "   ", c)
	}
}

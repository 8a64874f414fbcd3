package query

import (
	"context"
	"strings"
)

// Plan is how the server would run a statement. Its text quotes the statement's values, plates among them: it is for
// tests and measurements and is never logged.
type Plan struct {
	Text  string
	Reads []PlannedRead
}

// PlannedRead is what would be read of a table by its sort key and indexes. What a projection leaves out afterwards is still
// counted.
type PlannedRead struct {
	Table    string `ch:"table"`
	Parts    uint64 `ch:"parts"`
	Rows     uint64 `ch:"rows"`
	Granules uint64 `ch:"marks"`
}

// Explain asks the server for the plan of a statement, without running it but for subqueries that the plan depends on.
func (d *DB) Explain(ctx context.Context, st Statement) (Plan, error) {
	var lines []struct {
		Line string `ch:"explain"`
	}
	as := func(form string) Statement {
		return Statement{sql: form + st.sql, params: st.params, rows: 100_000, projected: st.projected}
	}
	if err := d.Select(ctx, &lines, as("EXPLAIN indexes = 1, projections = 1 ")); err != nil {
		return Plan{}, err
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.Line + "\n")
	}
	p := Plan{Text: text.String()}
	var reads []struct {
		Database string `ch:"database"`
		PlannedRead
	}
	if err := d.Select(ctx, &reads, as("EXPLAIN ESTIMATE ")); err != nil {
		return Plan{}, err
	}
	for _, r := range reads {
		p.Reads = append(p.Reads, r.PlannedRead)
	}
	return p, nil
}

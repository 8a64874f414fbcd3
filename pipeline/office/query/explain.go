package query

import (
	"context"
	"strings"
)

// StatementPlan describes how the server would run a statement. Text quotes the values in the statement, including
// plates: a plan is for tests and measurements, and must never be logged.
type StatementPlan struct {
	Text  string
	Reads []PlannedRead
}

// PlannedRead is the amount to read from a table by sort key and indexes. Rows that a projection excludes later still
// count.
type PlannedRead struct {
	Table    string `ch:"table"`
	Parts    uint64 `ch:"parts"`
	Rows     uint64 `ch:"rows"`
	Granules uint64 `ch:"marks"`
}

// Explain asks the server for the plan of a statement. The server runs only the subqueries that the plan depends on.
func (d *DB) Explain(ctx context.Context, st Statement) (StatementPlan, error) {
	var lines []struct {
		Line string `ch:"explain"`
	}
	as := func(form string) Statement {
		return Statement{sql: form + st.sql, params: st.params, rows: 100_000, projected: st.projected}
	}
	if err := d.Select(ctx, &lines, as("EXPLAIN indexes = 1, projections = 1 ")); err != nil {
		return StatementPlan{}, err
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.Line + "\n")
	}
	p := StatementPlan{Text: text.String()}
	var reads []struct {
		Database string `ch:"database"`
		PlannedRead
	}
	if err := d.Select(ctx, &reads, as("EXPLAIN ESTIMATE ")); err != nil {
		return StatementPlan{}, err
	}
	for _, r := range reads {
		p.Reads = append(p.Reads, r.PlannedRead)
	}
	return p, nil
}

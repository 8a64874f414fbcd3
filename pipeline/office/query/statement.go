package query

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Page sizes in rows.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Page selects a part of the rows. Limit 0 means DefaultLimit.
type Page struct {
	After Cursor
	Limit int
}

func (p Page) rowLimit() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return min(p.Limit, MaxLimit)
}

// Statement is a SELECT with a fixed shape and its values. Only this package makes statements, and only from a valid
// permit.
type Statement struct {
	sql    string
	params map[string]any
	rows   int // limit on the result rows
	// projected says that the statement uses a projection. For other statements projections are switched off, because the
	// server examines each projection of each part first: 70 ms of processor time on a year of reads.
	projected bool
}

func (s Statement) queryArgs() []any {
	out := make([]any, 0, len(s.params))
	for name, v := range s.params {
		out = append(out, clickhouse.Named(name, v))
	}
	return out
}

// fragment is SQL text. Only constants in this package are fragments; a string variable does not convert by accident.
type fragment string

// column is a column in an answer.
type column struct {
	name  fragment
	expr  fragment // "" = the stored column
	plate fragment // mask for users without the right to plates; "" = the column is harmless
}

// queriedTable describes how to read a table.
type queriedTable struct {
	name    fragment
	columns []column
	time    fragment // column for the permit's window
	zone    fragment // condition with {zones}; "" = the table has no zones
	order   []fragment
	id      fragment // key of a row, for LIMIT 1 BY and counts
	routes  []access.Route
}

var (
	errPermit = errors.New("BUG: a statement needs a permit for its route")
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
)

// FilterError reports a filter value in the wrong form, or a value that no row can have.
type FilterError struct{ Field, Detail string }

// Error names the field.
func (e *FilterError) Error() string { return e.Field + " " + e.Detail }

// builder collects the conditions for a statement. err is the first error.
type builder struct {
	permit access.Permit
	from   *queriedTable
	where  []fragment
	params map[string]any
	err    error

	projected bool // see Statement
}

func newBuilder(p access.Permit, t *queriedTable) *builder {
	b := &builder{permit: p, from: t, params: map[string]any{}}
	if !p.Valid() || !slices.Contains(t.routes, p.Route()) {
		b.err = errPermit
		return b
	}
	if t.time != "" && p.From() != 0 {
		b.addCondition(t.time+" >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')", "from", int64(p.From()))
	}
	if t.time != "" && p.To() != 0 {
		b.addCondition(t.time+" < fromUnixTimestamp64Micro({to:Int64}, 'UTC')", "to", int64(p.To()))
	}
	if zones := p.Zones(); len(zones) > 0 && t.zone != "" {
		b.addCondition(t.zone, "zones", zones)
	}
	return b
}

func (b *builder) addCondition(cond fragment, param string, value any) {
	b.where = append(b.where, cond)
	if param != "" {
		b.params[param] = value
	}
}

// whereName adds a condition on a value in the form of a name. An empty value adds no condition.
func (b *builder) whereName(cond fragment, param, value string) {
	if value == "" {
		return
	}
	if !nameForm.MatchString(value) {
		b.noteFault(param, "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
		return
	}
	b.addCondition(cond, param, value)
}

// whereCameras keeps the rows from the given cameras; an empty list keeps all rows.
func (b *builder) whereCameras(values []string) {
	if len(values) == 0 {
		return
	}
	for _, v := range values {
		if !nameForm.MatchString(v) {
			b.noteFault("camera", "must be 1 to 64 of A-Z a-z 0-9 . _ : -")
			return
		}
	}
	b.addCondition("camera_id IN {camera:Array(String)}", "camera", values)
}

// wherePlate adds the conditions for a plate or pattern, on the columns plate and class.
func (b *builder) wherePlate(p PlateFilter) {
	if p.IsZero() || !b.mayShowPlates() {
		return
	}
	switch {
	case p.wide && p.confusable:
		b.addCondition("class LIKE {class:String}", "class", p.likePatterns()[0])
	case p.wide:
		b.whereLike(p.likePatterns())
	case p.confusable:
		b.addCondition("class = {class:String}", "class", p.comparedText())
		if vs := listVariants(p.comparedText()); vs != nil {
			b.addCondition("plate IN {variants:Array(String)}", "variants", vs)
		}
	default:
		if len(p.plateForms()) > 1 {
			b.anyForm(p)
			return
		}
		b.addCondition("plate = {plate:String}", "plate", p.text)
	}
}

// anyForm adds a condition that matches every form of the plate. The table's zone condition may then use the parameter
// forms.
func (b *builder) anyForm(p PlateFilter) {
	if b.mayShowPlates() {
		b.addCondition("plate IN {forms:Array(String)}", "forms", p.plateForms())
	}
}

// mayShowPlates reports whether the user may see plates; if not, the statement fails.
func (b *builder) mayShowPlates() bool {
	if !b.permit.ShowsPlates() {
		b.err = errPermit
		return false
	}
	return true
}

// whereLike adds a condition that matches any of the patterns. Letters and digits must also match the first pattern,
// so that ? does not match a boundary.
func (b *builder) whereLike(patterns []string) {
	parts := []string{"plate LIKE {plate:String}"}
	for i, x := range patterns[1:] {
		name := "plate" + string(rune('a'+i))
		parts = append(parts, "plate LIKE {"+name+":String}")
		b.params[name] = x
	}
	sql := strings.Join(parts, " OR ")
	if len(patterns) > 1 {
		sql = "(" + sql + ") AND replaceAll(plate, '-', '') LIKE {plate:String}"
	}
	b.addCondition(fragment(sql), "plate", patterns[0])
}

func (b *builder) noteFault(field, detail string) {
	if b.err == nil {
		b.err = &FilterError{Field: field, Detail: detail}
	}
}

// finishPage finishes a statement for a page of rows, newest first.
func (b *builder) finishPage(p Page) (Statement, error) {
	limit := p.rowLimit()
	b.params["limit"] = uint32(limit + 1) // the extra row tells whether there is a next page
	sql := b.writeSelect(b.writeColumns()) + " ORDER BY " + joinFragments(b.from.order, " DESC, ") + " DESC LIMIT 1 BY " + string(b.from.id) +
		" LIMIT {limit:UInt32}"
	return b.finishStatement(sql, limit+1)
}

// finishCount finishes a statement for the number of rows. A row stored twice counts once.
func (b *builder) finishCount() (Statement, error) {
	return b.finishStatement(b.writeSelect("uniqExact("+string(b.from.id)+") AS count"), 1)
}

func (b *builder) finishStatement(sql string, rows int) (Statement, error) {
	if b.err != nil {
		return Statement{}, b.err
	}
	return Statement{sql: sql, params: b.params, rows: rows, projected: b.projected}, nil
}

func (b *builder) writeSelect(columns string) string {
	sql := "SELECT " + columns + " FROM " + string(b.from.name)
	if len(b.where) > 0 {
		sql += " WHERE " + joinFragments(b.where, " AND ")
	}
	return sql
}

func (b *builder) writeColumns() string {
	out := make([]string, len(b.from.columns))
	for i, c := range b.from.columns {
		expr := c.expr
		if c.plate != "" && !b.permit.ShowsPlates() {
			expr = c.plate
		}
		if expr == "" {
			out[i] = string(c.name)
			continue
		}
		out[i] = fmt.Sprintf("%s AS %s", expr, c.name)
	}
	return strings.Join(out, ", ")
}

func joinFragments(fs []fragment, by string) string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = string(f)
	}
	return strings.Join(out, by)
}

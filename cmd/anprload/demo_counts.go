package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// pipelineCounts reads the numbers of the summary from ClickHouse and the topics, never from counters in memory.
type pipelineCounts struct {
	conn  driver.Conn
	admin *platform.Admin
	group string // consumer group of the pipeline
}

func newCounts(m *roles.Machine) (*pipelineCounts, error) {
	conn, err := m.Engines.Tables(embedded.Reader).Open()
	if err != nil {
		return nil, err
	}
	return &pipelineCounts{conn, m.Engines.Kafka().NewAdmin("anprload"), m.Config.Ingest.Group}, nil
}

func (c *pipelineCounts) closeConns() error {
	c.admin.Close()
	return c.conn.Close()
}

// demoSummary is the demo's result. Produced = Stored + Merged + Rejected when everything is processed.
type demoSummary struct {
	Produced         uint64            `json:"produced"` // records of anpr.reads.v1 but ticks
	Stored           uint64            `json:"stored"`
	Merged           uint64            `json:"merged"`
	Rejected         uint64            `json:"rejected"`
	RejectedByReason map[string]uint64 `json:"rejected_by_reason"`
	Passages         uint64            `json:"passages"`
	Hits             uint64            `json:"hits"`
	Offences         map[string]uint64 `json:"offences"` // rows of offences by family, held ones included
	Held             map[string]uint64 `json:"held"`     // of them
	// rows beyond one per id, over reads, passages, hits and offences, without FINAL
	Duplicates        uint64  `json:"duplicates"`
	HitP99ms          float64 `json:"hit_p99_ms"`
	ClickhouseVersion string  `json:"clickhouse_version"`
	Kafka             string  `json:"kafka"`
	Ticks             uint64  `json:"ticks"`

	Cases demoCases `json:"cases"`
	// These must be 0 and empty; otherwise the demo ends with exit code 1.
	Residual int64                        `json:"residual"` // Produced - Stored - Merged - Rejected
	Problems []string                     `json:"problems"`
	Truth    map[string]bench.ResultTally `json:"truth,omitempty"` // of this run, against the generator
	// Exit code 4 when only this is not empty: every result is right, and the machine was too slow for the traffic.
	Slow []string `json:"too_slow"`

	byRule             map[string]uint64
	visible, visible99 float64
}

// readSummary reads all numbers.
func (c *pipelineCounts) readSummary(ctx context.Context) (*demoSummary, error) {
	s := &demoSummary{Problems: []string{}, Slow: []string{}, RejectedByReason: map[string]uint64{}, Offences: noneOfEach(), Held: noneOfEach(), byRule: map[string]uint64{}}
	row := c.conn.QueryRow(ctx, `SELECT
		(SELECT count() FROM reads), (SELECT count() FROM merges), (SELECT count() FROM rejects), (SELECT count() FROM passages), (SELECT count() FROM hits),
		(SELECT toUInt64(sum(ticks)) FROM batches),
		toUInt64((SELECT count() - uniqExact(read_id) FROM reads) + (SELECT count() - uniqExact(passage_id) FROM passages)
		+ (SELECT count() - uniqExact(hit_id) FROM hits) + (SELECT count() - uniqExact(offence_id) FROM offences)),
		(SELECT toInt64(quantileExact(0.5)(date_diff('millisecond', received_at, inserted_at))) FROM reads),
		(SELECT toInt64(quantileExact(0.99)(date_diff('millisecond', received_at, inserted_at))) FROM reads)`)
	var v50, v99 int64
	if err := row.Scan(&s.Stored, &s.Merged, &s.Rejected, &s.Passages, &s.Hits, &s.Ticks, &s.Duplicates, &v50, &v99); err != nil {
		return nil, fmt.Errorf("count rows: %w", err)
	}
	s.visible, s.visible99 = float64(v50), float64(v99)
	if err := c.queryGroups(ctx, `SELECT reason, '', count() FROM rejects GROUP BY reason`, func(a, _ string, n uint64) { s.RejectedByReason[a] = n }); err != nil {
		return nil, err
	}
	if err := c.queryGroups(ctx, `SELECT family, concat(rule, ' ', status, ' ', reason), count() FROM offences GROUP BY 1, 2`, func(family, rule string, n uint64) {
		s.Offences[family] += n
		s.byRule[rule] += n
	}); err != nil {
		return nil, err
	}
	if err := c.queryGroups(ctx, `SELECT family, '', count() FROM offences WHERE status = 'held' GROUP BY family`, func(a, _ string, n uint64) { s.Held[a] = n }); err != nil {
		return nil, err
	}
	records, err := c.admin.CountRecords(ctx, topicReads)
	s.Produced = uint64(records) - min(s.Ticks, uint64(records))
	return s, err
}

func (c *pipelineCounts) queryGroups(ctx context.Context, query string, visit func(a, b string, n uint64)) error {
	rows, err := c.conn.Query(ctx, query)
	if err != nil {
		return fmt.Errorf("count groups: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a, b string
		var n uint64
		if err := rows.Scan(&a, &b, &n); err != nil {
			return fmt.Errorf("count groups: %w", err)
		}
		visit(a, b, n)
	}
	return rows.Err()
}

// renderExamples renders candidate offences of different kinds with their traces.
func (c *pipelineCounts) renderExamples(ctx context.Context, n int, lang string) ([]string, error) {
	rows, err := c.conn.Query(ctx, `SELECT offence_id, rule, rule_version, family, status, reason, hold_until, plate, camera_id, captured_at,
		measured_dkmh, corrected_dkmh, limit_dkmh, amount_cents, legal_basis, verified, trace, seal_sha256
		FROM offences ORDER BY row_number() OVER (PARTITION BY family, status ORDER BY reason, captured_at), status, family LIMIT $1`, n)
	if err != nil {
		return nil, fmt.Errorf("read examples: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var e example
		if err := rows.Scan(&e.id, &e.rule, &e.d.RuleVersion, &e.family, &e.status, &e.d.Reason, &e.hold, &e.plate, &e.camera, &e.at,
			&e.measured, &e.corrected, &e.limit, &e.d.AmountCents, &e.d.LegalBasis, &e.d.Verified, &e.trace, &e.seal); err != nil {
			return nil, fmt.Errorf("read examples: %w", err)
		}
		text, err := e.renderTrace(rules.Lang(lang))
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}

type example struct {
	d                                                    schemas.Decision
	id, rule, family, status, plate, camera, trace, seal string
	hold, at                                             time.Time
	measured, corrected, limit                           int32
}

func (e *example) renderTrace(lang rules.Lang) (string, error) {
	steps, err := evidence.ParseTrace([]byte(e.trace))
	if err != nil {
		return "", fmt.Errorf("trace of offence %s: %w", e.id, err)
	}
	d := e.d
	d.Rule, d.Family, d.Trace, d.Outcome = schemas.RuleID(e.rule), schemas.Family(e.family), steps, schemas.OutcomeOffence
	if e.status == "held" {
		d.Outcome, d.HoldUntil = schemas.OutcomeHeld, schemas.MicrosOf(e.hold)
	}
	d.Measures = schemas.SpeedMeasures(e.measured, e.corrected, e.limit)
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s  %s  %s  %s\n", e.plate, schemas.MicrosOf(e.at).Local().Format("2006-01-02 15:04:05 MST"), e.camera, e.id)
	for _, line := range rules.Render(lang, d) {
		text.WriteString("  " + line + "\n")
	}
	_, _ = fmt.Fprintf(&text, "  SHA-256 %x\n", e.seal)
	return text.String(), nil
}

// printScreen prints the live summary and returns the number of lines.
func (s *demoSummary) printScreen(w io.Writer, elapsed time.Duration, p *bench.Progress, hits latencies) int {
	lines := []string{
		fmt.Sprintf("elapsed %6.0f s      sent %-8d refused %-6d on the log %d", elapsed.Seconds(), p.Sent.Load(), p.Refused.Load(), s.Produced),
		fmt.Sprintf("reads    stored %-8d merged %-8d rejected %-6d %s", s.Stored, s.Merged, s.Rejected, formatCounts(s.RejectedByReason)),
		fmt.Sprintf("passages %-8d hits %-6d received -> subscriber p50 %.1f ms, p99 %.1f ms", s.Passages, s.Hits, hits.p50, hits.p99),
		"offences " + s.formatFamilies("%s %d (held %d)"),
		fmt.Sprintf("visible in ClickHouse after p50 %.0f ms, p99 %.0f ms", s.visible, s.visible99),
	}
	for _, l := range lines {
		_, _ = fmt.Fprintln(w, l)
	}
	return len(lines)
}

// printFinal prints the result.
func (s *demoSummary) printFinal(w io.Writer, hits latencies) {
	_, _ = fmt.Fprintf(w, "On the log %d = stored %d + merged %d + rejected %d (residual %d); duplicate rows %d\n", s.Produced, s.Stored, s.Merged, s.Rejected,
		int64(s.Produced)-int64(s.Stored+s.Merged+s.Rejected), s.Duplicates)
	_, _ = fmt.Fprintf(w, "Rejected: %s\n", formatCounts(s.RejectedByReason))
	_, _ = fmt.Fprintf(w, "Passages %d, hits %d (from gateway to subscriber p50 %.1f ms, p99 %.1f ms), visible in ClickHouse after p50 %.0f ms, p99 %.0f ms\n", s.Passages, s.Hits, hits.p50, hits.p99, s.visible, s.visible99)
	_, _ = fmt.Fprintf(w, "Offences: %s: %s\n", s.formatFamilies("%s %d (%d held)"), formatCounts(s.byRule))
}

func (s *demoSummary) printJSON(w io.Writer) error {
	return json.NewEncoder(w).Encode(s)
}

func formatCounts(m map[string]uint64) string {
	text := ""
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%s %d", k, m[k])
	}
	return text
}

// noneOfEach returns a count of zero for each family that makes offences.
func noneOfEach() map[string]uint64 {
	out := map[string]uint64{}
	for _, name := range rules.FamilyNames((*rules.Info).Decides) {
		out[name] = 0
	}
	return out
}

// formatFamilies writes the offences of each family, and how many of them are held.
func (s *demoSummary) formatFamilies(format string) string {
	var out []string
	for _, name := range rules.FamilyNames((*rules.Info).Decides) {
		out = append(out, fmt.Sprintf(format, name, s.Offences[name], s.Held[name]))
	}
	return strings.Join(out, ", ")
}

// offencesSoFar writes the offences of each family.
func (s *demoSummary) offencesSoFar() string {
	var out []string
	for _, name := range rules.FamilyNames((*rules.Info).Decides) {
		out = append(out, fmt.Sprint(name, " ", s.Offences[name]))
	}
	return strings.Join(out, " ")
}

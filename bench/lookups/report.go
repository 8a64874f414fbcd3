package lookups

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// LookupReport is everything measured by a single call.
type LookupReport struct {
	Rows     uint64                  `json:"rows"` // loaded; rows stored while measuring come on top
	Days     int                     `json:"days"`
	Engine   string                  `json:"engine"`
	Tables   []TableSize             `json:"tables"`
	Phases   []PhaseResult           `json:"phases"`
	Retro    []RetroResult           `json:"retro,omitempty"`
	Ingested map[string]IngestResult `json:"ingested,omitempty"` // by phase
}

// TableSize is the size of a table on disk. Bytes counts everything; in the table reads it includes the projections.
type TableSize struct {
	Table string `ch:"table" json:"table"`
	Parts uint64 `ch:"parts" json:"parts"`
	Rows  uint64 `ch:"rows" json:"rows"`
	Bytes uint64 `ch:"bytes" json:"bytes"`
}

// sizes asks for the tables, and for the projections of reads as "reads, projection NAME".
const sizes = `SELECT table, count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
	WHERE active AND database = currentDatabase() GROUP BY table
UNION ALL
SELECT concat(table, ', projection ', name) AS table, count() AS parts, sum(rows) AS rows, sum(bytes_on_disk) AS bytes
	FROM system.projection_parts WHERE active AND database = currentDatabase() GROUP BY table, name
ORDER BY table`

// NewReport describes the tables.
func (b *Bench) NewReport(ctx context.Context) (*LookupReport, error) {
	r := &LookupReport{Rows: b.cfg.Year.First(b.cfg.Days), Days: b.cfg.Days, Ingested: map[string]IngestResult{}}
	if err := b.cfg.Conn.QueryRow(ctx, "SELECT version()").Scan(&r.Engine); err != nil {
		return nil, fmt.Errorf("ask for the version: %w", err)
	}
	if err := b.cfg.Conn.Select(ctx, &r.Tables, sizes); err != nil {
		return nil, fmt.Errorf("ask for the size of the tables: %w", err)
	}
	return r, nil
}

// Print prints the report as text.
func (r *LookupReport) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "engine %s, %d reads of %d days\n\ntable\tparts\trows\tMB\tbytes a row\tof a loaded read\n", r.Engine, r.Rows, r.Days)
	for _, s := range r.Tables {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.2f\t%.2f\n", s.Table, s.Parts, s.Rows, float64(s.Bytes)/1e6,
			float64(s.Bytes)/float64(max(s.Rows, 1)), float64(s.Bytes)/float64(max(r.Rows, 1)))
	}
	for _, p := range r.Phases {
		fmt.Fprintf(t, "\n%s: %d users, think %s, %s", p.Phase.Name, p.Phase.Users, p.Phase.Think, p.Phase.Duration)
		if g, ok := r.Ingested[p.Phase.Name]; ok {
			fmt.Fprintf(t, "; stored meanwhile %d reads, %.0f a second in %.0f batches a second, last batch %s late",
				g.Rows, float64(g.Rows)/g.Took.Seconds(), float64(g.Inserts)/g.Took.Seconds(), g.Behind.Round(time.Millisecond))
		}
		fmt.Fprintf(t, "\nquestion\tasked\tfailed\tp50 ms\tp95 ms\tp99 ms\tmax ms\trows an answer\n")
		for _, k := range p.Kinds {
			fmt.Fprintf(t, "%s\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\n", k.Kind, k.Asked, k.Failed, inMillis(k.P50), inMillis(k.P95), inMillis(k.P99), inMillis(k.Max),
				float64(k.Rows)/float64(max(k.Asked, 1)))
		}
		if p.Error != "" {
			fmt.Fprintf(t, "first failure: %.300s\n", p.Error)
		}
	}
	for i := range r.Retro {
		if i == 0 {
			fmt.Fprintf(t, "\nretro-match\tentries\tmatches\treads of them\ttook\n")
		}
		m := &r.Retro[i]
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\n", m.Name, m.Entries, m.Matches, m.Reads, m.Took.Round(time.Millisecond))
	}
	return t.Flush()
}

func inMillis(us int64) float64 { return float64(us) / 1000 }

// Save writes the report as JSON.
func (r *LookupReport) Save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644) //nolint:gosec // a result, not a secret
}

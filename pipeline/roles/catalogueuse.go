package roles

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// CatalogueUse says under which versions a partition was decided last.
type CatalogueUse struct {
	Partition  int32     `json:"partition"`
	Catalogue  string    `json:"catalogue"`
	Reference  string    `json:"reference"`
	FromOffset int64     `json:"from_offset"` // of the first batch under this catalogue, after the last one under another
	Since      time.Time `json:"since"`       // when that batch was stored
	Last       time.Time `json:"last"`        // when the last batch was stored
}

// ReadCatalogueUse asks the batches rows which versions decided the last batch of each partition, and since when the catalogue did.
// A partition without a batch is not in the list. The rows are what was decided, not what a worker is set to.
func ReadCatalogueUse(ctx context.Context, tables platform.ClickHouse) (out []CatalogueUse, err error) {
	conn, err := tables.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	defer func() {
		if err != nil {
			err = tables.Explain(fmt.Errorf("read which catalogue is in use: %w", err))
		}
	}()
	rows, err := conn.Query(ctx, `SELECT kafka_partition FROM batches WHERE kafka_topic = ? AND lost = 0 GROUP BY 1 ORDER BY 1`, schemas.TopicReads)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var u CatalogueUse
		if err := rows.Scan(&u.Partition); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range out {
		if err := out[i].read(ctx, conn); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// read reads the last batch, then the first one after the last under another catalogue. Both go backwards along the key.
func (u *CatalogueUse) read(ctx context.Context, conn driver.Conn) error {
	const ofPartition = " FROM batches WHERE kafka_topic = ? AND kafka_partition = ? AND lost = 0"
	err := conn.QueryRow(ctx, "SELECT catalogue_version, reference_version, inserted_at"+ofPartition+
		" ORDER BY kafka_topic DESC, kafka_partition DESC, start_offset DESC LIMIT 1", schemas.TopicReads, u.Partition).Scan(&u.Catalogue, &u.Reference, &u.Last)
	if err != nil {
		return err
	}
	other := int64(-1)
	err = conn.QueryRow(ctx, "SELECT start_offset"+ofPartition+
		" AND catalogue_version != ? ORDER BY kafka_topic DESC, kafka_partition DESC, start_offset DESC LIMIT 1", schemas.TopicReads, u.Partition, u.Catalogue).Scan(&other)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return conn.QueryRow(ctx, "SELECT start_offset, inserted_at"+ofPartition+
		" AND start_offset > ? ORDER BY kafka_topic, kafka_partition, start_offset LIMIT 1", schemas.TopicReads, u.Partition, other).Scan(&u.FromOffset, &u.Since)
}

// InUseEverywhere reports whether the wanted catalogue, or with wanted "" any single one, decided last on every partition.
func InUseEverywhere(all []CatalogueUse, wanted string) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(u CatalogueUse) bool { return u.Catalogue != cmp.Or(wanted, all[0].Catalogue) })
}

// WriteCatalogueUse writes on how many partitions each catalogue is in use, the most used one first, then a line for each partition.
func WriteCatalogueUse(w io.Writer, all []CatalogueUse, wanted string) error {
	count := map[string]int{}
	for i := range all {
		count[all[i].Catalogue]++
	}
	if wanted != "" && count[wanted] == 0 {
		count[wanted] = 0
	}
	names := make([]string, 0, len(count))
	for name := range count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "catalogue %s is in use on %d of %d partitions of %s\n", name, count[name], len(all), schemas.TopicReads)
	}
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "PARTITION\tCATALOGUE\tFROM OFFSET\tSINCE\tLAST BATCH\tREFERENCE DATA") // a builder takes all
	for i := range all {
		u := &all[i]
		_, _ = fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%s\t%s\n", u.Partition, u.Catalogue, u.FromOffset, u.Since.UTC().Format(time.RFC3339), u.Last.UTC().Format(time.RFC3339), u.Reference)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

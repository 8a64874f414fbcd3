package seals

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
)

// Rows returns the stored rows of an offence: a single row, or several when stored anew or forged.
func (w *Walker) Rows(ctx context.Context, id schemas.ID) ([]evidence.Row, error) {
	qctx := clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"readonly": 2, "max_execution_time": 60, "log_queries": 0}))
	var rows []evidence.Row
	err := w.DB.Select(qctx, &rows, "SELECT DISTINCT "+strings.Join(evidence.Columns(), ", ")+" FROM offences WHERE offence_id = {id:UUID}", clickhouse.Named("id", id.String()))
	if err != nil {
		return nil, fmt.Errorf("read offence %s: %w", id, err)
	}
	return rows, nil
}

package roles

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/seals"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// ReadOffence reads the rows of an offence from a file that anpr evidence export wrote. An empty file is an error.
func ReadOffence(path string) ([]evidence.Row, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%.80q is no offence id (32 hexadecimal digits) and no file that can be read: %w", path, err)
	}
	var rows []evidence.Row
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fmt.Errorf("%s: not what anpr evidence export writes: %w", path, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s holds no offence", path)
	}
	return rows, nil
}

// StoredOffence reads the stored rows of an offence. An offence without a row is an error.
func StoredOffence(ctx context.Context, tables platform.ClickHouse, id schemas.ID) ([]evidence.Row, error) {
	conn, err := tables.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	rows, err := (&seals.Walker{DB: conn, Now: time.Now}).Rows(ctx, id)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("no offence %s is stored", id)
	}
	return rows, err
}

package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/assurance/recovery"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// postgresCopy is the database that a rehearsal restores PostgreSQL into.
const postgresCopy = "anpr_from_copy"

// RestorePostgres backs PostgreSQL up, restores into a database beside the original, and compares the two. Nobody writes
// meanwhile.
func (h *Rehearsal) RestorePostgres(ctx context.Context) (err error) {
	engines := h.Machine.Engines
	file := filepath.Join(engines.Config.Backups, postgresCopy+".zip")
	if err := os.MkdirAll(engines.Config.Backups, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	began := time.Now()
	made, err := recovery.BackUpPostgres(ctx, engines.PostgresAs(embedded.PostgresBackup), file)
	if err != nil {
		return err
	}
	backedUp := time.Since(began)
	server := engines.Postgres.Current()
	if err := server.CreateDatabase(ctx, postgresCopy, ""); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.DropDatabase(context.WithoutCancel(ctx), postgresCopy)) }()
	owner := string(embedded.PostgresMigrator)
	beside := platform.NewPostgres(server.Addr(), postgresCopy, owner, engines.Secrets.Postgres[embedded.PostgresMigrator])
	began = time.Now()
	if err := platform.MigratePostgres(ctx, beside, h.Log); err != nil {
		return err
	}
	if _, err := recovery.RestorePostgres(ctx, beside, file, false); err != nil {
		return err
	}
	if err := recovery.ComparePostgres(ctx, engines.PostgresAs(embedded.PostgresMigrator), made); err != nil {
		return fmt.Errorf("the original changed during the rehearsal: %w", err)
	}
	_, _ = fmt.Fprintf(h.Out, "PostgreSQL: %d rows of %d tables backed up in %s, restored and compared in %s: the same\n",
		made.Rows(), len(made.Tables), backedUp.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	return nil
}

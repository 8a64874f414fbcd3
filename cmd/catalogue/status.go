package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// StatusCmd says which catalogue is in use where.
type StatusCmd struct {
	flags.DataFlags
	flags.ClickHouseFlags
	flags.BrokerFlags
	Catalogue string `help:"Directory or archive of the catalogue that should be in use, or built-in; without it any single one is right."`
	JSON      bool   `help:"Print JSON."`
}

// Run asks the tables. Several catalogues, or another one than wanted, is exit code 1.
func (c *StatusCmd) Run(ctx context.Context, log zerolog.Logger) error {
	all, wanted, err := c.ask(ctx)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	announced, err := roles.ReadAnnounced(ctx, c.Kafka(), time.Now(), log)
	if err != nil {
		return flags.WithExitCode(flags.ExitCannotTell, err)
	}
	if !c.JSON {
		if err := writeAnnounced(os.Stdout, announced, len(all)); err != nil {
			return flags.WithExitCode(flags.ExitCannotTell, err)
		}
	}
	if len(all) == 0 {
		return flags.WithExitCode(flags.ExitCannotTell, errors.New("no batch was stored yet: no catalogue has decided anything"))
	}
	if c.JSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(struct {
			Announced []roles.AnnouncedCatalogue `json:"announced"`
			InUse     []roles.CatalogueUse       `json:"in_use"`
		}{announced, all})
	} else {
		err = roles.WriteCatalogueUse(os.Stdout, all, wanted)
	}
	switch {
	case err != nil:
		return flags.WithExitCode(flags.ExitCannotTell, err)
	case !roles.InUseEverywhere(all, wanted):
		return flags.WithExitCode(flags.ExitLeftOver, errors.New("not every partition was decided under the same, wanted catalogue last: one without traffic keeps its line until its next read; else start its worker with the catalogue"))
	default:
		return nil
	}
}

// ask returns the use, and the version that is wanted, or "".
func (c *StatusCmd) ask(ctx context.Context) (all []roles.CatalogueUse, wanted string, err error) {
	if c.Catalogue != "" {
		cat, err := load(c.Catalogue)
		if err != nil {
			return nil, "", err
		}
		wanted = cat.Version()
	}
	run, err := c.FindRunning()
	if err != nil {
		return nil, "", err
	}
	run.FillBroker(&c.BrokerFlags)
	run.FillTables(&c.ClickHouseFlags, embedded.Reconciler)
	tables, err := c.ClickHouse()
	if err != nil {
		return nil, "", err
	}
	all, err = roles.ReadCatalogueUse(ctx, tables)
	return all, wanted, err
}

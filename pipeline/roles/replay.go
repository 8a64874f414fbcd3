package roles

import (
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/assurance/replay"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// ReplayConfig selects stored passages, and the catalogue and reference data that decide them again.
type ReplayConfig struct {
	From, To  string // days as written; To is the day after the last
	Catalogue string // directory; empty = the built-in catalogue
	Reference string // directory
	IndexDir  string
	Tables    platform.ClickHouse
	Workers   int // 0 = a worker a core
	Examples  int // differences to explain
	Log       zerolog.Logger
}

// OpenReplay loads catalogue and reference data. Nothing is read from the tables yet. Errors name the flag.
func OpenReplay(c ReplayConfig) (*replay.Config, error) {
	from, err := schemas.ParseDayWritten(c.From)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	to, err := schemas.ParseDayWritten(c.To)
	if err != nil {
		return nil, fmt.Errorf("--to: %w", err)
	}
	catalogue, err := LoadCatalogue(c.Catalogue)
	if err != nil {
		return nil, err
	}
	if c.Reference == "" {
		return nil, errors.New("no reference data: give its directory with --reference")
	}
	store, err := reference.NewStore(c.Reference, reference.Options{IndexDir: c.IndexDir, AllowShrink: true, Log: c.Log})
	if err != nil {
		return nil, fmt.Errorf("reference data %s: %w", c.Reference, err)
	}
	return &replay.Config{
		Dial:   c.Tables.DialNative,
		Engine: rules.NewEngine(catalogue, store.Current().Cameras()), Registry: store.Current(), From: from.Start(), To: to.Start(), Workers: c.Workers, Examples: c.Examples,
	}, nil
}

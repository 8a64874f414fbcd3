package roles

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

// fileQuotas is the file of quotas in the directory of reference data. It may be missing.
const fileQuotas = "quotas.yaml"

// quotasEvery is the pause between two looks at the file.
const quotasEvery = 5 * time.Second

// startQuotas returns the quotas of a directory of reference data, which it watches until ctx ends.
func startQuotas(ctx context.Context, dir string, log zerolog.Logger) *office.Quotas {
	quotas := &office.Quotas{}
	go watchQuotas(ctx, dir, quotas, log)
	return quotas
}

// watchQuotas takes over a changed file of quotas within seconds. A broken file leaves the quotas as they were; a missing file has none.
func watchQuotas(ctx context.Context, dir string, quotas *office.Quotas, log zerolog.Logger) {
	path, seen := filepath.Join(dir, fileQuotas), time.Time{}
	repeatEvery(ctx, quotasEvery, func(context.Context) bool {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			if !seen.IsZero() {
				seen = time.Time{}
				quotas.Clear()
				log.Info().Msg("the file of quotas is gone: no zone has a quota")
			}
			return false
		case err != nil || info.ModTime().Equal(seen):
			return false
		}
		seen = info.ModTime()
		if err := reloadQuotas(path, quotas); err != nil {
			log.Error().Err(err).Msg("file of quotas not taken; the quotas stay as they were")
			return false
		}
		log.Info().Msg("file of quotas taken")
		return false
	})
}

func reloadQuotas(path string, quotas *office.Quotas) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return quotas.Reload(f)
}

package roles

import (
	"context"
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
	refused := func(err error) { log.Error().Err(err).Msg("file of quotas not taken; the quotas stay as they were") }
	watchFile(ctx, filepath.Join(dir, fileQuotas), quotasEvery, time.Time{}, func(f *os.File) {
		if f == nil {
			quotas.Clear()
			log.Info().Msg("the file of quotas is gone: no zone has a quota")
			return
		}
		if err := quotas.Reload(f); err != nil {
			refused(err)
			return
		}
		log.Info().Msg("file of quotas taken")
	}, refused)
}

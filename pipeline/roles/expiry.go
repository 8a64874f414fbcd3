package roles

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// How often an office deletes what is over its time, and how long that may take.
const (
	expireEvery   = time.Hour
	expireTimeout = 5 * time.Minute
)

// expireRows deletes rows of people that are over their time, now and every hour, until ctx ends. Several offices may do it on one database.
func expireRows(ctx context.Context, people *store.People, log zerolog.Logger) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		deleteExpired(ctx, people, log)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// deleteExpired deletes once, and logs how many rows of which table went. A failure stops nothing: the rows go an hour later.
func deleteExpired(ctx context.Context, people *store.People, log zerolog.Logger) {
	limited, cancel := context.WithTimeout(ctx, expireTimeout)
	defer cancel()
	gone, err := people.DeleteExpired(limited)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn().Err(err).Msg("rows that are over their time were not deleted; trying again in an hour")
		}
		return
	}
	line, all := log.Info(), int64(0)
	for _, e := range gone {
		if e.Rows > 0 {
			line, all = line.Int64(e.Table, e.Rows), all+e.Rows
		}
	}
	if all > 0 {
		line.Msg("rows that are over their time were deleted")
	}
}

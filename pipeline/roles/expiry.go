package roles

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// expireEvery is the interval at which an office deletes expired rows of people; the timeout bounds a deletion.
const (
	expireEvery   = time.Hour
	expireTimeout = 5 * time.Minute
)

// expireRows deletes expired rows of people, now and every hour, until ctx ends. Several offices may delete in one
// database.
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

// deleteExpired deletes once, and logs the number of deleted rows of each table. A failure stops nothing: the rows go
// an hour later.
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

package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/schemas"
)

// LongestStall bounds the wait of a demonstration for something that stands still (a stopped process, a cut
// connection, a restarting engine) before the demonstration gives up with an error.
const LongestStall = 5 * time.Minute

// WaitUntilProcessed waits until the log is processed and the last passages have closed: a tick closes them after
// some idle seconds. It gives up when nothing moves for LongestStall, or when a part has ended for good. behind
// returns how many records are on the log and how many of them are not processed.
func WaitUntilProcessed(ctx context.Context, behind func(context.Context) (end, lag int64, err error)) error {
	var end, lag int64
	var err error
	quiet, moved, last := time.Now(), time.Now(), [2]int64{-1, -1}
	for time.Since(quiet) < 8*time.Second {
		end, lag, err = behind(ctx)
		if err != nil || lag > 0 || end != last[0] {
			quiet = time.Now()
		}
		if now := [2]int64{end, lag}; err == nil && now != last {
			moved, last = time.Now(), now
		}
		if time.Since(moved) > LongestStall {
			return fmt.Errorf("the pipeline did not settle: nothing moved for %v, %d records are not processed; see the log above: %w", LongestStall, lag, errors.Join(err, errStill))
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the pipeline did not settle, %d records are not processed: %w", lag, context.Cause(ctx))
		}
	}
	return nil
}

var errStill = errors.New("standing still")

// CountBehind returns how many records are on the log and how many of them a group has not processed.
func CountBehind(ctx context.Context, admin *platform.Admin, group string) (end, lag int64, err error) {
	if end, err = admin.CountRecords(ctx, schemas.TopicReads); err == nil {
		lag, err = admin.Lag(ctx, group, schemas.TopicReads)
	}
	return end, lag, err
}

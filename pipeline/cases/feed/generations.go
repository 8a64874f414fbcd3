package feed

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
)

// joinAgain is the pause before a member asks again for a generation, or a partition begins again after an error.
const joinAgain = 500 * time.Millisecond

// readPartitions works through the generations of a group until ctx ends, each partition in a goroutine. read returns
// only with an error or at the end of its context. After an error the partition alone begins again.
func readPartitions(ctx context.Context, group ingest.ConsumerGroup, log zerolog.Logger, read func(context.Context, ingest.Generation, int32) error) {
	for ctx.Err() == nil {
		gen, err := group.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.Debug().Err(err).Msg("no generation of the consumer group; trying again")
			}
			pauseFor(ctx, joinAgain)
			continue
		}
		for _, p := range gen.Partitions() {
			gen.Go(func(life context.Context) {
				life, end := context.WithCancel(life)
				defer end()
				defer context.AfterFunc(ctx, end)()
				readUntilEnd(life, gen, p, log, read)
			})
		}
	}
}

func readUntilEnd(ctx context.Context, gen ingest.Generation, partition int32, log zerolog.Logger, read func(context.Context, ingest.Generation, int32) error) {
	for ctx.Err() == nil {
		err := read(ctx, gen, partition)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, ingest.ErrFenced):
			log.Info().Err(err).Int32("partition", partition).Msg("partition lost to a newer generation")
			return
		default:
			log.Warn().Err(err).Int32("partition", partition).Msg("partition stopped; it begins again where it committed")
			pauseFor(ctx, joinAgain)
		}
	}
}

// pauseFor waits, and reports whether ctx goes on.
func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// longestPause bounds the pause between tries; shortestPause is the first.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// retry calls f until f succeeds or returns an error that final accepts, or ctx ends. While f fails, the part waits.
func retry(ctx context.Context, part *Part, final func(error) bool, f func(context.Context) error) error {
	waits := false
	defer func() {
		if waits {
			part.resume()
		}
	}()
	for wait := shortestPause; ; wait = min(2*wait, longestPause) {
		err := tryOnce(ctx, f)
		if err == nil || ctx.Err() != nil || final != nil && final(err) {
			return err
		}
		if !waits {
			waits = true
			part.pause(err)
		}
		if !pauseFor(ctx, wait) {
			return ctx.Err()
		}
	}
}

// longestTry bounds a try, so that a connection silenced by a firewall is left for a new connection.
const longestTry = 30 * time.Second

func tryOnce(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longestTry)
	defer cancel()
	return f(ctx)
}

// firstOffset returns the offset at which a partition begins: the committed one, else the first of the log. gap is the
// number of offsets that left the log before they were read.
func firstOffset(ctx context.Context, gen ingest.Generation, partition int32) (at int64, metadata string, gap int64, err error) {
	at, metadata, err = gen.Committed(ctx, partition)
	if err != nil {
		return 0, "", 0, err
	}
	first, end, err := gen.Bounds(ctx, partition)
	switch {
	case err != nil:
		return 0, "", 0, err
	case at < 0:
		return first, "", 0, nil
	case at < first:
		return first, "", first - at, nil
	case at > end: // the topic was made anew
		return first, "", 0, nil
	}
	return at, metadata, 0, nil
}

// commitOffset commits, and tries again until the commit stands or the generation ends.
func commitOffset(ctx context.Context, gen ingest.Generation, part *Part, partition int32, offset int64, metadata string) error {
	fenced := func(err error) bool { return errors.Is(err, ingest.ErrFenced) || errors.Is(err, ingest.ErrStop) }
	return retry(ctx, part, fenced, func(ctx context.Context) error { return gen.Commit(ctx, partition, offset, metadata) })
}

// behindUnreadable returns the offset behind records that cannot be taken from the log, when their extent is known.
func behindUnreadable(err error) (offset int64, ok bool) {
	bad, ok := errors.AsType[*ingest.UnreadableError](err)
	if !ok || bad.To <= bad.From {
		return 0, false
	}
	return bad.To, true
}

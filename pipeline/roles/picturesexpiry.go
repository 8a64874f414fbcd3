package roles

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of the deletion of pictures. Each hour has its share of the store, by the first byte of the sum, so a store of
// any size is looked through once a day.
const (
	firstBytes       = 256
	picturesAtOnce   = 500
	picturesEvery    = time.Hour
	picturesTimeout  = 50 * time.Minute
	pictureMonths    = 12                // as long as the read may be kept
	pictureSlack     = 24 * schemas.Hour // a picture is stored up to a day after its capture, and must not outlive it
	hoursOfAPassFull = 24
)

// pictureCases says which pictures the cases hold: the store of cases.
type pictureCases interface {
	FreePictures(ctx context.Context, sums []schemas.Sum) ([]schemas.Sum, error)
	NotePictureDeleted(ctx context.Context, sum schemas.Sum, stored time.Time) error
}

// pictureExpiry deletes pictures whose time is over and that no case holds.
type pictureExpiry struct {
	store   images.Store
	cases   pictureCases
	now     func() time.Time
	deleted prometheus.Counter
	log     zerolog.Logger
}

// newPicturesDeleted makes the counter of deleted pictures.
func newPicturesDeleted(reg prometheus.Registerer) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "anpr_office_pictures_expired_total", Help: "Pictures deleted because their time was over and no case held them."})
	reg.MustRegister(c)
	return c
}

// run deletes, now and every hour, until ctx ends. Several offices may delete in one store.
func (e *pictureExpiry) run(ctx context.Context) {
	tick := time.NewTicker(picturesEvery)
	defer tick.Stop()
	for {
		e.deleteShare(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// deleteShare deletes from the share of the hour. A failure stops nothing: the pictures go a day later.
func (e *pictureExpiry) deleteShare(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, picturesTimeout)
	defer cancel()
	now := schemas.MicrosOf(e.now())
	gone := 0
	for _, first := range shareOfHour(e.now().UTC().Hour()) {
		n, err := e.deleteExpired(limited, first, now)
		gone += n
		if err != nil {
			if ctx.Err() == nil {
				e.log.Warn().Err(err).Msg("pictures that are over their time were not all deleted; trying again in a day")
			}
			break
		}
	}
	if gone > 0 {
		e.log.Info().Int("pictures", gone).Msg("pictures that are over their time were deleted")
	}
}

// shareOfHour returns the first bytes that are looked through in an hour of the day. The day has all of them.
func shareOfHour(hour int) (out []byte) {
	for b := hour * firstBytes / hoursOfAPassFull; b < (hour+1)*firstBytes/hoursOfAPassFull; b++ {
		out = append(out, byte(b))
	}
	return out
}

// deleteExpired deletes the pictures with a first byte whose time is over and that no case holds, and counts them.
func (e *pictureExpiry) deleteExpired(ctx context.Context, first byte, now schemas.Micros) (gone int, err error) {
	till := expiryOfPictures(now)
	var old []images.Stored
	flush := func() error {
		n, err := e.deleteFree(ctx, old)
		gone, old = gone+n, old[:0]
		return err
	}
	err = e.store.List(ctx, first, func(p images.Stored) error {
		if schemas.MicrosOf(p.Stored) >= till {
			return nil
		}
		if old = append(old, p); len(old) < picturesAtOnce {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return gone, err
}

// expiryOfPictures returns the instant before which a picture must have been stored to go now.
func expiryOfPictures(now schemas.Micros) schemas.Micros {
	return now.Day().AddMonths(-pictureMonths).Start() + pictureSlack
}

// deleteFree deletes those of the pictures that no case holds. The note of a case's picture is written before the picture
// goes, so that a deleted picture is never taken for a lost one.
func (e *pictureExpiry) deleteFree(ctx context.Context, old []images.Stored) (gone int, err error) {
	if len(old) == 0 {
		return 0, nil
	}
	sums, stored := make([]schemas.Sum, len(old)), make(map[schemas.Sum]time.Time, len(old))
	for i := range old {
		sums[i], stored[old[i].Sum] = old[i].Sum, old[i].Stored
	}
	free, err := e.cases.FreePictures(ctx, sums)
	if err != nil {
		return 0, err
	}
	for _, sum := range free {
		if err := e.cases.NotePictureDeleted(ctx, sum, stored[sum]); err != nil {
			return gone, err
		}
		if err := e.store.Delete(ctx, sum); err != nil {
			return gone, err
		}
		e.deleted.Inc()
		gone++
	}
	return gone, nil
}

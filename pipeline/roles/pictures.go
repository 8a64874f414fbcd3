package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas"
)

// officePictures is the image store as the office knows it.
type officePictures struct{ images.Store }

// openPictures opens the image store of an office; nil without an address.
func openPictures(c images.Config) (images.Store, error) {
	if c.Address == "" {
		return nil, nil //nolint:nilnil // the office says that it shows no pictures
	}
	s, err := images.Open(c)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return s, nil
}

// showPictures hands the store to an office; nil stays nil.
func showPictures(s images.Store) office.PictureStore {
	if s == nil {
		return nil
	}
	return officePictures{s}
}

// expirePictures deletes pictures whose time is over, until ctx ends. Without a store it does nothing.
func expirePictures(ctx context.Context, s images.Store, held pictureCases, o *platform.Ops, log zerolog.Logger) {
	if s == nil {
		return
	}
	e := &pictureExpiry{store: s, cases: held, now: time.Now, deleted: newPicturesDeleted(o.Registry), log: log}
	go e.run(ctx)
}

// Get implements [office.PictureStore].
func (p officePictures) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	data, err := p.Store.Get(ctx, sum)
	if errors.Is(err, images.ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", office.ErrPictureDamaged, err)
	}
	return data, err
}

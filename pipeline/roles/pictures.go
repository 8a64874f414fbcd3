package roles

import (
	"context"
	"errors"
	"fmt"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas"
)

// officePictures is the image store as the office knows it.
type officePictures struct{ images.Store }

// openPictures opens the image store of an office; nil without an address.
func openPictures(c images.Config) (office.PictureStore, error) {
	if c.Address == "" {
		return nil, nil //nolint:nilnil // the office says that it shows no pictures
	}
	s, err := images.Open(c)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return officePictures{s}, nil
}

// Get implements [office.PictureStore].
func (p officePictures) Get(ctx context.Context, sum schemas.Sum) ([]byte, error) {
	data, err := p.Store.Get(ctx, sum)
	if errors.Is(err, images.ErrDamaged) {
		return nil, fmt.Errorf("%w: %w", office.ErrPictureDamaged, err)
	}
	return data, err
}

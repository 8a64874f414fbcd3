package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/bench"
	"github.com/gvc-brussels/anpr/pipeline/platform/images"
	"github.com/gvc-brussels/anpr/schemas"
)

// pictureStore is the image store of a machine, as the made-up traffic needs it.
type pictureStore struct {
	images.Store
	dir *images.Dir // nil = a bucket, in which nothing is damaged
}

var _ bench.PictureStore = (*pictureStore)(nil)

// openPictures opens the image store of a machine for made-up pictures.
func openPictures(c images.Config) (*pictureStore, error) {
	s, err := images.Open(c)
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	dir, _ := s.(*images.Dir)
	return &pictureStore{s, dir}, nil
}

// Damage implements [bench.PictureStore]: it changes one bit of the file.
func (p *pictureStore) Damage(ctx context.Context, sum schemas.Sum) error {
	if p.dir == nil {
		return nil
	}
	data, err := p.dir.Get(ctx, sum)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(p.dir.PathOf(sum), data, 0o600)
}

// addPictures has pictures drawn when a flag names a store.
func (o *loadOptions) addPictures(cfg *bench.RunConfig) error {
	if o.Pictures == "" {
		return nil
	}
	store, err := openPictures(images.Config{Address: o.Pictures})
	if err != nil {
		return err
	}
	cfg.Traffic.Pictures = store
	return nil
}

// saveVerdicts writes the right verdicts when a flag names a file.
func (o *loadOptions) saveVerdicts(t *bench.Truth) error {
	if o.Verdicts == "" {
		return nil
	}
	return writeVerdicts(o.Verdicts, t.Verdicts())
}

// writeVerdicts writes the right verdicts of a run, a JSON object a line.
func writeVerdicts(path string, verdicts []bench.ExpectedVerdict) error {
	f, err := os.Create(path) //nolint:gosec // named by the user
	if err != nil {
		return fmt.Errorf("write the right verdicts: %w", err)
	}
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for i := range verdicts {
		if err == nil {
			err = enc.Encode(&verdicts[i])
		}
	}
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write the right verdicts: %w", err)
	}
	return nil
}

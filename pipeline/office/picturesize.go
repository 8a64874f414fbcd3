package office

import (
	"bytes"
	"context"
	"image"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/gvc-brussels/anpr/schemas"
)

// pictureSize is the size of a picture, which never changes: the sum names the bytes.
type pictureSize struct{ width, height, bytes int }

// pictureSizes remembers sizes of pictures. Safe for concurrent use.
type pictureSizes struct {
	mu    sync.Mutex
	known map[schemas.Digest]pictureSize
	older map[schemas.Digest]pictureSize // what was known before known was full
}

// manySizes is how many sizes are known before the older ones are forgotten.
const manySizes = 4096

func (s *pictureSizes) find(sum schemas.Digest) (pictureSize, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size, ok := s.known[sum]; ok {
		return size, true
	}
	size, ok := s.older[sum]
	return size, ok
}

func (s *pictureSizes) note(sum schemas.Digest, size pictureSize) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= manySizes {
		s.known, s.older = map[schemas.Digest]pictureSize{}, s.known
	}
	s.known[sum] = size
}

// sizesAtOnce is how many pictures are measured at once for one answer.
const sizesAtOnce = 4

// addSizes adds the sizes of the pictures of items, so that a page can keep the place of each before it has come. It is no
// view: nothing of a picture leaves. A picture that is not to be had keeps no size, and its own route says why.
func (o *Office) addSizes(ctx context.Context, items []Item) {
	if o.cfg.Pictures == nil {
		return
	}
	var g errgroup.Group
	g.SetLimit(sizesAtOnce)
	for i := range items {
		for j := range items[i].Pictures {
			p := &items[i].Pictures[j]
			g.Go(func() error {
				o.addSize(ctx, p)
				return nil
			})
		}
	}
	_ = g.Wait() // no call fails
}

// addSize adds the size of one picture, when it is known or there is room to read it.
func (o *Office) addSize(ctx context.Context, p *ItemPicture) {
	var sum schemas.Digest
	if err := sum.UnmarshalText([]byte(p.SHA256)); err != nil || len(sum) != len(schemas.Sum{}) {
		return
	}
	size, ok := o.sizes.find(sum)
	if !ok {
		if size, ok = o.measurePicture(ctx, schemas.Sum([]byte(sum))); !ok {
			return
		}
		o.sizes.note(sum, size)
	}
	p.Width, p.Height, p.Bytes = size.width, size.height, size.bytes
}

// measurePicture reads the size of a picture from the image store.
func (o *Office) measurePicture(ctx context.Context, sum schemas.Sum) (pictureSize, bool) {
	if !o.pictureRoom.TryAcquire(maxPicture) { // pictures that people wait for come first
		return pictureSize{}, false
	}
	defer o.pictureRoom.Release(maxPicture)
	data, err := o.cfg.Pictures.Get(ctx, sum)
	if err != nil || pictureTypeOf(data) == "" {
		return pictureSize{}, false
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return pictureSize{}, false
	}
	return pictureSize{head.Width, head.Height, len(data)}, true
}

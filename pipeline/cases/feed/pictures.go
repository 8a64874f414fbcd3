package feed

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// pictureTries is how often an intake asks for the pictures of reads that are not stored yet. The offence names the best
// picture itself; [LatePictures] adds the others when the read is stored.
const pictureTries = 3

// addPictures gives intakes the pictures of their reads, with the roles that the gateway found.
func (i *Intake) addPictures(ctx context.Context, in []cases.Intake) error {
	open := make([]*cases.Intake, 0, len(in))
	for n := range in {
		if !in[n].Decision.On.Image.IsZero() && len(in[n].Pictures) == 0 {
			open = append(open, &in[n])
		}
	}
	for asked := 1; len(open) > 0 && i.Table != nil; asked++ {
		err := retry(ctx, i.part, nil, func(ctx context.Context) (err error) {
			open, err = i.Table.addPictures(ctx, open)
			return err
		})
		if err != nil || len(open) == 0 {
			return err
		}
		if asked >= pictureTries {
			break
		}
		if !pauseFor(ctx, i.Every) {
			return ctx.Err()
		}
	}
	leaveOpen(open)
	return nil
}

// leaveOpen marks intakes whose read is not stored yet.
func leaveOpen(open []*cases.Intake) {
	for _, one := range open {
		one.PicturesOpen = true
	}
}

// addPictures gives intakes the pictures of their reads, and returns those whose read is not stored.
func (t *Table) addPictures(ctx context.Context, in []*cases.Intake) (open []*cases.Intake, err error) {
	for chunk := range slices.Chunk(in, takeAtOnce) {
		found, err := t.findPictures(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("find the pictures of reads: %w", err)
		}
		for _, one := range chunk {
			if pictures, ok := found[one.Decision.On.Read.ID]; ok {
				one.Pictures = withBest(pictures, schemas.DigestOf(one.Decision.On.Image))
			} else {
				open = append(open, one)
			}
		}
	}
	return open, nil
}

// findPictures returns the pictures of the reads that are stored.
func (t *Table) findPictures(ctx context.Context, in []*cases.Intake) (map[schemas.ID][]cases.Picture, error) {
	keys := make([]string, len(in))
	for n := range in {
		on := &in[n].Decision.On
		keys[n] = fmt.Sprintf("('%s', %s, '%s')", on.Plate, sqlTime(on.CapturedAt), on.Read)
	}
	got, err := t.DB.Query(ctx, "SELECT read_id, image_sha256, more_images_sha256, image_kinds FROM reads WHERE (plate, captured_at, read_id) IN ("+strings.Join(keys, ", ")+")")
	if err != nil {
		return nil, err
	}
	defer func() { _ = got.Close() }()
	found := map[schemas.ID][]cases.Picture{}
	for got.Next() {
		var id schemas.ID
		var image, kinds string
		var more []string
		if err := got.Scan(&id, &image, &more, &kinds); err != nil {
			return nil, err
		}
		found[id] = picturesOf(append([]string{image}, more...), kinds)
	}
	return found, got.Err()
}

// picturesOf names the pictures of a read. Without a best picture, no role stands for it.
func picturesOf(sums []string, kinds string) (out []cases.Picture) {
	if !isSum(sums[0]) {
		sums = sums[1:]
	}
	for n, kind := range schemas.PictureKindsOf(kinds, len(sums)) {
		if isSum(sums[n]) {
			out = append(out, cases.Picture{Sum: schemas.Digest(sums[n]), Kind: cases.PictureKind(kind)})
		}
	}
	return out
}

// isSum reports whether stored bytes are the sum of a picture.
func isSum(b string) bool {
	return len(b) == len(schemas.Sum{}) && strings.Trim(b, "\x00") != ""
}

// withBest returns the pictures with the one that the offence names first. It may come from another read of the passage;
// then it is the scene. Offences on one read share its pictures, so the argument stays as it is.
func withBest(pictures []cases.Picture, best schemas.Digest) []cases.Picture {
	out := []cases.Picture{{Sum: best, Kind: cases.PictureScene}}
	for _, p := range pictures {
		if p.Sum == best {
			out[0] = p
		} else {
			out = append(out, p)
		}
	}
	return out
}

// addPictures gives the offences of the table the pictures of their reads.
func (c *Comparison) addPictures(ctx context.Context, in []cases.Intake) error {
	named := make([]*cases.Intake, 0, len(in))
	for n := range in {
		if !in[n].Offence.IsZero() && !in[n].Decision.On.Image.IsZero() {
			named = append(named, &in[n])
		}
	}
	open, err := c.Table.addPictures(ctx, named)
	leaveOpen(open)
	return err
}

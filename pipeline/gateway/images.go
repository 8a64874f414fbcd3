package gateway

import (
	"bytes"
	"cmp"
	"context"
	jpegformat "image/jpeg"
	pngformat "image/png"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxImages bounds the pictures kept for a read beside the best picture.
const maxImages = schemas.MaxMoreImages

// ImageStore keeps pictures by their SHA-256. Put returns only when the picture is durable; a repetition changes
// nothing. An error is transient: the camera sends the upload again. Safe for concurrent use.
type ImageStore interface {
	Put(ctx context.Context, data []byte) (schemas.Sum, error)
}

// looksLikeImage tells pictures from documents by how they begin.
func looksLikeImage(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xFF, 0xD8}) || bytes.HasPrefix(b, []byte(pngMagic))
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// isPicture reports whether bytes are a picture: the header can be decoded, or a camera's JPEG beginning precedes
// damaged data. A picture cut off on the line is still evidence. Other bytes behind the magic number are no picture.
func isPicture(b []byte) bool {
	if bytes.HasPrefix(b, []byte(pngMagic)) {
		c, err := pngformat.DecodeConfig(bytes.NewReader(b))
		return err == nil && c.Width > 0 && c.Height > 0
	}
	if len(b) > 10 && bytes.HasPrefix(b, []byte{0xFF, 0xD8, 0xFF}) {
		switch string(b[6:10]) {
		case "JFIF", "JFXX":
			return b[3] == 0xE0
		case "Exif":
			return b[3] == 0xE1
		}
	}
	c, err := jpegformat.DecodeConfig(bytes.NewReader(b))
	return err == nil && c.Width > 0 && c.Height > 0
}

// pickImages drops pictures that are damaged, too large or too many, and sorts the best first. The whole scene goes
// before the vehicle, the vehicle before the plate, then the larger picture before the smaller.
func (ev *CameraEvent) pickImages(most int, bound int64) []Image {
	var out []Image
	for _, img := range ev.Images {
		if int64(len(img.Data)) <= bound && isPicture(img.Data) {
			out = append(out, img)
		} else {
			ev.addNotice(NoticeImage)
		}
	}
	slices.SortStableFunc(out, func(a, b Image) int {
		return cmp.Or(cmp.Compare(imageRank(a.Name), imageRank(b.Name)), cmp.Compare(len(b.Data), len(a.Data)))
	})
	if len(out) > most {
		ev.addNotice(NoticeImage)
		out = out[:most]
	}
	return out
}

// sceneWords are the subjects that formats give to pictures of the whole place.
var sceneWords = []string{"scene", "detection", "overview", "context", "background", "panorama"}

// appendKinds adds the roles of pictures that are sorted best first. Of two pictures of the whole place, the better is the
// scene and the other a second one; a picture whose name says nothing is the scene only when no better one stands before it.
func appendKinds(kinds []schemas.PictureKind, pictures []Image) []schemas.PictureKind {
	for _, img := range pictures {
		name := strings.ToLower(img.Name)
		named := slices.ContainsFunc(sceneWords, func(w string) bool { return strings.Contains(name, w) })
		kind := schemas.PictureOther
		switch rank := imageRank(img.Name); {
		case rank == 2:
			kind = schemas.PicturePlate
		case rank == 0 && !slices.Contains(kinds, schemas.PictureScene):
			kind = schemas.PictureScene
		case rank == 0 && named:
			kind = schemas.PictureSecond
		}
		kinds = append(kinds, kind)
	}
	return kinds
}

// imageRank orders pictures by the subject in their names: scene or no subject, vehicle, plate.
func imageRank(name string) int {
	name = strings.ToLower(name)
	switch {
	case strings.Contains(name, "plate"), strings.Contains(name, "lp_"), strings.HasSuffix(name, "lp.jpg"),
		strings.HasSuffix(name, "lp"):
		return 2
	case strings.Contains(name, "vehicle"), strings.Contains(name, "crop"):
		return 1
	}
	return 0
}

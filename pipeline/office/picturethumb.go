package office

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // decodes pictures of cameras that send PNG
	"net/http"

	"golang.org/x/image/draw"
)

// Bounds of thumbnails.
const (
	thumbWidth, thumbHeight = 160, 90
	maxPixels               = 40_000_000 // of a picture that is made smaller
)

// thumbComment stands in the JPEG comment of every thumbnail.
const thumbComment = "NOT EVIDENCE"

// makeThumbnail makes a small copy for lists. One at a time is made, because a large picture takes much memory.
func (o *Office) makeThumbnail(ctx context.Context, data []byte) ([]byte, error) {
	select {
	case o.thumbs <- struct{}{}:
		defer func() { <-o.thumbs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	out, err := shrinkPicture(data)
	if err != nil {
		return nil, newProblem(http.StatusConflict, codeNoThumbnail, "no small copy can be made of the picture: ask for the picture itself")
	}
	return out, nil
}

// shrinkPicture scales a picture into the bounds of a thumbnail, and says in the file that it is no evidence.
func shrinkPicture(data []byte) ([]byte, error) {
	head, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the size of a picture: %w", err)
	}
	if head.Width < 1 || head.Height < 1 || head.Width > maxPixels/head.Height {
		return nil, fmt.Errorf("a picture of %d x %d pixels", head.Width, head.Height)
	}
	full, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decode a picture: %w", err)
	}
	width, height := thumbWidth, max(head.Height*thumbWidth/head.Width, 1)
	if height > thumbHeight {
		width, height = max(head.Width*thumbHeight/head.Height, 1), thumbHeight
	}
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.ApproxBiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: 70}); err != nil {
		return nil, fmt.Errorf("encode a thumbnail: %w", err)
	}
	comment := append([]byte{0xff, 0xfe, 0, byte(2 + len(thumbComment))}, thumbComment...)
	return append(append(bytes.Clone(b.Bytes()[:2]), comment...), b.Bytes()[2:]...), nil
}

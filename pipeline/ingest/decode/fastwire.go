package decode

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"
	"unsafe"

	"github.com/gvc-brussels/anpr/schemas"
)

// The fast path for Protobuf takes the form written by our own producers: a camera's fields in ascending order, each
// at most once, all in bounds. It answers false for every other form, also for a merely unusual one, and the general
// decoder then decides. So it has no rejections, and a fuzz target compares it with the general decoder. It writes
// straight into the read, without wire values in between.

// The fields' tags on the wire: number<<3 | wire type. A tag from 16 on has two bytes, low byte first.
const (
	tagReadID       = fReadID<<3 | 2
	tagCamera       = fCamera<<3 | 2
	tagCapturedAt   = fCapturedAt << 3
	tagReceivedAt   = fReceivedAt << 3
	tagRawPlate     = fRawPlate<<3 | 2
	tagCountry      = fCountry<<3 | 2
	tagCountryPM    = fCountryPM << 3
	tagConfidencePM = fConfidencePM << 3
	tagLane         = fLane << 3
	tagDirection    = fDirection << 3
	tagSpeed        = fSpeed << 3
	tagKind         = fKind << 3
	tagEventID      = fEventID<<3 | 2
	tagImage        = fImage<<3 | 2
	tagAlternatives = fAlternatives<<3 | 2
	tagLateUpload   = 0x100 | fLateUpload<<3&0x7f | 0x80
	tagFormat       = 0x100 | (fFormat<<3|2)&0x7f | 0x80
	tagMake         = 0x100 | (fMake<<3|2)&0x7f | 0x80
	tagColour       = 0x100 | (fColour<<3|2)&0x7f | 0x80
	tagMoreImages   = 0x100 | (fMoreImages<<3|2)&0x7f | 0x80
	tagImageKinds   = 0x100 | (fImageKinds<<3|2)&0x7f | 0x80
)

// gone is the position after a failed step: no tag is found there, and no record ends there.
const gone = math.MaxInt

// hasTag reports whether a one-byte tag is at i.
func hasTag(b []byte, i int, tag byte) bool { return uint(i) < uint(len(b)) && b[i] == tag }

// hasTag2 reports whether a two-byte tag is at i.
func hasTag2(b []byte, i int, tag uint16) bool {
	return uint(i+1) < uint(len(b)) && uint16(b[i])|uint16(b[i+1])<<8 == tag
}

// spanAt returns the bytes behind a one-byte length at i, and the position after them.
func spanAt(b []byte, i int) ([]byte, int) {
	i++
	if uint(i) <= uint(len(b)) {
		if n := int(b[i-1]); n < 0x80 && n <= len(b)-i {
			return b[i : i+n], i + n
		}
	}
	return nil, gone
}

// textAt is spanAt for a text with at most most bytes. Most texts are ASCII, checked eight bytes at a time.
func textAt(b []byte, i, most int) (string, int) {
	s, end := spanAt(b, i)
	if end == gone || len(s) > most {
		return "", gone
	}
	const tops = 0x8080808080808080
	var ascii bool
	if n := uint(len(s)); n <= 8 && i+9 <= len(b) { // bytes beyond the text are shifted out
		ascii = binary.LittleEndian.Uint64(b[i+1:])&tops<<(64-8*n) == 0
	} else {
		ascii = allASCII(s)
	}
	if !ascii && !utf8.Valid(s) {
		return "", gone
	}
	return unsafe.String(unsafe.SliceData(s), len(s)), end
}

func allASCII(s []byte) bool {
	const tops = 0x8080808080808080
	n := len(s)
	if n < 8 {
		var or byte
		for _, v := range s {
			or |= v
		}
		return or < utf8.RuneSelf
	}
	or := binary.LittleEndian.Uint64(s[n-8:]) // the last eight overlap the bytes before
	for ; len(s) > 8; s = s[8:] {
		or |= binary.LittleEndian.Uint64(s)
	}
	return or&tops == 0
}

// numberAt returns the varint at i, up to most, and the position after it.
func numberAt(b []byte, i int, most uint64) (uint64, int) {
	if uint(i+1) < uint(len(b)) {
		v, w := uint64(b[i]), uint64(b[i+1])
		switch {
		case v < 0x80 && v <= most:
			return v, i + 1
		case w < 0x80 && v&0x7f|w<<7 <= most && v >= 0x80:
			return v&0x7f | w<<7, i + 2
		}
	}
	return longAt(b, i, most)
}

// longAt is numberAt for any length up to eight bytes; three steps move the groups with seven bits together. Nothing
// longer is within the bounds here.
func longAt(b []byte, i int, most uint64) (uint64, int) {
	var x uint64
	switch {
	case i+8 <= len(b):
		x = binary.LittleEndian.Uint64(b[i:])
	case i > len(b):
		return 0, gone
	default:
		x = 0x8080808080808080
		for j := len(b) - 1; j >= i; j-- {
			x = x<<8 | uint64(b[j])
		}
	}
	stop := ^x & 0x8080808080808080
	if stop == 0 {
		return 0, gone
	}
	n := bits.TrailingZeros64(stop) + 1
	x = x << (64 - n) >> (64 - n) & 0x7f7f7f7f7f7f7f7f
	x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
	x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
	x = x&0x000000000fffffff | x&0x0fffffff00000000>>4
	if x > most {
		return 0, gone
	}
	return x, i + n/8
}

// fastProtobuf fills dst, already reset, and reports whether b is a camera's read in the usual form. After false dst's
// content is undefined.
func fastProtobuf(dst *schemas.Read, b []byte) bool {
	if b[0] != tagReadID && b[0] != tagCamera {
		return false
	}
	i := extrasAt(dst, b, detailsAt(dst, b, identityAt(dst, b, 0)))
	if i != len(b) || dst.Camera == "" || dst.RawPlate == "" || dst.CapturedAt == 0 || !inLogTime(dst.ReceivedAt) {
		return false
	}
	if dst.ID.IsZero() {
		dst.ID = schemas.NewReadID(dst)
	}
	return true
}

// identityAt reads the fields 1 to 7 (ids, times, raw plate, country) and returns the position after them.
func identityAt(dst *schemas.Read, b []byte, i int) int {
	var s string
	var v uint64
	if hasTag(b, i, tagReadID) {
		if i+18 > len(b) || b[i+1] != 16 {
			return gone
		}
		dst.ID.ID = schemas.ID(b[i+2 : i+18])
		if i += 18; dst.ID.IsZero() { // an id, but a zero one
			return gone
		}
	}
	if hasTag(b, i, tagCamera) {
		dst.Camera, i = textAt(b, i+1, schemas.MaxCameraID)
	}
	if hasTag(b, i, tagCapturedAt) {
		v, i = longAt(b, i+1, math.MaxInt64)
		dst.CapturedAt = schemas.Micros(v)
	}
	if hasTag(b, i, tagReceivedAt) {
		v, i = longAt(b, i+1, math.MaxInt64)
		dst.ReceivedAt = schemas.Micros(v)
	}
	if hasTag(b, i, tagRawPlate) {
		dst.RawPlate, i = textAt(b, i+1, schemas.MaxRawPlate)
	}
	if hasTag(b, i, tagCountry) {
		s, i = textAt(b, i+1, maxCountry)
		dst.Country, _ = schemas.CountryFrom(s)
	}
	if hasTag(b, i, tagCountryPM) {
		v, i = numberAt(b, i+1, 1000)
		dst.CountryConfidence = schemas.PerMille(v)
	}
	return i
}

// detailsAt reads the fields 8 to 14 (confidence to image).
func detailsAt(dst *schemas.Read, b []byte, i int) int {
	var v uint64
	if hasTag(b, i, tagConfidencePM) {
		v, i = numberAt(b, i+1, 1000)
		dst.Confidence = schemas.PerMille(v)
	}
	if hasTag(b, i, tagLane) {
		v, i = numberAt(b, i+1, schemas.MaxLane)
		dst.Lane = uint8(v)
	}
	if hasTag(b, i, tagDirection) {
		v, i = numberAt(b, i+1, 0x7f)
		if d := schemas.Direction(v); d.Valid() {
			dst.Direction = d
		}
	}
	if hasTag(b, i, tagSpeed) {
		v, i = numberAt(b, i+1, uint64(schemas.MaxSpeed))
		dst.Speed = schemas.Speed(v)
	}
	if hasTag(b, i, tagKind) {
		v, i = numberAt(b, i+1, 0x7f)
		if k := schemas.VehicleKind(v); k.Valid() {
			dst.Kind = k
		}
	}
	if hasTag(b, i, tagEventID) {
		dst.EventID, i = textAt(b, i+1, schemas.MaxEventID)
	}
	if hasTag(b, i, tagImage) {
		if i+34 > len(b) || b[i+1] != 32 {
			return gone
		}
		dst.Image = schemas.Sum(b[i+2 : i+34])
		i += 34
	}
	return i
}

// extrasAt reads the fields 15 to 20 (alternatives to further pictures) and 22 (their roles).
func extrasAt(dst *schemas.Read, b []byte, i int) int {
	for hasTag(b, i, tagAlternatives) {
		i = alternativeAt(dst, b, i+1)
	}
	if hasTag2(b, i, tagLateUpload) {
		var v uint64
		v, i = numberAt(b, i+2, 1)
		dst.Flags |= schemas.FlagLateUpload * schemas.Flags(v)
	}
	if hasTag2(b, i, tagFormat) {
		dst.Format, i = textAt(b, i+2, schemas.MaxText)
	}
	if hasTag2(b, i, tagMake) {
		dst.Make, i = textAt(b, i+2, schemas.MaxText)
	}
	if hasTag2(b, i, tagColour) {
		dst.Colour, i = textAt(b, i+2, schemas.MaxText)
	}
	for hasTag2(b, i, tagMoreImages) {
		i = moreImageAt(dst, b, i+2)
	}
	if hasTag2(b, i, tagImageKinds) {
		dst.ImageKinds, i = textAt(b, i+2, schemas.MaxText)
	}
	return i
}

// moreImageAt reads a further picture's sum.
func moreImageAt(dst *schemas.Read, b []byte, i int) int {
	sum, end := spanAt(b, i)
	if end == gone || len(sum) != len(schemas.Sum{}) || len(dst.MoreImages) == schemas.MaxMoreImages {
		return gone
	}
	dst.MoreImages = append(dst.MoreImages, schemas.Sum(sum))
	return end
}

// alternativeAt reads plate and confidence, in this order; either may be absent.
func alternativeAt(dst *schemas.Read, b []byte, i int) int {
	in, end := spanAt(b, i)
	if end == gone || len(dst.Alternatives) == schemas.MaxAlternatives {
		return gone
	}
	var x schemas.Alternative
	at := 0
	if hasTag(in, at, 1<<3|2) {
		x.Plate, at = textAt(in, at+1, schemas.MaxRawPlate)
	}
	if hasTag(in, at, 2<<3) {
		var v uint64
		v, at = numberAt(in, at+1, 1000)
		x.Confidence = schemas.PerMille(v)
	}
	if at != len(in) {
		return gone
	}
	dst.Alternatives = append(dst.Alternatives, x)
	return end
}

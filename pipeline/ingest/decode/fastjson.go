package decode

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/schemas"
)

// The fast path for JSON follows the rule of the Protobuf fast path. It takes a camera's read as protojson writes it
// (members in any order, each once, no escapes, base64 in the standard alphabet, enums by name) and leaves everything
// else, every fault included, to the general decoder.

// fastJSON fills dst, already reset, and reports whether b is a camera's read in the usual form. After false dst's
// content is undefined.
func fastJSON(dst *schemas.Read, b []byte) bool {
	i := skipBlank(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	if i = membersAt(dst, b, i+1); skipBlank(b, i) != len(b) || dst.Camera == "" || dst.RawPlate == "" || dst.CapturedAt == 0 || !inLogTime(dst.ReceivedAt) ||
		len(dst.Camera) > schemas.MaxCameraID || len(dst.RawPlate) > schemas.MaxRawPlate || len(dst.EventID) > schemas.MaxEventID ||
		len(dst.Format) > schemas.MaxText || len(dst.Make) > schemas.MaxText || len(dst.Colour) > schemas.MaxText || len(dst.ImageKinds) > schemas.MaxText {
		return false
	}
	if dst.ID.IsZero() {
		dst.ID = schemas.NewReadID(dst)
	}
	return true
}

// membersAt reads the members after the opening brace and returns the position after the closing brace.
func membersAt(dst *schemas.Read, b []byte, i int) int {
	var seen uint32
	for num := 0; ; i++ {
		num, i = nameAt(b, skipBlank(b, i), num+1)
		if num == 0 || seen>>num&1 != 0 {
			return gone
		}
		seen |= 1 << num
		i = skipBlank(b, memberAt(dst, b, skipBlank(b, i), num))
		switch {
		case i >= len(b):
			return gone
		case b[i] == ',':
		case b[i] == '}':
			return i + 1
		default:
			return gone
		}
	}
}

// skipBlank returns the first position from i on outside white space.
func skipBlank(b []byte, i int) int {
	if uint(i) < uint(len(b)) && b[i] > ' ' {
		return i
	}
	for uint(i) < uint(len(b)) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// written are the names in their most common spelling: quoted, and with the colon.
var written = func() (t [len(plateRead)]string) {
	for _, name := range []string{
		"readId", "cameraId", "capturedAtUs", "receivedAtUs", "rawPlate", "country", "countryConfidencePm", "confidencePm", "lane",
		"direction", "speedDkmh", "vehicleKind", "cameraEventId", "imageSha256", "candidates", "lateUpload", "format", "make", "colour",
		"moreImagesSha256", "imageKinds",
	} {
		t[plateReadNumber(name)] = `"` + name + `":`
	}
	return t
}()

// nameAt returns the number of the field named at i and the position after the colon; number 0 is for the general
// decoder. Members mostly come in number order, so the guess is compared first.
func nameAt(b []byte, i, guess int) (num, end int) {
	if guess < len(written) {
		if w := written[guess]; w != "" && len(b)-i >= len(w) && string(b[i:i+len(w)]) == w {
			return guess, i + len(w)
		}
	}
	name, i := stringAt(b, i)
	if i = skipBlank(b, i); i >= len(b) || b[i] != ':' {
		return 0, gone
	}
	return plateReadNumber(name), i + 1
}

// stringAt returns the string at i and the position after the closing quote. It knows no escapes.
func stringAt(b []byte, i int) (string, int) {
	if uint(i) >= uint(len(b)) || b[i] != '"' {
		return "", gone
	}
	i++
	end := plainEnd(b, i)
	if end < len(b) && b[end] >= utf8.RuneSelf {
		for end < len(b) && b[end] >= ' ' && b[end] != '"' && b[end] != '\\' {
			end++
		}
		if !utf8.Valid(b[i:end]) {
			return "", gone
		}
	}
	if end >= len(b) || b[end] != '"' {
		return "", gone
	}
	return viewText(b[i:end]), end + 1
}

// memberAt reads a field's value at i and returns the position after it.
func memberAt(dst *schemas.Read, b []byte, i, num int) int {
	var s string
	var v uint64
	switch num {
	case fReadID:
		if i = sumAt(dst.ID.ID[:], b, i); dst.ID.IsZero() {
			return gone
		}
	case fCamera:
		dst.Camera, i = stringAt(b, i)
	case fCapturedAt:
		v, i = wholeAt(b, i, 1<<63-1)
		dst.CapturedAt = schemas.Micros(v)
	case fReceivedAt:
		v, i = wholeAt(b, i, 1<<63-1)
		dst.ReceivedAt = schemas.Micros(v)
	case fRawPlate:
		dst.RawPlate, i = stringAt(b, i)
	case fCountry:
		if s, i = stringAt(b, i); len(s) > maxCountry {
			return gone
		}
		dst.Country, _ = schemas.CountryFrom(s)
	case fCountryPM:
		v, i = wholeAt(b, i, 1000)
		dst.CountryConfidence = schemas.PerMille(v)
	case fConfidencePM:
		v, i = wholeAt(b, i, 1000)
		dst.Confidence = schemas.PerMille(v)
	case fLane:
		v, i = wholeAt(b, i, schemas.MaxLane)
		dst.Lane = uint8(v)
	case fDirection:
		s, i = stringAt(b, i)
		dst.Direction = schemas.Direction(directionNumber(s))
	case fSpeed:
		v, i = wholeAt(b, i, uint64(schemas.MaxSpeed))
		dst.Speed = schemas.Speed(v)
	case fKind:
		s, i = stringAt(b, i)
		dst.Kind = schemas.VehicleKind(kindNumber(s))
	default:
		return laterMemberAt(dst, b, i, num)
	}
	return i
}

// laterMemberAt is memberAt for the fields from 13 on.
func laterMemberAt(dst *schemas.Read, b []byte, i, num int) int {
	switch num {
	case fEventID:
		dst.EventID, i = stringAt(b, i)
	case fImage:
		i = sumAt(dst.Image[:], b, i)
	case fAlternatives:
		return elementsAt(b, i, func(i int) int { return alternativeObject(dst, b, i) })
	case fLateUpload:
		if i >= len(b) || len(b)-i < 4 || string(b[i:i+4]) != "true" {
			return gone
		}
		dst.Flags |= schemas.FlagLateUpload
		return i + 4
	case fFormat:
		dst.Format, i = stringAt(b, i)
	case fMake:
		dst.Make, i = stringAt(b, i)
	case fColour:
		dst.Colour, i = stringAt(b, i)
	case fImageKinds:
		dst.ImageKinds, i = stringAt(b, i)
	case fMoreImages:
		return elementsAt(b, i, func(i int) int { return moreImage(dst, b, i) })
	default:
		return gone
	}
	return i
}

// elementsAt reads a non-empty array; element returns the position after the element at i.
func elementsAt(b []byte, i int, element func(i int) int) int {
	if uint(i) >= uint(len(b)) || b[i] != '[' {
		return gone
	}
	for {
		i = skipBlank(b, element(skipBlank(b, i+1)))
		switch {
		case i >= len(b):
			return gone
		case b[i] == ']':
			return i + 1
		case b[i] != ',':
			return gone
		}
	}
}

// alternativeObject reads an alternative in the usual form: plate and confidence, in this order, or the plate alone.
func alternativeObject(dst *schemas.Read, b []byte, i int) int {
	const plate, pm = `{"plate":`, `"confidencePm":`
	if i >= len(b) || len(b)-i < len(plate) || string(b[i:i+len(plate)]) != plate || len(dst.Alternatives) == schemas.MaxAlternatives {
		return gone
	}
	var x schemas.Alternative
	x.Plate, i = stringAt(b, skipBlank(b, i+len(plate)))
	if i = skipBlank(b, i); i < len(b) && b[i] == ',' {
		if i = skipBlank(b, i+1); len(b)-i < len(pm) || string(b[i:i+len(pm)]) != pm {
			return gone
		}
		var v uint64
		v, i = wholeAt(b, skipBlank(b, i+len(pm)), 1000)
		x.Confidence = schemas.PerMille(v)
	}
	if i = skipBlank(b, i); i >= len(b) || b[i] != '}' || len(x.Plate) > schemas.MaxRawPlate {
		return gone
	}
	dst.Alternatives = append(dst.Alternatives, x)
	return i + 1
}

// moreImage reads a further picture's sum.
func moreImage(dst *schemas.Read, b []byte, i int) int {
	if len(dst.MoreImages) == schemas.MaxMoreImages {
		return gone
	}
	dst.MoreImages = append(dst.MoreImages, schemas.Sum{})
	return sumAt(dst.MoreImages[len(dst.MoreImages)-1][:], b, i)
}

// wholeAt reads a whole number with at most 18 digits, bare or quoted. The caller checks the bytes after a bare
// number.
func wholeAt(b []byte, i int, most uint64) (uint64, int) {
	if uint(i) >= uint(len(b)) {
		return 0, gone
	}
	quoted := b[i] == '"'
	if quoted {
		i++
	}
	start, v := i, uint64(0)
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:]) ^ 0x3030303030303030
		if (x|(x+0x0606060606060606))&0xf0f0f0f0f0f0f0f0 != 0 { // not eight digits
			break
		}
		x = x*10 + x>>8 // pairs, then fours, then all eight
		x = (x&0x000000ff000000ff*0x000f424000000064 + x>>16&0x000000ff000000ff*0x0000271000000001) >> 32
		v = v*100000000 + x
		if i += 8; i-start > 16 {
			return 0, gone
		}
	}
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		v = v*10 + uint64(b[i]-'0')
	}
	n := i - start
	if n == 0 || n > 18 || n > 1 && b[start] == '0' || v > most {
		return 0, gone
	}
	if quoted {
		if i >= len(b) || b[i] != '"' {
			return 0, gone
		}
		i++
	}
	return v, i
}

// sixOf maps a character in the standard base64 alphabet to its six bits; 0xff marks any other.
var sixOf = func() (t [256]uint8) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = uint8(i)
	}
	return t
}()

// sumAt reads padded base64 for exactly len(dst) bytes, 16 or 32, in quotes. Bits beyond the last byte are ignored, as
// everywhere.
func sumAt(dst, b []byte, i int) int {
	n := (len(dst) + 2) / 3 * 4
	if uint(i) >= uint(len(b)) || len(b)-i < n+2 || b[i] != '"' || b[i+n+1] != '"' {
		return gone
	}
	src := b[i+1 : i+1+n]
	bad := uint8(0)
	for len(dst) >= 3 {
		a, c, d, e := sixOf[src[0]], sixOf[src[1]], sixOf[src[2]], sixOf[src[3]]
		bad |= a | c | d | e
		v := uint32(a)<<18 | uint32(c)<<12 | uint32(d)<<6 | uint32(e)
		dst[0], dst[1], dst[2] = byte(v>>16), byte(v>>8), byte(v)
		dst, src = dst[3:], src[4:]
	}
	a, c, d := sixOf[src[0]], sixOf[src[1]], uint8(0)
	dst[0] = a<<2 | c>>4
	if len(dst) == 2 {
		d = sixOf[src[2]]
		dst[1] = c<<4 | d>>2
	} else if src[2] != '=' {
		return gone
	}
	if (bad|a|c|d)&0xc0 != 0 || src[3] != '=' {
		return gone
	}
	return i + n + 2
}

package reconcile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/gvc-brussels/anpr/schemas"
)

// recordHead holds the fields of a record of anpr.reads.v1 that the accounts need. The bytes alias the record.
type recordHead struct {
	camera   []byte
	id       []byte // 16 bytes, or none
	captured int64  // microseconds; 0 = missing
	tick     bool   // a tick, or a reject that calls itself a tick
}

// Field numbers of anpr.v1.PlateRead.
const (
	fieldID       = 1
	fieldCamera   = 2
	fieldCaptured = 3
	fieldTick     = 31
)

// readHead reads as far as possible: a malformed record gives the fields before the break.
func readHead(value []byte) (s recordHead) {
	if trimmed := bytes.TrimLeft(value, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return peekJSON(trimmed)
	}
	for b := value; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return s
		}
		b = b[n:]
		switch typ {
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return s
			}
			b = b[n:]
			s.setText(num, v)
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return s
			}
			b = b[n:]
			s.setNumber(num, int64(v))
		default:
			n := protowire.ConsumeFieldValue(num, typ, b)
			if n < 0 {
				return s
			}
			b = b[n:]
		}
	}
	return s
}

func (s *recordHead) setNumber(num protowire.Number, v int64) {
	if num == fieldCaptured {
		s.captured = v
	}
}

func (s *recordHead) setText(num protowire.Number, v []byte) {
	switch int32(num) {
	case fieldID:
		if len(v) == len(schemas.ID{}) {
			s.id = v
		}
	case fieldCamera:
		s.camera = v[:min(len(v), schemas.MaxCameraID)]
	case fieldTick:
		s.tick = true
	}
}

func peekJSON(value []byte) (s recordHead) {
	var m map[string]json.RawMessage
	if json.Unmarshal(value, &m) != nil {
		return s
	}
	text := func(names ...string) string {
		for _, n := range names {
			if v := m[n]; len(v) > 0 && string(v) != "null" {
				return strings.Trim(string(v), `"`)
			}
		}
		return ""
	}
	camera := text("camera_id", "cameraId")
	s.camera = []byte(camera[:min(len(camera), schemas.MaxCameraID)])
	// 0 when not a number, as for a record without the field
	s.captured, _ = strconv.ParseInt(text("captured_at_us", "capturedAtUs"), 10, 64)
	s.tick = text("tick") != ""
	if id, err := base64.StdEncoding.DecodeString(text("read_id", "readId")); err == nil && len(id) == len(schemas.ID{}) {
		s.id = id
	}
	return s
}

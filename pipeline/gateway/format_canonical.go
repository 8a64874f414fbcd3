package gateway

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// readCanonicalProto reads one anpr.v1.PlateRead in Protobuf. Unknown fields are noted by number and left out.
func readCanonicalProto(body []byte) []*CameraEvent {
	ev := newEvent()
	if err := proto.Unmarshal(body, ev.Read); err != nil {
		if strings.Contains(err.Error(), "UTF-8") {
			return []*CameraEvent{refuseEvent(schemas.ReasonBadUTF8, fieldBody,
				"a text field is not UTF-8; send UTF-8")}
		}
		return []*CameraEvent{refuseEvent(schemas.ReasonMalformed, fieldBody,
			"not an anpr.v1.PlateRead; check the schema and the content type")}
	}
	ev.addUnknownNumbers("", ev.Read.ProtoReflect())
	for i, c := range ev.Read.Candidates {
		ev.addUnknownNumbers(elementField("candidates", i, ""), c.ProtoReflect())
	}
	for i, m := range ev.Read.Measures {
		ev.addUnknownNumbers(elementField("measures", i, ""), m.ProtoReflect())
	}
	ev.checkCanonical(ev.Read.RawPlate != "")
	return []*CameraEvent{ev}
}

// addUnknownNumbers notes Protobuf fields unknown to the contract, and removes them.
func (ev *CameraEvent) addUnknownNumbers(prefix string, m protoreflect.Message) {
	for b := m.GetUnknown(); len(b) > 0; {
		num, _, n := protowire.ConsumeField(b)
		if n < 0 {
			break
		}
		b = b[n:]
		ev.addUnknown(prefix + "field " + strconv.Itoa(int(num)))
	}
	m.SetUnknown(nil)
}

// readCanonicalJSON reads one anpr.v1.PlateRead in JSON. Field names have either spelling, numbers may be text, enums
// are names or numbers. Bytes are base64, or hexadecimal for a SHA-256. Unknown fields are noted by name and left out.
func readCanonicalJSON(root *node) []*CameraEvent {
	ev := newEvent()
	if len(root.kids) == 0 {
		return []*CameraEvent{refuseEvent(schemas.ReasonMalformed, fieldBody,
			"not a JSON object with fields; send anpr.v1.PlateRead")}
	}
	m := ev.Read.ProtoReflect()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		given := root.childrenNamed(string(fd.Name()))
		if !fd.IsList() && (len(given) > 1 || root.holdsFields(string(fd.Name())) &&
			fd.Kind() != protoreflect.MessageKind) {
			ev.refuseRead(schemas.ReasonBadField, string(fd.Name()),
				"is there %d times, or is not one value; send one", len(given))
		}
		for _, n := range given {
			if err := setField(m, fd, n); err != nil {
				ev.refuseRead(err.Reason, err.Field, "%s", err.Detail)
			}
		}
	}
	ev.addUnknownNames("", root, m.Descriptor())
	for i, c := range root.childrenNamed("candidates") {
		ev.addUnknownNames(elementField("candidates", i, ""), c, (&anprv1.Candidate{}).ProtoReflect().Descriptor())
	}
	for i, m := range root.childrenNamed("measures") {
		ev.addUnknownNames(elementField("measures", i, ""), m, (&anprv1.Measure{}).ProtoReflect().Descriptor())
	}
	ev.checkCanonical(root.hasField("raw_plate"))
	return []*CameraEvent{ev}
}

// addUnknownNames notes members of an object unknown to the contract.
func (ev *CameraEvent) addUnknownNames(prefix string, n *node, md protoreflect.MessageDescriptor) {
	for _, k := range n.kids {
		known := false
		for i := range md.Fields().Len() {
			known = known || sameName(k.name, string(md.Fields().Get(i).Name()))
		}
		if !known {
			ev.addUnknown(prefix + k.name)
		}
	}
}

// setField sets a scalar, or adds to a list.
func setField(m protoreflect.Message, fd protoreflect.FieldDescriptor, n *node) *schemas.RejectError {
	if fd.Kind() == protoreflect.MessageKind && !fd.IsList() {
		m.Mutable(fd) // quarantine and tick: presence is enough, checkCanonical refuses them
		return nil
	}
	if fd.Kind() == protoreflect.MessageKind {
		c := m.Mutable(fd).List().AppendMutable().Message()
		for i := range c.Descriptor().Fields().Len() {
			sub := c.Descriptor().Fields().Get(i)
			if v := n.childNamed(string(sub.Name())); v != nil {
				if err := setField(c, sub, v); err != nil {
					err.Field = string(fd.Name()) + "." + err.Field
					return err
				}
			}
		}
		return nil
	}
	v, ok := parseScalar(fd, n.textAt())
	if !ok {
		return schemas.Rejectf(schemas.ReasonBadField, string(fd.Name()),
			"%.40q is no %s%s", n.textAt(), describeKind(fd), suggestUnit(string(fd.Name()), n.textAt()))
	}
	if fd.IsList() {
		m.Mutable(fd).List().Append(v)
		return nil
	}
	m.Set(fd, v)
	return nil
}

func parseScalar(fd protoreflect.FieldDescriptor, s string) (protoreflect.Value, bool) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(s), true
	case protoreflect.BytesKind:
		b, ok := parseBytes(s)
		return protoreflect.ValueOfBytes(b), ok
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(isTrue(s)), isTrue(s) || s == "" || s == "0" || foldWord(s) == "false"
	case protoreflect.Int64Kind:
		v, ok := parseWhole(s)
		return protoreflect.ValueOfInt64(v), ok
	case protoreflect.Uint32Kind:
		v, ok := parseWhole(s)
		return protoreflect.ValueOfUint32(uint32(v)), ok && v >= 0 && v <= 1<<32-1
	case protoreflect.EnumKind:
		return parseEnum(fd.Enum(), s)
	default:
		return protoreflect.Value{}, false
	}
}

// describeKind names the expected kind of value in words.
func describeKind(fd protoreflect.FieldDescriptor) string {
	switch fd.Kind() {
	case protoreflect.Int64Kind, protoreflect.Uint32Kind:
		return "whole number"
	case protoreflect.BytesKind:
		return "base64"
	case protoreflect.EnumKind:
		return strings.ToLower(string(fd.Enum().Name()))
	default:
		return fd.Kind().String()
	}
}

// suggestUnit guesses the unit of a value in the wrong unit, and names the value to send.
func suggestUnit(field, s string) string {
	switch field {
	case "captured_at_us":
		if w, ok := parseTime(s); ok && w.zone != zoneExact && w.zone != zoneNone {
			return fmt.Sprintf("; it looks like a written time: send microseconds since 1970, here %d",
				int64(w.instant()))
		}
		if w, ok := parseTime(s); ok && w.zone == zoneExact {
			return fmt.Sprintf("; it looks like seconds: send microseconds since 1970, here %d", int64(w.instant()))
		}
	case "confidence_pm", "country_confidence_pm", "candidates.confidence_pm":
		if pm, ok := parsePerMille(strings.TrimSuffix(s, "%"), scaleOne); ok && !strings.HasSuffix(s, "%") {
			return fmt.Sprintf("; it looks like a share of one: send per mille, here %d", pm)
		}
		if pm, ok := parsePerMille(s, scaleHundred); ok {
			return fmt.Sprintf("; it looks like per cent: send per mille, here %d", pm)
		}
	case "speed_dkmh":
		if v, ok := parseSpeed(s); ok {
			return fmt.Sprintf("; it looks like km/h: send tenths of a km/h, here %d", v)
		}
	}
	return ""
}

// suggestTimeUnit names the unit in which a whole number would lie within the years of the contract.
func suggestTimeUnit(v int64) string {
	const from, to = int64(946684800), int64(4102444800) // 2000 to 2100, in seconds
	for _, unit := range []struct {
		name      string
		perSecond int64
	}{{"seconds", 1}, {"milliseconds", 1000}, {"nanoseconds", 1_000_000_000}} {
		if v >= from*unit.perSecond && v/unit.perSecond < to {
			us := v / max(unit.perSecond/1_000_000, 1) * max(1_000_000/unit.perSecond, 1)
			return fmt.Sprintf("; it looks like %s: send microseconds since 1970, here %d", unit.name, us)
		}
	}
	return ""
}

// parseWhole reads an integer, also written 12.0 or 1.2e1; the empty text is 0.
func parseWhole(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	v, ok := parseDecimal(s, 0, roundDown)
	if up, ok2 := parseDecimal(s, 1, roundDown); ok && ok2 && up != v*10 {
		return 0, false
	}
	return v, ok
}

// parseEnum reads a number, the full name, or the name without prefix. Example: DIRECTION_APPROACHING, approaching, 1
func parseEnum(ed protoreflect.EnumDescriptor, s string) (protoreflect.Value, bool) {
	if s == "" {
		return protoreflect.ValueOfEnum(0), true
	}
	if n, ok := parseWhole(s); ok {
		if n < 0 || n > 1000 {
			return protoreflect.Value{}, false
		}
		e := ed.Values().ByNumber(protoreflect.EnumNumber(n))
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), e != nil
	}
	prefix := strings.TrimSuffix(string(ed.Values().Get(0).Name()), "UNSPECIFIED")
	for i := range ed.Values().Len() {
		e := ed.Values().Get(i)
		if sameName(s, string(e.Name())) || sameName(s, strings.TrimPrefix(string(e.Name()), prefix)) {
			return protoreflect.ValueOfEnum(e.Number()), true
		}
	}
	return protoreflect.ValueOfEnum(0), foldWord(s) == "unknown"
}

// parseBytes reads base64, or a SHA-256 in hexadecimal.
func parseBytes(s string) ([]byte, bool) {
	if len(s) == 64 {
		if b, err := hex.DecodeString(s); err == nil {
			return b, true
		}
	}
	return decodeBase64(s)
}

// checkCanonical checks a read in canonical form. Nothing is repaired here, every fault is refused by field name.
// plated reports that the read has the plate's field, empty or not.
func (ev *CameraEvent) checkCanonical(plated bool) {
	r := ev.Read
	bad := func(field, format string, args ...any) { ev.refuseRead(schemas.ReasonBadField, field, format, args...) }
	switch {
	case r.Quarantine != nil:
		bad("quarantine", "is for the gateway only; leave it out")
	case r.Tick != nil:
		bad("tick", "is for the pipeline only; leave it out")
	case r.ConfidencePm > 1000:
		bad("confidence_pm", "%d is above 1000, the most in per mille; it looks like another scale", r.ConfidencePm)
	case r.CountryConfidencePm > 1000:
		bad("country_confidence_pm", "%d is above 1000; send per mille", r.CountryConfidencePm)
	case r.Lane > schemas.MaxLane:
		bad("lane", "%d is above %d", r.Lane, schemas.MaxLane)
	case r.SpeedDkmh > uint32(schemas.MaxSpeed):
		bad("speed_dkmh", "%d is above %d; it looks like a smaller unit than tenths of a km/h", r.SpeedDkmh,
			schemas.MaxSpeed)
	case !schemas.Direction(r.Direction).Valid() || r.Direction < 0 || r.Direction > 255:
		bad("direction", "%d is no direction", r.Direction)
	case !schemas.VehicleKind(r.VehicleKind).Valid() || r.VehicleKind < 0 || r.VehicleKind > 255:
		bad("vehicle_kind", "%d is no vehicle kind", r.VehicleKind)
	}
	ev.checkCanonicalCountry()
	ev.checkCanonicalTexts()
	ev.checkMeasures()
	ev.checkCanonicalTime()
	if !plated {
		ev.refuseRead(schemas.ReasonMissingField, "raw_plate",
			"the read has no plate; send it, or the word unknown for a vehicle whose plate was not read")
	}
	ev.setPlate("raw_plate", r.RawPlate)
	ev.stated = statedTime{wall: schemas.Micros(r.CapturedAtUs), zone: zoneExact}
}

// checkCanonicalTime refuses an impossible time of capture and guesses the unit.
func (ev *CameraEvent) checkCanonicalTime() {
	const earliest = 946684800_000_000 // 2000-01-01
	switch v := ev.Read.CapturedAtUs; {
	case v == 0:
		ev.refuseRead(schemas.ReasonMissingField, "captured_at_us",
			"the read says no time of capture; send microseconds since 1970")
	case suggestTimeUnit(v) != "":
		ev.refuseRead(schemas.ReasonBadField, "captured_at_us",
			"%d microseconds are %s%s", v, schemas.Micros(v), suggestTimeUnit(v))
	case v < earliest:
		ev.refuseRead(schemas.ReasonClockBehind, "captured_at_us",
			"%s is before 2000; set the camera's clock", schemas.Micros(v))
	}
}

// checkCanonicalCountry accepts ISO 3166-1 codes with two or three letters, in either case.
func (ev *CameraEvent) checkCanonicalCountry() {
	r := ev.Read
	if c, ok := schemas.CountryFrom(r.Country); ok {
		r.Country = c.String()
		return
	}
	if r.Country == "" {
		return
	}
	code := ""
	if len(r.Country) == 3 && !strings.ContainsAny(r.Country, "-_") {
		code = isoCountry(r.Country)
	}
	if code == "" {
		ev.refuseRead(schemas.ReasonBadField, "country",
			"%.10q is no ISO 3166-1 code of two or three letters", r.Country)
	}
	r.Country = code
}

func (ev *CameraEvent) checkCanonicalTexts() {
	r := ev.Read
	for _, t := range []struct {
		field, text string
		bound       int
	}{
		{"camera_event_id", r.CameraEventId, schemas.MaxEventID},
		{"make", r.Make, schemas.MaxText},
		{"colour", r.Colour, schemas.MaxText},
	} {
		if len(t.text) > t.bound {
			ev.refuseRead(schemas.ReasonTooLarge, t.field, "%d bytes, at most %d are taken", len(t.text), t.bound)
		}
	}
	if len(r.Candidates) > schemas.MaxAlternatives {
		ev.refuseRead(schemas.ReasonTooLarge, "candidates",
			"%d, at most %d are taken", len(r.Candidates), schemas.MaxAlternatives)
	}
	r.Candidates = slices.DeleteFunc(r.Candidates, func(c *anprv1.Candidate) bool {
		empty := c.Plate == "" || strings.ContainsRune(c.Plate, '\uFFFD')
		if empty {
			ev.addNotice(NoticeAlternative)
		}
		return empty
	})
	for i, c := range r.Candidates {
		if len(c.Plate) > schemas.MaxRawPlate || c.ConfidencePm > 1000 {
			ev.refuseRead(schemas.ReasonBadField, elementField("candidates", i, "plate"),
				"a plate of at most %d bytes with a confidence of at most 1000 is taken", schemas.MaxRawPlate)
		}
	}
	sums := append([][]byte{r.ImageSha256}, r.MoreImagesSha256...)
	if len(sums) > maxImages+1 {
		ev.refuseRead(schemas.ReasonTooLarge, "more_images_sha256", "%d, at most %d are taken", len(sums)-1, maxImages)
	}
	checkKinds(ev, r)
	for i, s := range sums {
		if len(s) != len(schemas.Sum{}) && (i > 0 || len(s) > 0) {
			ev.refuseRead(schemas.ReasonBadField, "image_sha256", "%d bytes; a SHA-256 has 32", len(s))
		}
	}
}

// checkKinds refuses roles that are unknown, or more than there are pictures.
func checkKinds(ev *CameraEvent, r *anprv1.PlateRead) {
	if r.ImageKinds == "" {
		return
	}
	words := strings.Split(r.ImageKinds, ",")
	pictures := len(r.MoreImagesSha256) + min(len(r.ImageSha256), 1)
	if len(words) > pictures {
		ev.refuseRead(schemas.ReasonBadField, "image_kinds", "%d roles of %d pictures", len(words), pictures)
		return
	}
	for _, w := range words {
		if !slices.Contains(schemas.PictureKinds(), schemas.PictureKind(w)) {
			ev.refuseRead(schemas.ReasonBadField, "image_kinds", "a role is one of scene, plate, second, other, separated by commas without spaces")
			return
		}
	}
}

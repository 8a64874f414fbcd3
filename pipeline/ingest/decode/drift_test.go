package decode

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// fieldsOfARead maps each field of anpr.v1.PlateRead to its field in schemas.Read.
var fieldsOfARead = map[string]string{
	"read_id": "ID", "camera_id": "Camera", "captured_at_us": "CapturedAt", "received_at_us": "ReceivedAt", "raw_plate": "RawPlate",
	"country": "Country", "country_confidence_pm": "CountryConfidence", "confidence_pm": "Confidence", "lane": "Lane", "direction": "Direction",
	"speed_dkmh": "Speed", "vehicle_kind": "Kind", "camera_event_id": "EventID", "image_sha256": "Image", "candidates": "Alternatives",
	"late_upload": "Flags", "format": "Format", "make": "Make", "colour": "Colour", "more_images_sha256": "MoreImages", "clock_suspect": "Flags", "image_kinds": "ImageKinds", "measures": "Measures",
	"quarantine": "Quarantine", "tick": "Tick",
}

// flags maps each boolean field to its bit in Flags.
var flags = map[string]schemas.Flags{"late_upload": schemas.FlagLateUpload, "clock_suspect": schemas.FlagClockSuspect}

// notOnTheWire are the fields of schemas.Read without a wire field, with the reason.
var notOnTheWire = map[string]string{
	"Plate": "derived by normalise from raw_plate, so that a rule of plates can change without the cameras",
	"Class": "derived by normalise from the plate",
}

// changeField gives a field in the message another value.
func changeField(m *anprv1.PlateRead, fd protoreflect.FieldDescriptor) {
	switch fd.Name() {
	case "quarantine":
		proto.Reset(m)
		proto.Merge(m, refusedUpload())
	case "tick":
		proto.Reset(m)
		proto.Merge(m, tickRecord())
	case "measures":
		m.Measures = measuredRead().Measures
	case "clock_suspect":
		m.ClockSuspect = true
	case "read_id":
		m.ReadId = fullRead().ReadId
	case "camera_id", "raw_plate":
		m.ProtoReflect().Set(fd, fullRead().ProtoReflect().Get(fd))
	case "captured_at_us":
		m.CapturedAtUs--
	case "received_at_us":
		m.ReceivedAtUs++
	default:
		m.ProtoReflect().Set(fd, fullRead().ProtoReflect().Get(fd))
	}
}

// differingFields returns the fields with different values in two reads.
func differingFields(a, b *schemas.Read) []string {
	var out []string
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			out = append(out, va.Type().Field(i).Name)
		}
	}
	return out
}

// The contract, the read and its readers describe the same fields. Each message field reaches its field in the read,
// and no other field, in either encoding, by the fast readers and by the general ones. Each field in the read comes
// from the wire or states why not.
func TestEveryFieldOfTheContractReachesItsFieldOfTheRead(t *testing.T) {
	base := leastRead()
	base.ReadId = make([]byte, 16)
	base.ReadId[0] = 1
	readers := map[string]func(dst *schemas.Read, m *anprv1.PlateRead) bool{
		"Protobuf": func(dst *schemas.Read, m *anprv1.PlateRead) bool {
			return decodeGeneral(dst, marshalMessage(t, m), false) == nil
		},
		"JSON": func(dst *schemas.Read, m *anprv1.PlateRead) bool {
			return decodeGeneral(dst, marshalJSON(t, m, false), true) == nil
		},
		"snake JSON": func(dst *schemas.Read, m *anprv1.PlateRead) bool {
			return decodeGeneral(dst, marshalJSON(t, m, true), true) == nil
		},
		"fast Protobuf": func(dst *schemas.Read, m *anprv1.PlateRead) bool { return fastProtobuf(dst, marshalMessage(t, m)) },
		"fast JSON":     func(dst *schemas.Read, m *anprv1.PlateRead) bool { return fastJSON(dst, compactJSON(t, m)) },
	}
	reached := map[string]bool{}
	fields := base.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		name := string(fd.Name())
		want, ok := fieldsOfARead[name]
		if !ok {
			t.Errorf("%s is in the contract: say here which field of the read it becomes, and let the readers fill it", name)
			continue
		}
		reached[want] = true
		m := proto.Clone(base).(*anprv1.PlateRead)
		changeField(m, fd)
		for form, read := range readers {
			var was, got schemas.Read
			if !read(&was, base) {
				t.Fatalf("%s: the plain read is not taken", form)
			}
			if !read(&got, m) {
				if form == "fast Protobuf" || form == "fast JSON" {
					continue // it stepped aside; the general reader is held here too
				}
				t.Errorf("%s: %s set: not taken", form, name)
				continue
			}
			fields := differingFields(&was, &got)
			if name == "quarantine" || name == "tick" { // another kind of record: without the fields of a read
				if !slices.Contains(fields, want) {
					t.Errorf("%s: %s set: %v differ, want %s among them", form, name, fields, want)
				}
				continue
			}
			if !slices.Equal(fields, []string{want}) || want == "Flags" && got.Flags != flags[name] {
				t.Errorf("%s: %s set: %v differ, flags %b, want %s alone", form, name, fields, got.Flags, want)
			}
		}
	}
	read := reflect.TypeFor[schemas.Read]()
	for f := range read.Fields() {
		name := f.Name
		if _, left := notOnTheWire[name]; reached[name] == left {
			t.Errorf("field %s of a read: on the wire %t, left out with a reason %t; it must be one of both", name, reached[name], left)
		}
	}
	if len(fieldsOfARead) != fields.Len() {
		t.Errorf("%d fields are listed, the contract has %d", len(fieldsOfARead), fields.Len())
	}
}

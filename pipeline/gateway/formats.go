package gateway

import (
	"bytes"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Format is a camera maker's form of an upload. This list is the only one: addresses, readers, metric labels,
// refusals, samples, the banner of `anpr up`, the README's table and the package comment come from it. ADD_A_FORMAT.md
// shows the way to a new row.
type Format struct {
	Path  string   // last part of the address
	Name  string   // in the read, and as a metric label
	Takes string   // content in words, for people
	Types []string // content types named in refusals; the first is the type of Sample
	// Sample names a published example in testdata; the demo posts it. Empty if the maker published none. All other
	// payloads in testdata belong to the format whose path begins their name.
	Sample string

	read         func(*node) []*CameraEvent
	protobuf     func([]byte) []*CameraEvent // nil when the format has no Protobuf form
	canonical    bool                        // sent by software: only the types named are taken
	serialHeader string                      // header with the device's number; "" = none
	tails        map[string]IgnoredKind      // ends of the address that the firmware adds; a kind: no read comes there
	untilResult  bool                        // the device sends an upload until an answer has the member Result: true
}

// formats is the list: a row here, a reader in format_NAME.go, payloads in testdata.
var formats = []Format{
	{
		Path: "reads", Name: "canonical", Takes: "anpr.v1.PlateRead as Protobuf, or its JSON: an object or an array",
		Types: []string{"application/json", "application/x-protobuf", "application/x-ndjson"}, canonical: true,
		read: readCanonicalJSON, protobuf: readCanonicalProto,
	},
	{
		Path: "hikvision", Name: "hikvision", Takes: "ISAPI EventNotificationAlert, alone or multipart with pictures",
		Types:  []string{"application/xml", "application/json", "multipart/form-data", "multipart/mixed"},
		Sample: "hikvision-isapi-v2.xml", read: readHikvision,
	},
	{
		Path: "openalpr", Name: "openalpr",
		Takes:  "alpr_group, alpr_results, alpr_alert, heartbeat of OpenALPR and Rekor agents",
		Types:  []string{"application/json", "application/x-ndjson"},
		Sample: "openalpr-group.json", read: readOpenALPR,
	},
	{
		Path: "platerecognizer", Name: "platerecognizer",
		Takes:  "Stream and Snapshot webhooks, alone or multipart with a picture",
		Types:  []string{"application/json", "multipart/form-data", "application/x-ndjson"},
		Sample: "platerecognizer-webhook.json", read: readPlateRecognizer,
	},
	{
		Path: "axis", Name: "axis", Takes: "License Plate Verifier: ALPV MetadataStream, or the engine's push JSON",
		Types:  []string{"application/xml", "application/json", "multipart/form-data"},
		Sample: "axis-alpv-allplates.xml", read: readAxis,
	},
	{
		Path: "survision", Name: "survision", Takes: "anpr messages",
		Types:  []string{"application/json", "application/xml"},
		Sample: "survision-decision.json", read: readSurvision,
		serialHeader: "survision-serial-number",
	},
	{
		Path: "dahua", Name: "dahua", Takes: "ITSAPI push: TollgateInfo, KeepAlive and DeviceInfo below this address",
		Types:  []string{"application/json"},
		Sample: "dahua-itsapi-tollgateinfo.json", read: readDahua,
		tails: dahuaTails, untilResult: true,
	},
}

// Formats returns the accepted formats, in the order used by documents.
func Formats() []Format { return slices.Clone(formats) }

// findFormat returns the format at the end of an address, or nil. What a device adds to the format's own part may follow it.
func findFormat(path string) *Format {
	path, _, _ = strings.Cut(path, "/")
	for i := range formats {
		if formats[i].Path == path {
			return &formats[i]
		}
	}
	return nil
}

// findTail returns the end of an address as its format lists it; letters count without case, and doubled slashes once.
func findTail(format, tail string) (string, bool) {
	f := findFormat(format)
	if f == nil {
		return "", false
	}
	words := strings.FieldsFunc(tail, func(r rune) bool { return r == '/' })
	for known := range f.tails {
		if strings.EqualFold(strings.Join(words, "/"), known) {
			return known, true
		}
	}
	return "", false
}

func formatNames() (names []string) {
	for i := range formats {
		names = append(names, formats[i].Name)
	}
	return names
}

// refuseUnknownFormat refuses an address without a format, and names the existing formats.
func refuseUnknownFormat(path string) *schemas.RejectError {
	var paths []string
	for i := range formats {
		paths = append(paths, formats[i].Path)
	}
	last := len(paths) - 1
	return schemas.Rejectf(schemas.ReasonUnsupported, "path",
		"%.40q is no format; post to %s or %s", path, strings.Join(paths[:last], ", "), paths[last])
}

// checkType refuses a content type impossible for the format. Without a content type the body must look like text.
func (f *Format) checkType(m mediaType, contentType string, body []byte) *schemas.RejectError {
	untyped := false
	if f.canonical && m.kind == "" && len(bytes.TrimSpace(body)) > 0 && !bytes.HasPrefix(body, []byte("--")) {
		_, text := toDocument(body[:min(len(body), 4<<10)], m.charset) // the beginning tells
		untyped = !text
	}
	if !untyped && (f.canonical && (m.isJSON() || m.isProtobuf()) || !f.canonical && m.isText()) {
		return nil
	}
	last := len(f.Types) - 1
	return schemas.Rejectf(schemas.ReasonUnsupported, fieldContentType, "%.60q is not taken here; send %s or %s",
		contentType, strings.Join(f.Types[:last], ", "), f.Types[last])
}

package gateway

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxReads bounds the events of one upload.
const maxReads = 10_000

// adapters maps the last part of the path to what reads it. Every adapter takes XML and JSON alike.
var adapters = map[string]struct {
	name string // as the read carries it
	read func(*node) []*Parsed
}{
	"reads":           {"canonical", canonicalJSON},
	"hikvision":       {"hikvision", hikvision},
	"openalpr":        {"openalpr", openalpr},
	"platerecognizer": {"platerecognizer", platerecognizer},
	"axis":            {"axis", axis},
	"survision":       {"survision", survision},
}

func formatNames() []string {
	return []string{"canonical", "hikvision", "openalpr", "platerecognizer", "axis", "survision"}
}

// parse makes an upload into events: a pure function of its arguments. An error refuses the upload as a whole. path is
// the last part of the address.
func parse(path, contentType string, body []byte) ([]*Parsed, *schemas.RejectError) {
	a, ok := adapters[path]
	if !ok {
		return nil, schemas.Rejectf(schemas.ReasonUnsupported, "path", "%.40q is no format; post to reads, hikvision, openalpr, platerecognizer, axis or survision", path)
	}
	m := parseMedia(contentType)
	if a.name == "canonical" {
		if m.protobuf() && len(body) > 0 {
			return canonicalProto(body), nil
		}
		if !m.json() && !m.protobuf() {
			return nil, wrongType(contentType, "application/x-protobuf or application/json")
		}
	} else if !m.textual() {
		return nil, wrongType(contentType, "application/xml, application/json or multipart/form-data")
	}
	parts, err := split(m, body)
	if err != nil {
		return nil, err
	}
	var out []*Parsed
	for _, pt := range parts {
		events, err := readPart(pt, a.read)
		if err != nil {
			return nil, err
		}
		if out = append(out, events...); len(out) > maxReads {
			return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "more than %d reads; send fewer at a time", maxReads)
		}
	}
	return out, nil
}

const fieldContentType = "Content-Type"

func wrongType(got, want string) *schemas.RejectError {
	return schemas.Rejectf(schemas.ReasonUnsupported, fieldContentType, "%.60q is not taken here; send %s", got, want)
}

func (m media) protobuf() bool {
	switch m.kind {
	case "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf":
		return true
	}
	return false
}

func (m media) json() bool {
	return m.kind == "" || m.kind == "application/json" || m.kind == "text/json" || strings.HasSuffix(m.kind, "+json") ||
		m.kind == "application/x-ndjson" || strings.HasPrefix(m.kind, "multipart/")
}

// readPart reads one document: an XML element, or JSON values of which arrays count by their elements.
func readPart(pt part, read func(*node) []*Parsed) ([]*Parsed, *schemas.RejectError) {
	if pt.text[0] == '<' {
		root, err := parseXML(pt.text)
		if err != nil {
			return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "not well-formed XML: %v", err)
		}
		return withImages(read(root), pt), nil
	}
	docs, err := splitJSON(pt.text)
	if err != nil {
		return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "not valid JSON: %v", err)
	}
	if len(docs) > maxReads {
		return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "more than %d reads; send fewer at a time", maxReads)
	}
	var out []*Parsed
	for i, doc := range docs {
		root, err := parseJSON(doc)
		events := []*Parsed{refused(schemas.ReasonMalformed, fieldBody, "not readable JSON: %v", err)}
		if err == nil {
			events = read(root)
		}
		if len(docs) > 1 {
			for _, e := range events {
				e.raw = doc
				if e.Err != nil {
					e.Err.Field = index("", i, e.Err.Field)
				}
			}
		}
		out = append(out, withImages(events, pt)...)
	}
	return out, nil
}

// withImages gives the events of a part its pictures.
func withImages(events []*Parsed, pt part) []*Parsed {
	for _, e := range events {
		e.Images = append(e.Images, pt.images...)
	}
	return events
}

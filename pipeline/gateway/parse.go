package gateway

import (
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// maxReads bounds the events of one upload.
const maxReads = 10_000

// parse makes an upload into events: a pure function of its arguments. An error refuses the upload as a whole. path is
// the last part of the address.
func parse(path, contentType string, body []byte) ([]*Parsed, *schemas.RejectError) {
	f := formatAt(path)
	if f == nil {
		return nil, unknownFormat(path)
	}
	m := parseMedia(contentType)
	if rej := f.checkType(m, contentType, body); rej != nil {
		return nil, rej
	}
	if f.protobuf != nil && m.protobuf() && len(body) > 0 {
		return f.protobuf(body), nil
	}
	parts, err := split(m, body)
	if err != nil {
		return nil, err
	}
	var out []*Parsed
	for _, pt := range parts {
		events, err := readPart(pt, f.read)
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

func (m media) protobuf() bool {
	switch m.kind {
	case "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf":
		return true
	}
	return false
}

func (m media) json() bool {
	return m.kind == "" || m.kind == "application/json" || m.kind == "text/json" || strings.HasSuffix(m.kind, "+json") ||
		m.lines() || strings.HasPrefix(m.kind, "multipart/")
}

// lines reports whether the body is JSON values one after another.
func (m media) lines() bool {
	switch m.kind {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl", "application/jsonlines", "application/x-jsonlines", "application/json-seq":
		return true
	}
	return false
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
		if len(e.Images) < e.announced {
			e.note(NoteImageMissing)
		}
	}
	return events
}

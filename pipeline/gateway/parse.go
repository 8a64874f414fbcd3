package gateway

import (
	"errors"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

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
		if len(body) > maxProtobuf {
			return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "%d bytes, a read has at most %d; send one read, and its pictures by their sums", len(body), maxProtobuf)
		}
		return f.protobuf(body), nil
	}
	parts, err := split(m, body)
	if err != nil {
		return nil, err
	}
	var out []*Parsed
	var e effort
	for _, pt := range parts {
		events, err := readPart(pt, f.read, &e)
		if err != nil {
			return nil, err
		}
		if out = append(out, events...); len(out) > maxReads {
			return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "%v", errTooMany)
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
func readPart(pt part, read func(*node) []*Parsed, e *effort) ([]*Parsed, *schemas.RejectError) {
	if pt.text[0] == '<' {
		roots, err := parseXML(pt.text, e)
		if err != nil && (len(roots) == 0 || isBound(err)) {
			return nil, unreadableDocument("not well-formed XML", err)
		}
		var out []*Parsed
		for _, root := range roots {
			out = append(out, plated(root, read(root))...)
		}
		if err != nil {
			out = append(out, &Parsed{Read: newParsed().Read, Err: unreadableDocument("an element after the first is not well-formed XML", err)})
		}
		return withImages(out, pt), nil
	}
	docs, err := splitJSON(pt.text)
	if err != nil {
		return nil, unreadableDocument("not valid JSON", err)
	}
	var out []*Parsed
	for i, doc := range docs {
		root, err := parseJSON(doc, e)
		if errors.Is(err, errTooMany) {
			return nil, unreadableDocument("", err)
		}
		var events []*Parsed
		if err == nil {
			events = plated(root, read(root))
		} else {
			events = []*Parsed{{Err: unreadableDocument("not readable JSON", err)}}
		}
		if len(out)+len(events) > maxReads {
			return nil, unreadableDocument("", errTooMany)
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

// unreadableDocument says why a document was not read: its size, or its form.
func unreadableDocument(form string, err error) *schemas.RejectError {
	if isBound(err) {
		return schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "%v", err)
	}
	return schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "%s: %v", form, err)
}

// withImages gives the events of a part its pictures.
func withImages(events []*Parsed, pt part) []*Parsed {
	most := len(pt.images)
	if len(events) > 1 {
		most = min(most, maxImages+1) // each of many events keeps no more anyway
	}
	for _, e := range events {
		if most < len(pt.images) {
			e.note(NoteImage)
		}
		e.Images = append(e.Images, pt.images[:most]...)
		if len(e.Images) < e.announced {
			e.note(NoteImageMissing)
		}
	}
	return events
}

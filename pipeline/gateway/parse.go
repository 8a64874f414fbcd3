package gateway

import (
	"bytes"
	"errors"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// parseUpload turns an upload into events. It is a pure function; path is the part of the address that names the format, and
// what the device adds to it. An error refuses the whole upload.
func parseUpload(path, contentType string, body []byte) ([]*CameraEvent, *schemas.RejectError) {
	f := findFormat(path)
	if f == nil {
		return nil, refuseUnknownFormat(path)
	}
	read := f.read
	_, tail, _ := strings.Cut(path, "/")
	if kind := f.tails[tail]; kind != "" {
		if len(bytes.TrimSpace(body)) == 0 {
			return []*CameraEvent{ignoreEvent(kind)}, nil
		}
		read = func(*node) []*CameraEvent { return []*CameraEvent{ignoreEvent(kind)} }
	}
	m := parseMedia(contentType)
	if rej := f.checkType(m, contentType, body); rej != nil {
		return nil, rej
	}
	if f.protobuf != nil && m.isProtobuf() && len(body) > 0 {
		if len(body) > maxProtobuf {
			return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody,
				"%d bytes, a read has at most %d; send one read, and its pictures by their sums", len(body), maxProtobuf)
		}
		return f.protobuf(body), nil
	}
	parts, err := splitUpload(m, body)
	if err != nil {
		return nil, err
	}
	var out []*CameraEvent
	var e effort
	for _, pt := range parts {
		events, err := readPart(pt, read, &e)
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

func (m mediaType) isProtobuf() bool {
	switch m.kind {
	case "application/x-protobuf", "application/protobuf", "application/vnd.google.protobuf":
		return true
	}
	return false
}

func (m mediaType) isJSON() bool {
	return m.kind == "" || m.kind == "application/json" || m.kind == "text/json" ||
		strings.HasSuffix(m.kind, "+json") ||
		m.isJSONLines() || strings.HasPrefix(m.kind, "multipart/")
}

// isJSONLines reports whether the body is a sequence of JSON values.
func (m mediaType) isJSONLines() bool {
	switch m.kind {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
		"application/jsonlines", "application/x-jsonlines", "application/json-seq":
		return true
	}
	return false
}

// readPart reads a document: an XML element, or JSON values. Every element of a JSON array counts as a value.
func readPart(pt uploadPart, read func(*node) []*CameraEvent, e *effort) ([]*CameraEvent, *schemas.RejectError) {
	if pt.text[0] == '<' {
		roots, err := parseXML(pt.text, e)
		if err != nil && (len(roots) == 0 || isBound(err)) {
			return nil, unreadableDocument("not well-formed XML", err)
		}
		var out []*CameraEvent
		for _, root := range roots {
			out = append(out, refuseHiddenPlate(root, read(root))...)
		}
		if err != nil {
			out = append(out, &CameraEvent{
				Read: newEvent().Read,
				Err:  unreadableDocument("an element after the first is not well-formed XML", err),
			})
		}
		return attachImages(out, pt), nil
	}
	docs, err := splitJSON(pt.text)
	if err != nil {
		return nil, unreadableDocument("not valid JSON", err)
	}
	var out []*CameraEvent
	for i, doc := range docs {
		root, err := parseJSON(doc, e)
		if errors.Is(err, errTooMany) {
			return nil, unreadableDocument("", err)
		}
		var events []*CameraEvent
		if err == nil {
			events = refuseHiddenPlate(root, read(root))
		} else {
			events = []*CameraEvent{{Err: unreadableDocument("not readable JSON", err)}}
		}
		if len(out)+len(events) > maxReads {
			return nil, unreadableDocument("", errTooMany)
		}
		if len(docs) > 1 {
			for _, e := range events {
				e.part = doc
				if e.Err != nil {
					e.Err.Field = elementField("", i, e.Err.Field)
				}
			}
		}
		out = append(out, attachImages(events, pt)...)
	}
	return out, nil
}

// unreadableDocument names the reason for an unread document: size or form.
func unreadableDocument(form string, err error) *schemas.RejectError {
	if isBound(err) {
		return schemas.Rejectf(schemas.ReasonTooLarge, fieldBody, "%v", err)
	}
	return schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "%s: %v", form, err)
}

// attachImages gives a part's pictures to its events.
func attachImages(events []*CameraEvent, pt uploadPart) []*CameraEvent {
	most := len(pt.images)
	if len(events) > 1 {
		most = min(most, maxImages+1) // each of many events keeps no more anyway
	}
	for _, e := range events {
		if most < len(pt.images) {
			e.addNotice(NoticeImage)
		}
		e.Images = append(e.Images, pt.images[:most]...)
		if len(e.Images) < e.announced {
			e.addNotice(NoticeImageMissing)
		}
	}
	return events
}

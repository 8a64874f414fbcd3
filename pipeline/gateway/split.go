package gateway

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// fieldBody names the upload as a whole in a refusal.
const fieldBody = "body"

// uploadPart is a text document in an upload, with its pictures.
type uploadPart struct {
	text   []byte
	images []Image
}

// mediaType is a parsed content type. kind is lower case without parameters.
type mediaType struct {
	kind, boundary, charset string
}

func parseMedia(contentType string) mediaType {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil { // firmware writes broken parameters: the kind is still there
		kind, _, _ = strings.Cut(contentType, ";")
	}
	return mediaType{strings.ToLower(strings.TrimSpace(kind)), params["boundary"], params["charset"]}
}

// isText reports whether a vendor's document may come under the type.
func (m mediaType) isText() bool {
	switch m.kind {
	case "", "application/octet-stream", "application/x-www-form-urlencoded", "application/xml", "application/json":
		return true
	}
	return m.isJSONLines() || strings.HasPrefix(m.kind, "text/") || strings.HasPrefix(m.kind, "multipart/") ||
		strings.HasSuffix(m.kind, "+xml") || strings.HasSuffix(m.kind, "+json")
}

// splitUpload finds the documents in an upload. Pictures belong to the preceding document, or to the first.
func splitUpload(m mediaType, body []byte) ([]uploadPart, *schemas.RejectError) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "the body is empty; send the event")
	}
	if b := bytes.TrimLeft(body, "\r\n"); bytes.HasPrefix(b, []byte("--")) {
		return splitMultipart(m, b)
	}
	if isForeignText(body) && exceedsText(body) {
		return nil, unreadableDocument("", errTooLong)
	}
	if text, ok := toDocument(body, m.charset); ok {
		return []uploadPart{{text: text}}, nil
	}
	switch {
	case m.kind == "application/x-www-form-urlencoded":
		return splitForm(body)
	case strings.HasPrefix(m.kind, "multipart/"):
		return splitMultipart(m, body)
	}
	return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody,
		"starts with neither <, { nor [; send XML, JSON or multipart")
}

// isForeignText reports whether a document is XML, or text in need of conversion. Such documents are bounded before
// the work; JSON is bounded value by value.
func isForeignText(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && strings.ContainsRune("<\x00\u00ef\u00fe\u00ff", rune(b[0])) || len(b) > 1 && b[1] == 0
}

// splitForm finds the document among the fields of a web form: some webhook senders wrap it so.
func splitForm(body []byte) ([]uploadPart, *schemas.RejectError) {
	if bytes.Count(body, []byte("&")) >= maxParts {
		return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody,
			"more than %d form fields; send fewer events at a time", maxParts)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "not a web form: %v", err)
	}
	var out []uploadPart
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, v := range form[name] {
			if text, ok := toDocument([]byte(v), ""); ok {
				out = append(out, uploadPart{text: text})
			}
		}
	}
	if len(out) == 0 {
		return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "no form field holds XML or JSON")
	}
	return out, nil
}

func splitMultipart(m mediaType, body []byte) ([]uploadPart, *schemas.RejectError) {
	r := multipart.NewReader(bytes.NewReader(body), findBoundary(m, body))
	var out []uploadPart
	var early []Image
	headers := 0
	for range maxParts {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return finishParts(out, early)
		}
		if err != nil && (len(out) > 0 || len(early) > 0) {
			return finishParts(out, early) // a sloppy end: the whole body was received, its content is kept
		}
		if err != nil {
			return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "multipart: %v", err)
		}
		for _, values := range p.Header {
			headers += len(values)
		}
		if headers > maxHeaders {
			return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody,
				"more than %d headers of parts; send fewer events at a time", maxHeaders)
		}
		data, err := readPartData(p)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "multipart: %v", err)
		}
		if len(data) > 0 && looksLikeImage(data) {
			img := Image{Name: p.FormName() + " " + p.FileName(), Data: data}
			if len(out) == 0 {
				early = append(early, img)
			} else {
				out[len(out)-1].images = append(out[len(out)-1].images, img)
			}
			continue
		}
		if isForeignText(data) && exceedsText(data) {
			return nil, unreadableDocument("", errTooLong)
		}
		if text, ok := toDocument(data, parseMedia(p.Header.Get("Content-Type")).charset); ok {
			out = append(out, uploadPart{text: text})
		}
	}
	return nil, schemas.Rejectf(schemas.ReasonTooLarge, fieldBody,
		"more than %d parts; send fewer events at a time", maxParts)
}

func finishParts(out []uploadPart, early []Image) ([]uploadPart, *schemas.RejectError) {
	if len(out) == 0 {
		return nil, schemas.Rejectf(schemas.ReasonMalformed, fieldBody, "no part holds XML or JSON")
	}
	out[0].images = append(early, out[0].images...)
	return out, nil
}

func readPartData(p *multipart.Part) ([]byte, error) {
	var buf bytes.Buffer // grows by doubling
	_, err := buf.ReadFrom(p)
	data := buf.Bytes()
	if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "base64") {
		if raw, ok := decodeBase64(string(data)); ok {
			return raw, err
		}
	}
	return data, err
}

// findBoundary prefers the boundary the body really uses: headers are wrong more often.
func findBoundary(m mediaType, body []byte) string {
	line, _, _ := bytes.Cut(body, []byte("\n"))
	line = bytes.TrimRight(line, "\r \t")
	if found, ok := bytes.CutPrefix(line, []byte("--")); ok && len(found) > 0 && len(found) <= maxBoundary {
		return string(found)
	}
	return m.boundary
}

// decodeBase64 decodes standard or URL base64, padded or not, with line breaks and a data: prefix if need be.
func decodeBase64(s string) ([]byte, bool) {
	if strings.HasPrefix(s, "data:") {
		_, s, _ = strings.Cut(s, ",")
	}
	s = strings.NewReplacer("\r", "", "\n", "", " ", "", "-", "+", "_", "/").Replace(s)
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	return b, err == nil
}

package office

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds for the log's copy of a request beyond its route's form.
const (
	maxUnread = 16 << 10 // bytes of the JSON
	maxText   = 4000     // characters of a body other than JSON
	maxDepth  = 32       // nested arrays and objects
)

// unread is a request's content, read as far as possible.
type unread struct {
	asked  map[string]any
	plates []string
}

// readAll reads the rest of the body, for the log.
func (v *visit) readAll(body io.Reader) { _, _ = io.Copy(io.Discard, io.LimitReader(body, maxList)) }

// readTolerantly reads a query and a body of any form: names in any case and spelling, values of any type, and text
// other than JSON.
func readTolerantly(rawQuery string, body []byte) *unread {
	u := &unread{asked: map[string]any{}}
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		u.asked["query_text"] = boundText(rawQuery)
	}
	for name, given := range values {
		for _, text := range given {
			u.keepValue(u.asked, name, u.readText(name, text))
		}
	}
	u.readBody(body)
	if text, err := json.Marshal(u.asked); err != nil || len(text) > maxUnread {
		u.asked = map[string]any{"bytes": len(body), "plates": len(u.plates)}
		if len(u.plates) <= listedInEntry {
			u.asked["plates"] = u.plates
		}
	}
	return u
}

// listedInEntry bounds the plates that an entry's question lists. A longer question has the count, beside the HMACs.
const listedInEntry = 20

// readBody reads the values in a body. The rest after the last JSON value counts as text.
func (u *unread) readBody(body []byte) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	for at := d.InputOffset(); len(bytes.TrimSpace(body[at:])) > 0; at = d.InputOffset() {
		v, err := u.readValue(d, "", maxDepth)
		if err != nil {
			u.keepValue(u.asked, "text", access.BoundText(unescapeText(string(body[at:])), maxText))
			return
		}
		if fields, ok := v.(map[string]any); ok {
			for name, value := range fields {
				u.keepValue(u.asked, name, value)
			}
			continue
		}
		u.keepValue(u.asked, "body", v)
	}
}

// readValue reads one JSON value. field is the nearest telling name above the value.
func (u *unread) readValue(d *json.Decoder, field string, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if depth == 0 {
			return nil, errors.New("too deep")
		}
		if t == '[' {
			return u.readList(d, field, depth-1)
		}
		return u.readObject(d, field, depth-1)
	case string:
		return u.readText(field, t), nil
	case json.Number:
		if namesPlate(field) {
			return u.readText(field, t.String()), nil
		}
		return t, nil
	}
	return t, nil
}

func (u *unread) readList(d *json.Decoder, field string, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := u.readValue(d, field, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

func (u *unread) readObject(d *json.Decoder, field string, depth int) (any, error) {
	out := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		of := name
		if namesPlate(field) {
			of = field
		}
		v, err := u.readValue(d, of, depth)
		if err != nil {
			return nil, err
		}
		u.keepValue(out, name, v)
	}
	_, err := d.Token()
	return out, err
}

// keepValue keeps a value under a name. A repeated name gets a number.
func (u *unread) keepValue(to map[string]any, name string, value any) {
	name = access.BoundText(name, 64)
	for i := 2; ; i++ {
		if _, there := to[name]; !there {
			to[name] = value
			return
		}
		name = strings.TrimSuffix(name, "#"+strconv.Itoa(i-1)) + "#" + strconv.Itoa(i)
	}
}

// namesPlate reports whether a field is for plates, in any spelling.
func namesPlate(field string) bool {
	field = strings.ToLower(field)
	return slices.ContainsFunc([]string{"plate", "plaat", "plaque", "kenteken", "immatric"}, func(w string) bool { return strings.Contains(field, w) })
}

// readText notes the plate in a field for plates, and bounds every other text.
func (u *unread) readText(field, text string) string {
	if !namesPlate(field) || strings.TrimSpace(text) == "" {
		return boundText(text)
	}
	plate := plateOfAny(text)
	if plate == "" {
		return boundText(text)
	}
	u.plates = append(u.plates, plate)
	return plate
}

// boundText bounds a text. The log later replaces known plates by HMACs.
func boundText(text string) string { return access.BoundText(text, access.MaxReason) }

// plateOfAny writes a plate or pattern in the form that an auditor will ask for, even when no look-up accepts the
// plate.
func plateOfAny(text string) string {
	if p, err := query.ParsePlateFilter(text, false); err == nil {
		return p.Text()
	}
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return access.BoundText(text, 64)
	}
	var b strings.Builder
	last := rune(0)
	for _, r := range strings.ToUpper(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '?' || r == '*' && last != '*' {
			b.WriteRune(r)
			last = r
		}
	}
	return access.BoundText(b.String(), 64)
}

// escaped matches characters that JSON writes as numbers.
var escaped = regexp.MustCompile(`\\u[0-9a-fA-F]{4}`)

// unescapeText decodes JSON escapes in a text that is not JSON.
func unescapeText(text string) string {
	return escaped.ReplaceAllStringFunc(text, func(s string) string {
		n, err := strconv.ParseUint(s[2:], 16, 32)
		if err != nil {
			return s
		}
		return string(rune(n))
	})
}

// askUnread makes a log entry's request from a visit.
func (o *Office) askUnread(ctx context.Context, route access.Route) (access.Request, error) {
	v := visitOf(ctx)
	u := readTolerantly(v.query, v.body.Bytes())
	for name, text := range v.params {
		u.keepValue(u.asked, name, boundText(text))
	}
	text, err := json.Marshal(u.asked)
	if err != nil {
		return access.Request{}, fmt.Errorf("write query for the access log: %w", err)
	}
	ask := access.Request{Route: route, Query: string(text), Plates: u.plates, Known: o.knownCameras(u.asked)}
	_, err = o.resolvePurpose(ctx, &ask)
	return ask, err
}

// knownCameras lists the existing cameras in a question. The log does not mistake these ids for plates.
func (o *Office) knownCameras(asked map[string]any) (out []string) {
	if o.cfg.Camera == nil {
		return nil
	}
	for _, field := range []string{"camera", "cameras"} {
		var ids []string
		switch v := asked[field].(type) {
		case string:
			ids = []string{v}
		case []string:
			ids = v
		case []any:
			for _, x := range v {
				if id, ok := x.(string); ok {
					ids = append(ids, id)
				}
			}
		}
		for _, id := range ids {
			if o.cfg.Camera(id) != nil {
				out = append(out, id)
			}
		}
	}
	return out
}

// refuseRole logs a request beyond the role's rights, with the question.
func (o *Office) refuseRole(ctx context.Context, route access.Route, r *http.Request) error {
	v := visitOf(ctx)
	v.readAll(r.Body)
	ask, err := o.askUnread(ctx, route)
	if err != nil {
		return err
	}
	_, refusal := access.Authorise(v.User, ask, schemas.MicrosOf(o.cfg.Now()))
	return o.refuseLookup(ctx, refusal, purposeLabel(ask.Purpose))
}

// logUnread logs a request beyond its route's form, with the question. The error is nil when the entry is written.
func (o *Office) logUnread(ctx context.Context, route access.Route) error {
	ask, err := o.askUnread(ctx, route)
	if err != nil {
		return err
	}
	err = o.refuseLookup(ctx, access.NewRefusal(visitOf(ctx).User, ask, access.CodeInvalid, "", "the request is not of the documented form"), purposeLabel(ask.Purpose))
	if isRefusal(err) {
		return nil
	}
	return err
}

// noteUnread logs a refused request whose route never read the question, unless the log already has an entry.
func (o *Office) noteUnread(ctx huma.Context, v *visit, r *http.Request) {
	if v.logged || ctx.Status()/100 != 4 {
		return
	}
	v.readAll(r.Body)
	if err := o.logUnread(ctx.Context(), access.Route(ctx.Operation().OperationID)); err != nil {
		o.cfg.Logger.Error().Err(err).Msg("a refused request is not in the look-up log")
	}
}

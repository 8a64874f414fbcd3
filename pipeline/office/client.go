package office

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Client asks an office. The queries are the server's own types, so the two cannot drift. Safe for concurrent use.
type Client struct {
	BaseURL string       // Example: http://127.0.0.1:8080
	Token   string       // of the user
	Lang    string       // in which a shut office answers, as of an Accept-Language header; "" = English
	HTTP    *http.Client // nil = one with a timeout of 60 s
}

// APIError is a problem the office answered with.
type APIError struct {
	Status int
	Detail string
}

// Error says what the office said.
func (e *APIError) Error() string { return fmt.Sprintf("office: %d: %s", e.Status, e.Detail) }

var defaultHTTP = &http.Client{Timeout: time.Minute}

// maxAnswer bounds what the client reads of one answer.
const maxAnswer = 64 << 20

// Reads asks where a plate was.
func (c *Client) Reads(ctx context.Context, q ReadsQuery) (*ReadsAnswer, error) {
	return get[ReadsAnswer](ctx, c, "/v1/reads", q)
}

// LastSeen asks for the newest read of a plate.
func (c *Client) LastSeen(ctx context.Context, q LastSeenQuery) (*LastSeenAnswer, error) {
	return get[LastSeenAnswer](ctx, c, "/v1/plates/{plate}/last-seen", q)
}

// Journey asks where a plate went on one day.
func (c *Client) Journey(ctx context.Context, q JourneyQuery) (*JourneyAnswer, error) {
	return get[JourneyAnswer](ctx, c, "/v1/plates/{plate}/journey", q)
}

// CameraReads asks what a camera saw in a window.
func (c *Client) CameraReads(ctx context.Context, q CameraQuery) (*ReadsAnswer, error) {
	return get[ReadsAnswer](ctx, c, "/v1/cameras/{camera}/reads", q)
}

// Dashboard asks how many reads and hits there were.
func (c *Client) Dashboard(ctx context.Context, q DashboardQuery) (*DashboardAnswer, error) {
	return get[DashboardAnswer](ctx, c, "/v1/dashboard", q)
}

// Hits asks which listed plates were seen.
func (c *Client) Hits(ctx context.Context, q HitsQuery) (*HitsAnswer, error) {
	return get[HitsAnswer](ctx, c, "/v1/hits", q)
}

// Offences asks for candidate and held offences.
func (c *Client) Offences(ctx context.Context, q OffencesQuery) (*OffencesAnswer, error) {
	return get[OffencesAnswer](ctx, c, "/v1/offences", q)
}

// Offence asks for one offence.
func (c *Client) Offence(ctx context.Context, q OffenceQuery) (*OffenceAnswer, error) {
	return get[OffenceAnswer](ctx, c, "/v1/offences/{id}", q)
}

// Decisions asks what the rules found for a plate.
func (c *Client) Decisions(ctx context.Context, q DecisionsQuery) (*DecisionsAnswer, error) {
	return get[DecisionsAnswer](ctx, c, "/v1/decisions", q)
}

// Rejects asks which records were rejected.
func (c *Client) Rejects(ctx context.Context, q RejectsQuery) (*RejectsAnswer, error) {
	return get[RejectsAnswer](ctx, c, "/v1/rejects", q)
}

// Reconcile asks whether the tables hold what the ledger says.
func (c *Client) Reconcile(ctx context.Context, q ReconcileQuery) (*ReconcileAnswer, error) {
	return get[ReconcileAnswer](ctx, c, "/v1/reconcile", q)
}

// AccessLog asks who looked up what.
func (c *Client) AccessLog(ctx context.Context, q AccessLogQuery) (*AccessLogAnswer, error) {
	return get[AccessLogAnswer](ctx, c, "/v1/access-log", q)
}

// VerifyAccessLog asks whether the chain of the access log holds.
func (c *Client) VerifyAccessLog(ctx context.Context, q VerifyQuery) (*VerifyAnswer, error) {
	return get[VerifyAnswer](ctx, c, "/v1/access-log/verify", q)
}

// RetroMatches asks which plates of a list were read before they were listed.
func (c *Client) RetroMatches(ctx context.Context, q RetroQuery) (*RetroAnswer, error) {
	body, err := json.Marshal(q.Body)
	if err != nil {
		return nil, fmt.Errorf("write the list: %w", err)
	}
	return send[RetroAnswer](ctx, c, http.MethodPost, "/v1/retro-matches", q.RetroAsk, bytes.NewReader(body))
}

// get asks one route.
func get[T any](ctx context.Context, c *Client, path string, q any) (*T, error) {
	return send[T](ctx, c, http.MethodGet, path, q, http.NoBody)
}

// send asks one route. Errors of the transport lose their URL, which holds what was asked.
func send[T any](ctx context.Context, c *Client, method, path string, q any, content io.Reader) (*T, error) {
	values := url.Values{}
	path = encode(reflect.ValueOf(q), path, values)
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.BaseURL, "/")+path+"?"+values.Encode(), content)
	if err != nil {
		return nil, fmt.Errorf("address of the office %.200q is not a URL such as http://127.0.0.1:8080", c.BaseURL)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Accept", "application/json")
	if c.Lang != "" {
		req.Header.Set("Accept-Language", c.Lang)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	h := c.HTTP
	if h == nil {
		h = defaultHTTP
	}
	resp, err := h.Do(req)
	if err != nil {
		if ue, ok := err.(*url.Error); ok { //nolint:errorlint // Do returns exactly this type
			err = ue.Err
		}
		return nil, fmt.Errorf("ask the office: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer of the office: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, apiError(resp.StatusCode, body)
	}
	out := new(T)
	if err := json.Unmarshal(body, out); err != nil {
		return nil, fmt.Errorf("answer of the office is not of the form expected: %w", err)
	}
	return out, nil
}

func apiError(status int, body []byte) error {
	e := &APIError{Status: status, Detail: http.StatusText(status)}
	var m huma.ErrorModel
	if json.Unmarshal(body, &m) != nil {
		return e
	}
	if m.Detail != "" {
		e.Detail = m.Detail
	}
	for _, d := range m.Errors {
		if d != nil && !strings.Contains(e.Detail, d.Message) {
			e.Detail += "; " + d.Location + " " + d.Message
		}
	}
	return e
}

// encode puts the fields of a query into the path and the values, by the tags that the server decodes by.
func encode(v reflect.Value, path string, values url.Values) string {
	t := v.Type()
	for i := range t.NumField() {
		f, fv := t.Field(i), v.Field(i)
		if f.Anonymous {
			path = encode(fv, path, values)
			continue
		}
		if name := f.Tag.Get("path"); name != "" {
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(fv.String()), 1)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("query"), ",")
		if name == "" || fv.IsZero() {
			continue
		}
		switch x := fv.Interface().(type) {
		case string:
			values.Set(name, x)
		case Action, Family, Deciding:
			values.Set(name, fv.String())
		case []string:
			values[name] = x
		case bool:
			values.Set(name, strconv.FormatBool(x))
		case int:
			values.Set(name, strconv.Itoa(x))
		case uint64:
			values.Set(name, strconv.FormatUint(x, 10))
		case time.Time:
			values.Set(name, x.UTC().Format(time.RFC3339Nano))
		default:
			panic("BUG: query field " + f.Name + " has a type the client cannot send")
		}
	}
	return path
}

package office

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// Client asks an office. Queries are the server's own types, so client and server cannot drift apart. Safe for
// concurrent use.
type Client struct {
	BaseURL string       // Example: http://127.0.0.1:8080
	Token   string       // the user's token
	Lang    string       // language for a shut office's answers, as in Accept-Language; "" = English
	HTTP    *http.Client // nil = a client with a timeout of 60 s
	// Insecure allows sending the token to an address that is neither https nor this machine.
	Insecure bool
	// MaxWait bounds the wait at a reached limit; 0 = 2 minutes, negative = no wait.
	MaxWait time.Duration

	mu       sync.Mutex
	purposes map[Justification]string // ids of open purposes
}

// APIError is a problem answered by the office.
type APIError struct {
	Status int
	Code   string
	Detail string
	Until  *time.Time // end of a quota
	Faults []Fault    // what is wrong by field; of a case that changed: its version and what happened since
}

// Error returns the office's status and text.
func (e *APIError) Error() string { return fmt.Sprintf("office: %d: %s", e.Status, e.Detail) }

var defaultHTTP = &http.Client{Timeout: time.Minute}

// maxAnswer bounds one answer in bytes.
const maxAnswer = 64 << 20

// Search asks where a plate was, or which plates a camera saw.
func (c *Client) Search(ctx context.Context, q SearchQuery) (*ReadsAnswer, error) {
	return postQuestion[ReadsAnswer](ctx, c, q.Justification, "/v1/searches", q)
}

// SearchPage asks for a further page of a search made with the justification.
func (c *Client) SearchPage(ctx context.Context, j Justification, q SearchPageQuery) (*ReadsAnswer, error) {
	return getAnswer[ReadsAnswer](ctx, c, j, "/v1/searches/{search_id}", q)
}

// Journey asks where a search's plate went on one day.
func (c *Client) Journey(ctx context.Context, j Justification, q JourneyQuery) (*JourneyAnswer, error) {
	return getAnswer[JourneyAnswer](ctx, c, j, "/v1/searches/{search_id}/journey", q)
}

// Dashboard asks how many reads and hits there were.
func (c *Client) Dashboard(ctx context.Context, q DashboardQuery) (*DashboardAnswer, error) {
	return getAnswer[DashboardAnswer](ctx, c, Justification{}, "/v1/dashboard", q)
}

// Hits asks which listed plates were seen.
func (c *Client) Hits(ctx context.Context, q HitsQuery) (*HitsAnswer, error) {
	return postQuestion[HitsAnswer](ctx, c, q.Justification, "/v1/hits/query", q)
}

// Decisions asks for the rules' decisions about a plate.
func (c *Client) Decisions(ctx context.Context, q DecisionsQuery) (*DecisionsAnswer, error) {
	return postQuestion[DecisionsAnswer](ctx, c, q.Justification, "/v1/decisions/query", q)
}

// Rejects asks which records were rejected.
func (c *Client) Rejects(ctx context.Context, q RejectsQuery) (*RejectsAnswer, error) {
	return getAnswer[RejectsAnswer](ctx, c, q.Justification, "/v1/rejects", q)
}

// Reconcile asks whether the tables agree with the ledger.
func (c *Client) Reconcile(ctx context.Context, q ReconcileQuery) (*ReconcileAnswer, error) {
	return getAnswer[ReconcileAnswer](ctx, c, Justification{}, "/v1/reconcile", q)
}

// AccessLog asks for entries in the look-up log.
func (c *Client) AccessLog(ctx context.Context, q AccessLogQuery) (*AccessLogAnswer, error) {
	return postQuestion[AccessLogAnswer](ctx, c, q.Justification, "/v1/audit/entries", q)
}

// Disclosures asks to whom a plate was shown.
func (c *Client) Disclosures(ctx context.Context, q DisclosuresQuery) (*DisclosuresAnswer, error) {
	return postQuestion[DisclosuresAnswer](ctx, c, q.Justification, "/v1/audit/disclosures", q)
}

// VerifyAccessLog asks whether the look-up log's chain holds.
func (c *Client) VerifyAccessLog(ctx context.Context, q VerifyQuery) (*VerifyAnswer, error) {
	return postQuestion[VerifyAnswer](ctx, c, Justification{}, "/v1/audit/verify", q)
}

// RetroMatches asks which plates in a list were read before they were listed.
func (c *Client) RetroMatches(ctx context.Context, q RetroQuery) (*RetroAnswer, error) {
	return postQuestion[RetroAnswer](ctx, c, q.Justification, "/v1/retro-matches", q)
}

// Me asks for the signed-in user's rights and state.
func (c *Client) Me(ctx context.Context) (*MeAnswer, error) {
	return getAnswer[MeAnswer](ctx, c, Justification{}, "/v1/me", Empty{})
}

// OpenPurpose opens a purpose.
func (c *Client) OpenPurpose(ctx context.Context, j Justification) (*PurposeAnswer, error) {
	return postQuestion[PurposeAnswer](ctx, c, Justification{}, "/v1/purposes", j)
}

// AskApproval asks for a second person.
func (c *Client) AskApproval(ctx context.Context, q ApprovalQuery) (*AskedAnswer, error) {
	return postQuestion[AskedAnswer](ctx, c, q.Justification, "/v1/approvals", q)
}

// AskForList asks for a second person for a long list.
func (c *Client) AskForList(ctx context.Context, q RetroQuery) (*AskedAnswer, error) {
	sum, err := listSum(q.Entries)
	if err != nil {
		return nil, err
	}
	return c.AskApproval(ctx, ApprovalQuery{Justification: q.Justification, Kind: "list", ListSHA256: sum, Entries: len(q.Entries)})
}

// PutSettings replaces the settings at a version. The random key makes a repeated change count once.
func (c *Client) PutSettings(ctx context.Context, s Settings, version int64, key string) (*SettingsAnswer, error) {
	content, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return sendRequest[SettingsAnswer](ctx, c, http.MethodPut, Justification{}, "/v1/me/settings", content, ownChange(version, key))
}

// PutFilters replaces the saved filters at a version. The random key makes a repeated change count once.
func (c *Client) PutFilters(ctx context.Context, s SavedFilters, version int64, key string) (*SavedFiltersAnswer, error) {
	content, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the filters: %w", err)
	}
	return sendRequest[SavedFiltersAnswer](ctx, c, http.MethodPut, Justification{}, "/v1/me/filters", content, ownChange(version, key))
}

// ownChange writes the headers of a change of the user's own data.
func ownChange(version int64, key string) http.Header {
	return http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(version, 10))}, "Idempotency-Key": {key}}
}

// Approvals lists the requests for a second person under the justification's purpose.
func (c *Client) Approvals(ctx context.Context, q ApprovalsQuery) (*ApprovalsAnswer, error) {
	return getAnswer[ApprovalsAnswer](ctx, c, q.Justification, "/v1/approvals", q)
}

// Decide approves or refuses as second person.
func (c *Client) Decide(ctx context.Context, q DecideQuery) (*AskedAnswer, error) {
	return postQuestion[AskedAnswer](ctx, c, Justification{}, "/v1/approvals/decide", q)
}

// DecisionNumbers lists the stated numbers of prosecutor's decisions.
func (c *Client) DecisionNumbers(ctx context.Context, q DecisionNumbersQuery) (*DecisionNumbersAnswer, error) {
	return getAnswer[DecisionNumbersAnswer](ctx, c, Justification{}, "/v1/prosecutor-decisions", q)
}

// ConfirmDecision notes the prosecutor's answer about a number.
func (c *Client) ConfirmDecision(ctx context.Context, q ConfirmQuery) (*ConfirmAnswer, error) {
	return postQuestion[ConfirmAnswer](ctx, c, Justification{}, "/v1/prosecutor-decisions/confirm", q)
}

// purposeOf returns the justification's open purpose, opened on first use; "" = no purpose is needed.
func (c *Client) purposeOf(ctx context.Context, j Justification) (string, error) {
	if j.Purpose == "" || j.Purpose == string(access.Operation) {
		return "", nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if id := c.purposes[j]; id != "" {
		return id, nil
	}
	p, err := c.OpenPurpose(ctx, j)
	if err != nil {
		return "", err
	}
	if c.purposes == nil {
		c.purposes = map[Justification]string{}
	}
	c.purposes[j] = p.ID
	return p.ID, nil
}

// postQuestion asks a route with the question in the body.
func postQuestion[T any](ctx context.Context, c *Client, j Justification, path string, q any) (*T, error) {
	content, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	return sendRequest[T](ctx, c, http.MethodPost, j, path, content, http.Header{})
}

// getAnswer asks a route by an address that holds only filters and random ids.
func getAnswer[T any](ctx context.Context, c *Client, j Justification, path string, q any) (*T, error) {
	values := url.Values{}
	path = encodeFields(reflect.ValueOf(q), path, values)
	return sendRequest[T](ctx, c, http.MethodGet, j, path+"?"+values.Encode(), nil, http.Header{})
}

// errInsecure reports a token that would travel in clear.
var errInsecure = errors.New("the address of the office is neither https nor this machine, and your token would travel in clear: use https, or say --insecure when the way is protected otherwise")

// mayTravel reports whether a token may be sent to an address.
func mayTravel(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Scheme == "https" || loopbackName(u.Host))
}

// sendRequest asks a route, with the caller's headers. When a limit ends soon, sendRequest waits and asks again.
// Transport errors lose their address.
func sendRequest[T any](ctx context.Context, c *Client, method string, j Justification, path string, content []byte, own http.Header) (*T, error) {
	if !c.Insecure && !mayTravel(c.BaseURL) {
		return nil, errInsecure
	}
	purpose, err := c.purposeOf(ctx, j)
	if err != nil {
		return nil, err
	}
	if purpose != "" {
		own.Set(purposeHeader, purpose)
	}
	for waited := time.Duration(0); ; {
		status, header, answer, err := c.doRequest(ctx, method, path, content, own)
		if err != nil {
			return nil, err
		}
		if status/100 == 2 {
			out := new(T)
			if err := json.Unmarshal(answer, out); err != nil {
				return nil, fmt.Errorf("answer of the office is not of the form expected: %w", err)
			}
			return out, nil
		}
		problem := apiError(status, answer)
		wait := waitOf(status, header)
		if wait == 0 || waited+wait > c.longestWait() {
			return nil, problem
		}
		waited += wait
		if err := sleepUntil(ctx, wait); err != nil {
			return nil, problem
		}
	}
}

// longestWait bounds one question's total wait for limits.
func (c *Client) longestWait() time.Duration {
	if c.MaxWait != 0 {
		return max(c.MaxWait, 0)
	}
	return 2 * time.Minute
}

// waitOf returns the wait that the office asks for; 0 = waiting does not help.
func waitOf(status int, h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if status != http.StatusTooManyRequests || err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}

func sleepUntil(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// doRequest sends one request and reads the answer.
func (c *Client) doRequest(ctx context.Context, method, path string, content []byte, header http.Header) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.BaseURL, "/")+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("address of the office %.200q is not a URL such as http://127.0.0.1:8080", c.BaseURL)
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Accept", "application/json")
	if c.Lang != "" {
		req.Header.Set("Accept-Language", c.Lang)
	}
	if len(content) > 0 {
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
		return 0, nil, nil, fmt.Errorf("ask the office: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read answer of the office: %w", err)
	}
	return resp.StatusCode, resp.Header, answer, nil
}

func apiError(status int, answer []byte) error {
	e := &APIError{Status: status, Detail: http.StatusText(status)}
	var p Problem
	if json.Unmarshal(answer, &p) != nil {
		return e
	}
	e.Code, e.Until, e.Faults = p.Code, p.Until, p.Errors
	if p.Detail != "" {
		e.Detail = p.Detail
	}
	for _, f := range p.Errors {
		if f.Field != faultVersion && f.Field != faultEvent && !strings.Contains(e.Detail, f.Message) {
			e.Detail += "; " + f.Field + " " + f.Message
		}
	}
	return e
}

// encodeFields writes a query's fields into path and values, by the tags that the server decodes.
func encodeFields(v reflect.Value, path string, values url.Values) string {
	t := v.Type()
	for i := range t.NumField() {
		f, fv := t.Field(i), v.Field(i)
		if f.Anonymous {
			path = encodeFields(fv, path, values)
			continue
		}
		if name := f.Tag.Get("path"); name != "" {
			path = strings.Replace(path, "{"+name+"}", url.PathEscape(fv.String()), 1)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("query"), ",")
		if name == "" || name == "-" || fv.IsZero() {
			continue
		}
		switch x := fv.Interface().(type) {
		case string:
			values.Set(name, x)
		case []string:
			values[name] = x
		case bool:
			values.Set(name, strconv.FormatBool(x))
		case int:
			values.Set(name, strconv.Itoa(x))
		case uint32, uint64:
			values.Set(name, strconv.FormatUint(fv.Uint(), 10))
		case time.Time:
			values.Set(name, x.UTC().Format(time.RFC3339Nano))
		default:
			if fv.Kind() != reflect.String {
				panic("BUG: query field " + f.Name + " has a type the client cannot send")
			}
			values.Set(name, fv.String())
		}
	}
	return path
}

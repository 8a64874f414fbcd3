package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sql asks ClickHouse over HTTP. It avoids the native protocol on purpose: the harness shares no driver with the
// measured program.
type sql struct {
	base   string // http://host:port/?database=anpr&...
	client *http.Client
}

func newSQL(addr, database string) (*sql, error) {
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("ClickHouse address %q: want http://host:port", addr)
	}
	q := url.Values{"database": {database}}
	if p, ok := u.User.Password(); ok {
		q.Set("password", p)
	}
	if name := u.User.Username(); name != "" {
		q.Set("user", name)
	}
	u.User, u.Path = nil, "/"
	u.RawQuery = q.Encode()
	return &sql{base: u.String(), client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}, nil
}

// queryRows runs a query and appends the answer to dst.
func (s *sql) queryRows(ctx context.Context, dst []byte, query string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base, strings.NewReader(query))
	if err != nil {
		return dst, err
	}
	res, err := s.client.Do(req)
	if err != nil {
		return dst, fmt.Errorf("ask ClickHouse: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	b := bytes.NewBuffer(dst)
	if _, err := b.ReadFrom(res.Body); err != nil {
		return dst, fmt.Errorf("ask ClickHouse: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return dst, fmt.Errorf("ask ClickHouse: %s: %.300s", res.Status, b.Bytes()[len(dst):])
	}
	return b.Bytes(), nil
}

// queryOne runs a single-row query and reads the row into v, a struct with the column names as JSON names.
func (s *sql) queryOne(ctx context.Context, query string, v any) error {
	b, err := s.queryRows(ctx, nil, query+" FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read the answer of ClickHouse: %w", err)
	}
	return nil
}

// getPage reads a page from the ops port.
func getPage(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %.200s", url, res.Status, b)
	}
	return b, nil
}

package embedded

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go"
)

func TestEveryPortAsksForAPassword(t *testing.T) {
	s := newSecured(t)
	for user, password := range map[string]string{"": "", "default": "", "anpr_office": "", "anpr_backup": "wrong", "root": "", string(Migrator): s.passwords[Office]} {
		conn, err := ch.Dial(t.Context(), ch.Options{Address: s.NativeAddr(), User: user, Password: password})
		if err == nil {
			err = conn.Do(t.Context(), ch.Query{Body: "SELECT 1"})
			_ = conn.Close()
		}
		if err == nil {
			t.Errorf("user %q with password %q may ask", user, password)
		}
		if status, body := s.post(t, "SELECT 1", http.Header{"X-ClickHouse-User": {user}, "X-ClickHouse-Key": {password}}); status == http.StatusOK {
			t.Errorf("HTTP: user %q with password %q is answered %q", user, password, body)
		}
	}
	good := http.Header{"X-ClickHouse-User": {string(Reader)}, "X-ClickHouse-Key": {s.passwords[Reader]}}
	if status, body := s.post(t, "SELECT count() FROM anpr.reads", good); status != http.StatusOK || strings.TrimSpace(body) != "0" {
		t.Errorf("HTTP with a password: %d %q", status, body)
	}
}

func TestTheHTTPPortIsForThisMachineAndNotForWebPages(t *testing.T) {
	s := newSecured(t)
	auth := func(more ...string) http.Header {
		h := http.Header{"X-ClickHouse-User": {string(Reader)}, "X-ClickHouse-Key": {s.passwords[Reader]}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	_, port, _ := net.SplitHostPort(s.HTTPAddr())
	for name, h := range map[string]http.Header{
		"a name of somebody else's": auth("Host", "rebound.example:"+port), "a name that ends like ours": auth("Host", "evil-localhost:"+port), "our name first": auth("Host", "localhost.evil.example:"+port),
		"a page of elsewhere": auth("Origin", "https://evil.example"), "a page of nowhere": auth("Origin", "null"), "a page of this machine": auth("Origin", "http://127.0.0.1:3000"),
	} {
		if status, body := s.post(t, "SELECT 1", h); status != http.StatusNotFound {
			t.Errorf("%s: answered %d %q, want 404", name, status, body)
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST:" + port, "127.0.0.1:" + port, "[::1]:" + port} {
		if status, body := s.post(t, "SELECT 1", auth("Host", host)); status != http.StatusOK {
			t.Errorf("%s: answered %d %q, want 200", host, status, body)
		}
	}
}

func (s *secured) post(t *testing.T, query string, h http.Header) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.HTTPAddr()+"/", strings.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	req.Header, req.Host = h, h.Get("Host")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String()
}

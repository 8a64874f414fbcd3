package platform

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
)

func TestTheOpsPortIsForThisMachineAndThoseNamed(t *testing.T) {
	o := NewOps()
	o.Handle("GET /receipts/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("receipts")) }))
	h := o.GuardedHandler(OpsAccess{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/28")}, Hosts: []string{"ops.site.example"}})
	for _, c := range []struct {
		path, host, from, origin string
		want                     int
	}{
		{"/metrics", "127.0.0.1:6060", "127.0.0.1:5", "", 200},
		{"/metrics", "localhost:6060", "127.0.0.1:5", "", 200},
		{"/metrics", "[::1]:6060", "[::1]:5", "", 200},
		{"/metrics", "gateway-1:6060", "10.9.9.9:5", "", 200},
		{"/metrics", "ops.site.example:6060", "10.9.9.9:5", "", 200},
		{"/metrics", "rebound.example:6060", "127.0.0.1:5", "", 421},
		{"/metrics", "127.0.0.1.evil.example", "127.0.0.1:5", "", 421},
		{"/metrics", "", "127.0.0.1:5", "", 421},
		{"/metrics", "localhost:6060", "127.0.0.1:5", "https://evil.example", 403},
		{"/healthz", "10.0.0.1", "10.9.9.9:5", "", 200},
		{"/debug/pprof/", "localhost:6060", "127.0.0.1:5", "", 200},
		{"/debug/pprof/heap", "10.0.0.1:6060", "10.9.9.9:5", "", 403},
		{"/debug/pprof/cmdline", "10.0.0.1:6060", "10.9.9.9:5", "", 403},
		{"/debug/stages", "10.0.0.1:6060", "10.9.9.9:5", "", 403},
		{"/receipts/", "10.0.0.1:6060", "10.9.9.9:5", "", 403},
		{"/receipts/", "10.0.0.1:6060", "10.1.2.3:5", "", 200},
		{"/receipts/", "10.0.0.1:6060", "10.1.2.30:5", "", 403},
		{"/receipts/", "localhost", "[::ffff:127.0.0.1]:5", "", 200},
		{"/receipts/", "rebound.example", "127.0.0.1:5", "", 421},
		{"/metrics/../debug/pprof/", "10.0.0.1:6060", "10.9.9.9:5", "", 403},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		r.Host, r.RemoteAddr = c.host, c.from
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s as %q from %s, origin %q: %d, want %d", c.path, c.host, c.from, c.origin, w.Code, c.want)
		}
	}
}

func TestNoValueOfTheCommandLineIsShown(t *testing.T) {
	old := os.Args
	defer func() { os.Args = old }()
	os.Args = []string{"/bin/anpr", "office", "--clickhouse-password", "secret1", "--token=secret2", "-x", "secret3", "--fsync", "--users=secret4"}
	w := httptest.NewRecorder()
	NewOps().Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/cmdline", nil))
	got := strings.ReplaceAll(w.Body.String(), "\x00", " ")
	if strings.Contains(got, "secret") || !strings.HasPrefix(got, "/bin/anpr office --clickhouse-password ...") || !strings.Contains(got, "--fsync") {
		t.Errorf("shown: %q", got)
	}
}

package platform

import "testing"

func TestCompressionFollowsTheLink(t *testing.T) {
	for _, tt := range []struct {
		set, addr string
		want      bool
	}{
		{"auto", "127.0.0.1:9000", false},
		{"", "127.8.0.1:9000", false},
		{"auto", "[::1]:9000", false},
		{"auto", "localhost:9000", false},
		{"auto", "10.0.0.7:9000", true},
		{"auto", "clickhouse:9000", true},
		{"auto", "[2001:db8::1]:9000", true},
		{"off", "10.0.0.7:9000", false},
		{"lz4", "127.0.0.1:9000", true},
	} {
		c, err := ParseCompression(tt.set)
		if err != nil {
			t.Fatal(err)
		}
		cfg := ClickHouse{Addr: tt.addr, Compression: c}
		if got := cfg.NativeOptions(tt.addr).Compression != 0; got != tt.want {
			t.Errorf("%s to %s: native inserts compressed %v, want %v", tt.set, tt.addr, got, tt.want)
		}
		if got := cfg.queryOptions().Compression != nil; got != tt.want {
			t.Errorf("%s to %s: queries compressed %v, want %v", tt.set, tt.addr, got, tt.want)
		}
		if back, err := ParseCompression(c.String()); err != nil || back != c {
			t.Errorf("%s reads back as %s, %v", c, back, err)
		}
	}
	if _, err := ParseCompression("zstd"); err == nil {
		t.Error("zstd is accepted")
	}
}

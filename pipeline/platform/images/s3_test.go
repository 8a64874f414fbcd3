//go:build s3

package images

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/gvc-brussels/anpr/schemas"
)

// Keys of the test's server.
const (
	testKey    = "anpr-test"
	testSecret = "secret of a test"
)

// startServer starts a real S3 server (versitygw, which checks signatures and keeps objects as files) on a free port.
// It returns its address and the directory of its buckets.
func startServer(t *testing.T) (addr, dir string) {
	t.Helper()
	program := os.Getenv("ANPR_S3_SERVER")
	if program == "" {
		t.Fatal("NOT RUN: ANPR_S3_SERVER names no versitygw; make test-s3 builds it")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, dir = ln.Addr().String(), t.TempDir()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	life, end := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(life, program, "--port", addr, "--quiet", "posix", dir) //nolint:gosec // built by the Makefile
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+testKey, "ROOT_SECRET_KEY="+testSecret)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("versitygw: %v\n%s", err, out.String())
		}
	})
	for until := time.Now().Add(30 * time.Second); ; {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close()
			return addr, dir
		}
		if time.Now().After(until) {
			t.Fatalf("versitygw does not answer: %v\n%s", err, out.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func openBucket(t *testing.T, addr, rest, secret string) *bucket {
	t.Helper()
	s, err := Open(Config{Address: "s3://" + addr + rest + "?tls=off", KeyID: testKey, SecretKey: secret})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*bucket)
}

func TestAnS3StoreKeepsPictures(t *testing.T) {
	addr, dir := startServer(t)
	s := openBucket(t, addr, "/pictures/brussels", testSecret)
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a bucket that is not there: got %v", err)
	}
	if _, err := s.Get(t.Context(), schemas.Sum{1}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("get from a bucket that is not there: got %v, want no fs.ErrNotExist, or pictures would count as lost", err)
	}
	if err := s.client.MakeBucket(t.Context(), s.name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s, func(t *testing.T, sum schemas.Sum, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, s.name, filepath.FromSlash(s.keyOf(sum))), data, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	// A directory copied into the bucket is the store.
	from := filepath.Join(dir, s.name, "brussels")
	d, err := OpenDir(from)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := d.Put(t.Context(), []byte("\xff\xd8 from a directory"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), sum); err != nil {
		t.Errorf("a picture of a directory that was copied: %v", err)
	}
	for name, other := range map[string]*bucket{
		"wrong secret": openBucket(t, addr, "/pictures/brussels", "another secret"),
		"nobody there": openBucket(t, "127.0.0.1:1", "/pictures", testSecret),
	} {
		ctx, end := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := other.Get(ctx, sum); err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrDamaged) {
			t.Errorf("%s: get: %v, want a transient error", name, err)
		}
		if _, err := other.Put(ctx, jpeg); err == nil {
			t.Errorf("%s: the picture counts as stored", name)
		}
		end()
	}
}

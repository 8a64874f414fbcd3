package roles

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A changed file is taken once, a file that is gone is told once, and one that cannot be opened is named once, tried again,
// and taken when it can be: nobody may believe that a revoked user is out when the file was never read.
func TestAWatchedFileIsTakenOnceAChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // a look that slept through the last reading of said has no other order with it
		var said []string
		say := func(word string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, word)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			watchFile(ctx, path, time.Second, time.Time{}, func(f *os.File) {
				if f == nil {
					say("gone")
					return
				}
				text, _ := io.ReadAll(f)
				say(string(text))
			}, func(error) { say("refused") })
		}()
		expect := func(want ...string) {
			t.Helper()
			time.Sleep(3 * time.Second)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(said, want) {
				t.Errorf("got %q, want %q", said, want)
			}
		}
		put := func(text string, at int64) {
			t.Helper()
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, time.Time{}, time.Unix(at, 0)); err != nil {
				t.Fatal(err)
			}
		}
		expect()
		put("a", 1_000)
		expect("a")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		expect("a", "gone")
		l, err := net.Listen("unix", path) // a name that is there and cannot be opened, not even by root
		if err != nil {
			t.Fatal(err)
		}
		expect("a", "gone", "refused")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		put("b", 2_000)
		expect("a", "gone", "refused", "b")
		cancel()
		<-ended
	})
}

package office

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// quick lets a lease lapse within a test.
var quick = access.LeaseTimes{Beat: 20 * time.Millisecond, Settle: 50 * time.Millisecond, Expiry: 2 * time.Second}

// eventually asks again until it holds; it gives up after a minute.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestOneOfficeWritesTheAccessLog(t *testing.T) {
	d := newDesk(t, nil)
	lease := func() *access.Lease { return access.NewLease(d.conn, quick, zerolog.Nop()) }
	first, second := lease(), lease()
	if err := first.Held(); err == nil {
		t.Error("a lease that nobody acquired is held")
	}
	keeping, stop := context.WithCancel(t.Context())
	if err := first.Acquire(t.Context()); err != nil || first.Held() != nil {
		t.Fatal(err, first.Held())
	}
	var kept sync.WaitGroup
	kept.Go(func() { first.Keep(keeping) })
	busy := (*access.HeldError)(nil)
	for range 3 {
		if err := second.Acquire(t.Context()); !errors.As(err, &busy) || busy.PID != uint32(os.Getpid()) || second.Held() == nil {
			t.Fatalf("a second office beside one that lives: %v, want a refusal that names it", err)
		}
	}
	if err := first.Held(); err != nil {
		t.Fatalf("the first lost its lease to one that was refused: %v", err)
	}
	// It stops in order: the next one starts at once. It stops without a word: the next one starts when it has lapsed.
	stop()
	kept.Wait()
	if err := second.Acquire(t.Context()); err != nil {
		t.Fatalf("after the first gave it up: %v", err)
	}
	third := lease()
	if err := third.Acquire(t.Context()); !errors.As(err, &busy) {
		t.Fatalf("beside one that was just killed: %v", err)
	}
	eventually(t, "the lease of one that was killed lapses", func() error { return third.Acquire(t.Context()) })
	// The one that only stood still wakes up: it has lost, and does not push out the other.
	if second.Held() == nil {
		t.Error("one that stood still for longer than its expiry still holds the lease")
	}
	if err := second.Acquire(t.Context()); !errors.As(err, &busy) {
		t.Errorf("one that stood still: %v, want a refusal", err)
	}
	waking, sleep := context.WithCancel(t.Context())
	kept.Go(func() { second.Keep(waking) })
	kept.Go(func() { third.Keep(waking) })
	for range 10 {
		eventually(t, "the one that took over keeps it", third.Held)
		if second.Held() == nil {
			t.Fatal("two offices hold the lease")
		}
	}
	sleep()
	kept.Wait()
}

func TestOfManyOfficesThatStartAtOnceAtMostOneWrites(t *testing.T) {
	d := newDesk(t, nil)
	for round := range 5 {
		leases := make([]*access.Lease, 6)
		var all sync.WaitGroup
		for i := range leases {
			leases[i] = access.NewLease(d.conn, quick, zerolog.Nop())
			all.Go(func() { _ = leases[i].Acquire(t.Context()) })
		}
		all.Wait()
		held := 0
		for _, l := range leases {
			if l.Held() == nil {
				held++
			}
		}
		if held > 1 {
			t.Fatalf("round %d: %d offices hold the lease", round, held)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		for _, l := range leases {
			l.Keep(done) // gives it up
		}
	}
}

func TestALeaseOfAProcessThatIsGoneIsTakenOverAtOnce(t *testing.T) {
	d := newDesk(t, nil)
	gone := exec.CommandContext(t.Context(), "true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	insert := func(host string) {
		if err := d.conn.Exec(t.Context(), "INSERT INTO office_lease (holder, host, pid, claimed_at) SELECT generateUUIDv4(), ?, ?, now64(6)", host, uint32(gone.Process.Pid)); err != nil {
			t.Fatal(err)
		}
	}
	insert(host)
	if err := access.NewLease(d.conn, access.LeaseTimes{}, zerolog.Nop()).Acquire(t.Context()); err != nil {
		t.Errorf("the process is gone: %v", err)
	}
	d = newDesk(t, nil)
	insert("another-machine")
	busy := (*access.HeldError)(nil)
	if err := access.NewLease(d.conn, access.LeaseTimes{}, zerolog.Nop()).Acquire(t.Context()); !errors.As(err, &busy) || busy.Host != "another-machine" {
		t.Errorf("a process of another machine: %v, want a refusal", err)
	}
}

// A shut office answers 503 with what the user is to do, keeps its reason for the operator, and opens by itself; it is not the process that ends.
func TestAnOfficeWithoutItsLogIsShutAndOpensByItself(t *testing.T) {
	d := newDesk(t, nil)
	d.lookups(3)
	d.exec("INSERT INTO access_log SELECT * REPLACE (seq + 4 AS seq) FROM (SELECT * FROM access_log WHERE seq = 3)")
	var mu sync.Mutex
	may := error(&access.HeldError{Host: "elsewhere", PID: 7})
	shut, err := New(t.Context(), Config{
		DB: d.conn, Users: users(t), Now: func() time.Time { return now }, ReopenEvery: 10 * time.Millisecond,
		MayWrite: func() error { mu.Lock(); defer mu.Unlock(); return may },
	})
	if err != nil {
		t.Fatal(err)
	}
	d.office, d.server.Config.Handler = shut, shut.Handler()
	refused := func(why string) {
		t.Helper()
		eventually(t, why, func() error {
			if err := shut.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), why) {
				return fmt.Errorf("ready says %w", errors.Join(errors.New("something else"), err))
			}
			return nil
		})
		_, err := d.as(access.ZoneOfficer).Reads(t.Context(), ReadsQuery{Ask: judicial(), Plate: "1ABC123"})
		if status(err) != http.StatusServiceUnavailable || !strings.Contains(err.Error(), shutText["en"]) || strings.Contains(err.Error(), why) {
			t.Errorf("a look-up: %v, want 503 with what to do and without %q", err, why)
		}
		for _, lang := range []string{"nl", "fr-BE,fr;q=0.9,en;q=0.8", "de, nl_BE.UTF-8"} {
			c := d.as(access.ZoneOfficer)
			c.Lang = lang
			want := shutText[map[string]string{"n": "nl", "f": "fr", "d": "nl"}[lang[:1]]]
			if _, err := c.Reads(t.Context(), ReadsQuery{Ask: judicial(), Plate: "1ABC123"}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("in %s: %v, want %q", lang, err, want)
			}
		}
	}
	refused("process 7 on elsewhere")
	mu.Lock()
	may = nil
	mu.Unlock()
	refused("4 entries and its newest has number 7")
	if n := d.count("SELECT count() FROM access_log"); n != 4 {
		t.Errorf("%d entries, want the 4 that were there", n)
	}
	d.exec("ALTER TABLE access_log DELETE WHERE seq > 3 SETTINGS mutations_sync = 1")
	eventually(t, "the log is whole again", func() error { return shut.Ready(t.Context()) })
	d.lookups(1)
	// A log that is not there any more is noticed before somebody asks.
	d.exec("DETACH TABLE access_log")
	refused("Unknown table")
	d.exec("ATTACH TABLE access_log")
	eventually(t, "the log is there again", func() error { return shut.Ready(t.Context()) })
	d.lookups(1)
	// Whoever loses the right to write meanwhile opens the log anew.
	mu.Lock()
	may = &access.HeldError{Host: "elsewhere", PID: 8}
	mu.Unlock()
	refused("process 8 on elsewhere")
}

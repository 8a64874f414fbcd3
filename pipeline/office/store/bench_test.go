package store

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// BenchmarkAppend measures an append to the look-up log: concurrent writers in some offices, on a PostgreSQL that
// writes each commit to the disk. A look-up appends twice: the question, and the answer with ten plates. The metrics
// are for one append, in ms.
func BenchmarkAppend(b *testing.B) {
	cfg := embedded.PostgresConfig{
		DataDir: filepath.Join(b.TempDir(), "postgres"), Addr: "127.0.0.1:0", Binary: "-", Passwords: embedded.NewPostgresPasswords(), Fsync: true,
	}
	server, err := embedded.StartPostgres(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop(context.WithoutCancel(b.Context())) })
	at := platform.NewPostgres(server.Addr(), embedded.PostgresDatabase, string(embedded.PostgresMigrator), cfg.Passwords[embedded.PostgresMigrator])
	if err := platform.MigratePostgres(b.Context(), at, zerolog.Nop()); err != nil {
		b.Fatal(err)
	}
	at = at.As(string(embedded.PostgresOffice), cfg.Passwords[embedded.PostgresOffice])
	keys, err := access.LoadKeys(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ offices, writers int }{{1, 1}, {1, 4}, {2, 4}} {
		b.Run(fmt.Sprintf("offices=%d/writers=%d", c.offices, c.writers), func(b *testing.B) {
			logs := make([]*access.Log, c.offices)
			for i := range logs {
				pool, err := at.Open(b.Context(), "bench", 6)
				if err != nil {
					b.Fatal(err)
				}
				defer pool.Close()
				if logs[i], err = access.OpenLog(b.Context(), NewLookUps(pool), keys); err != nil {
					b.Fatal(err)
				}
			}
			measureAppends(b, logs, c.writers)
		})
	}
}

// measureAppends does b.N look-ups and reports the times of the appends.
func measureAppends(b *testing.B, logs []*access.Log, writers int) {
	b.Helper()
	shown := make([]string, 10)
	for i := range shown {
		shown[i] = fmt.Sprintf("2XYZ%03d", i)
	}
	scope := scopeOf(b, "1ABC123")
	took := make([][]time.Duration, writers)
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for w := range writers {
		wg.Go(func() {
			l := logs[w%len(logs)]
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				p, err := l.Grant(b.Context(), scope)
				granted := time.Now()
				if err == nil {
					err = l.Disclose(b.Context(), p, access.Disclosure{Rows: len(shown), Plates: shown})
				}
				if err != nil {
					b.Error(err)
					return
				}
				took[w] = append(took[w], granted.Sub(began), time.Since(granted))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	if len(all) == 0 {
		return
	}
	for _, share := range []int{50, 95} {
		b.ReportMetric(float64(all[(len(all)-1)*share/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", share))
	}
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "appends/s")
}

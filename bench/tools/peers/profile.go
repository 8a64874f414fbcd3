package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// saveProfiles saves profiles of our own program during the drain, when asked to. The channel delivers the result.
func (h *harness) saveProfiles(ctx context.Context, s *system, round int) <-chan error {
	done := make(chan error, 1)
	if h.Profile == "" || !strings.HasPrefix(s.name, "anpr-") || round > 0 {
		done <- nil
		return done
	}
	if err := os.MkdirAll(h.Profile, 0o750); err != nil {
		done <- fmt.Errorf("save profiles: %w", err)
		return done
	}
	go func() {
		err := h.fetchProfile(ctx, "profile?seconds="+strconv.Itoa(max(int(h.ProfileFor.Seconds()), 1)), s.name+"-cpu.pprof")
		for _, kind := range []string{"allocs", "block", "mutex", "heap"} {
			err = errors.Join(err, h.fetchProfile(ctx, kind, s.name+"-"+kind+".pprof"))
		}
		done <- err
	}()
	return done
}

func (h *harness) fetchProfile(ctx context.Context, what, file string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.opsAddr+"/debug/pprof/"+what, http.NoBody)
	if err != nil {
		return fmt.Errorf("profile %s: %w", what, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile %s: %w", what, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	f, err := os.Create(filepath.Join(h.Profile, file))
	if err != nil {
		return fmt.Errorf("profile %s: %w", what, err)
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/rs/zerolog"
)

// Server is an HTTP server with a listener.
type Server struct {
	name string
	http *http.Server
	ln   net.Listener
	err  chan error
}

// Listen claims the address at once, so that a port in use is reported before anything else starts.
func Listen(ctx context.Context, name, addr, flag string) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it, or choose another address with %s", name, addr, flag)
	case err != nil:
		return nil, fmt.Errorf("%s: listen on %s: %w; choose another address with %s", name, addr, err, flag)
	}
	return ln, nil
}

// Serve starts answering on the listener. writeTimeout bounds the writing of an answer; 0 = any time.
func Serve(name string, ln net.Listener, h http.Handler, writeTimeout time.Duration, log zerolog.Logger) *Server {
	s := &Server{name: name, ln: ln, err: make(chan error, 1), http: &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, IdleTimeout: 120 * time.Second, WriteTimeout: writeTimeout,
		MaxHeaderBytes: 64 << 10,
	}}
	go func() {
		err := s.http.Serve(ln)
		if !errors.Is(err, http.ErrServerClosed) {
			log.Error().Err(err).Str("server", name).Msg("server ended")
		}
		s.err <- err
	}()
	return s
}

// Stop lets requests under way finish, at most until ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
		return fmt.Errorf("stop %s: %w", s.name, err)
	}
	return nil
}

package signin

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/rs/zerolog"
)

// secretNames are the attributes whose values give access or identify a flow under way.
var secretNames = map[string]bool{
	"state": true, "session_state": true, "code": true, "nonce": true, "code_verifier": true, "code_challenge": true, "client_secret": true, "password": true,
	"token": true, "id_token": true, "access_token": true, "refresh_token": true, "id_token_hint": true, "assertion": true, "client_assertion": true,
	"authorization": true, "cookie": true,
}

// Patterns for secrets in a text: a query, or a long word. Every random value from the office has at least 22
// characters.
var (
	queryInText    = regexp.MustCompile(`[?#][^\s"'<>]*`)
	longWordInText = regexp.MustCompile(`[A-Za-z0-9_\-+=%~]{22,}`)
)

const notLogged = "(not logged)"

// libraryLog passes the records of a library to the office log, without secrets.
type libraryLog struct{ next slog.Handler }

// NewLibraryLog returns a slog handler that writes to the office log. The handler leaves out the values of state,
// code, nonce and tokens, and queries and long words in any text.
func NewLibraryLog(log zerolog.Logger) slog.Handler {
	return libraryLog{zerolog.NewSlogHandler(log)}
}

// Enabled reports whether the log accepts a level.
func (l libraryLog) Enabled(ctx context.Context, level slog.Level) bool {
	return l.next.Enabled(ctx, level)
}

// Handle writes a record.
func (l libraryLog) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, redactText(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redactAttr(a))
		return true
	})
	return l.next.Handle(ctx, out)
}

// WithAttrs returns a handler with further attributes, which are redacted too.
func (l libraryLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return libraryLog{l.next.WithAttrs(redactAttrs(attrs))}
}

// WithGroup returns a handler that puts attributes into a group.
func (l libraryLog) WithGroup(name string) slog.Handler { return libraryLog{l.next.WithGroup(name)} }

func redactAttrs(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = redactAttr(a)
	}
	return out
}

// redactAttr returns an attribute without secrets. Numbers, times and booleans stay unchanged.
func redactAttr(a slog.Attr) slog.Attr {
	if secretNames[strings.ToLower(a.Key)] {
		return slog.String(a.Key, notLogged)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(redactAttrs(v.Group())...)}
	case slog.KindString:
		return slog.String(a.Key, redactText(v.String()))
	case slog.KindAny:
		return slog.String(a.Key, redactText(fmt.Sprint(v.Any())))
	default:
		return slog.Attr{Key: a.Key, Value: v}
	}
}

func redactText(text string) string {
	return longWordInText.ReplaceAllString(queryInText.ReplaceAllString(text, "?"+notLogged), notLogged)
}

package office

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// Settings are a person's choices for the pages.
type Settings struct {
	Language string            `json:"language,omitempty" enum:"nl,fr,en" doc:"absent = that of the browser"`
	Keys     *bool             `json:"keys,omitempty" doc:"whether single keys act; absent = they do"`
	Remap    map[string]string `json:"remap,omitempty" doc:"key of an action, by the name of the action"`
	Sound    *bool             `json:"sound,omitempty" doc:"absent = on"`
	Contrast string            `json:"contrast,omitempty" enum:"normal,high"`
}

// Bounds for the keys that a person chooses.
const (
	maxRemap     = 64
	maxKeyLength = 16
)

// checkSettings returns the first fault in the settings, or nil.
func checkSettings(s *Settings) *fieldError {
	if len(s.Remap) > maxRemap {
		return &fieldError{"remap", access.FaultTooLong, fmt.Sprintf("may have %d actions at most", maxRemap)}
	}
	taken := map[string]bool{}
	for _, action := range slices.Sorted(maps.Keys(s.Remap)) {
		key := s.Remap[action]
		switch {
		case strings.ContainsFunc(action+key, unicode.IsControl):
			return &fieldError{"remap", access.FaultText, "has an action or a key with a control character: leave it out"}
		case key == "" || len(key) > maxKeyLength || action == "" || len(action) > maxRemap:
			return &fieldError{"remap", access.FaultText, fmt.Sprintf("has an action or a key that is empty or too long: a key has %d characters at most", maxKeyLength)}
		case taken[strings.ToLower(key)]:
			return &fieldError{"remap", "alike", "has two actions of one key: give each its own"}
		}
		taken[strings.ToLower(key)] = true
	}
	return nil
}

// settingsChange is a change of settings.
type settingsChange struct {
	IfMatch string `header:"If-Match" maxLength:"32" doc:"the version that the change is for, in quotes; \"0\" = nothing was set yet"`
	Key     string `header:"Idempotency-Key" maxLength:"64" doc:"random; the same key gives the first answer again for 24 hours"`
	Body    Settings
}

// SettingsAnswer has the settings and their version.
type SettingsAnswer struct {
	Settings Settings `json:"settings"`
	Version  int64    `json:"version" doc:"for If-Match of the next change"`
}

// readVersion reads the version in an If-Match header.
func readVersion(ifMatch string) (int64, error) {
	if ifMatch == "" {
		return 0, newProblem(http.StatusPreconditionRequired, codePrecondition, `name the version that the change is for as If-Match: "1"`)
	}
	quoted := strings.TrimPrefix(ifMatch, "W/")
	version, err := strconv.ParseUint(strings.Trim(quoted, `"`), 10, 53)
	if err != nil || len(quoted) < 3 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return 0, newProblem(http.StatusPreconditionFailed, codeStale, "If-Match names no version of ours: load the object again")
	}
	return int64(version), nil
}

// readOwnChange checks the key of a change of the user's own data and reads the version that the change is for.
func readOwnChange(key, ifMatch string) (version int64, err error) {
	if key == "" {
		return 0, newProblem(http.StatusPreconditionRequired, codePrecondition, "give the change a random key as Idempotency-Key, so that it can be sent again")
	}
	if !utf8.ValidString(key) {
		return 0, newProblem(http.StatusBadRequest, codeMalformed, "Idempotency-Key is no text: give letters and digits")
	}
	return readVersion(ifMatch)
}

// putSettings replaces the settings at a version.
func (o *Office) putSettings(ctx context.Context, in *settingsChange) (*SettingsAnswer, error) {
	version, err := readOwnChange(in.Key, in.IfMatch)
	if err != nil {
		return nil, err
	}
	if fault := checkSettings(&in.Body); fault != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, access.CodeInvalid, fault.Error(), Fault{Field: fault.field, Code: fault.code, Message: fault.detail})
	}
	out := &SettingsAnswer{Settings: in.Body}
	return saveOwn(ctx, o, store.Settings, store.Key{Route: access.RouteSettings, Key: in.Key}, in, in.Body, version, func(next int64) *SettingsAnswer {
		out.Version = next
		return out
	})
}

// saveOwn replaces data of the user's own at a version, once for a key. answer gives the answer for the next version.
func saveOwn[T any](ctx context.Context, o *Office, what store.Own, key store.Key, request, content any, version int64, answer func(next int64) *T) (*T, error) {
	return doOnce(ctx, o, key, request, func() (*T, error) {
		text, err := json.Marshal(content)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", key.Route, err)
		}
		var out *T
		err = o.people.SaveOwn(ctx, what, signedIn(ctx).User.Name, text, version, key, func(next int64) ([]byte, error) {
			out = answer(next)
			return json.Marshal(out)
		})
		if errors.Is(err, store.ErrStale) {
			return nil, newProblem(http.StatusPreconditionFailed, codeStale, store.ErrStale.Error())
		}
		return out, err
	})
}

// settingsOf returns a user's settings.
func (o *Office) settingsOf(ctx context.Context, user string) (*SettingsAnswer, error) {
	text, version, err := o.people.FindOwn(ctx, store.Settings, user)
	out := &SettingsAnswer{Version: version}
	if err != nil || version == 0 {
		return out, err
	}
	if err := json.Unmarshal(text, &out.Settings); err != nil {
		return nil, fmt.Errorf("settings that are kept: %w", err)
	}
	return out, nil
}

// doOnce makes a change once. The same key and the same change within 24 hours return the first answer again. do makes
// the change and keeps its answer in one transaction. A refusal is not kept, so a refused change may be sent again.
func doOnce[T any](ctx context.Context, o *Office, key store.Key, request any, do func() (*T, error)) (*T, error) {
	user := signedIn(ctx).User.Name
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("write request: %w", err)
	}
	sum := sha256.Sum256(text)
	first, err := o.people.TakeKey(ctx, user, key, sum[:])
	switch {
	case errors.Is(err, store.ErrKeyReused):
		return nil, newProblem(http.StatusUnprocessableEntity, codeKeyReused, err.Error())
	case errors.Is(err, store.ErrUnderWay):
		return nil, newProblem(http.StatusConflict, codeUnderWay, err.Error())
	case err != nil:
		return nil, err
	case first != nil:
		out := new(T)
		if err := json.Unmarshal(first, out); err != nil {
			return nil, fmt.Errorf("answer that is kept: %w", err)
		}
		return out, nil
	}
	out, err := do()
	switch {
	case errors.Is(err, store.ErrUnderWay): // another office has the key
		return nil, newProblem(http.StatusConflict, codeUnderWay, err.Error())
	case err != nil:
		after := context.WithoutCancel(ctx) // a client that hung up sends the change again
		return nil, errors.Join(err, o.people.DropKey(after, user, key))
	}
	return out, nil
}

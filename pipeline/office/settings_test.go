package office

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
)

// putRaw sends a change of settings with the given headers.
func (d *desk) putRaw(role access.Role, body string, headers ...string) (status int, code string) {
	d.t.Helper()
	return d.putOwn(role, "/v1/me/settings", body, headers...)
}

// putOwn sends a change of a person's own data with the given headers.
func (d *desk) putOwn(role access.Role, path, body string, headers ...string) (status int, code string) {
	d.t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	status, _, answer, err := d.as(role).doRequest(d.t.Context(), http.MethodPut, path, []byte(body), h)
	if err != nil {
		d.t.Fatal(err)
	}
	return status, codeIn(string(answer))
}

func TestSettingsAreChangedForAVersionAndOnceForAKey(t *testing.T) {
	d := newDesk(t, nil)
	c := d.as(access.GVCAgent)
	if me, err := c.Me(t.Context()); err != nil || me.Settings.Version != 0 {
		t.Fatalf("got %+v, err %v", me, err)
	}
	off := false
	first, err := c.PutSettings(t.Context(), Settings{Language: "fr", Sound: &off, Remap: map[string]string{"next": "j", "back": "k"}}, 0, "key-1")
	if err != nil || first.Version != 1 {
		t.Fatalf("got %+v, err %v", first, err)
	}
	second, err := c.PutSettings(t.Context(), Settings{Language: "nl"}, 1, "key-2")
	if err != nil || second.Version != 2 {
		t.Fatalf("got %+v, err %v", second, err)
	}
	again, err := c.PutSettings(t.Context(), Settings{Language: "fr", Sound: &off, Remap: map[string]string{"next": "j", "back": "k"}}, 0, "key-1")
	if err != nil || again.Version != 1 || again.Settings.Language != "fr" || *again.Settings.Sound || again.Settings.Remap["back"] != "k" {
		t.Errorf("the same key: got %+v, err %v, want the first answer", again, err)
	}
	if me, err := c.Me(t.Context()); err != nil || me.Settings.Version != 2 || me.Settings.Settings.Language != "nl" {
		t.Errorf("got %+v, err %v, want the second change alone", me, err)
	}
	if me, err := d.as(access.Auditor).Me(t.Context()); err != nil || me.Settings.Version != 0 {
		t.Errorf("somebody else: %+v, err %v", me, err)
	}
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		code    string
	}{
		"no version":                {`{}`, []string{"Idempotency-Key", "a"}, 428, "precondition"},
		"no key":                    {`{}`, []string{"If-Match", `"2"`}, 428, "precondition"},
		"an old version":            {`{}`, []string{"If-Match", `"1"`, "Idempotency-Key", "b"}, 412, "stale"},
		"nothing set yet":           {`{}`, []string{"If-Match", `"0"`, "Idempotency-Key", "c"}, 412, "stale"},
		"a version to come":         {`{}`, []string{"If-Match", `"3"`, "Idempotency-Key", "d"}, 412, "stale"},
		"a version without quotes":  {`{}`, []string{"If-Match", `2`, "Idempotency-Key", "e"}, 412, "stale"},
		"any version":               {`{}`, []string{"If-Match", `*`, "Idempotency-Key", "f"}, 412, "stale"},
		"a key of another":          {`{"language":"en"}`, []string{"If-Match", `"2"`, "Idempotency-Key", "key-2"}, 422, "key_reused"},
		"two keys alike":            {`{"remap":{"next":"j","back":"J"}}`, []string{"If-Match", `"2"`, "Idempotency-Key", "g"}, 422, "invalid"},
		"an empty key":              {`{"remap":{"next":""}}`, []string{"If-Match", `"2"`, "Idempotency-Key", "h"}, 422, "invalid"},
		"a control character":       {`{"remap":{"next":"j\u0000"}}`, []string{"If-Match", `"2"`, "Idempotency-Key", "k"}, 422, "invalid"},
		"a key that is no text":     {`{}`, []string{"If-Match", `"2"`, "Idempotency-Key", "a\xff"}, 400, "malformed"},
		"no language of ours":       {`{"language":"de"}`, []string{"If-Match", `"2"`, "Idempotency-Key", "i"}, 422, "invalid"},
		"a field that is not there": {`{"plate":"1ABC123"}`, []string{"If-Match", `"2"`, "Idempotency-Key", "j"}, 422, "invalid"},
	} {
		if status, code := d.putRaw(access.GVCAgent, c.body, c.headers...); status != c.status || code != c.code {
			t.Errorf("%s: got %d %s, want %d %s", name, status, code, c.status, c.code)
		}
	}
	// A refused change leaves the key free for a new change.
	if status, _ := d.putRaw(access.GVCAgent, `{"language":"en"}`, "If-Match", `"2"`, "Idempotency-Key", "b"); status != http.StatusOK {
		t.Errorf("a key that was refused: got %d", status)
	}
	// After a day a key no longer counts.
	if _, err := d.logs.Exec(t.Context(), "UPDATE request_keys SET taken_at = taken_at - $1::interval", 25*time.Hour); err != nil {
		t.Fatal(err)
	}
	if status, code := d.putRaw(access.GVCAgent, `{"language":"fr"}`, "If-Match", `"3"`, "Idempotency-Key", "key-1"); status != http.StatusOK {
		t.Errorf("an old key: got %d %s", status, code)
	}
}

// Many people change one version at the same time: one change succeeds, the others fail as stale.
func TestOneOfManyChangesOfAVersionIsDone(t *testing.T) {
	d := newDesk(t, nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range 8 {
		wg.Go(func() {
			status, _ := d.putRaw(access.Prosecutor, `{"language":"fr"}`, "If-Match", `"0"`, "Idempotency-Key", itoa(int64(i)))
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	wg.Wait()
	if statuses[200] != 1 || statuses[412] != 7 {
		t.Errorf("got %v, want one change and seven that are told", statuses)
	}
}

// A kept answer stays, even when a slow office frees the key. A key without an answer is then free. Settings change only
// together with their kept answer.
func TestAnAnswerThatIsKeptStays(t *testing.T) {
	d := newDesk(t, nil)
	people, sum := d.office.people, make([]byte, 32)
	key := func(name string) store.Key { return store.Key{Route: access.RouteSettings, Key: name} }
	take := func(name, want string) {
		t.Helper()
		if answer, err := people.TakeKey(t.Context(), "u", key(name), sum); err != nil || string(answer) != want {
			t.Errorf("%s: got %q, err %v, want %q", name, answer, err, want)
		}
	}
	save := func(name string, version int64, fault error) error {
		return people.SaveOwn(t.Context(), store.Settings, "u", []byte(`{}`), version, key(name), func(next int64) ([]byte, error) {
			return fmt.Appendf(nil, `{"version": %d}`, next), fault
		})
	}
	for _, name := range []string{"kept", "free"} {
		take(name, "")
	}
	fault := errors.New("the answer cannot be written")
	if err := save("kept", 0, fault); !errors.Is(err, fault) {
		t.Errorf("got %v, want %v", err, fault)
	}
	if err := save("of nobody", 0, nil); !errors.Is(err, store.ErrUnderWay) {
		t.Errorf("a key that nobody took: %v, want %v", err, store.ErrUnderWay)
	}
	if _, version, err := people.FindOwn(t.Context(), store.Settings, "u"); err != nil || version != 0 {
		t.Errorf("got version %d, err %v, want no change without its answer", version, err)
	}
	if err := save("kept", 0, nil); err != nil {
		t.Fatal(err)
	}
	if err := save("kept", 1, nil); !errors.Is(err, store.ErrUnderWay) {
		t.Errorf("a second change under the key: %v, want %v", err, store.ErrUnderWay)
	}
	for _, name := range []string{"kept", "free"} {
		if err := people.DropKey(t.Context(), "u", key(name)); err != nil {
			t.Fatal(err)
		}
	}
	take("kept", `{"version": 1}`)
	take("free", "")
	if _, version, err := people.FindOwn(t.Context(), store.Settings, "u"); err != nil || version != 1 {
		t.Errorf("got version %d, err %v, want the first change alone", version, err)
	}
}

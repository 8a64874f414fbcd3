package office

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// useCameras gives the office a camera registry.
func useCameras(c *Config) {
	c.Cameras = func() []*schemas.Camera {
		return []*schemas.Camera{
			{ID: "BRU-1", Site: "S-BRU-1", Zone: "5339", Municipality: 21004},
			{ID: "BRU-2", Site: "S-BRU-1", Zone: "5339", Municipality: 21004},
			{ID: "BRU-3", Site: "S-BRU-3", Zone: "5340", Municipality: 21012},
			{ID: "BRU-4", Site: "S-BRU-4", Zone: "5340", Municipality: 99999},
		}
	}
}

func TestFiltersAreSavedForAVersionAndHoldNoPlate(t *testing.T) {
	var gone atomic.Bool
	d := newDesk(t, func(c *Config) {
		useCameras(c)
		all := c.Cameras
		c.Cameras = func() []*schemas.Camera {
			if gone.Load() {
				return nil
			}
			return all()
		}
	})
	c := d.as(access.GVCAgent)
	whole := SavedFilter{
		Name: "Élsene, wat dringt (één rij)", Queue: "held", Family: "speed", Regime: "traffic", Zone: "5339", Municipality: 21004, Site: "S-BRU-1", Camera: "BRU-2", Mark: "foreign", HoldReason: "country_unknown",
	}
	first, err := c.PutFilters(t.Context(), SavedFilters{[]SavedFilter{whole}}, 0, "key-1")
	if err != nil || first.Version != 1 {
		t.Fatalf("got %+v, err %v", first, err)
	}
	if again, err := c.PutFilters(t.Context(), SavedFilters{[]SavedFilter{whole}}, 0, "key-1"); err != nil || again.Version != 1 || !slices.Equal(again.Filters, []SavedFilter{whole}) {
		t.Errorf("the same key: got %+v, err %v, want the first answer", again, err)
	}
	if me, err := c.Me(t.Context()); err != nil || me.SavedFilters.Version != 1 || !slices.Equal(me.SavedFilters.Filters, []SavedFilter{whole}) {
		t.Errorf("got %+v, err %v", me, err)
	}
	if me, err := d.as(access.GVCSupervisor).Me(t.Context()); err != nil || me.SavedFilters.Version != 0 || len(me.SavedFilters.Filters) != 0 {
		t.Errorf("somebody else: %+v, err %v", me, err)
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
		code    string
	}{
		"no version":         {[]string{"Idempotency-Key", "a"}, 428, "precondition"},
		"no key":             {[]string{"If-Match", `"1"`}, 428, "precondition"},
		"an old version":     {[]string{"If-Match", `"0"`, "Idempotency-Key", "b"}, 412, "stale"},
		"a version to come":  {[]string{"If-Match", `"2"`, "Idempotency-Key", "c"}, 412, "stale"},
		"a key of another":   {[]string{"If-Match", `"1"`, "Idempotency-Key", "key-1"}, 422, "key_reused"},
		"a key of no letter": {[]string{"If-Match", `"1"`, "Idempotency-Key", "a\xff"}, 400, "malformed"},
	} {
		if status, code := d.putOwn(access.GVCAgent, "/v1/me/filters", `{"filters":[]}`, c.headers...); status != c.status || code != c.code {
			t.Errorf("%s: got %d %s, want %d %s", name, status, code, c.status, c.code)
		}
	}
	// In no field, in no spelling, a plate is taken; nothing of what was refused is repeated.
	for i, plate := range []string{"1ABC123", "1-ABC-123", "1 abc 123", "ABC 123", "wagen 1.abc.123 zoeken", "AB-123-CD", "B MW 1", "１ＡＢＣ１２３", "ABC١٢٣", "Ⅳ ABC"} {
		for _, field := range []string{"name", "zone", "site", "camera", "mark", "hold_reason", "family", "regime", "queue", "plate", "due_before"} {
			content := map[string]any{"name": "dringend", "queue": "decide"}
			content[field] = plate
			body, _ := json.Marshal(map[string]any{"filters": []any{content}}) // plain texts
			h := http.Header{"If-Match": {`"1"`}, "Idempotency-Key": {field + itoa(int64(i))}}
			status, _, answer, err := d.as(access.GVCAgent).doRequest(t.Context(), http.MethodPut, "/v1/me/filters", body, h)
			if err != nil || status != http.StatusUnprocessableEntity {
				t.Errorf("%q as %s: got %d, err %v, want 422", plate, field, status, err)
			}
			if bytes.Contains(answer, []byte(plate)) {
				t.Errorf("%q as %s: the answer repeats it: %s", plate, field, answer)
			}
		}
	}
	for name, list := range map[string][]SavedFilter{
		"two names alike": {{Name: "dringend", Queue: "decide"}, {Name: "Dringend", Queue: "held"}}, "a name of spaces": {{Name: " a", Queue: "decide"}}, "a line": {{Name: "a\nb", Queue: "decide"}}, "no name": {{Queue: "decide"}},
		"no municipality of ours": {{Name: "a", Queue: "decide", Municipality: 21009}}, "a zone without a camera": {{Name: "a", Queue: "decide", Zone: "5341"}}, "a long name": {{Name: strings.Repeat("a", 41), Queue: "decide"}},
		"too many": slices.Repeat([]SavedFilter{{Name: "a", Queue: "decide"}}, 31),
	} {
		if a, err := c.PutFilters(t.Context(), SavedFilters{list}, 1, name); err == nil {
			t.Errorf("%s: saved as %+v", name, a)
		}
	}
	gone.Store(true) // what was saved under the registry of then stands in the way of nothing
	if second, err := c.PutFilters(t.Context(), SavedFilters{[]SavedFilter{whole, {Name: "dringend", Queue: "second"}}}, 1, "key-2"); err != nil || second.Version != 2 || len(second.Filters) != 2 {
		t.Errorf("a camera that left: got %+v, err %v", second, err)
	}
	if third, err := c.PutFilters(t.Context(), SavedFilters{}, 2, "key-3"); err != nil || third.Version != 3 || len(third.Filters) != 0 {
		t.Errorf("none: got %+v, err %v", third, err)
	}
}

func TestWorkIsFilteredByMunicipalityAndRegime(t *testing.T) {
	d := newCaseDesk(t, useCameras)
	d.takeIn("1AAA111", "5339", nil)
	d.takeIn("1AAA222", "5339", func(in *cases.Intake) { in.Regime = cases.RegimeLEZ })
	d.takeIn("1AAA333", "5340", func(in *cases.Intake) { in.Municipality = 21012 })
	d.takeIn("1AAA444", "5340", func(in *cases.Intake) { in.Municipality, in.Regime = 21012, cases.RegimeLEZ })
	for _, c := range []struct {
		user   string
		filter WorkFilter
		want   string
	}{
		{"an", WorkFilter{}, "1AAA111 1AAA222 1AAA333 1AAA444"},
		{"an", WorkFilter{Municipality: 21012}, "1AAA333 1AAA444"},
		{"an", WorkFilter{Regime: "lez"}, "1AAA222 1AAA444"},
		{"an", WorkFilter{Regime: "traffic", Municipality: 21012}, "1AAA333"},
		{"an", WorkFilter{Municipality: 21009}, ""},
		{"an", WorkFilter{Zone: "5339", Municipality: 21012}, ""},
		{"el", WorkFilter{}, "1AAA222 1AAA444"},
		{"el", WorkFilter{Regime: "traffic"}, ""},
		{"el", WorkFilter{Municipality: 21004}, "1AAA222"},
		{"zo", WorkFilter{Municipality: 21004}, ""},
		{"zo", WorkFilter{Regime: "lez"}, "1AAA444"},
	} {
		list, err := d.clerk(c.user).Work(t.Context(), shift(), WorkQuery{Queue: "decide", WorkFilter: c.filter})
		if err != nil {
			t.Fatal(err)
		}
		var listed, leased []string
		for _, row := range list.Rows {
			listed = append(listed, row.Plate)
		}
		taken, err := d.clerk(c.user).Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 8, Filter: c.filter})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range taken.Items {
			leased = append(leased, item.Plate.Text)
			if _, err := d.clerk(c.user).GiveBack(t.Context(), shift(), GiveBackQuery{Lease: item.Lease.ID}); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Join(listed, " "); got != c.want {
			t.Errorf("%s lists %q with %+v, want %q", c.user, got, c.filter, c.want)
		}
		if got := strings.Join(leased, " "); got != c.want {
			t.Errorf("%s is given %q with %+v, want %q", c.user, got, c.filter, c.want)
		}
	}
	for user, want := range map[string]string{"an": "21004 Brussel, 21012 Sint-Jans-Molenbeek, 99999 -", "zo": "21012 Sint-Jans-Molenbeek, 99999 -"} {
		counts, err := d.clerk(user).WorkCounts(t.Context(), shift())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range counts.Municipalities {
			name := "-"
			if m.InWords != nil {
				name = m.InWords.NL
			}
			got = append(got, itoa(int64(m.NIS))+" "+name)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s may filter by %q, want %q", user, strings.Join(got, ", "), want)
		}
	}
}

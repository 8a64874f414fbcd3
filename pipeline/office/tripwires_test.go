package office

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// A supervisor sees a wire with its evidence in words, stops a camera by hand, and releases both with a finding. Nobody else
// may, and a supervisor of another zone sees none of it.
func TestASupervisorStopsAndReleasesACamera(t *testing.T) {
	d := newCaseDesk(t, func(c *Config) {
		list := listCaseUsers() + fmt.Sprintf("  - {name: sz, role: gvc_supervisor, zones: [\"5340\"], token_sha256: %s, valid_to: 2027-06-30}\n", hash("sz"))
		if err := c.Users.Reload(strings.NewReader(list)); err != nil {
			t.Fatal(err)
		}
		known := c.Camera
		c.Camera = func(id string) *schemas.Camera {
			if id == "BRU-9" {
				return nil
			}
			return known(id)
		}
	})
	case1 := d.caseIDOf(d.takeIn("1ABC001", "5339", limited("BRU-1", "c1")))
	now := schemas.Micros(1_790_000_000_000_000)
	if _, _, err := d.cases.OpenWire(t.Context(), casestore.Wire{
		Camera: "BRU-1", Family: "speed", Zone: "5339", Regime: cases.RegimeTraffic, DoubtFrom: now - 5*schemas.Minute, DoubtTo: now,
		Evidence: []schemas.Step{{Code: "tripwire.chance", Args: []string{"7"}, Verified: true}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.cases.FollowWires(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := OpenWireQuery{}
	stop.Body.Camera, stop.Body.Family, stop.Body.Text = "BRU-2", "speed", "the sign is covered by works"
	made, err := d.clerk("su").OpenWire(t.Context(), shift(), stop)
	if err != nil || made.Wire.OpenedBy != "su" || made.Wire.From != nil || made.LogSeq == 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	stop.Body.Camera = "BRU-9"
	if _, err := d.clerk("su").OpenWire(t.Context(), shift(), stop); err == nil || !strings.Contains(err.Error(), "registry") {
		t.Errorf("a camera that is none: %v", err)
	}
	list, err := d.clerk("su").Wires(t.Context(), shift())
	if err != nil || len(list.Rows) != 2 || list.Scope.LogSeq == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	n := slices.IndexFunc(list.Rows, func(w ShownWire) bool { return w.Camera == "BRU-1" })
	w := list.Rows[n]
	if w.Held != 1 || w.OpenedBy != "" || w.From == nil || len(w.Evidence) != 1 || d.stateOf(case1) != cases.Held {
		t.Errorf("%+v, the case is %s", w, d.stateOf(case1))
	}
	if a, err := d.clerk("su").Case(t.Context(), shift(), case1); err != nil || a.Case.HoldText == nil || !strings.Contains(a.Case.HoldText.NL, "stilgelegd") || !strings.Contains(a.Case.HoldText.FR, "suspendu") {
		t.Errorf("%+v, %v", a, err)
	}
	release := ReleaseWireQuery{ID: w.WireID}
	release.Body.Finding, release.Body.Text = "mended", "the limit was put right"
	for user, want := range map[string]int{"an": 403, "sz": 404} {
		_, err := d.clerk(user).ReleaseWire(t.Context(), shift(), release)
		if status, _ := codeOfError(t, err); status != want {
			t.Errorf("%s: %v, want %d", user, err, want)
		}
	}
	if other, err := d.clerk("sz").Wires(t.Context(), shift()); err != nil || slices.ContainsFunc(other.Rows, func(w ShownWire) bool { return w.Camera == "BRU-1" }) {
		t.Errorf("another zone: %+v, %v", other, err)
	}
	for _, id := range []string{w.WireID, made.Wire.WireID} {
		release.ID = id
		if got, err := d.clerk("su").ReleaseWire(t.Context(), shift(), release); err != nil || got.Wire.ReleasedBy != "su" || got.Wire.ReleasedAt == nil || got.Wire.Finding != "mended" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	_, err = d.clerk("su").ReleaseWire(t.Context(), shift(), release)
	if status, code := codeOfError(t, err); status != 409 || code != "decided" {
		t.Errorf("a second release: %v", err)
	}
	release.ID = "none"
	_, err = d.clerk("su").ReleaseWire(t.Context(), shift(), release)
	if status, _ := codeOfError(t, err); status != 404 {
		t.Errorf("a wire that is none: %v", err)
	}
}

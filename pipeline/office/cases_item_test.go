package office

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// oneVehicle is reference data with one vehicle for every plate.
type oneVehicle struct {
	rules.Reference
	vehicle schemas.Vehicle
}

func (r oneVehicle) Vehicle(schemas.Plate, schemas.Country, schemas.Micros) (schemas.Vehicle, bool) {
	return r.vehicle, true
}

func (oneVehicle) RegisterAsOf(schemas.Country) (schemas.Micros, bool) {
	return schemas.MicrosOf(now), true
}

// An item has all that a person needs for one look: what the camera wrote and considered, the places of its pictures, the
// names of the place, the certificate, in what the vehicle differs, and the server's time. Several come in due order.
func TestAnItemHasAllThatOneLookNeeds(t *testing.T) {
	a := &album{kept: map[schemas.Sum][]byte{}}
	scene, plate := a.put(drawn(t, 320, 180, false)), a.put(drawn(t, 100, 25, true))
	lost := schemas.DigestOf(schemas.Sum{9})
	d := newCaseDesk(t, func(c *Config) {
		c.Pictures = a
		c.Cases.Reference = func() rules.Reference {
			return oneVehicle{vehicle: schemas.Vehicle{Country: schemas.Belgium, Category: schemas.N3}}
		}
		at := c.Camera
		c.Camera = func(id string) *schemas.Camera {
			cam := at(id)
			cam.Certificates = []schemas.Certificate{{Serial: "S1", Approval: "P1", ValidFrom: schemas.MicrosOf(now.AddDate(-1, 0, 0)), ValidTo: schemas.MicrosOf(now.AddDate(0, 0, 5))}}
			return cam
		}
	})
	m := d.takeIn("1ABC123", "5339", func(in *cases.Intake) {
		in.Decision.On.Kind, in.Decision.On.Flags = schemas.KindMotorcycle, schemas.FlagClockSuspect
		sealAgain(in)
		in.Pictures = []cases.Picture{{Sum: scene, Kind: cases.PictureScene}, {Sum: plate, Kind: cases.PicturePlate}, {Sum: lost, Kind: cases.PictureOther}}
	})
	read := d.readRow("1ABC123", "BRU-1", "5339", time.Hour)
	read["read_id"], read["captured_at"] = m.row["read_id"], m.row["captured_at"]
	read["alternatives"] = []string{"1ABC123", "IABC123", "1A8C123", "1A8C123", "1ABC1Z3", "1ABG123", "1ABC723", "1ABC128"}
	d.insert("reads", read, read)
	for i := range 4 {
		d.takeIn("2XYZ99"+string(rune('0'+i)), "5339", nil)
	}
	got, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 5})
	if err != nil || len(got.Items) != 5 {
		t.Fatalf("five items: %+v, %v", got, err)
	}
	if !slices.IsSortedFunc(got.Items, func(x, y Item) int { return x.DueAt.Compare(*y.DueAt) }) {
		t.Error("the items are not in due order")
	}
	item := got.Items[0]
	if p := item.Plate; p.Raw != "raw 1ABC123" || strings.Join(p.Alternatives, " ") != "IABC123 1A8C123 1ABC1Z3 1ABG123 1ABC723" {
		t.Errorf("the camera wrote %q and considered %v", p.Raw, p.Alternatives)
	}
	want := []ItemPicture{
		{scene.String(), "scene", 320, 180, len(a.kept[schemas.Sum([]byte(scene))])},
		{plate.String(), "plate", 100, 25, len(a.kept[schemas.Sum([]byte(plate))])},
		{SHA256: lost.String(), Kind: "other"},
	}
	if !slices.Equal(item.Pictures, want) {
		t.Errorf("the pictures are %+v, want %+v", item.Pictures, want)
	}
	if name := item.Place.InWords; name == nil || *name != (schemas.Street{NL: "Brussel", FR: "Bruxelles"}) || item.Place.Street == nil {
		t.Errorf("the place is %+v", item.Place)
	}
	codes := []string{}
	for _, w := range item.Warnings {
		codes = append(codes, w.Code)
	}
	if item.Device == nil || item.Device.Serial != "S1" || !slices.Equal(item.Differs, []string{"kind"}) || strings.Join(codes, " ") != "clock_suspect certificate_ends vehicle_differs" {
		t.Errorf("device %+v, differs %v, warnings %+v", item.Device, item.Differs, item.Warnings)
	}
	if got.ServerTime.IsZero() || item.Lease.Until.Sub(got.ServerTime) > 5*time.Minute {
		t.Errorf("the server's time is %s, and the lease ends %s", got.ServerTime, item.Lease.Until)
	}
	if n := d.logged("operation = 'work-lease' AND kind = 'disclosed' AND plates = 10"); n != 1 { // five plates and five readings
		t.Error("the other readings that the item shows are not in the log as shown")
	}
	d.see(t.Context(), "an", &item)
	v := confirming(&item)
	v.Body.Checks = []bool{true, true, true, true, true}
	done := d.mustDecide("an", v)
	if done.UndoMS != 10_000 || done.ServerTime == nil || done.EffectiveAt.Sub(*done.ServerTime) != 10*time.Second {
		t.Errorf("an answer can be taken back for %d ms, from %v to %v", done.UndoMS, done.ServerTime, done.EffectiveAt)
	}
	counts, err := d.clerk("an").WorkCounts(t.Context(), shift())
	if err != nil || len(counts.Last) != 1 || counts.Last[0].UndoMS <= 0 || counts.Last[0].UndoMS > 10_000 {
		t.Errorf("the strip of own answers: %+v, %v", counts, err)
	}
}

// A hold has its reason in words wherever a case is shown.
func TestAHoldIsShownInWords(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	h := HoldQuery{CaseChange: on(item)}
	h.Body.Reason, h.Body.Until, h.Body.Lease = "awaits_register", time.Now().Add(24*time.Hour), item.Lease.ID
	if _, err := d.clerk("an").HoldCase(t.Context(), shift(), h); err != nil {
		t.Fatal(err)
	}
	a, err := d.clerk("an").Case(t.Context(), shift(), item.CaseID)
	if err != nil {
		t.Fatal(err)
	}
	want := Cited{NL: "wacht op het register", FR: "attend le registre", EN: "awaits the register"}
	if a.Case.HoldText == nil || *a.Case.HoldText != want || a.Events[1].HoldText == nil || *a.Events[1].HoldText != want {
		t.Errorf("the dossier says %+v, and its event %+v", a.Case.HoldText, a.Events[1].HoldText)
	}
	for reason := range handHolds {
		if !slices.Contains(cases.HandHoldReasons(), reason) {
			t.Errorf("%s is no reason of a hold by hand", reason)
		}
	}
	for _, reason := range append(cases.HandHoldReasons(), "register_stale", "vehicle_unknown", "country_unknown", "pass_possible", "clock_suspect") {
		text := reasonText(reason)
		if text == nil || text.NL == reason || text.FR == reason || text.EN == reason || text.NL == text.FR {
			t.Errorf("%s in words is %+v", reason, text)
		}
	}
}

// Who comes too late is told the present version and who changed the case, and of a blind case nothing of others.
func TestAConflictSaysWhatChangedAndWho(t *testing.T) {
	d := newCaseDesk(t, nil)
	d.takeIn("1ABC123", "5339", nil)
	item := d.take("an", "decide")
	note := NoteQuery{CaseChange: on(item)}
	note.Body.Text, note.Key = "a remark of a colleague", aKey()
	if _, err := d.clerk("bo").NoteCase(t.Context(), shift(), note); err != nil {
		t.Fatal(err)
	}
	faultsOf := func(err error, status int) []Fault {
		t.Helper()
		e, ok := errors.AsType[*APIError](err)
		if !ok || e.Status != status {
			t.Fatalf("the answer is %v, want %d", err, status)
		}
		return e.Faults
	}
	_, err := d.clerk("an").Verdict(t.Context(), shift(), confirming(item))
	faults := faultsOf(err, http.StatusPreconditionFailed)
	if len(faults) != 2 || !slices.Equal(faults[0].Args, []string{"2"}) || faults[1].Code != "noted" || !slices.Equal(faults[1].Args[:3], []string{"2", "noted", "bo"}) {
		t.Errorf("stale says %+v", faults)
	}
	everyDouble(d)
	v := rejecting(item, "two_vehicles")
	v.IfMatch = VersionTag(2)
	d.mustDecide("an", v)
	d.pass(11 * time.Second)
	late := rejecting(item, "two_vehicles")
	late.Key, late.IfMatch = aKey(), VersionTag(2)
	_, err = d.clerk("bo").Verdict(t.Context(), shift(), late)
	if text := textOf(t, faultsOf(err, http.StatusPreconditionFailed)) + err.Error(); strings.Contains(text, `"an"`) || strings.Contains(text, "decided") || strings.Contains(text, "two_vehicles") {
		t.Errorf("who is to look second is told %s", text)
	}
}

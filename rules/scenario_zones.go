package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// Permit implements [Reference].
func (w *world) Permit(p schemas.Plate, c schemas.Country, zone string, at schemas.Micros) (schemas.Permit, bool) {
	for i := range w.permits[p] {
		if x := &w.permits[p][i]; (c.IsZero() || x.Country == c) && x.Zone == zone && x.CoversAt(at) {
			return *x, true
		}
	}
	return schemas.Permit{}, false
}

// addArea reads a line about an access zone or what belongs to one: calendar, zone, slot, permit, suspension.
func (w *world) addArea(l *line, p schemas.Plate) {
	switch l.words[0] {
	case "calendar":
		c := &schemas.Calendar{ID: l.takeValue("id"), From: l.parseDay("from"), To: l.parseDay("to")}
		for _, off := range l.parseList("off") {
			from, to, _ := strings.Cut(off, "..")
			a, err1 := schemas.ParseDay(from)
			b, err2 := schemas.ParseDay(to)
			if err1 != nil || err2 != nil {
				l.t.Fatalf("off=%s: %s is not like 2026-10-19..2026-11-02", l.kv["off"], off)
			}
			c.Off = append(c.Off, schemas.DayRange{From: a, To: b})
		}
		w.calendars[c.ID] = c
	case "zone":
		w.addZone(l)
	case "slot":
		z := w.zones[l.takeValue("zone")]
		if z == nil {
			l.t.Fatalf("zone %q does not exist", l.kv["zone"])
		}
		z.Slots = append(z.Slots, l.parseHours())
	case "permit":
		w.permits[p] = append(w.permits[p], schemas.Permit{
			Country: l.plateCountry(), Zone: l.takeValue("zone"), Hours: l.parseHours(), ValidFrom: l.parseDay("from"), ValidTo: l.parseDay("to"),
			Reason: l.takeValue("reason"), Version: l.takeValue("version"),
		})
	case "suspension":
		w.addSuspension(l)
	}
}

// parseList reads words between commas.
func (l *line) parseList(key string) []string {
	if s := l.takeValue(key); s != "" {
		return strings.Split(s, ",")
	}
	return nil
}

// camerasOf returns the cameras named by a key.
func (w *world) camerasOf(l *line, key string) (out []*schemas.Camera) {
	for _, id := range l.parseList(key) {
		if w.cameras[id] == nil {
			l.t.Fatalf("camera %q does not exist", id)
		}
		out = append(out, w.cameras[id])
	}
	return out
}

func (w *world) addZone(l *line) {
	z := &schemas.AccessZone{
		ID: l.takeValue("id"), Kind: parseWord(l, "kind", schemas.ParseZoneKind), AboveKG: uint32(l.parseNumber("above_kg", 0)),
		LocalTraffic: l.hasWord("local_traffic"), ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to"),
		LegalBasis: "municipal regulation", Verified: !l.hasWord("unverified"),
	}
	if h := l.parseHours(); !h.Always() {
		z.Slots = []schemas.Hours{h}
	}
	if id := l.takeValue("calendar"); id != "" {
		if z.Calendar = w.calendars[id]; z.Calendar == nil {
			l.t.Fatalf("calendar %q does not exist", id)
		}
	}
	e := l.parsePlace()
	e.Zone = z
	for _, c := range w.camerasOf(l, "cameras") {
		c.AccessZones = append(c.AccessZones, e)
	}
	w.zones[z.ID] = z
}

// parsePlace reads lanes=1,2 and dir.
func (l *line) parsePlace() schemas.ZoneEntry {
	e := schemas.ZoneEntry{Direction: parseWord(l, "dir", schemas.ParseDirection)}
	for _, s := range l.parseList("lanes") {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			l.t.Fatalf("lanes=%s: %v", l.kv["lanes"], err)
		}
		e.Lanes = append(e.Lanes, uint8(n))
	}
	return e
}

func (w *world) addSuspension(l *line) {
	s := &schemas.Suspension{
		ID: l.takeValue("id"), Author: l.takeValue("author"), Reason: strings.ReplaceAll(l.takeValue("reason"), "_", " "),
		From: l.parseTime("from"), To: l.parseTime("to"),
	}
	for _, f := range l.parseList("families") {
		if InfoOf(schemas.Family(f)) == nil {
			l.t.Fatalf("family %q does not exist", f)
		}
		s.Families = append(s.Families, schemas.Family(f))
	}
	zones := l.parseList("zones")
	at := w.camerasOf(l, "cameras")
	for _, c := range w.cameras {
		inZone := slices.ContainsFunc(c.AccessZones, func(e schemas.ZoneEntry) bool { return slices.Contains(zones, e.Zone.ID) })
		if everywhere := len(zones) == 0 && len(at) == 0; everywhere || inZone || slices.Contains(at, c) {
			c.Suspensions = append(c.Suspensions, s)
		}
	}
}

// addTunnel adds a category of a tunnel to a camera.
func (w *world) addTunnel(l *line) {
	c := w.takeCamera(l)
	t := schemas.Tunnel{
		ID: "T", Category: parseWord(l, "category", schemas.ParseTunnelCategory), Hours: l.parseHours(), ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to"),
		LegalBasis: "ADR, 1.9.5", Verified: !l.hasWord("unverified"), Place: l.parsePlace(),
	}
	if t.Category == 0 {
		l.t.Fatalf("the tunnel has no category; write category=A to category=E")
	}
	c.Tunnels = append(c.Tunnels, t)
}

// parseReserved reads what reserves a lane; ok is false when the line reserves none.
func (l *line) parseReserved() (out schemas.ReservedLane, ok bool) {
	if l.kv["reserved"] == "" {
		return out, false
	}
	return schemas.ReservedLane{
		Use: parseWord(l, "reserved", schemas.ParseLaneUse), Sign: parseWord(l, "sign", schemas.ParseLaneSign), TurnAllowed: l.hasWord("turn_allowed"),
		Hours: l.parseHours(), ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to"), LegalBasis: "road code, art. 72", Verified: !l.hasWord("unverified"),
	}, true
}

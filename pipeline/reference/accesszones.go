package reference

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// areaLoader reads access_zones.yaml and suspensions.yaml, and links what they say to the cameras.
type areaLoader struct {
	p         *problems
	cameras   map[string]*schemas.Camera
	calendars map[string]*schemas.Calendar
	zones     map[string][]zonePeriod
}

// zonePeriod is a zone of an id with the cameras that see its entries.
type zonePeriod struct {
	zone    *schemas.AccessZone
	line    int
	cameras []*schemas.Camera
}

func newAreaLoader(cameras []*schemas.Camera, p *problems) *areaLoader {
	l := &areaLoader{p: p, cameras: make(map[string]*schemas.Camera, len(cameras)), calendars: map[string]*schemas.Calendar{}, zones: map[string][]zonePeriod{}}
	for _, c := range cameras {
		l.cameras[c.ID] = c
	}
	return l
}

// loadZones reads access_zones.yaml.
func (l *areaLoader) loadZones(b []byte) {
	root := yamlRoot(b, l.p)
	if root == nil {
		return
	}
	root.eachMapping("calendars", l.readCalendar)
	root.eachMapping("access_zones", l.readZone)
	root.checkKeys()
}

func (l *areaLoader) readCalendar(m *yamlMap) {
	before := len(l.p.list)
	c := &schemas.Calendar{ID: yamlValue(m, "id", readIdent), From: yamlValue(m, "valid_from", readDay), To: yamlValue(m, "valid_to", readDay)}
	if err := checkOrder(c.From, c.To); err != nil && len(l.p.list) == before {
		m.addProblem(m.line, "valid_to", err)
	}
	m.eachMapping("days_off", func(m *yamlMap) {
		before := len(l.p.list)
		off := schemas.DayRange{From: yamlValue(m, "from", readDay), To: yamlValue(m, "to", readDay)}
		switch {
		case len(l.p.list) > before:
		case off.To <= off.From:
			m.addProblem(m.line, "to", errors.New("is not after from; it is the first school day again"))
		case off.From < c.From || off.To > c.To:
			m.addProblem(m.line, "from", errors.New("is outside valid_from and valid_to of the calendar; correct the year"))
		}
		c.Off = append(c.Off, off)
	})
	if _, twice := l.calendars[c.ID]; twice && c.ID != "" {
		m.addProblem(m.line, "id", errors.New("is that of another calendar; write its days into one"))
	}
	l.calendars[c.ID] = c
}

func readZoneKind(s string) (schemas.ZoneKind, error) {
	k, ok := schemas.ParseZoneKind(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is none of %s", s, strings.Join(schemas.ZoneKindNames(), ", "))
	}
	return k, nil
}

func (l *areaLoader) readZone(m *yamlMap) {
	before := len(l.p.list)
	z := &schemas.AccessZone{
		ID: yamlValue(m, "id", readIdent), Kind: yamlValue(m, "kind", readZoneKind), Name: readNames(m, "name"),
		AboveKG:      uint32(yamlOptional(m, "above_kg", 0, readInt(0, 60_000))),
		LocalTraffic: yamlOptional(m, "local_traffic", false, readBool),
		Verified:     yamlOptional(m, "verified", false, readBool),
	}
	z.ValidFrom, z.ValidTo = m.readPeriod(true, false)
	z.LegalBasis = readCitedBasis(m, "legal_basis", z.ValidFrom.Day())
	if z.Kind != schemas.ZoneGoods && (z.AboveKG != 0 || z.LocalTraffic) {
		m.addProblem(m.line, "kind", errors.New("is not no_goods; above_kg and local_traffic belong to a sign C23"))
	}
	if name := yamlOptional(m, "school_days", "", readIdent); name != "" {
		if z.Calendar = l.calendars[name]; z.Calendar == nil {
			_, line := m.takeKey("school_days")
			m.addProblem(line, "school_days", fmt.Errorf("names no calendar of this file; the calendars are %s", strings.Join(sortedKeys(l.calendars), ", ")))
		}
	}
	readSlots(m, z)
	p := zonePeriod{zone: z, line: m.line}
	m.eachMapping("entries", func(m *yamlMap) { l.readEntry(m, &p) })
	if len(p.cameras) == 0 && len(l.p.list) == before {
		m.addProblem(m.line, "entries", errors.New("is empty; name the cameras that see vehicles enter, or remove the zone"))
	}
	for _, other := range l.zones[z.ID] {
		if len(l.p.list) == before && periodsMeet(period{other.zone.ValidFrom, other.zone.ValidTo}, period{z.ValidFrom, z.ValidTo}) {
			m.addProblem(m.line, "valid_from", fmt.Errorf("overlaps the zone of the same id in line %d; end the older with valid_to", other.line))
		}
	}
	l.zones[z.ID] = append(l.zones[z.ID], p)
}

// readSlots reads the hours at which a zone is barred; none = always.
func readSlots(m *yamlMap, z *schemas.AccessZone) {
	m.eachMapping("slots", func(m *yamlMap) {
		before := len(m.p.list)
		h := readHours(m)
		switch {
		case len(m.p.list) > before:
			return
		case h.Always():
			m.addProblem(m.line, "from_time", errors.New("is missing, and so are the days; a zone that is barred at every hour has no slots"))
		case z.Calendar != nil && h.From > h.To:
			m.addProblem(m.line, "to_time", errors.New("is before from_time; a slot of school days ends on the day on which it begins"))
		}
		for i, other := range z.Slots {
			if slotsMeet(h, other) {
				m.addProblem(m.line, "from_time", fmt.Errorf("overlaps slots[%d]; write each hour of the week once", i))
			}
		}
		z.Slots = append(z.Slots, h)
	})
}

// slotsMeet reports whether two slots have a minute of the week in common.
func slotsMeet(a, b schemas.Hours) bool {
	for day := range 7 {
		for minute := range uint16(24 * 60) {
			if a.CoverMinute(day, minute) && b.CoverMinute(day, minute) {
				return true
			}
		}
	}
	return false
}

func (l *areaLoader) readEntry(m *yamlMap, p *zonePeriod) {
	id := yamlValue(m, "camera", readIdent)
	e := schemas.ZoneEntry{Zone: p.zone, Direction: yamlOptional(m, "direction", schemas.DirectionUnknown, readDirection)}
	e.Lanes = readLaneNumbers(m)
	c := l.cameras[id]
	switch {
	case id == "":
	case c == nil:
		m.addProblem(m.line, "camera", fmt.Errorf("%s is not in %s", id, fileCameras))
	case slices.Contains(p.cameras, c):
		m.addProblem(m.line, "camera", errors.New("is an entry of this zone already; write its lanes into one entry"))
	default:
		p.cameras = append(p.cameras, c)
		c.AccessZones = append(c.AccessZones, e)
	}
}

// readNames reads a name in Dutch and French.
func readNames(m *yamlMap, key string) (s schemas.Street) {
	n, line := m.takeKey(key)
	if n == nil {
		m.addProblem(line, key, errors.New("is empty; write {nl: ..., fr: ...}"))
		return s
	}
	if names := newYAMLMap(n, m.joinPath(key), m.p); names != nil {
		s = schemas.Street{NL: yamlValue(names, "nl", readText), FR: yamlValue(names, "fr", readText)}
		names.checkKeys()
	}
	return s
}

// readCitedBasis reads a text in Dutch and French, perhaps in English, in the form in which decisions cite it.
func readCitedBasis(m *yamlMap, key string, day schemas.Day) string {
	n, line := m.takeKey(key)
	if n == nil {
		m.addProblem(line, key, errors.New("is empty; write {nl: ..., fr: ...}"))
		return ""
	}
	texts := newYAMLMap(n, m.joinPath(key), m.p)
	if texts == nil {
		return ""
	}
	b := rules.Basis{Dutch: yamlValue(texts, "nl", readCited), French: yamlValue(texts, "fr", readCited)}
	b.English = yamlOptional(texts, "en", b.French, readCited)
	texts.checkKeys()
	return b.Cite(day)
}

// readCited reads a text that may stand in a citation.
func readCited(s string) (string, error) {
	if strings.ContainsAny(s, "|\n") {
		return "", errors.New("has a | or a line end; write it without, on one line")
	}
	return readText(s)
}

// loadSuspensions reads suspensions.yaml.
func (l *areaLoader) loadSuspensions(b []byte) {
	root := yamlRoot(b, l.p)
	if root == nil {
		return
	}
	seen := map[string]bool{}
	root.eachMapping("suspensions", func(m *yamlMap) { l.readSuspension(m, seen) })
	root.checkKeys()
}

func (l *areaLoader) readSuspension(m *yamlMap, seen map[string]bool) {
	before := len(l.p.list)
	s := &schemas.Suspension{
		ID: yamlValue(m, "id", readIdent), Author: yamlValue(m, "author", readText), From: yamlValue(m, "from", readInstant), To: yamlValue(m, "to", readInstant),
	}
	s.Reason = readCitedBasis(m, "reason", s.From.Day())
	if len(l.p.list) == before && s.To <= s.From {
		m.addProblem(m.line, "to", errors.New("is not after from"))
	}
	if seen[s.ID] && s.ID != "" {
		m.addProblem(m.line, "id", errors.New("is that of another suspension; give each its own"))
	}
	seen[s.ID] = true
	all := false
	m.eachElement("families", func(n ast.Node, path string) {
		f, err := scalarText(n)
		if err == nil && f == "all" {
			all = true
			return
		}
		if err == nil {
			f, err = readFamily(f)
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error()+"; write [all] for every family")
			return
		}
		s.Families = append(s.Families, schemas.Family(f))
	})
	if all == (len(s.Families) > 0) && len(l.p.list) == before {
		m.addProblem(m.line, "families", errors.New("names no family, or all beside one; write the families, or [all]"))
	}
	at := l.suspendedCameras(m)
	if len(at) == 0 && len(l.p.list) == before {
		m.addProblem(m.line, "cameras", errors.New("is empty, and so are zones and municipalities; say where, or write everywhere: true"))
	}
	for _, c := range at {
		c.Suspensions = append(c.Suspensions, s)
	}
}

// suspendedCameras returns the cameras that a suspension names, each once, by id.
func (l *areaLoader) suspendedCameras(m *yamlMap) (out []*schemas.Camera) {
	at := map[string]bool{}
	add := func(c *schemas.Camera) { at[c.ID] = true }
	names := func(key string, find func(s string) (string, bool)) {
		m.eachElement(key, func(n ast.Node, path string) {
			s, err := scalarText(n)
			if err == nil {
				if where, ok := find(s); !ok {
					err = fmt.Errorf("%.40q is not in %s", s, where)
				}
			}
			if err != nil {
				m.p.addProblem(lineOf(n), path, err.Error())
			}
		})
	}
	names("cameras", func(s string) (string, bool) {
		c := l.cameras[s]
		if c != nil {
			add(c)
		}
		return fileCameras, c != nil
	})
	names("zones", func(s string) (string, bool) {
		for _, p := range l.zones[s] {
			for _, c := range p.cameras {
				add(c)
			}
		}
		return fileZones, len(l.zones[s]) > 0
	})
	names("municipalities", func(s string) (string, bool) {
		found := false
		for _, c := range l.cameras {
			if strconv.Itoa(int(c.Municipality)) == s {
				add(c)
				found = true
			}
		}
		return fileCameras, found
	})
	if yamlOptional(m, "everywhere", false, readBool) {
		for _, c := range l.cameras {
			add(c)
		}
	}
	for _, id := range sortedKeys(at) {
		out = append(out, l.cameras[id])
	}
	return out
}

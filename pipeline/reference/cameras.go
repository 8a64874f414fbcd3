package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// cameraRegistry holds the cameras, sorted by id.
type cameraRegistry struct {
	all   []*schemas.Camera
	table cameraTable // made after the cameras have their numbers
	names []string    // of all cameras ever loaded, by number

	zonesListed bool     // the file has the closed zone list
	zoneIDs     []string // of the access zones, sorted
}

// assignNumbers gives the cameras their numbers and makes the look-up table.
func (r *cameraRegistry) assignNumbers(n *numbers) {
	n.assign(r.all)
	r.table, r.names = newCameraTable(r.all), n.names
}

// surrounds are the permitted values for a speed limit's surround; the tariff depends on it.
var surrounds = []string{"built_up", "zone_30", "school", "residential", "motorway", "other"}

// maxLimit is the highest believable speed limit, in km/h.
const maxLimit = 150

func defaultLateness(k schemas.CameraKind) schemas.Micros {
	switch k {
	case schemas.CameraTemporary:
		return 24 * schemas.Hour
	case schemas.CameraMobile:
		return schemas.Hour
	case schemas.CameraFixed:
	}
	return 5 * schemas.Minute
}

// cameraLoader reads cameras.yaml and remembers every value that must be unique there.
type cameraLoader struct {
	p      *problems
	out    []*schemas.Camera
	ids    map[string]int // line
	tokens map[schemas.Sum]int
	sites  map[uint64]string
	texts  map[string]string // sites, zones and streets, a single copy each

	zones map[string]bool // the closed zone list; nil = none in the file

	subjects map[string]int // line
	prefixes []heldPrefix
}

// intern returns the same string for the same text, so texts shared by many cameras stay in the caches.
func (l *cameraLoader) intern(s string) string {
	if t, ok := l.texts[s]; ok {
		return t
	}
	l.texts[s] = s
	return s
}

// loadCameras reads cameras.yaml.
func loadCameras(b []byte, p *problems) *cameraRegistry {
	l := &cameraLoader{p: p, ids: map[string]int{}, tokens: map[schemas.Sum]int{}, sites: map[uint64]string{}, texts: map[string]string{}, subjects: map[string]int{}}
	if root := yamlRoot(b, p); root != nil {
		if n, line := root.takeKey("cameras"); n == nil {
			p.addProblem(line, "cameras", "is empty; list the cameras")
		}
		l.readZones(root)
		root.eachMapping("cameras", l.readCamera)
		root.checkKeys()
	}
	l.joinSources()
	l.checkAddresses()
	slices.SortFunc(l.out, func(a, b *schemas.Camera) int { return strings.Compare(a.ID, b.ID) })
	return &cameraRegistry{all: l.out, zonesListed: l.zones != nil}
}

func (l *cameraLoader) readCamera(m *yamlMap) {
	c := &schemas.Camera{
		ID:           yamlValue(m, "id", readIdent),
		Site:         yamlValue(m, "site", readIdent),
		Kind:         yamlValue(m, "kind", readKind),
		Municipality: yamlValue(m, "municipality", readMunicipality),
		Zone:         yamlValue(m, "zone", readIdent),
		LatE6:        int32(yamlOptional(m, "lat_e6", 0, readInt(-90_000_000, 90_000_000))),
		LonE6:        int32(yamlOptional(m, "lon_e6", 0, readInt(-180_000_000, 180_000_000))),
		InsideLEZ:    yamlOptional(m, "inside_lez", false, readBool),
		TokenSum:     yamlOptional(m, "token_sha256", schemas.Sum{}, readToken),
	}
	c.Street = l.readStreet(m)
	c.Purposes = readPurposes(m)
	c.ValidFrom, c.ValidTo = m.readPeriod(false, false)
	c.AllowedLateness = yamlOptional(m, "allowed_lateness", defaultLateness(c.Kind), readSpan)
	c.Site, c.Zone = l.intern(c.Site), l.intern(c.Zone)
	c.SiteHash = xxhash.Sum64String(c.Site)
	readLanes(m, c)
	readTunnels(m, c)
	readCertificates(m, c)
	readLoans(m, c)
	l.checkZones(m, c)
	l.readAccess(m, c)
	l.checkUnique(m, c)
	l.out = append(l.out, c)
}

// readStreet reads the street's two names. A street of one name has it twice: nobody must guess whether the other name
// was forgotten.
func (l *cameraLoader) readStreet(m *yamlMap) (s schemas.Street) {
	n, _ := m.takeKey("street")
	if n == nil {
		return s
	}
	names := newYAMLMap(n, m.joinPath("street"), m.p)
	if names == nil {
		return s
	}
	s = schemas.Street{NL: l.intern(yamlValue(names, "nl", readText)), FR: l.intern(yamlValue(names, "fr", readText))}
	names.checkKeys()
	return s
}

func (l *cameraLoader) checkUnique(m *yamlMap, c *schemas.Camera) {
	if c.ID != "" {
		if first, twice := l.ids[c.ID]; twice {
			_, line := m.takeKey("id")
			l.p.addProblemf(line, m.joinPath("id"), "is also that of the camera in line %d; give each camera its own id", first)
		}
		l.ids[c.ID] = m.line
	}
	if !c.TokenSum.IsZero() {
		if first, twice := l.tokens[c.TokenSum]; twice {
			_, line := m.takeKey("token_sha256")
			l.p.addProblemf(line, m.joinPath("token_sha256"), "is also that of the camera in line %d; issue each camera its own token", first)
		}
		l.tokens[c.TokenSum] = m.line
	}
	if other, seen := l.sites[c.SiteHash]; seen && other != c.Site {
		l.p.addProblemf(m.line, m.joinPath("site"), "has the same hash as site %s; rename one of them", other)
	}
	l.sites[c.SiteHash] = c.Site
}

func readKind(s string) (schemas.CameraKind, error) {
	k, ok := schemas.ParseCameraKind(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is none of fixed, temporary, mobile", s)
	}
	return k, nil
}

// readMunicipality reads a NIS code. A code in the arrondissement of Brussels-Capital (21...) must name one of the 19
// municipalities.
func readMunicipality(s string) (uint32, error) {
	n, err := readInteger(s, 10_000, 99_999)
	if err != nil {
		return 0, fmt.Errorf("%w; write the five digits of the NIS code", err)
	}
	if n/1000 == 21 && (n < 21_001 || n > 21_019) {
		return 0, fmt.Errorf("%d is none of the 19 municipalities of Brussels, 21001..21019", n)
	}
	return uint32(n), nil
}

func readToken(s string) (schemas.Sum, error) {
	if s == "" {
		return schemas.Sum{}, nil
	}
	sum, err := sum256(s)
	if err == nil && sum.IsZero() {
		err = errors.New("is zero; leave it empty when no token was issued")
	}
	return sum, err
}

func readPurposes(m *yamlMap) (out schemas.CameraPurpose) {
	m.eachElement("purposes", func(n ast.Node, path string) {
		s, err := scalarText(n)
		purpose, known := rules.PurposeOf(s)
		if err == nil && !known {
			err = fmt.Errorf("%.40q is none of %s", s, strings.Join(rules.FamilyNames(nil), ", "))
		}
		if err == nil && out.Has(purpose) {
			err = errors.New("is there twice; keep one")
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error())
			return
		}
		out |= purpose
	})
	return out
}

func readDirection(s string) (schemas.Direction, error) {
	d, ok := schemas.ParseDirection(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is none of unknown, approaching, departing", s)
	}
	return d, nil
}

func readLanes(m *yamlMap, c *schemas.Camera) {
	m.eachMapping("lanes", func(m *yamlMap) {
		before := len(m.p.list)
		l := schemas.Lane{
			Number:      uint8(yamlValue(m, "number", readInt(0, schemas.MaxLane))),
			Direction:   yamlOptional(m, "direction", schemas.DirectionUnknown, readDirection),
			LEZExcluded: yamlOptional(m, "lez_excluded", false, readBool),
		}
		if len(m.p.list) == before {
			for i := range c.Lanes {
				if e := &c.Lanes[i]; (e.Number == 0 || e.Number == l.Number) && (e.Direction == 0 || e.Direction == l.Direction) {
					m.p.addProblemf(m.line, m.path, "is never used, because lanes[%d] (lane %d, %s) matches first; put the wider one last", i, e.Number, e.Direction)
					break
				}
			}
		}
		readLimits(m, &l)
		readReserved(m, &l)
		c.Lanes = append(c.Lanes, l)
	})
}

func readLimits(m *yamlMap, l *schemas.Lane) {
	m.eachMapping("limits", func(m *yamlMap) {
		before := len(m.p.list)
		x := schemas.SpeedLimit{
			Limit:    10 * schemas.Speed(yamlValue(m, "limit_kmh", readInt(1, maxLimit))),
			Surround: yamlValue(m, "surround", readSurround),
			Hours:    readHours(m),
			Variable: yamlOptional(m, "variable_sign", false, readBool),
			Verified: yamlOptional(m, "verified", false, readBool),
		}
		x.ValidFrom, x.ValidTo = m.readPeriod(true, false)
		x.LegalBasis = readLimitBasis(m, x.ValidFrom.Day())
		if x.Verified && x.LegalBasis == "" {
			m.addProblem(m.line, "legal_basis", errors.New("is empty in a verified limit; cite the regulation or write verified: false"))
		}
		if len(m.p.list) == before {
			for i := range l.Limits {
				if e := &l.Limits[i]; periodsMeet(period{e.ValidFrom, e.ValidTo}, period{x.ValidFrom, x.ValidTo}) && hoursMeet(e.Hours, x.Hours) {
					m.p.addProblemf(m.line, m.path, "overlaps limits[%d] in time; end the older with valid_to, or give them different hours", i)
				}
			}
		}
		l.Limits = append(l.Limits, x)
	})
}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// readHours reads a limit's hours: days, and from_time to to_time on a Brussels clock. No hours = always.
func readHours(m *yamlMap) (h schemas.Hours) {
	m.eachElement("days", func(n ast.Node, path string) {
		s, err := scalarText(n)
		day := slices.Index(weekdays, s)
		switch {
		case err == nil && day < 0:
			err = fmt.Errorf("%.40q is none of %s", s, strings.Join(weekdays, ", "))
		case err == nil && h.Days&(1<<day) != 0:
			err = errors.New("is there twice; keep one")
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error())
			return
		}
		h.Days |= 1 << day
	})
	const none = 0xffff
	from, to := yamlOptional(m, "from_time", none, readMinute), yamlOptional(m, "to_time", none, readMinute)
	switch {
	case from == none && to == none:
	case from == none || to == none:
		m.addProblem(m.line, "from_time", errors.New("stands without to_time, or to_time without it; write both"))
	case from == to:
		m.addProblem(m.line, "to_time", errors.New("is from_time; leave both out for the whole day"))
	default:
		h.From, h.To = from, to
	}
	return h
}

// readMinute reads a time of day as 07:30; 24:00 is the end of the day.
func readMinute(s string) (uint16, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("07:30") {
		return 0, fmt.Errorf("%.40q is no time of day; write hours and minutes as 07:30, the end of the day as 24:00", s)
	}
	return uint16(60*t.Hour() + t.Minute()), nil
}

// hoursMeet reports whether two limits may hold in the same minute with equal rank: a limit with hours goes before a
// limit without.
func hoursMeet(a, b schemas.Hours) bool {
	if a.Always() != b.Always() {
		return false
	}
	for day := range 7 {
		for minute := range uint16(24 * 60) {
			if a.CoverMinute(day, minute) && b.CoverMinute(day, minute) {
				return true
			}
		}
	}
	return false
}

func readSurround(s string) (string, error) {
	i := slices.Index(surrounds, s)
	if i < 0 {
		return "", fmt.Errorf("%.40q is none of %s", s, strings.Join(surrounds, ", "))
	}
	return surrounds[i], nil
}

// readLimitBasis reads what a limit rests on: nothing, one text for every language as registries had it first, or one for each.
func readLimitBasis(m *yamlMap, day schemas.Day) string {
	n, _ := m.takeKey("legal_basis")
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return readCitedBasis(m, "legal_basis", day)
	}
	return yamlOptional(m, "legal_basis", "", readBasis)
}

func readBasis(s string) (string, error) { return s, checkText(s) }

// readCertificates reads the device's verifications (RD 12/10/2010). They may overlap: a device is often verified anew
// before the old certificate ends.
func readCertificates(m *yamlMap, c *schemas.Camera) {
	m.eachMapping("certificates", func(m *yamlMap) {
		x := schemas.Certificate{Serial: yamlValue(m, "serial", readText), Approval: yamlValue(m, "approval", readText)}
		x.ValidFrom, x.ValidTo = m.readPeriod(true, true)
		c.Certificates = append(c.Certificates, x)
	})
}

func readLoans(m *yamlMap, c *schemas.Camera) {
	m.eachMapping("loans", func(m *yamlMap) {
		before := len(m.p.list)
		x := schemas.Loan{Zone: yamlValue(m, "zone", readIdent)}
		x.ValidFrom, x.ValidTo = m.readPeriod(true, true)
		if len(m.p.list) == before {
			for i := range c.Loans {
				if e := &c.Loans[i]; periodsMeet(period{e.ValidFrom, e.ValidTo}, period{x.ValidFrom, x.ValidTo}) {
					m.p.addProblemf(m.line, m.path, "overlaps loans[%d] in time; a camera is lent to one zone at a time", i)
				}
			}
		}
		c.Loans = append(c.Loans, x)
	})
}

// period is [from, to); to 0 is open.
type period struct{ from, to schemas.Micros }

func periodsMeet(a, b period) bool {
	return (a.to == 0 || b.from < a.to) && (b.to == 0 || a.from < b.to)
}

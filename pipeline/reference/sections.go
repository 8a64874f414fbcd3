package reference

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// Bounds of a section. At its limit a section takes at most longestDrive: what takes longer is not remembered.
const (
	shortestSection = 100     // metres
	longestSection  = 100_000 // metres
	longestDrive    = 10 * schemas.Minute
	maxClock        = 10_000 // milliseconds
	mostDetour      = 3      // times the straight distance
)

// sectionLoader reads sections.yaml against the cameras of the same version.
type sectionLoader struct {
	p       *problems
	cameras map[string]*schemas.Camera
	all     []loadedSection
}

type loadedSection struct {
	*schemas.Section
	line int
}

// linkSections reads sections.yaml and links each section to its cameras.
func linkSections(b []byte, p *problems, r *cameraRegistry) {
	l := &sectionLoader{p: p, cameras: make(map[string]*schemas.Camera, len(r.all))}
	for _, c := range r.all {
		l.cameras[c.ID] = c
	}
	if root := yamlRoot(b, p); root != nil {
		root.eachMapping("sections", l.readSection)
		root.checkKeys()
	}
	for _, s := range l.all {
		for _, ends := range [...][]schemas.SectionEnd{s.Entries, s.Exits, s.Inside} {
			for i := range ends {
				if c := ends[i].Camera; !slices.Contains(c.Sections, s.Section) {
					c.Sections = append(c.Sections, s.Section)
				}
			}
		}
	}
}

func (l *sectionLoader) readSection(m *yamlMap) {
	before := len(l.p.list)
	s := &schemas.Section{ID: yamlValue(m, "id", readIdent), LengthM: int64(yamlValue(m, "length_m", readInt(shortestSection, longestSection)))}
	s.Street = (&cameraLoader{p: l.p, texts: map[string]string{}}).readStreet(m)
	s.Entries, s.Exits, s.Inside = l.readEnds(m, "entries", true), l.readEnds(m, "exits", true), l.readEnds(m, "inside", false)
	var lane schemas.Lane
	readLimits(m, &lane)
	var device schemas.Camera
	readCertificates(m, &device)
	s.Limits, s.Certificates = lane.Limits, device.Certificates
	s.ValidFrom, s.ValidTo = m.readPeriod(true, false)
	l.readLengths(m, s)
	if len(s.Certificates) == 0 {
		m.addProblem(m.line, "certificates", errors.New("is empty; a section measures only with a certificate (RD 12/10/2010): copy serial, approval and dates from it"))
	}
	if len(l.p.list) > before {
		return
	}
	if l.checkEnds(m, s); len(l.p.list) > before {
		return
	}
	l.checkLimits(m, s)
	if len(s.Limits) > 0 {
		l.checkLength(m, s)
	}
	l.checkAlone(m, s)
	l.all = append(l.all, loadedSection{s, m.line})
}

// readEnds reads the devices of a section. An entry or exit states its clock and has the purpose.
func (l *sectionLoader) readEnds(m *yamlMap, key string, measures bool) (out []schemas.SectionEnd) {
	if n, line := m.takeKey(key); n == nil && measures {
		m.addProblem(line, key, errors.New("is empty; name at least one camera with its lanes"))
	}
	m.eachMapping(key, func(m *yamlMap) {
		id := yamlValue(m, "camera", readIdent)
		end := schemas.SectionEnd{Camera: l.cameras[id], Lanes: readSectionLanes(m), Direction: yamlOptional(m, "direction", schemas.DirectionUnknown, readDirection)}
		_, line := m.takeKey("camera")
		switch {
		case id == "":
		case end.Camera == nil:
			m.addProblem(line, "camera", fmt.Errorf("%s is not in %s; correct the id, or add the camera", id, fileCameras))
		case measures && !rules.MeasuresSections(end.Camera):
			m.addProblem(line, "camera", fmt.Errorf("%s is not authorised for average speeds; add the purpose in %s, or name another camera", id, fileCameras))
		case measures && end.Camera.LatE6 == 0 && end.Camera.LonE6 == 0:
			m.addProblem(line, "camera", fmt.Errorf("%s has no position, so the length cannot be checked; write lat_e6 and lon_e6 in %s", id, fileCameras))
		}
		if measures {
			end.Clock = schemas.Micros(yamlValue(m, "clock_ms", readInt(1, maxClock))) * schemas.Millisecond
		}
		out = append(out, end)
	})
	return out
}

func readSectionLanes(m *yamlMap) (out []uint8) {
	m.eachElement("lanes", func(n ast.Node, path string) {
		s, err := scalarText(n)
		lane := 0
		if err == nil {
			lane, err = readInteger(s, 1, schemas.MaxLane)
		}
		if err == nil && slices.Contains(out, uint8(lane)) {
			err = errors.New("is there twice; keep one")
		}
		if err != nil {
			m.p.addProblem(lineOf(n), path, err.Error())
			return
		}
		out = append(out, uint8(lane))
	})
	return out
}

// readLengths reads the lengths of pairs. None may be below that of the section, which is the shortest of all.
func (l *sectionLoader) readLengths(m *yamlMap, s *schemas.Section) {
	has := func(ends []schemas.SectionEnd, id string) bool {
		return slices.ContainsFunc(ends, func(e schemas.SectionEnd) bool { return e.Camera != nil && e.Camera.ID == id })
	}
	m.eachMapping("lengths", func(m *yamlMap) {
		before := len(l.p.list)
		x := schemas.CertifiedLength{
			From: yamlValue(m, "from", readIdent), To: yamlValue(m, "to", readIdent),
			FromLane: uint8(yamlOptional(m, "from_lane", 0, readInt(1, schemas.MaxLane))), ToLane: uint8(yamlOptional(m, "to_lane", 0, readInt(1, schemas.MaxLane))),
			LengthM: int64(yamlValue(m, "length_m", readInt(shortestSection, longestSection))),
		}
		switch {
		case len(l.p.list) > before:
		case !has(s.Entries, x.From):
			m.addProblem(m.line, "from", fmt.Errorf("%s is no entry of the section; name one", x.From))
		case !has(s.Exits, x.To):
			m.addProblem(m.line, "to", fmt.Errorf("%s is no exit of the section; name one", x.To))
		case x.LengthM < s.LengthM:
			m.addProblem(m.line, "length_m", fmt.Errorf("%d is below %d of the section, which must be the shortest of all; correct one of them", x.LengthM, s.LengthM))
		}
		s.Lengths = append(s.Lengths, x)
	})
}

// checkEnds refuses an entry that is an exit, or stands at the site of one: reads of one site are one passage.
func (l *sectionLoader) checkEnds(m *yamlMap, s *schemas.Section) {
	for i := range s.Entries {
		for k := range s.Exits {
			from, to := s.Entries[i].Camera, s.Exits[k].Camera
			if from.Site == to.Site {
				m.addProblem(m.line, fmt.Sprintf("exits[%d].camera", k), fmt.Errorf("%s stands at site %s, where entry %s is; nothing can be measured between them: name another camera", to.ID, to.Site, from.ID))
				return
			}
		}
	}
}

// checkLimits refuses a section without a limit at some time of its validity. Limits for some hours stand beside one
// for all hours, and overlaps were refused before.
func (l *sectionLoader) checkLimits(m *yamlMap, s *schemas.Section) {
	always := slices.DeleteFunc(slices.Clone(s.Limits), func(x schemas.SpeedLimit) bool { return !x.Hours.Always() })
	slices.SortFunc(always, func(a, b schemas.SpeedLimit) int { return int(min(max(a.ValidFrom-b.ValidFrom, -1), 1)) })
	until := s.ValidFrom
	for i := range always {
		if x := &always[i]; x.ValidFrom <= until {
			if x.ValidTo == 0 {
				return
			}
			until = max(until, x.ValidTo)
		}
	}
	if s.ValidTo == 0 || until < s.ValidTo {
		m.addProblem(m.line, "limits", fmt.Errorf("have none for all hours from %s on; add the limit that holds then, or end the section", until))
	}
}

// checkLength compares the lengths with the straight distances, and the time at the lowest limit with what is
// remembered.
func (l *sectionLoader) checkLength(m *yamlMap, s *schemas.Section) {
	shortest := math.Inf(1)
	for i := range s.Entries {
		for k := range s.Exits {
			from, to := s.Entries[i].Camera, s.Exits[k].Camera
			straight := metresBetween(from, to)
			shortest = min(shortest, straight)
			for j := range s.Lengths {
				if x := &s.Lengths[j]; x.From == from.ID && x.To == to.ID {
					checkStraight(m, fmt.Sprintf("lengths[%d].length_m", j), x.LengthM, straight)
				}
			}
		}
	}
	checkStraight(m, "length_m", s.LengthM, shortest)
	lowest := slices.MinFunc(s.Limits, func(a, b schemas.SpeedLimit) int { return int(a.Limit) - int(b.Limit) })
	longest := s.LengthM
	for i := range s.Lengths {
		longest = max(longest, s.Lengths[i].LengthM)
	}
	if at := schemas.Micros(longest * 36 * int64(schemas.Second) / int64(lowest.Limit)); at > longestDrive {
		m.addProblem(m.line, "length_m", fmt.Errorf("at %d km/h the section takes %d s, and passages are compared for %d s; divide it into shorter ones", lowest.Limit/10, at/schemas.Second, longestDrive/schemas.Second))
	}
}

func checkStraight(m *yamlMap, key string, length int64, straight float64) {
	switch {
	case float64(length) < math.Floor(straight):
		m.addProblem(m.line, key, fmt.Errorf("%d is below the straight distance of its ends, %.0f m; correct it by the certificate, or the positions of the cameras", length, straight))
	case float64(length) > mostDetour*straight:
		m.addProblem(m.line, key, fmt.Errorf("%d is more than %d times the straight distance of its ends, %.0f m; correct it by the certificate, or the positions of the cameras", length, mostDetour, straight))
	}
}

// metresBetween is the distance of two cameras on a sphere, exact to a thousandth within a country.
func metresBetween(a, b *schemas.Camera) float64 {
	const metresPerMicrodegree = 6_371_000 * math.Pi / 180 / 1e6
	north := float64(a.LatE6-b.LatE6) * metresPerMicrodegree
	middle := float64(a.LatE6+b.LatE6) / 2 / 1e6 * math.Pi / 180
	east := float64(a.LonE6-b.LonE6) * metresPerMicrodegree * math.Cos(middle)
	return math.Hypot(north, east)
}

// checkAlone refuses a second section of the same id, and a lane that is an end of two sections at one time: a passage
// is judged for one.
func (l *sectionLoader) checkAlone(m *yamlMap, s *schemas.Section) {
	mine := slices.Concat(s.Entries, s.Exits)
	for _, o := range l.all {
		if !periodsMeet(period{s.ValidFrom, s.ValidTo}, period{o.ValidFrom, o.ValidTo}) {
			continue
		}
		if o.ID == s.ID {
			m.addProblem(m.line, "id", fmt.Errorf("is also that of the section in line %d at the same time; end the older with valid_to, or give it another id", o.line))
			return
		}
		for i := range mine {
			for _, theirs := range slices.Concat(o.Entries, o.Exits) {
				if endsMeet(&mine[i], &theirs) {
					m.addProblem(m.line, "id", fmt.Errorf("uses a lane of camera %s that is an end of section %s at the same time; a passage is judged for one section: name other lanes, or join the sections", theirs.Camera.ID, o.ID))
					return
				}
			}
		}
	}
}

// endsMeet reports whether a read can belong to both ends.
func endsMeet(a, b *schemas.SectionEnd) bool {
	if a.Camera != b.Camera || a.Direction != b.Direction && a.Direction != schemas.DirectionUnknown && b.Direction != schemas.DirectionUnknown {
		return false
	}
	return a.Lanes == nil || b.Lanes == nil || slices.ContainsFunc(a.Lanes, func(n uint8) bool { return slices.Contains(b.Lanes, n) })
}

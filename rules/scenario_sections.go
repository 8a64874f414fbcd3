package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// pastPassages are the passages that closed, for scenarios; it implements [History].
type pastPassages []schemas.PastPassage

// Passages implements [History].
func (h pastPassages) Passages(dst []schemas.PastPassage, class schemas.Class, from, to schemas.Micros) []schemas.PastPassage {
	had := len(dst)
	for i := range h {
		if p := &h[i]; p.Plate.Class() == class && p.CapturedAt >= from && p.CapturedAt < to {
			dst = append(dst, *p)
		}
	}
	slices.SortFunc(dst[had:], schemas.ComparePastPassages)
	return dst
}

// addSection reads a section: entries, exits and devices inside by camera, each CAMERA, CAMERA:LANE or
// CAMERA:LANE:DIRECTION; clock_ms is the uncertainty of each clock, or one for every device of the line.
func (w *world) addSection(l *line) {
	s := &schemas.Section{ID: l.takeValue("id"), ValidFrom: l.parseTime("valid_from"), ValidTo: l.parseTime("valid_to"), LengthM: int64(l.parseNumber("length_m", 0))}
	clock := schemas.Micros(l.parseNumber("clock_ms", 0)) * schemas.Millisecond
	s.Entries, s.Exits, s.Inside = w.parseEnds(l, "from", clock), w.parseEnds(l, "to", clock), w.parseEnds(l, "inside", clock)
	if lengths := l.takeValue("lengths"); lengths != "" {
		for text := range strings.SplitSeq(lengths, ",") {
			part := strings.Split(text, "-")
			if len(part) != 3 {
				l.t.Fatalf("lengths=%s: write FROM-TO-METRES, with commas between several", lengths)
			}
			from, fromLane := splitLane(l, part[0])
			to, toLane := splitLane(l, part[1])
			s.Lengths = append(s.Lengths, schemas.CertifiedLength{From: from, To: to, FromLane: fromLane, ToLane: toLane, LengthM: int64(l.wholeNumber(part[2]))})
		}
	}
	w.sections[s.ID] = s
	for _, ends := range [][]schemas.SectionEnd{s.Entries, s.Exits, s.Inside} {
		for i := range ends {
			if c := ends[i].Camera; !slices.Contains(c.Sections, s) {
				c.Sections = append(c.Sections, s)
			}
		}
	}
}

func (w *world) parseEnds(l *line, key string, clock schemas.Micros) (out []schemas.SectionEnd) {
	text := l.takeValue(key)
	if text == "" {
		return nil
	}
	for x := range strings.SplitSeq(text, ",") {
		part := strings.Split(x, ":")
		c := w.cameras[part[0]]
		if c == nil {
			l.t.Fatalf("%s=%s: camera %q does not exist", key, text, part[0])
		}
		end := schemas.SectionEnd{Camera: c, Clock: clock}
		if len(part) > 1 && part[1] != "" {
			end.Lanes = []uint8{uint8(l.wholeNumber(part[1]))}
		}
		if len(part) > 2 {
			d, ok := schemas.ParseDirection(part[2])
			if !ok {
				l.t.Fatalf("%s=%s: direction %q is not known", key, text, part[2])
			}
			end.Direction = d
		}
		out = append(out, end)
	}
	return out
}

// splitLane splits CAMERA or CAMERA:LANE.
func splitLane(l *line, text string) (camera string, lane uint8) {
	camera, number, ok := strings.Cut(text, ":")
	if !ok {
		return camera, 0
	}
	return camera, uint8(l.wholeNumber(number))
}

func (l *line) wholeNumber(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		l.t.Fatalf("%q is not a whole number", text)
	}
	return n
}

// addToSection adds a limit or a certificate to a section.
func (w *world) addToSection(l *line, id string) {
	s := w.sections[id]
	switch {
	case s == nil:
		l.t.Fatalf("section %q does not exist", id)
	case l.words[0] == "limit":
		s.Limits = append(s.Limits, l.parseLimit())
	case l.words[0] == "certificate":
		s.Certificates = append(s.Certificates, l.parseCertificate())
	default:
		l.t.Fatalf("a section has no line %q", l.words[0])
	}
}

// closePassage keeps a decided passage, so that a later one elsewhere is compared with it.
func (w *world) closePassage(s *Subject) {
	if w.remembers(s.Camera) && !s.Straggler && !s.Passage.Parked {
		w.past = append(w.past, schemas.PastPassageOf(s.Passage, s.Camera.SiteHash, s.Camera.Number))
	}
}

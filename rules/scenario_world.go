package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// world is a small Reference for scenarios, with cameras and standing offences.
type world struct {
	vehicles      map[schemas.Plate][]schemas.Vehicle
	asOf          map[schemas.Country]schemas.Micros
	copies        map[Copy]schemas.Micros
	exemptions    map[schemas.Plate][]schemas.Exemption
	passes        map[schemas.Plate][]schemas.DayPass
	registrations map[schemas.Plate][]schemas.Registration
	entries       []*schemas.ListEntry
	cameras       map[string]*schemas.Camera
	permits       map[schemas.Plate][]schemas.Permit
	papers        map[schemas.Plate][]schemas.Standing
	calendars     map[string]*schemas.Calendar
	zones         map[string]*schemas.AccessZone
	sections      map[string]*schemas.Section
	standing      PriorOffences
	past          pastPassages
	roads         schemas.RoadTimes
}

var _ Reference = (*world)(nil)

func newWorld() *world {
	return &world{
		vehicles: map[schemas.Plate][]schemas.Vehicle{}, asOf: map[schemas.Country]schemas.Micros{}, copies: map[Copy]schemas.Micros{},
		exemptions: map[schemas.Plate][]schemas.Exemption{}, passes: map[schemas.Plate][]schemas.DayPass{},
		registrations: map[schemas.Plate][]schemas.Registration{}, cameras: map[string]*schemas.Camera{},
		sections: map[string]*schemas.Section{},
		permits:  map[schemas.Plate][]schemas.Permit{}, papers: map[schemas.Plate][]schemas.Standing{}, calendars: map[string]*schemas.Calendar{}, zones: map[string]*schemas.AccessZone{},
	}
}

func (w *world) Version() string { return "test" }

func isDuring(day, from, to schemas.Day) bool { return day >= from && (to == 0 || day < to) }

func (w *world) Vehicle(p schemas.Plate, c schemas.Country, at schemas.Micros) (schemas.Vehicle, bool) {
	var out schemas.Vehicle
	n := 0
	for _, v := range w.vehicles[p] {
		if (c.IsZero() || v.Country == c) && isDuring(at.Day(), v.ValidFrom, v.ValidTo) {
			out = v
			n++
		}
	}
	if n != 1 {
		return schemas.Vehicle{}, false
	}
	return out, true
}

func (w *world) RegisterAsOf(c schemas.Country) (schemas.Micros, bool) {
	at, ok := w.asOf[c]
	return at, ok
}

func (w *world) Exemption(p schemas.Plate, c schemas.Country, f schemas.Family, day schemas.Day) (schemas.Exemption, bool) {
	for _, e := range w.exemptions[p] {
		if (c.IsZero() || e.Country == c) && e.Family == string(f) && isDuring(day, e.ValidFrom, e.ValidTo) {
			return e, true
		}
	}
	return schemas.Exemption{}, false
}

func (w *world) DayPass(p schemas.Plate, c schemas.Country, day schemas.Day) (out schemas.DayPass, ok bool) {
	for _, x := range w.passes[p] {
		if x.Day == day && x.Country == c && (!ok || x.Issued < out.Issued) {
			out, ok = x, true
		}
	}
	return out, ok
}

func (w *world) DayPasses(p schemas.Plate, c schemas.Country, from, to schemas.Day) (n int) {
	for d := from; d < to; d++ {
		if _, ok := w.DayPass(p, c, d); ok {
			n++
		}
	}
	return n
}

func (w *world) Registration(p schemas.Plate, c schemas.Country, day schemas.Day) (schemas.Registration, bool) {
	for _, r := range w.registrations[p] {
		if r.Country == c && isDuring(day, r.ValidFrom, r.ValidTo) {
			return r, true
		}
	}
	return schemas.Registration{}, false
}

// Entries ignores the time on purpose: the engine must check the time.
func (w *world) Entries(dst []*schemas.ListEntry, c schemas.Class, _ schemas.Micros) []*schemas.ListEntry {
	for _, e := range w.entries {
		if e.Plate.Class() == c {
			dst = append(dst, e)
		}
	}
	return dst
}

// line is a line in a scenario: words, and key=value pairs.
type line struct {
	t     failer
	words []string
	kv    map[string]string
	used  map[string]bool
}

func parseLine(t failer, s string) *line {
	l := &line{t: t, kv: map[string]string{}, used: map[string]bool{}}
	for w := range strings.FieldsSeq(s) {
		if k, v, ok := strings.Cut(w, "="); ok {
			l.kv[k] = v
		} else {
			l.words = append(l.words, w)
		}
	}
	return l
}

func (l *line) takeValue(key string) string { l.used[key] = true; return l.kv[key] }

func (l *line) hasWord(word string) bool { return slices.Contains(l.words, word) }

func (l *line) parseNumber(key string, otherwise int) int {
	s := l.takeValue(key)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		l.t.Fatalf("%s=%s: %v", key, s, err)
	}
	return n
}

// checkAllUsed fails on a key that no reader used: a scenario with a spelling mistake proves nothing.
func (l *line) checkAllUsed() {
	for k := range l.kv {
		if !l.used[k] {
			l.t.Fatalf("line %v: key %s is not known", l.words, k)
		}
	}
}

func (l *line) parseDay(key string) schemas.Day {
	s := l.takeValue(key)
	if s == "" {
		return 0
	}
	d, err := schemas.ParseDay(s)
	if err != nil {
		l.t.Fatal(err)
	}
	return d
}

// parseTime reads a Brussels wall clock time, or UTC with a Z.
func (l *line) parseTime(key string) schemas.Micros {
	s := l.takeValue(key)
	if s == "" {
		return 0
	}
	if len(s) == len(time.DateOnly) {
		s += "T00:00:00"
	}
	if strings.HasSuffix(s, "Z") {
		at, err := time.Parse("2006-01-02T15:04:05.999999Z", s)
		if err != nil {
			l.t.Fatal(err)
		}
		return schemas.MicrosOf(at)
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.999999", s, schemas.Brussels())
	if err != nil {
		l.t.Fatal(err)
	}
	return schemas.MicrosOf(at)
}

// parseSpeed reads "50" or "50.5".
func (l *line) parseSpeed(key string) schemas.Speed {
	s := l.takeValue(key)
	if s == "" {
		return 0
	}
	whole, tenth, _ := strings.Cut(s, ".")
	n, err := strconv.Atoi(whole + (tenth + "0")[:1])
	if err != nil || len(tenth) > 1 {
		l.t.Fatalf("%s=%s is not a speed with at most one decimal", key, s)
	}
	return schemas.Speed(n)
}

// parseHours reads days=mon,tue and hours=07:30-08:30.
func (l *line) parseHours() (h schemas.Hours) {
	const week = "mon tue wed thu fri sat sun"
	if days := l.takeValue("days"); days != "" {
		for d := range strings.SplitSeq(days, ",") {
			at := strings.Index(week, d)
			if at < 0 || len(d) != 3 {
				l.t.Fatalf("days=%s: %s is none of %s", days, d, week)
			}
			h.Days |= 1 << (at / 4)
		}
	}
	if text := l.takeValue("hours"); text != "" {
		var a, b, c, d uint16
		if n, err := fmt.Sscanf(text, "%d:%d-%d:%d", &a, &b, &c, &d); err != nil || n != 4 {
			l.t.Fatalf("hours=%s is not like 07:30-08:30", text)
		}
		h.From, h.To = 60*a+b, 60*c+d
	}
	return h
}

func (l *line) parseCountry() schemas.Country {
	const key = "country"
	c, ok := schemas.CountryFrom(l.takeValue(key))
	if !ok && l.kv[key] != "" {
		l.t.Fatalf("%s=%s is not a country", key, l.kv[key])
	}
	return c
}

// plateCountry returns the country on the line, else BE.
func (l *line) plateCountry() schemas.Country {
	if c := l.parseCountry(); !c.IsZero() {
		return c
	}
	return schemas.Belgium
}

func parseWord[T any](l *line, key string, parse func(string) (T, bool)) T {
	s := l.takeValue(key)
	var zero T
	if s == "" {
		return zero
	}
	v, ok := parse(s)
	if !ok {
		l.t.Fatalf("%s=%s is not known", key, s)
	}
	return v
}

// addFact reads a line of reference data.
func (w *world) addFact(t failer, s string) {
	l := parseLine(t, s)
	if len(l.words) == 0 {
		return
	}
	p, _ := schemas.PlateFrom(l.takeValue("plate"))
	switch l.words[0] {
	case "vehicle":
		w.vehicles[p] = append(w.vehicles[p], schemas.Vehicle{
			Country: l.parseCountry(), Category: parseWord(l, "category", schemas.ParseCategory),
			Fuel: parseWord(l, "fuel", schemas.ParseFuel), Euro: parseWord(l, "euro", schemas.ParseEuro), Oldtimer: l.hasWord("oldtimer"),
			Class: parseWord(l, "class", schemas.ParseN1Class), Body: parseWord(l, "body", schemas.ParseBody), ReferenceMass: uint16(l.parseNumber("mass", 0)),
			FirstRegistration: l.parseDay("first"), ValidFrom: l.parseDay("from"), ValidTo: l.parseDay("to"),
		})
	case "register":
		w.asOf[l.parseCountry()] = l.parseTime("asof")
	case "copy":
		w.copies[Copy(l.takeValue("name"))] = l.parseTime("asof")
	case "exemption":
		w.exemptions[p] = append(w.exemptions[p], schemas.Exemption{
			Country: l.plateCountry(),
			Family:  l.takeValue("family"), Kind: l.takeValue("kind"), Ref: l.takeValue("ref"), ValidFrom: l.parseDay("from"), ValidTo: l.parseDay("to"),
		})
	case "pass":
		w.passes[p] = append(w.passes[p], schemas.DayPass{Country: l.plateCountry(), Day: l.parseDay("day"), Issued: l.parseTime("issued")})
	case "registration":
		w.registrations[p] = append(w.registrations[p], schemas.Registration{
			Country: l.parseCountry(), ValidFrom: l.parseDay("from"), ValidTo: l.parseDay("to"), Category: parseWord(l, "category", schemas.ParseCategory),
			Class: parseWord(l, "class", schemas.ParseN1Class), Fuel: parseWord(l, "fuel", schemas.ParseFuel), Euro: parseWord(l, "euro", schemas.ParseEuro),
		})
	case "entry":
		w.entries = append(w.entries, &schemas.ListEntry{
			List: l.takeValue("list"), ID: l.takeValue("id"), Plate: p, Country: l.parseCountry(), Priority: uint8(l.parseNumber("priority", 50)),
			ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to"), Confusable: l.hasWord("confusable"),
		})
	case "papers":
		w.papers[p] = append(w.papers[p], schemas.Standing{
			Country: l.plateCountry(), InsuredUntil: l.parseDay("insured"), InspectedUntil: l.parseDay("inspected"), RegisteredUntil: l.parseDay("registered"),
			CancelledFrom: l.parseDay("cancelled"),
		})
	case "camera":
		w.addCamera(l)
	case "section":
		w.addSection(l)
	case "tunnel":
		w.addTunnel(l)
	case "roadtime":
		w.addRoadTime(l)
	case "lane", "limit", "certificate":
		w.addDevice(l)
	case "calendar", "zone", "slot", "permit", "suspension":
		w.addArea(l, p)
	default:
		t.Fatalf("reference line %q is not known", s)
	}
	l.checkAllUsed()
}

func (w *world) addCamera(l *line) {
	id := l.takeValue("id")
	c := &schemas.Camera{ID: id, Site: id, Number: uint32(len(w.cameras) + 1), InsideLEZ: l.hasWord("inside")}
	if site := l.takeValue("site"); site != "" {
		c.Site = site
	}
	c.SiteHash = hashOfSite(c.Site)
	for _, info := range Families() {
		if l.hasWord(string(info.Family)) {
			c.Purposes |= info.Purpose
		}
	}
	w.cameras[id] = c
}

// concernsFamily reports whether a camera in the world is authorised for the family.
func (w *world) concernsFamily(f schemas.Family) bool {
	for _, c := range w.cameras {
		if c.Purposes.Has(InfoOf(f).Purpose) {
			return true
		}
	}
	return false
}

// takeCamera takes the line's camera, which a line before it made.
func (w *world) takeCamera(l *line) *schemas.Camera {
	id := l.takeValue("camera")
	c := w.cameras[id]
	if c == nil {
		l.t.Fatalf("camera %q does not exist; write a line of reference data before it: camera id=%s", id, id)
	}
	return c
}

// addDevice adds a lane or a certificate to a camera, a limit to the camera's last lane, or a limit or a certificate to
// a section.
func (w *world) addDevice(l *line) {
	if id := l.takeValue("section"); id != "" {
		w.addToSection(l, id)
		return
	}
	c := w.takeCamera(l)
	switch l.words[0] {
	case "lane":
		if reserved, ok := l.parseReserved(); ok { // the same lane may be reserved at several hours
			n, dir := uint8(l.parseNumber("n", 0)), parseWord(l, "dir", schemas.ParseDirection)
			last := len(c.Lanes) - 1
			if last < 0 || c.Lanes[last].Number != n || c.Lanes[last].Direction != dir {
				c.Lanes = append(c.Lanes, schemas.Lane{Number: n, Direction: dir})
				last++
			}
			c.Lanes[last].Reserved = append(c.Lanes[last].Reserved, reserved)
			return
		}
		c.Lanes = append(c.Lanes, schemas.Lane{
			Number: uint8(l.parseNumber("n", 0)), Direction: parseWord(l, "dir", schemas.ParseDirection), LEZExcluded: l.hasWord("excluded"),
		})
	case "limit":
		if len(c.Lanes) == 0 {
			l.t.Fatalf("camera %q has no lane for the limit; write a line before it: lane camera=%s", c.ID, c.ID)
		}
		lane := &c.Lanes[len(c.Lanes)-1]
		lane.Limits = append(lane.Limits, l.parseLimit())
	case "certificate":
		c.Certificates = append(c.Certificates, l.parseCertificate())
	}
}

func (l *line) parseLimit() schemas.SpeedLimit {
	return schemas.SpeedLimit{
		Hours: l.parseHours(), Variable: l.hasWord("variable"),
		Limit: l.parseSpeed("kmh"), Surround: l.takeValue("surround"), ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to"),
		LegalBasis: "road code, art. 11", Verified: !l.hasWord("unverified"),
	}
}

func (l *line) parseCertificate() schemas.Certificate {
	return schemas.Certificate{Serial: l.takeValue("serial"), Approval: l.takeValue("approval"), ValidFrom: l.parseTime("from"), ValidTo: l.parseTime("to")}
}

// makeSubject makes the passage for a decide or explain line.
func (w *world) makeSubject(l *line) *Subject {
	plate, ok := schemas.PlateFrom(l.takeValue("plate"))
	if !ok {
		l.t.Fatalf("plate=%q is not a plate", l.kv["plate"])
	}
	cam := w.takeCamera(l)
	at := l.parseTime("at")
	best := schemas.Sighting{
		Read: schemas.NewReadID(&schemas.Read{Camera: cam.ID, CapturedAt: at, RawPlate: plate.String()}), Camera: cam.ID, CapturedAt: at,
		ReceivedAt: at + schemas.Second, Plate: plate, Country: l.parseCountry(),
		CountryConfidence: schemas.PerMille(l.parseNumber("country_confidence", 0)),
		Confidence:        schemas.PerMille(l.parseNumber("confidence", 950)), Lane: uint8(l.parseNumber("lane", 1)),
		Direction: schemas.Approaching, Kind: parseWord(l, "kind", schemas.ParseVehicleKind),
	}
	if l.kv["dir"] != "" {
		best.Direction = parseWord(l, "dir", schemas.ParseDirection)
	}
	if l.hasWord("clock_suspect") {
		best.Flags |= schemas.FlagClockSuspect
	}
	p := &schemas.Passage{
		ID: schemas.PassageIDOf(best.Read), Class: plate.Class(), First: at, Last: at, Reads: 1,
		Variants: uint8(l.parseNumber("variants", 1)), Parked: l.hasWord("parked"), Best: best,
	}
	s := &Subject{Passage: p, Camera: cam, Prior: &w.standing, Straggler: l.hasWord("late")}
	w.addPast(s)
	if settled := l.takeValue("settled"); settled != "" {
		s.Settled = strings.Split(settled, ",")
	}
	w.addMeasurements(l, s)
	if speed := l.parseSpeed("speed"); speed > 0 {
		p.Measured = best
		p.Measured.Speed = speed
		s.MeasuredBy = cam
	}
	return s
}

// formatDecision prints a decision on one line.
func formatDecision(d *schemas.Decision) string {
	s := fmt.Sprintf("%s %s %s", d.Family, d.Outcome, d.Reason)
	if allowed := d.Speed(schemas.AllowedSpeed); allowed != 0 {
		s += fmt.Sprintf(" measured=%d corrected=%d limit=%d", d.Speed(schemas.MeasuredSpeed), d.Speed(schemas.CorrectedSpeed), allowed)
	}
	if d.AmountCents != 0 {
		s += fmt.Sprintf(" cents=%d", d.AmountCents)
	}
	if d.HoldUntil != 0 {
		s += " until=" + formatMoment(d.HoldUntil)
	}
	return s + fmt.Sprintf(" version=%s verified=%t", d.RuleVersion, d.Verified)
}

package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Note is something an adapter left out or changed without refusing the read. The set is closed: it is a metric label.
type Note string

// The notes.
const (
	NoteConfidence Note = "confidence_dropped" // not a number of its scale
	NoteSpeed      Note = "speed_dropped"      // not a speed up to 400 km/h
	NoteLane       Note = "lane_dropped"       // not a lane from 1 to 32
	NoteCountry    Note = "country_unknown"    // a code no table has
	NoteText       Note = "text_cut"           // make or colour above its bound
	NoteEventID    Note = "event_id_hashed"    // the camera's id above its bound
	NoteCandidates Note = "candidates_cut"     // more candidates than kept
	NoteImage      Note = "image_dropped"      // a picture that is none, is too large, or one too many
	NoteClock      Note = "clock_suspect"      // the camera's clock is not to be trusted: the read is kept, no offence issued on it
	NoteOffset     Note = "offset_replaced"    // the stated time zone contradicts the clock, see the package comment
	NoteSource     Note = "second_source"      // another device than before at an address without source ids
)

// Notes lists all notes, for pre-bound metrics.
func Notes() []Note {
	return []Note{NoteConfidence, NoteSpeed, NoteLane, NoteCountry, NoteText, NoteEventID, NoteCandidates, NoteImage, NoteOffset, NoteClock, NoteSource}
}

// Image is a picture that came with an upload. Name says what it shows, as far as the camera said.
type Image struct {
	Name string
	Data []byte
}

// Parsed is what an adapter makes of one event: exactly one of a read, a refusal (Err) or nothing to keep (Ignored).
type Parsed struct {
	Read    *anprv1.PlateRead // without ids, times and pictures
	Images  []Image
	Notes   []Note
	Err     *schemas.RejectError
	Ignored string // why there is no read in it

	when  stamp
	raw   []byte        // the event's part of the upload; nil when it is the whole
	class schemas.Class // set when the read is complete

	sources []source        // what the message names as the device, the plainest first
	cam     *schemas.Camera // whose read it is, set by routeSource
}

// newParsed begins a read.
func newParsed() *Parsed { return &Parsed{Read: &anprv1.PlateRead{}} }

func ignored(why string) *Parsed { return &Parsed{Ignored: why} }

func refused(r schemas.Reason, field, format string, args ...any) *Parsed {
	return &Parsed{Err: schemas.Rejectf(r, field, format, args...)}
}

// refuse turns the read into a refusal, unless it is one.
func (p *Parsed) refuse(r schemas.Reason, field, format string, args ...any) {
	if p.Err == nil {
		p.Err = schemas.Rejectf(r, field, format, args...)
	}
}

func (p *Parsed) note(n Note) {
	if !slices.Contains(p.Notes, n) {
		p.Notes = append(p.Notes, n)
	}
}

// plate sets the raw plate, or refuses the event as one without. words are what the vendor writes for none.
func (p *Parsed) plate(field, s string) {
	switch fold(s) {
	case "", "unknown", "noplate":
		p.refuse(schemas.ReasonPlateUnread, field, "the camera saw a vehicle and read no plate; kept for statistics, nothing to do")
		return
	}
	p.Read.RawPlate = s
}

// fold reduces a word of a vendor's vocabulary to lower-case letters and digits.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
			return r
		}
		return -1
	}, s)
}

// capturedAt sets the time of capture from the first of the texts that is not empty.
func (p *Parsed) capturedAt(field string, texts ...string) {
	for _, s := range texts {
		if s == "" {
			continue
		}
		when, ok := parseWhen(s)
		if !ok {
			p.refuse(schemas.ReasonBadField, field, "%.40q is no time; send RFC 3339 with an offset, or an epoch", s)
		}
		p.when = when
		return
	}
	p.refuse(schemas.ReasonMissingField, field, "the event says no time of capture; send it")
}

func (p *Parsed) confidence(s string, scale int) {
	v, ok := perMille(s, scale)
	if !ok && s != "" {
		p.note(NoteConfidence)
	}
	p.Read.ConfidencePm = v
}

func (p *Parsed) country(code, text string) {
	if code == "" && text != "" {
		p.note(NoteCountry)
	}
	p.Read.Country = code
}

func (p *Parsed) speed(s string) {
	v, ok := speedTenths(s)
	if !ok && s != "" {
		p.note(NoteSpeed)
	}
	p.Read.SpeedDkmh = v
}

func (p *Parsed) lane(s string) {
	v, ok := decimal(s, 0, down)
	if (!ok && s != "") || v < 0 || v > schemas.MaxLane {
		p.note(NoteLane)
		return
	}
	p.Read.Lane = uint32(v)
}

func (p *Parsed) colour(s string) { p.Read.Colour = p.word(s) }

func (p *Parsed) makeName(s string) { p.Read.Make = p.word(s) }

// word bounds a text that describes the vehicle; what means "not known" becomes empty.
func (p *Parsed) word(s string) string {
	switch fold(s) {
	case "unknown", "generic", "none", "other", "others", "na":
		return ""
	}
	if len(s) > schemas.MaxText {
		p.note(NoteText)
	}
	return cut(s, schemas.MaxText)
}

// eventID sets the camera's own id. One above the bound is replaced by its hash: cutting it could make two ids one.
func (p *Parsed) eventID(s string) {
	if len(s) > schemas.MaxEventID {
		sum := sha256.Sum256([]byte(s))
		s = "sha256:" + hex.EncodeToString(sum[:])
		p.note(NoteEventID)
	}
	p.Read.CameraEventId = s
}

// candidate adds another reading, unless it is the plate itself.
func (p *Parsed) candidate(plate, confidence string, scale int) {
	if plate == "" || plate == p.Read.RawPlate {
		return
	}
	if len(plate) > schemas.MaxRawPlate || len(p.Read.Candidates) == schemas.MaxCandidates {
		p.note(NoteCandidates)
		return
	}
	pm, _ := perMille(confidence, scale)
	p.Read.Candidates = append(p.Read.Candidates, &anprv1.Candidate{Plate: plate, ConfidencePm: pm})
}

// image adds a picture that came as base64 text.
func (p *Parsed) image(name, text string) {
	if text == "" {
		return
	}
	data, ok := unbase64(text)
	if !ok {
		p.note(NoteImage)
		return
	}
	p.Images = append(p.Images, Image{Name: name, Data: data})
}

// direction maps a vendor's word.
func direction(s string) anprv1.Direction {
	switch fold(s) {
	case "forward", "in", "front", "towards", "approaching", "approach":
		return anprv1.Direction_DIRECTION_APPROACHING
	case "reverse", "backward", "out", "rear", "back", "away", "departing", "leave":
		return anprv1.Direction_DIRECTION_DEPARTING
	}
	return anprv1.Direction_DIRECTION_UNSPECIFIED
}

var vehicleKinds = map[string]anprv1.VehicleKind{
	"car": anprv1.VehicleKind_VEHICLE_KIND_CAR, "vehicle": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"sedan": anprv1.VehicleKind_VEHICLE_KIND_CAR, "suv": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"suvmpv": anprv1.VehicleKind_VEHICLE_KIND_CAR, "mpv": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"hatchback": anprv1.VehicleKind_VEHICLE_KIND_CAR, "coupe": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"smallcar": anprv1.VehicleKind_VEHICLE_KIND_CAR, "minicar": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"van": anprv1.VehicleKind_VEHICLE_KIND_VAN, "pickup": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"pickuptruck": anprv1.VehicleKind_VEHICLE_KIND_VAN, "minivan": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"buggycar": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"truck":    anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "bigtruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"tractortrailer": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "lorry": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"bus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "largebus": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"mediumbus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "coach": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"motorcycle": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE, "twowheelvehicle": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	"motorbike": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
}

// vehicleKind maps a vendor's word; what the table does not have is unknown. "sedan-compact" counts as its first word.
func vehicleKind(s string) anprv1.VehicleKind {
	if k, ok := vehicleKinds[fold(s)]; ok {
		return k
	}
	head, _, _ := strings.Cut(s, "-")
	return vehicleKinds[fold(head)]
}

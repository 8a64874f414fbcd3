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

	NoteKind         Note = "kind_unknown"      // a word for the vehicle that no table has
	NoteDirection    Note = "direction_unknown" // a word for the direction that no table has
	NoteCandidate    Note = "candidate_dropped" // another reading that is no text, or has none
	NoteImageAddress Note = "image_by_address"  // a picture given by address: nobody fetches it
	NoteImageMissing Note = "image_missing"     // a picture that the message announces and the upload lacks
	NoteReceiptTime  Note = "time_of_receipt"   // no time of capture, or one that cannot be: the time of receipt stands in
	NotePictureTime  Note = "time_of_picture"   // the event says no time: that of its picture stands in
	NoteOriginal     Note = "original_plate"    // the plate counts as the device says that it is written, not as it spelt it
	NoteInactive     Note = "event_inactive"    // the camera calls the event not valid
	NoteUnknownField Note = "unknown_field"     // a field that the format does not have; Unknown names it
	NoteOften        Note = "plate_too_often"   // the camera sends this plate more often than a vehicle can pass: is it a word for no plate?
)

// Notes lists all notes, for pre-bound metrics.
func Notes() []Note {
	return []Note{
		NoteConfidence, NoteSpeed, NoteLane, NoteCountry, NoteText, NoteEventID, NoteCandidates, NoteImage, NoteOffset, NoteClock, NoteSource,
		NoteKind, NoteDirection, NoteCandidate, NoteImageAddress, NoteImageMissing, NoteReceiptTime, NotePictureTime, NoteOriginal, NoteInactive, NoteUnknownField, NoteOften,
	}
}

// IgnoredKind says why an event holds no read. The set is closed: it is a metric label.
type IgnoredKind string

// The kinds of events that a camera rightly sends and that hold no read.
const (
	IgnoredHeartbeat IgnoredKind = "heartbeat"
	IgnoredTest      IgnoredKind = "test"              // of a connection, by a person
	IgnoredState     IgnoredKind = "state"             // of the device, errors of its own included
	IgnoredPreview   IgnoredKind = "preview"           // of a read that follows
	IgnoredTrack     IgnoredKind = "track"             // beginning, end or place of a track; its plate comes apart
	IgnoredEmpty     IgnoredKind = "no_plate_in_frame" // nothing was seen
	IgnoredDetection IgnoredKind = "other_detection"   // seen by a detector that reads no plates
	IgnoredNoVehicle IgnoredKind = "no_motor_vehicle"  // a pedestrian, a bicycle: nothing with a registration
)

// IgnoredKinds lists all kinds, for pre-bound metrics.
func IgnoredKinds() []IgnoredKind {
	return []IgnoredKind{
		IgnoredHeartbeat, IgnoredTest, IgnoredState, IgnoredPreview, IgnoredTrack, IgnoredEmpty, IgnoredDetection, IgnoredNoVehicle,
	}
}

// Image is a picture that came with an upload. Name says what it shows, as far as the camera said.
type Image struct {
	Name string
	Data []byte
}

// Parsed is what a format's reader makes of one event: exactly one of a read, a refusal (Err) or nothing to keep (Ignored).
// A refusal with plate_unread is a vehicle whose plate was not read: its sender did nothing wrong, so the gateway answers
// it like a read and counts it once.
type Parsed struct {
	Read    *anprv1.PlateRead // without ids, times and pictures
	Images  []Image
	Notes   []Note
	Err     *schemas.RejectError
	Ignored IgnoredKind
	Unknown []string // fields that the format does not have, of a read with that note

	when      stamp
	timeless  bool // captured at the time of receipt for want of a better one
	announced int  // pictures that the event says come with it

	raw   []byte        // the event's part of the upload; nil when it is the whole
	named schemas.Plate // set when the read is complete
	class schemas.Class

	sources []source        // what the message names as the device, the plainest first
	cam     *schemas.Camera // whose read it is, set by routeSource

	track      string // the camera's id of the vehicle, when it tells of one vehicle in several messages
	trackSpeed uint32 // of that vehicle, tenths of km/h: the event holds nothing else
	joined     bool   // the read was made whole of two messages: neither is its own
	ended      bool   // sent at the end of a track: late, and from no buffer
	elsewhere  bool   // the message names pictures that lie on the camera
}

// newParsed begins a read.
func newParsed() *Parsed { return &Parsed{Read: &anprv1.PlateRead{}} }

func ignored(why IgnoredKind) *Parsed { return &Parsed{Ignored: why} }

func refused(r schemas.Reason, field, format string, args ...any) *Parsed {
	return &Parsed{Read: &anprv1.PlateRead{}, Err: schemas.Rejectf(r, field, format, args...)}
}

// unread reports whether the event is a vehicle whose plate was not read.
func (p *Parsed) unread() bool { return p.Err != nil && p.Err.Reason == schemas.ReasonPlateUnread }

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

// unreadWord reports whether a vendor's text says that the plate was not read: what no engine writes for a plate, which is nothing but signs, and
// the vendors' words in small letters. Words that could be a plate are judged with the confidence, by Config.Normalise.
func unreadWord(s string) bool {
	word := fold(s)
	return word == "" || (word == "unknown" || word == "noplate") && s != strings.ToUpper(s)
}

// plate sets the raw plate, or says that it was not read. The field must be there: see plateOf.
func (p *Parsed) plate(field, s string) {
	if unreadWord(s) {
		p.refuse(schemas.ReasonPlateUnread, field, "the camera saw a vehicle and read no plate; counted, nothing to do")
		return
	}
	p.Read.RawPlate = s
}

// plateOf sets the raw plate from the first of the names among parent's children that has one. A message in which none of
// the names is there, not even empty, is refused for it: it says nothing about a plate, which is not the same as a plate
// that was not read.
func (p *Parsed) plateOf(field string, parent *node, names ...string) {
	there := false
	for _, name := range names {
		there = there || parent.has(name)
		if s := parent.val(name); !unreadWord(s) {
			p.plate(field, s)
			return
		}
	}
	if !there {
		p.refuse(schemas.ReasonMissingField, field, "the event has no field for the plate; send it as %s", names[0])
		return
	}
	p.plateIn(field, parent, names...)
}

// plateIn is for a field of these names without a plate in it: it was not read, unless the field holds something else than
// a text, which is not thrown away as unread.
func (p *Parsed) plateIn(field string, parent *node, names ...string) {
	if parent.structured(names...) {
		p.refuse(schemas.ReasonBadField, field, "is not a text but has fields of its own; send the plate as a text")
	}
	p.plate(field, "")
}

// fold reduces a word of a vendor's vocabulary to lower-case letters and digits.
func fold(s string) string {
	s = cut(s, maxWord)
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

// capturedAt sets the time of capture from the first of the texts that is not empty. An event without one is kept: the
// gateway gives it the time of receipt and marks its clock, so that lists see the vehicle and no offence is issued.
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
	p.note(NoteReceiptTime)
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
	if strings.ContainsRune(plate, '\uFFFD') {
		p.note(NoteCandidate)
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

// direction sets the direction from a vendor's word.
func (p *Parsed) direction(s string) {
	p.Read.Direction = direction(s)
	switch fold(s) {
	case "", "unknown", "unk", "none", "other":
	default:
		if p.Read.Direction == anprv1.Direction_DIRECTION_UNSPECIFIED {
			p.note(NoteDirection)
		}
	}
}

// unknown notes a field that the format does not have.
func (p *Parsed) unknown(field string) {
	const most = 8
	if p.note(NoteUnknownField); len(p.Unknown) < most {
		p.Unknown = append(p.Unknown, cut(strings.ToValidUTF8(field, "?"), schemas.MaxText))
	}
}

// pictureElsewhere says that the message names pictures by their address or path.
func (p *Parsed) pictureElsewhere() { p.elsewhere = true }

// kind sets the kind of the vehicle from a vendor's word.
func (p *Parsed) kind(s string) {
	p.Read.VehicleKind = vehicleKind(s)
	switch fold(s) {
	case "", "unknown", "unk", "none", "other", "others", "na", "missing", "antique":
	default:
		if p.Read.VehicleKind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED {
			p.note(NoteKind)
		}
	}
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
	"vanmini": anprv1.VehicleKind_VEHICLE_KIND_CAR, "truckstandard": anprv1.VehicleKind_VEHICLE_KIND_VAN, // Rekor: a pick-up
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

package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Notice is something an adapter left out or changed without refusing the read. The set is closed: it is a metric label.
type Notice string

// The notes.
const (
	NoticeConfidence   Notice = "confidence_dropped" // not a number of its scale
	NoticeSpeed        Notice = "speed_dropped"      // not a speed up to 400 km/h
	NoticeLane         Notice = "lane_dropped"       // not a lane from 1 to 32
	NoticeCountry      Notice = "country_unknown"    // a code no table has
	NoticeText         Notice = "text_cut"           // make or colour above its bound
	NoticeEventID      Notice = "event_id_hashed"    // the camera's id above its bound
	NoticeAlternatives Notice = "candidates_cut"     // more candidates than kept
	NoticeImage        Notice = "image_dropped"      // a picture that is none, is too large, or one too many
	NoticeClock        Notice = "clock_suspect"      // the camera's clock is not to be trusted: the read is kept, no offence issued on it
	NoticeOffset       Notice = "offset_replaced"    // the stated time zone contradicts the clock, see the package comment
	NoticeSource       Notice = "second_source"      // another device than before at an address without source ids

	NoticeKind         Notice = "kind_unknown"      // a word for the vehicle that no table has
	NoticeDirection    Notice = "direction_unknown" // a word for the direction that no table has
	NoticeAlternative  Notice = "candidate_dropped" // another reading that is no text, or has none
	NoticeImageAddress Notice = "image_by_address"  // a picture given by address: nobody fetches it
	NoticeImageMissing Notice = "image_missing"     // a picture that the message announces and the upload lacks
	NoticeReceiptTime  Notice = "time_of_receipt"   // no time of capture, or one that cannot be: the time of receipt stands in
	NoticePictureTime  Notice = "time_of_picture"   // the event says no time: that of its picture stands in
	NoticeOriginal     Notice = "original_plate"    // the plate counts as the device says that it is written, not as it spelt it
	NoticeInactive     Notice = "event_inactive"    // the camera calls the event not valid
	NoticeUnknownField Notice = "unknown_field"     // a field that the format does not have; Unknown names it
	NoticeOften        Notice = "plate_too_often"   // the camera sends this plate more often than a vehicle can pass: is it a word for no plate?
)

// Notices lists all notes, for pre-bound metrics.
func Notices() []Notice {
	return []Notice{
		NoticeConfidence, NoticeSpeed, NoticeLane, NoticeCountry, NoticeText, NoticeEventID, NoticeAlternatives, NoticeImage, NoticeOffset, NoticeClock, NoticeSource,
		NoticeKind, NoticeDirection, NoticeAlternative, NoticeImageAddress, NoticeImageMissing, NoticeReceiptTime, NoticePictureTime, NoticeOriginal, NoticeInactive, NoticeUnknownField, NoticeOften,
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

// CameraEvent is what a format's reader makes of one event: exactly one of a read, a refusal (Err) or nothing to keep (Ignored).
// A refusal with plate_unread is a vehicle whose plate was not read: its sender did nothing wrong, so the gateway answers
// it like a read and counts it once.
type CameraEvent struct {
	Read    *anprv1.PlateRead // without ids, times and pictures
	Images  []Image
	Notices []Notice
	Err     *schemas.RejectError
	Ignored IgnoredKind
	Unknown []string // fields that the format does not have, of a read with that note

	stated    statedTime
	timeless  bool // captured at the time of receipt for want of a better one
	announced int  // pictures that the event says come with it

	part  []byte        // the event's part of the upload; nil when it is the whole
	plate schemas.Plate // set when the read is complete
	class schemas.Class

	sources []eventSource   // what the message names as the device, the plainest first
	camera  *schemas.Camera // whose read it is, set by routeSource

	track            string // the camera's id of the vehicle, when it tells of one vehicle in several messages
	trackSpeed       uint32 // of that vehicle, tenths of km/h: the event holds nothing else
	joined           bool   // the read was made whole of two messages: neither is its own
	trackEnded       bool   // sent at the end of a track: late, and from no buffer
	pictureElsewhere bool   // the message names pictures that lie on the camera
}

// newEvent begins a read.
func newEvent() *CameraEvent { return &CameraEvent{Read: &anprv1.PlateRead{}} }

func ignoreEvent(why IgnoredKind) *CameraEvent { return &CameraEvent{Ignored: why} }

func refuseEvent(r schemas.Reason, field, format string, args ...any) *CameraEvent {
	return &CameraEvent{Read: &anprv1.PlateRead{}, Err: schemas.Rejectf(r, field, format, args...)}
}

// isUnread reports whether the event is a vehicle whose plate was not read.
func (ev *CameraEvent) isUnread() bool {
	return ev.Err != nil && ev.Err.Reason == schemas.ReasonPlateUnread
}

// refuseRead turns the read into a refusal, unless it is one.
func (ev *CameraEvent) refuseRead(r schemas.Reason, field, format string, args ...any) {
	if ev.Err == nil {
		ev.Err = schemas.Rejectf(r, field, format, args...)
	}
}

func (ev *CameraEvent) addNotice(n Notice) {
	if !slices.Contains(ev.Notices, n) {
		ev.Notices = append(ev.Notices, n)
	}
}

// isUnreadWord reports whether a vendor's text says that the plate was not read: what no engine writes for a plate, which is nothing but signs, and
// the vendors' words in small letters. Words that could be a plate are judged with the confidence, by Config.Normalise.
func isUnreadWord(s string) bool {
	word := foldWord(s)
	return word == "" || (word == "unknown" || word == "noplate") && s != strings.ToUpper(s)
}

// setPlate sets the raw plate, or says that it was not read. The field must be there: see plateOf.
func (ev *CameraEvent) setPlate(field, s string) {
	if isUnreadWord(s) {
		ev.refuseRead(schemas.ReasonPlateUnread, field, "the camera saw a vehicle and read no plate; counted, nothing to do")
		return
	}
	ev.Read.RawPlate = s
}

// setPlateFrom sets the raw plate from the first of the names among parent's children that has one. A message in which none of
// the names is there, not even empty, is refused for it: it says nothing about a plate, which is not the same as a plate
// that was not read.
func (ev *CameraEvent) setPlateFrom(field string, parent *node, names ...string) {
	there := false
	for _, name := range names {
		there = there || parent.hasField(name)
		if s := parent.textAt(name); !isUnreadWord(s) {
			ev.setPlate(field, s)
			return
		}
	}
	if !there {
		ev.refuseRead(schemas.ReasonMissingField, field, "the event has no field for the plate; send it as %s", names[0])
		return
	}
	ev.setNoPlate(field, parent, names...)
}

// setNoPlate is for a field of these names without a plate in it: it was not read, unless the field holds something else than
// a text, which is not thrown away as unread.
func (ev *CameraEvent) setNoPlate(field string, parent *node, names ...string) {
	if parent.holdsFields(names...) {
		ev.refuseRead(schemas.ReasonBadField, field, "is not a text but has fields of its own; send the plate as a text")
	}
	ev.setPlate(field, "")
}

// foldWord reduces a word of a vendor's vocabulary to lower-case letters and digits.
func foldWord(s string) string {
	s = cutText(s, maxWord)
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

// setCapturedAt sets the time of capture from the first of the texts that is not empty. An event without one is kept: the
// gateway gives it the time of receipt and marks its clock, so that lists see the vehicle and no offence is issued.
func (ev *CameraEvent) setCapturedAt(field string, texts ...string) {
	for _, s := range texts {
		if s == "" {
			continue
		}
		when, ok := parseTime(s)
		if !ok {
			ev.refuseRead(schemas.ReasonBadField, field, "%.40q is no time; send RFC 3339 with an offset, or an epoch", s)
		}
		ev.stated = when
		return
	}
	ev.addNotice(NoticeReceiptTime)
}

func (ev *CameraEvent) setConfidence(s string, scale int) {
	v, ok := parsePerMille(s, scale)
	if !ok && s != "" {
		ev.addNotice(NoticeConfidence)
	}
	ev.Read.ConfidencePm = v
}

func (ev *CameraEvent) setCountry(code, text string) {
	if code == "" && text != "" {
		ev.addNotice(NoticeCountry)
	}
	ev.Read.Country = code
}

func (ev *CameraEvent) setSpeed(s string) {
	v, ok := parseSpeed(s)
	if !ok && s != "" {
		ev.addNotice(NoticeSpeed)
	}
	ev.Read.SpeedDkmh = v
}

func (ev *CameraEvent) setLane(s string) {
	v, ok := parseDecimal(s, 0, roundDown)
	if (!ok && s != "") || v < 0 || v > schemas.MaxLane {
		ev.addNotice(NoticeLane)
		return
	}
	ev.Read.Lane = uint32(v)
}

func (ev *CameraEvent) setColour(s string) { ev.Read.Colour = ev.cleanWord(s) }

func (ev *CameraEvent) setMake(s string) { ev.Read.Make = ev.cleanWord(s) }

// cleanWord bounds a text that describes the vehicle; what means "not known" becomes empty.
func (ev *CameraEvent) cleanWord(s string) string {
	switch foldWord(s) {
	case "unknown", "generic", "none", "other", "others", "na":
		return ""
	}
	if len(s) > schemas.MaxText {
		ev.addNotice(NoticeText)
	}
	return cutText(s, schemas.MaxText)
}

// setEventID sets the camera's own id. One above the bound is replaced by its hash: cutting it could make two ids one.
func (ev *CameraEvent) setEventID(s string) {
	if len(s) > schemas.MaxEventID {
		sum := sha256.Sum256([]byte(s))
		s = "sha256:" + hex.EncodeToString(sum[:])
		ev.addNotice(NoticeEventID)
	}
	ev.Read.CameraEventId = s
}

// addAlternative adds another reading, unless it is the plate itself.
func (ev *CameraEvent) addAlternative(plate, confidence string, scale int) {
	if plate == "" || plate == ev.Read.RawPlate {
		return
	}
	if len(plate) > schemas.MaxRawPlate || len(ev.Read.Candidates) == schemas.MaxCandidates {
		ev.addNotice(NoticeAlternatives)
		return
	}
	if strings.ContainsRune(plate, '\uFFFD') {
		ev.addNotice(NoticeAlternative)
		return
	}
	pm, _ := parsePerMille(confidence, scale)
	ev.Read.Candidates = append(ev.Read.Candidates, &anprv1.Candidate{Plate: plate, ConfidencePm: pm})
}

// addImage adds a picture that came as base64 text.
func (ev *CameraEvent) addImage(name, text string) {
	if text == "" {
		return
	}
	data, ok := decodeBase64(text)
	if !ok {
		ev.addNotice(NoticeImage)
		return
	}
	ev.Images = append(ev.Images, Image{Name: name, Data: data})
}

// setDirection sets the direction from a vendor's word.
func (ev *CameraEvent) setDirection(s string) {
	ev.Read.Direction = parseDirection(s)
	switch foldWord(s) {
	case "", "unknown", "unk", "none", "other":
	default:
		if ev.Read.Direction == anprv1.Direction_DIRECTION_UNSPECIFIED {
			ev.addNotice(NoticeDirection)
		}
	}
}

// addUnknown notes a field that the format does not have.
func (ev *CameraEvent) addUnknown(field string) {
	const most = 8
	if ev.addNotice(NoticeUnknownField); len(ev.Unknown) < most {
		ev.Unknown = append(ev.Unknown, cutText(strings.ToValidUTF8(field, "?"), schemas.MaxText))
	}
}

// markPictureElsewhere says that the message names pictures by their address or path.
func (ev *CameraEvent) markPictureElsewhere() { ev.pictureElsewhere = true }

// setKind sets the kind of the vehicle from a vendor's word.
func (ev *CameraEvent) setKind(s string) {
	ev.Read.VehicleKind = parseVehicleKind(s)
	switch foldWord(s) {
	case "", "unknown", "unk", "none", "other", "others", "na", "missing", "antique":
	default:
		if ev.Read.VehicleKind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED {
			ev.addNotice(NoticeKind)
		}
	}
}

// parseDirection maps a vendor's word.
func parseDirection(s string) anprv1.Direction {
	switch foldWord(s) {
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

// parseVehicleKind maps a vendor's word; what the table does not have is unknown. "sedan-compact" counts as its first word.
func parseVehicleKind(s string) anprv1.VehicleKind {
	if k, ok := vehicleKinds[foldWord(s)]; ok {
		return k
	}
	head, _, _ := strings.Cut(s, "-")
	return vehicleKinds[foldWord(head)]
}

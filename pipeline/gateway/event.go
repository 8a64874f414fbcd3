package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Notice names a value left out or changed by a format without refusing the read. The set is closed: notices are
// metric labels.
type Notice string

// The notes.
const (
	NoticeConfidence   Notice = "confidence_dropped" // not a number on the scale
	NoticeMeasure      Notice = "measure_dropped"    // a further measurement that cannot be meant
	NoticeSpeed        Notice = "speed_dropped"      // not a speed up to 400 km/h
	NoticeLane         Notice = "lane_dropped"       // not a lane from 1 to 32
	NoticeCountry      Notice = "country_unknown"    // a code no table has
	NoticeText         Notice = "text_cut"           // make or colour above the bound
	NoticeEventID      Notice = "event_id_hashed"    // the camera's id above the bound
	NoticeAlternatives Notice = "candidates_cut"     // more candidates than kept
	NoticeImage        Notice = "image_dropped"      // no picture, too large, or too many
	NoticeClock        Notice = "clock_suspect"      // the camera's clock is not to be trusted: no offence is issued
	NoticeOffset       Notice = "offset_replaced"    // the stated time zone contradicts the clock
	NoticeSource       Notice = "second_source"      // another device than before at an address without source ids

	NoticeKind         Notice = "kind_unknown"      // a word for the vehicle found in no table
	NoticeDirection    Notice = "direction_unknown" // a word for the direction found in no table
	NoticeAlternative  Notice = "candidate_dropped" // another reading without text, or with broken text
	NoticeImageAddress Notice = "image_by_address"  // a picture given by address: nobody fetches it
	NoticeImageMissing Notice = "image_missing"     // a picture announced by the message and missing in the upload
	NoticeReceiptTime  Notice = "time_of_receipt"   // no possible time of capture: the time of receipt stands in
	NoticePictureTime  Notice = "time_of_picture"   // the event says no time: the picture's time stands in
	NoticeOriginal     Notice = "original_plate"    // the plate counts as written, not as spelt by the device
	NoticeInactive     Notice = "event_inactive"    // the camera calls the event not valid
	NoticeUnknownField Notice = "unknown_field"     // a field unknown to the format; Unknown names it
	NoticeOften        Notice = "plate_too_often"   // more often than a vehicle can pass; a word for no plate?
)

// Notices lists all notes, for pre-bound metrics.
func Notices() []Notice {
	return []Notice{
		NoticeConfidence, NoticeMeasure, NoticeSpeed, NoticeLane, NoticeCountry, NoticeText, NoticeEventID, NoticeAlternatives,
		NoticeImage, NoticeOffset, NoticeClock, NoticeSource,
		NoticeKind, NoticeDirection, NoticeAlternative, NoticeImageAddress, NoticeImageMissing, NoticeReceiptTime,
		NoticePictureTime, NoticeOriginal, NoticeInactive, NoticeUnknownField, NoticeOften,
	}
}

// IgnoredKind names the reason why an event holds no read. The set is closed: kinds are metric labels.
type IgnoredKind string

// The kinds of events that cameras rightly send and that hold no read.
const (
	IgnoredHeartbeat IgnoredKind = "heartbeat"
	IgnoredTest      IgnoredKind = "test"              // a person tests the connection
	IgnoredState     IgnoredKind = "state"             // state of the device, device errors included
	IgnoredPreview   IgnoredKind = "preview"           // preview; the read follows
	IgnoredTrack     IgnoredKind = "track"             // beginning, end or place of a track; the plate comes apart
	IgnoredEmpty     IgnoredKind = "no_plate_in_frame" // nothing was seen
	IgnoredDetection IgnoredKind = "other_detection"   // seen by a detector without plate reading
	IgnoredNoVehicle IgnoredKind = "no_motor_vehicle"  // a pedestrian, a bicycle: nothing with a registration
)

// IgnoredKinds lists all kinds, for pre-bound metrics.
func IgnoredKinds() []IgnoredKind {
	return []IgnoredKind{
		IgnoredHeartbeat, IgnoredTest, IgnoredState, IgnoredPreview, IgnoredTrack, IgnoredEmpty, IgnoredDetection,
		IgnoredNoVehicle,
	}
}

// Image is a picture in an upload. Name says the subject, if the camera said so.
type Image struct {
	Name string
	Data []byte
}

// CameraEvent is one event as read by a format: exactly one of a read, a refusal (Err) or nothing to keep (Ignored). A
// refusal with plate_unread is a vehicle with an unread plate. The sender did nothing wrong, so the gateway answers it
// like a read and counts it once.
type CameraEvent struct {
	Read    *anprv1.PlateRead // without ids, times and pictures
	Images  []Image
	Notices []Notice
	Err     *schemas.RejectError
	Ignored IgnoredKind
	Unknown []string // fields unknown to the format; set with NoticeUnknownField

	stated    statedTime
	timeless  bool // captured at the time of receipt, for lack of a usable time
	announced int  // number of pictures announced by the event

	part  []byte        // the event's part of the upload; nil = the whole upload
	plate schemas.Plate // set when the read is complete
	class schemas.Class

	sources []eventSource   // names of the device in the message, the plainest first
	camera  *schemas.Camera // camera behind the read, set by routeSource

	track            string // the camera's id for the vehicle, when several messages describe the vehicle
	trackSpeed       uint32 // speed of the tracked vehicle, tenths of km/h: the event holds nothing else
	joined           bool   // the read was joined from two messages
	trackEnded       bool   // sent at the end of a track: late, and from no buffer
	pictureElsewhere bool   // the message names pictures stored on the camera
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

// refuseRead turns the read into a refusal. The first refusal wins.
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

// isUnreadWord reports whether a vendor's text means an unread plate: a text without letters and digits, or a vendor
// word in small letters. Words that could be plates are judged with the confidence, by Config.Normalise.
func isUnreadWord(s string) bool {
	word := foldWord(s)
	return word == "" || (word == "unknown" || word == "noplate") && s != strings.ToUpper(s)
}

// setPlate sets the raw plate, or marks it as unread. The field must be present: see setPlateFrom.
func (ev *CameraEvent) setPlate(field, s string) {
	if isUnreadWord(s) {
		ev.refuseRead(schemas.ReasonPlateUnread, field,
			"the camera saw a vehicle and read no plate; counted, nothing to do")
		return
	}
	ev.Read.RawPlate = s
}

// setPlateFrom sets the raw plate from the first name among parent's children with a plate. A message without any of
// the names is refused as incomplete: a missing field says nothing about a plate, an empty field says that the plate
// was not read.
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
		ev.refuseRead(schemas.ReasonMissingField, field,
			"the event has no field for the plate; send it as %s", names[0])
		return
	}
	ev.setNoPlate(field, parent, names...)
}

// setNoPlate handles a field without a plate: unread, unless the field holds a structure. A structure is refused,
// because it must not be thrown away as unread.
func (ev *CameraEvent) setNoPlate(field string, parent *node, names ...string) {
	if parent.holdsFields(names...) {
		ev.refuseRead(schemas.ReasonBadField, field,
			"is not a text but has fields of its own; send the plate as a text")
	}
	ev.setPlate(field, "")
}

// foldWord reduces a vendor's word to lower-case letters and digits.
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

// setCapturedAt sets the time of capture from the first text that is not empty. The gateway gives an event without a
// time the time of receipt and marks the clock: lists see the vehicle, and no offence is issued.
func (ev *CameraEvent) setCapturedAt(field string, texts ...string) {
	for _, s := range texts {
		if s == "" {
			continue
		}
		when, ok := parseTime(s)
		if !ok {
			ev.refuseRead(schemas.ReasonBadField, field,
				"%.40q is no time; send RFC 3339 with an offset, or an epoch", s)
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

// cleanWord bounds a text about the vehicle; words for "not known" become empty.
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

// setEventID sets the camera's own id. A hash replaces an id above the bound, because cutting could make two ids
// equal.
func (ev *CameraEvent) setEventID(s string) {
	if len(s) > schemas.MaxEventID {
		sum := sha256.Sum256([]byte(s))
		s = "sha256:" + hex.EncodeToString(sum[:])
		ev.addNotice(NoticeEventID)
	}
	ev.Read.CameraEventId = s
}

// addAlternative adds another reading, unless it equals the plate.
func (ev *CameraEvent) addAlternative(plate, confidence string, scale int) {
	if plate == "" || plate == ev.Read.RawPlate {
		return
	}
	if len(plate) > schemas.MaxRawPlate || len(ev.Read.Candidates) == schemas.MaxAlternatives {
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

// addImage adds a picture given as base64 text.
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

// addUnknown notes a field unknown to the format.
func (ev *CameraEvent) addUnknown(field string) {
	const most = 8
	if ev.addNotice(NoticeUnknownField); len(ev.Unknown) < most {
		ev.Unknown = append(ev.Unknown, cutText(strings.ToValidUTF8(field, "?"), schemas.MaxText))
	}
}

// markPictureElsewhere notes that the message names pictures by address or path.
func (ev *CameraEvent) markPictureElsewhere() { ev.pictureElsewhere = true }

// setKind sets the vehicle kind from a vendor's word.
func (ev *CameraEvent) setKind(s string) {
	ev.Read.VehicleKind = parseVehicleKind(s)
	switch foldWord(s) {
	case "", "unknown", "unk", "none", "other", "others", "na", "missing", "antique", "motor":
	default:
		if ev.Read.VehicleKind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED {
			ev.addNotice(NoticeKind)
		}
	}
}

// parseDirection maps a vendor's word.
func parseDirection(s string) anprv1.Direction {
	switch foldWord(s) {
	case "forward", "in", "front", "towards", "approaching", "approach", "obverse":
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
	"smallcar": anprv1.VehicleKind_VEHICLE_KIND_CAR, "salooncar": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"microcar": anprv1.VehicleKind_VEHICLE_KIND_CAR, "minicar": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"vanmini":       anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"truckstandard": anprv1.VehicleKind_VEHICLE_KIND_VAN, // Rekor: a pick-up
	"van":           anprv1.VehicleKind_VEHICLE_KIND_VAN, "pickup": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"pickuptruck": anprv1.VehicleKind_VEHICLE_KIND_VAN, "minivan": anprv1.VehicleKind_VEHICLE_KIND_CAR,
	"buggycar": anprv1.VehicleKind_VEHICLE_KIND_VAN,
	"truck":    anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "bigtruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"largetruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "midtruck": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"tractortrailer": anprv1.VehicleKind_VEHICLE_KIND_TRUCK, "lorry": anprv1.VehicleKind_VEHICLE_KIND_TRUCK,
	"bus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "largebus": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"mediumbus": anprv1.VehicleKind_VEHICLE_KIND_BUS, "coach": anprv1.VehicleKind_VEHICLE_KIND_BUS,
	"motorcycle":      anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	"twowheelvehicle": anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
	"motorbike":       anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE,
}

// parseVehicleKind maps a vendor's word; a word outside the table is unknown. "sedan-compact" counts as its first
// word.
func parseVehicleKind(s string) anprv1.VehicleKind {
	if k, ok := vehicleKinds[foldWord(s)]; ok {
		return k
	}
	head, _, _ := strings.Cut(s, "-")
	return vehicleKinds[foldWord(head)]
}

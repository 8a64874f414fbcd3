package gateway

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// hikvision reads ISAPI EventNotificationAlerts (DOMAIN 5.2), in XML of any namespace or their JSON form. Each ANPR block is
// a read, and so is each further plate of its PlateInfoList. The UUID is the event id; several captures of one vehicle
// share it, and where a first message says hasMoreData the complete one follows under the same UUID: both are reads of one
// passage. alarmDataType 1 and isDataRetransmission true mark an upload from the buffer. dateTime is the time of capture;
// the absTime of a picture, a wall clock without zone, stands in for a missing one. direction forward is taken as coming
// towards the camera. vehicleLogoRecog is a number of the vendor's list and is not translated. An event that the camera
// calls inactive, "not valid", is kept with a note.
func hikvision(root *node) (events []*Parsed) {
	alerts := root.every("EventNotificationAlert")
	if len(alerts) == 0 {
		alerts = []*node{root}
	}
	for _, alert := range alerts {
		blocks := alert.every("ANPR")
		if len(blocks) == 0 {
			events = append(events, hikvisionOther(alert))
			continue
		}
		var reads []*Parsed
		for _, block := range blocks {
			reads = append(reads, hikvisionBlock(alert, block))
		}
		events = append(events, append(reads, hikvisionMorePlates(alert, blocks[0], reads)...)...)
	}
	return events
}

// hikvisionPlateNames are the elements in which firmware was seen to write the plate, the usual one first.
// originalLicensePlate is the plate before the device wrote it in English letters.
var hikvisionPlateNames = []string{"licensePlate", "plateNumber", "plate", "plateNo", "license", "licensePlateNumber", "licensePlateNo", "plateNum", "plateText", "originalLicensePlate"}

// hikvisionBlock reads one ANPR block.
func hikvisionBlock(event, anpr *node) *Parsed {
	info := anpr.deep("vehicleInfo")
	if info == nil {
		info = event.deep("vehicleInfo")
	}
	if hikvisionNoVehicle[fold(anpr.val("vehicleType"))] || hikvisionNoVehicle[fold(info.val("vehicleType"))] {
		return ignored(IgnoredNoVehicle)
	}
	p := newParsed()
	hikvisionPlate(p, hikvisionPlated(anpr))
	p.confidence(anpr.first("confidenceLevel", "confidence"), ofHundred)
	p.speed(either(info.val("speed"), anpr.val("speed")))
	p.colour(info.val("color"))
	hikvisionKind(p, anpr, info)
	hikvisionCountry(p, anpr)
	hikvisionFrame(p, event, anpr)
	hikvisionPictures(p, anpr)
	if event.namesPicture() {
		p.note(NoteImageAddress)
	}
	return p
}

// hikvisionPlated returns where the plate of a block stands: in the block, or in its first PlateInfo that has one.
func hikvisionPlated(anpr *node) *node {
	if !unreadWord(anpr.first(hikvisionPlateNames...)) {
		return anpr
	}
	for _, info := range anpr.every("PlateInfo") {
		if text := info.first(hikvisionPlateNames...); !unreadWord(text) && !hazardPlate(text) {
			return info
		}
	}
	return anpr
}

// namesPicture reports whether an element gives the address of a picture, such as detectionPictureURL.
func (n *node) namesPicture() bool {
	name := fold(n.name)
	if n.text != "" && strings.HasSuffix(name, "url") && (strings.Contains(name, "pic") || strings.Contains(name, "image")) {
		return true
	}
	return slices.ContainsFunc(n.kids, (*node).namesPicture)
}

// hikvisionMorePlates reads what PlateInfoList has beside the plates of the blocks: further plates of the same vehicle, each
// a read without speed and country, which belong to the first.
func hikvisionMorePlates(event, anpr *node, reads []*Parsed) (more []*Parsed) {
	seen := map[string]bool{}
	for _, p := range reads {
		if p.Ignored != "" {
			return nil
		}
		seen[fold(p.Read.RawPlate)] = true
	}
	for _, other := range event.every("PlateInfo") {
		text := other.first(hikvisionPlateNames...)
		if unreadWord(text) || seen[fold(text)] || hazardPlate(text) {
			continue
		}
		seen[fold(text)] = true
		p := newParsed()
		p.plate("PlateInfo.licensePlate", text)
		p.confidence(other.first("confidenceLevel", "confidence"), ofHundred)
		p.Read.VehicleKind = reads[0].Read.VehicleKind
		hikvisionFrame(p, event, anpr)
		more = append(more, p)
	}
	return more
}

// hikvisionFrame sets what all plates of a block have in common.
func hikvisionFrame(p *Parsed, event, anpr *node) {
	said := event.val("dateTime")
	pictured := anpr.deep("absTime").val()
	if pictured == "" {
		pictured = event.deep("absTime").val()
	}
	if said == "" && pictured != "" {
		p.note(NotePictureTime)
	}
	p.capturedAt("dateTime", said, pictured)
	p.lane(anpr.val("line"))
	p.direction(anpr.val("direction"))
	p.eventID(event.val("UUID"))
	for _, key := range []string{"channelID", "dynChannelID", "deviceUUID", "deviceID", "cameraNo", "monitoringSiteID"} {
		p.sourcedFrom(key, either(event.val(key), anpr.val(key)))
	}
	p.Read.LateUpload = anpr.val("alarmDataType") == "1" || isTrue(event.val("isDataRetransmission"))
	if fold(event.val("eventState")) == "inactive" {
		p.note(NoteInactive)
	}
}

// hikvisionPlate sets the plate, and the original beside it where the two differ. A plate with German umlauts counts as
// it is written, so that OE beside an Ö and the Ö alone are one plate.
func hikvisionPlate(p *Parsed, anpr *node) {
	p.plateOf("licensePlate", anpr, hikvisionPlateNames...)
	original := anpr.val("originalLicensePlate")
	if p.Err != nil || unreadWord(original) {
		return
	}
	if written, ok := umlauts(p.Read.RawPlate, original); ok {
		p.Read.RawPlate = written
		p.note(NoteOriginal)
		p.Read.Country = "DE" // unless the camera says another
		return
	}
	if p.Read.RawPlate == original && unreadWord(anpr.first(hikvisionPlateNames[:len(hikvisionPlateNames)-1]...)) {
		p.note(NoteOriginal)
	}
	p.candidate(original, "", ofHundred)
}

// umlauts returns the original of a plate when it has German umlauts and differs from the plate in nothing but how these are
// written: AE or A for an Ä. Bytes that were no text (U+FFFD) stand for any of the three. ok is false for all others.
func umlauts(plate, original string) (written string, ok bool) {
	original = strings.ToUpper(original)
	for _, r := range "ÄÖÜ" {
		guess := strings.ReplaceAll(original, "\uFFFD", string(r))
		if !strings.ContainsAny(guess, "ÄÖÜ") {
			return "", false
		}
		for _, form := range []string{guess, inTwoLetters.Replace(guess), inOneLetter.Replace(guess)} {
			if fold(form) == fold(plate) {
				return guess, true
			}
		}
	}
	return "", false
}

var (
	inTwoLetters = strings.NewReplacer("Ä", "AE", "Ö", "OE", "Ü", "UE")
	inOneLetter  = strings.NewReplacer("Ä", "A", "Ö", "O", "Ü", "U")
)

// hazardPlate reports whether a text is an orange plate of dangerous goods (ADR 5.3.2.2: two or three figures, perhaps
// after an X, over the four of the substance), which is no registration.
func hazardPlate(s string) bool {
	digits := strings.TrimPrefix(fold(s), "x")
	return (len(digits) == 4 || len(digits) == 6 || len(digits) == 7) && strings.Trim(digits, "0123456789") == ""
}

// hikvisionCountry takes CRIndex before ISO-CR before country. country is 253 where the number is above 255.
func hikvisionCountry(p *Parsed, anpr *node) {
	fromPlate, text := p.Read.Country, ""
	for _, name := range []string{"CRIndex", "ISO-CR", "country"} {
		s := anpr.val(name)
		if hikvisionNoCountry[strings.ToLower(s)] {
			continue
		}
		text = either(text, s)
		code := either(isoCountry(s), hikvisionNames[fold(s)])
		if n, err := strconv.Atoi(s); err == nil {
			code = ""
			if n >= 0 && n < len(hikvisionCountries) {
				code = hikvisionCountries[n]
			}
		}
		if code != "" {
			p.country(code, s)
			return
		}
	}
	p.country(fromPlate, text)
}

// hikvisionKind takes the block's word, the number of older firmware, the two flags, and the use, in this order.
func hikvisionKind(p *Parsed, anpr, info *node) {
	word := either(anpr.val("vehicleType"), info.val("vehicleType"))
	kind, known := hikvisionKinds[fold(word)]
	if !known && word != "" {
		p.note(NoteKind)
	}
	if kind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED && (isTrue(anpr.val("twoWheelVehicle")) || isTrue(anpr.val("threeWheelVehicle"))) {
		kind = anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE
	}
	if kind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED {
		kind = hikvisionUses[fold(info.val("vehicleUseType"))]
	}
	p.Read.VehicleKind = kind
}

// hikvisionPictures counts the pictures that the event announces: those in the upload, and those given by address, which
// nobody fetches.
func hikvisionPictures(p *Parsed, anpr *node) {
	for _, pic := range anpr.every("pictureInfo") {
		kind := fold(pic.val("dataType"))
		if kind == "1" || kind == "url" || kind == "" && pic.val("pictureURL") != "" {
			p.note(NoteImageAddress)
		} else {
			p.announced++
		}
	}
}

// hikvisionOther answers an event without ANPR block. What a camera rightly sends beside plate reads is ignored; what
// holds a plate in a form that is not read here is refused, so that nobody believes it stored.
func hikvisionOther(event *node) *Parsed {
	kind := event.val("eventType")
	word := fold(kind)
	held := event.holdsAny(hikvisionPlateNames)
	switch {
	case word == "anpr":
		return refused(schemas.ReasonMissingField, "ANPR", "the event says ANPR and has no ANPR block; enable plate data in the camera")
	case sameName(event.name, "Metadata") || event.child("Metadata") != nil:
		return refused(schemas.ReasonUnsupported, "Metadata", "a Metadata message (activityTarget) is not read; let the camera send EventNotificationAlert of type ANPR")
	case held != "":
		return refused(schemas.ReasonUnsupported, held, "a plate outside an ANPR block, in an event of type %.40q; send EventNotificationAlert of type ANPR", kind)
	case kind == "":
		return refused(schemas.ReasonMissingField, "eventType", "neither an ANPR block nor an event type; send EventNotificationAlert")
	case word == "heartbeat", word == "videoloss" && fold(event.val("eventState")) == "inactive":
		return ignored(IgnoredHeartbeat)
	case hikvisionStates[word]:
		return ignored(IgnoredState)
	}
	return ignored(IgnoredDetection)
}

// holdsAny returns the first of the names that an element of the document has with a text in it, or "".
func (n *node) holdsAny(names []string) string {
	for _, name := range names {
		if slices.ContainsFunc(n.every(name), func(found *node) bool { return found.val() != "" }) {
			return name
		}
	}
	return ""
}

func isTrue(s string) bool { return s == "1" || fold(s) == "true" || fold(s) == "yes" }

package gateway

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// readHikvision reads ISAPI EventNotificationAlerts (DOMAIN 5.2), in XML under any namespace or in their JSON form.
// Each ANPR block is a read, and so is each further plate in PlateInfoList. The UUID is the event id; several captures
// of a vehicle share it. After a message with hasMoreData the complete message follows under the same UUID: both are
// reads in one passage. alarmDataType 1 and isDataRetransmission true mark an upload from the buffer. direction
// forward counts as approaching. vehicleLogoRecog is a number in the vendor's list and is not translated. An event
// called inactive ("not valid") by the camera is kept with a notice.
//
// Times: dateTime is the time of capture. The absTime of a picture stands in for a missing dateTime. Without offset
// both are the camera's wall clock: Brussels.
func readHikvision(root *node) (events []*CameraEvent) {
	alerts := root.findAll("EventNotificationAlert")
	if len(alerts) == 0 {
		alerts = []*node{root}
	}
	for _, alert := range alerts {
		blocks := alert.findAll("ANPR")
		if len(blocks) == 0 {
			events = append(events, answerHikvisionOther(alert))
			continue
		}
		var reads []*CameraEvent
		for _, block := range blocks {
			reads = append(reads, readHikvisionBlock(alert, block))
		}
		events = append(events, append(reads, readHikvisionMorePlates(alert, blocks[0], reads)...)...)
	}
	return events
}

// hikvisionPlateNames lists the elements in which firmware writes the plate, the usual name first.
// originalLicensePlate is the plate before the device spelt it in English letters.
var hikvisionPlateNames = []string{
	"licensePlate", "plateNumber", "plate", "plateNo", "license", "licensePlateNumber",
	"licensePlateNo", "plateNum", "plateText", "originalLicensePlate",
}

// readHikvisionBlock reads one ANPR block.
func readHikvisionBlock(event, anpr *node) *CameraEvent {
	info := anpr.findFirst("vehicleInfo")
	if info == nil {
		info = event.findFirst("vehicleInfo")
	}
	if hikvisionNoVehicle[foldWord(anpr.textAt("vehicleType"))] ||
		hikvisionNoVehicle[foldWord(info.textAt("vehicleType"))] {
		return ignoreEvent(IgnoredNoVehicle)
	}
	ev := newEvent()
	setHikvisionPlate(ev, findHikvisionPlate(anpr))
	ev.setConfidence(anpr.firstText("confidenceLevel", "confidence"), scaleHundred)
	ev.setSpeed(firstNonEmpty(info.textAt("speed"), anpr.textAt("speed")))
	ev.setColour(info.textAt("color"))
	setHikvisionKind(ev, anpr, info)
	setHikvisionCountry(ev, anpr)
	setHikvisionFrame(ev, event, anpr)
	setHikvisionRedTime(ev, anpr)
	setHikvisionOrangePlate(ev, anpr)
	countHikvisionPictures(ev, anpr)
	if event.namesPicture() {
		ev.addNotice(NoticeImageAddress)
	}
	return ev
}

// findHikvisionPlate returns the place of the plate: the block, or the first PlateInfo with a plate.
func findHikvisionPlate(anpr *node) *node {
	if !isUnreadWord(anpr.firstText(hikvisionPlateNames...)) {
		return anpr
	}
	for _, info := range anpr.findAll("PlateInfo") {
		if text := info.firstText(hikvisionPlateNames...); !isUnreadWord(text) && !isHazardPlate(text) {
			return info
		}
	}
	return anpr
}

// namesPicture reports whether an element gives a picture's address, such as detectionPictureURL.
func (n *node) namesPicture() bool {
	name := foldWord(n.name)
	if n.text != "" && strings.HasSuffix(name, "url") &&
		(strings.Contains(name, "pic") || strings.Contains(name, "image")) {
		return true
	}
	return slices.ContainsFunc(n.kids, (*node).namesPicture)
}

// readHikvisionMorePlates reads the further plates in PlateInfoList. They belong to the first vehicle; each is a read
// without speed and country.
func readHikvisionMorePlates(event, anpr *node, reads []*CameraEvent) (more []*CameraEvent) {
	seen := map[string]bool{}
	for _, ev := range reads {
		if ev.Ignored != "" {
			return nil
		}
		seen[foldWord(ev.Read.RawPlate)] = true
	}
	for _, other := range event.findAll("PlateInfo") {
		text := other.firstText(hikvisionPlateNames...)
		if isUnreadWord(text) || seen[foldWord(text)] || isHazardPlate(text) {
			continue
		}
		seen[foldWord(text)] = true
		ev := newEvent()
		ev.setPlate("PlateInfo.licensePlate", text)
		ev.setConfidence(other.firstText("confidenceLevel", "confidence"), scaleHundred)
		ev.Read.VehicleKind = reads[0].Read.VehicleKind
		setHikvisionFrame(ev, event, anpr)
		more = append(more, ev)
	}
	return more
}

// setHikvisionFrame sets the values shared by all plates of a block.
func setHikvisionFrame(ev *CameraEvent, event, anpr *node) {
	said := event.textAt("dateTime")
	pictured := anpr.findFirst("absTime").textAt()
	if pictured == "" {
		pictured = event.findFirst("absTime").textAt()
	}
	if said == "" && pictured != "" {
		ev.addNotice(NoticePictureTime)
	}
	ev.setCapturedAt("dateTime", said, pictured)
	ev.setLane(anpr.textAt("line"))
	ev.setDirection(anpr.textAt("direction"))
	ev.setEventID(event.textAt("UUID"))
	for _, key := range []string{
		"channelID", "dynChannelID", "deviceUUID", "deviceID", "cameraNo",
		"monitoringSiteID",
	} {
		ev.addSource(key, firstNonEmpty(event.textAt(key), anpr.textAt(key)))
	}
	ev.Read.LateUpload = anpr.textAt("alarmDataType") == "1" || isTrue(event.textAt("isDataRetransmission"))
	if foldWord(event.textAt("eventState")) == "inactive" {
		ev.addNotice(NoticeInactive)
	}
}

// setHikvisionPlate sets the plate, and the original as an alternative where the two differ. A German plate counts
// with umlauts, so that OE beside an Ö and the Ö alone are one plate.
func setHikvisionPlate(ev *CameraEvent, anpr *node) {
	ev.setPlateFrom("licensePlate", anpr, hikvisionPlateNames...)
	original := anpr.textAt("originalLicensePlate")
	if ev.Err != nil || isUnreadWord(original) {
		return
	}
	if written, ok := restoreUmlauts(ev.Read.RawPlate, original); ok {
		ev.Read.RawPlate = written
		ev.addNotice(NoticeOriginal)
		ev.Read.Country = "DE" // unless the camera says another
		return
	}
	if ev.Read.RawPlate == original &&
		isUnreadWord(anpr.firstText(hikvisionPlateNames[:len(hikvisionPlateNames)-1]...)) {
		ev.addNotice(NoticeOriginal)
	}
	ev.addAlternative(original, "", scaleHundred)
}

// restoreUmlauts returns the original when it has German umlauts and differs from the plate only in their spelling: AE
// or A for an Ä. Undecodable bytes (U+FFFD) stand for any umlaut. ok is false in all other cases.
func restoreUmlauts(plate, original string) (written string, ok bool) {
	original = strings.ToUpper(original)
	for _, r := range "ÄÖÜ" {
		guess := strings.ReplaceAll(original, "\uFFFD", string(r))
		if !strings.ContainsAny(guess, "ÄÖÜ") {
			return "", false
		}
		for _, form := range []string{guess, umlautsInTwoLetters.Replace(guess), umlautsInOneLetter.Replace(guess)} {
			if foldWord(form) == foldWord(plate) {
				return guess, true
			}
		}
	}
	return "", false
}

var (
	umlautsInTwoLetters = strings.NewReplacer("Ä", "AE", "Ö", "OE", "Ü", "UE")
	umlautsInOneLetter  = strings.NewReplacer("Ä", "A", "Ö", "O", "Ü", "U")
)

// isHazardPlate reports whether a text is an orange plate for dangerous goods, and no registration. ADR 5.3.2.2: two
// or three figures, perhaps after an X, over the four figures of the substance.
func isHazardPlate(s string) bool {
	digits := strings.TrimPrefix(foldWord(s), "x")
	return (len(digits) == 4 || len(digits) == 6 || len(digits) == 7) && strings.Trim(digits, "0123456789") == ""
}

// setHikvisionCountry takes CRIndex before ISO-CR before country. country is 253 where the number is above 255.
func setHikvisionCountry(ev *CameraEvent, anpr *node) {
	fromPlate, text := ev.Read.Country, ""
	for _, name := range []string{"CRIndex", "ISO-CR", "country"} {
		s := anpr.textAt(name)
		if hikvisionNoCountry[strings.ToLower(s)] {
			continue
		}
		text = firstNonEmpty(text, s)
		code := firstNonEmpty(isoCountry(s), hikvisionNames[foldWord(s)])
		if n, err := strconv.Atoi(s); err == nil {
			code = ""
			if n >= 0 && n < len(hikvisionCountries) {
				code = hikvisionCountries[n]
			}
		}
		if code != "" {
			ev.setCountry(code, s)
			return
		}
	}
	ev.setCountry(fromPlate, text)
}

// setHikvisionKind takes the block's word, older firmware's number, the two flags and the use, in this order.
func setHikvisionKind(ev *CameraEvent, anpr, info *node) {
	word := firstNonEmpty(anpr.textAt("vehicleType"), info.textAt("vehicleType"))
	kind, known := hikvisionKinds[foldWord(word)]
	if !known && word != "" {
		ev.addNotice(NoticeKind)
	}
	if kind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED &&
		(isTrue(anpr.textAt("twoWheelVehicle")) || isTrue(anpr.textAt("threeWheelVehicle"))) {
		kind = anprv1.VehicleKind_VEHICLE_KIND_MOTORCYCLE
	}
	if kind == anprv1.VehicleKind_VEHICLE_KIND_UNSPECIFIED {
		kind = hikvisionUses[foldWord(info.textAt("vehicleUseType"))]
	}
	ev.Read.VehicleKind = kind
}

// countHikvisionPictures counts the pictures announced by the event. Pictures in the upload are awaited; pictures
// given by address are noted, and nobody fetches them.
func countHikvisionPictures(ev *CameraEvent, anpr *node) {
	for _, pic := range anpr.findAll("pictureInfo") {
		kind := foldWord(pic.textAt("dataType"))
		if kind == "1" || kind == "url" || kind == "" && pic.textAt("pictureURL") != "" {
			ev.addNotice(NoticeImageAddress)
		} else {
			ev.announced++
		}
	}
}

// answerHikvisionOther answers an event without an ANPR block. Events that a camera rightly sends beside plate reads
// are ignored. A plate in an unreadable form is refused, so that nobody believes it stored.
func answerHikvisionOther(event *node) *CameraEvent {
	kind := event.textAt("eventType")
	word := foldWord(kind)
	held := event.nameWithText(hikvisionPlateNames)
	switch {
	case word == "anpr":
		return refuseEvent(schemas.ReasonMissingField, "ANPR",
			"the event says ANPR and has no ANPR block; enable plate data in the camera")
	case sameName(event.name, "Metadata") || event.childNamed("Metadata") != nil:
		return refuseEvent(schemas.ReasonUnsupported, "Metadata",
			"a Metadata message (activityTarget) is not read; let the camera send EventNotificationAlert of type ANPR")
	case held != "":
		return refuseEvent(schemas.ReasonUnsupported, held,
			"a plate outside an ANPR block, in an event of type %.40q; send EventNotificationAlert of type ANPR", kind)
	case kind == "":
		return refuseEvent(schemas.ReasonMissingField, "eventType",
			"neither an ANPR block nor an event type; send EventNotificationAlert")
	case word == "heartbeat", word == "videoloss" && foldWord(event.textAt("eventState")) == "inactive":
		return ignoreEvent(IgnoredHeartbeat)
	case hikvisionStates[word]:
		return ignoreEvent(IgnoredState)
	}
	return ignoreEvent(IgnoredDetection)
}

// nameWithText returns the first name under which an element of the document has a text, or "".
func (n *node) nameWithText(names []string) string {
	for _, name := range names {
		if slices.ContainsFunc(n.findAll(name), func(found *node) bool { return found.textAt() != "" }) {
			return name
		}
	}
	return ""
}

func isTrue(s string) bool { return s == "1" || foldWord(s) == "true" || foldWord(s) == "yes" }

package gateway

import "github.com/gvc-brussels/anpr/schemas"

// hikvision reads an ISAPI EventNotificationAlert (DOMAIN 5.2), in XML of any namespace or its JSON form. The UUID is
// the event id. alarmDataType 1 and isDataRetransmission true mark an upload from the buffer. dateTime is the time of
// capture; the absTime of a picture, a wall clock without zone, stands in for a missing one. direction forward is taken
// as coming towards the camera. vehicleLogoRecog is a number of the vendor's list and is not translated.
func hikvision(root *node) []*Parsed {
	event := root.deep("EventNotificationAlert")
	if event == nil {
		event = root
	}
	anpr := event.deep("ANPR")
	if sameName(event.name, "ANPR") {
		anpr = event
	}
	if anpr == nil {
		return []*Parsed{hikvisionOther(event)}
	}
	p := newParsed()
	r := p.Read
	p.plate("licensePlate", hikvisionPlate(anpr))
	p.capturedAt("dateTime", event.val("dateTime"), event.deep("absTime").val())
	p.confidence(anpr.val("confidenceLevel"), ofHundred)
	p.country(hikvisionCountry(anpr))
	p.lane(anpr.val("line"))
	r.Direction = direction(anpr.val("direction"))
	info := event.deep("vehicleInfo")
	p.speed(either(info.val("speed"), anpr.val("speed")))
	p.colour(info.val("color"))
	r.VehicleKind = vehicleKind(anpr.val("vehicleType"))
	if r.VehicleKind == 0 && anpr.val("twoWheelVehicle") == "yes" {
		r.VehicleKind = vehicleKind("motorcycle")
	}
	p.eventID(event.val("UUID"))
	for _, key := range []string{"channelID", "dynChannelID", "deviceUUID", "deviceID", "cameraNo", "monitoringSiteID"} {
		p.sourcedFrom(key, event.val(key))
	}
	p.candidate(anpr.val("originalLicensePlate"), "", ofHundred)
	r.LateUpload = anpr.val("alarmDataType") == "1" || isTrue(event.val("isDataRetransmission"))
	return []*Parsed{p}
}

// hikvisionOther answers an event without ANPR block: the heartbeat of the alert stream is videoloss, inactive.
func hikvisionOther(event *node) *Parsed {
	kind := event.val("eventType")
	switch fold(kind) {
	case "anpr":
		return refused(schemas.ReasonMissingField, "ANPR", "the event says ANPR and has no ANPR block; enable plate data in the camera")
	case "":
		return refused(schemas.ReasonMissingField, "eventType", "neither an ANPR block nor an event type; send EventNotificationAlert")
	case "heartbeat":
		return ignored("heartbeat")
	case "videoloss":
		if fold(event.val("eventState")) == "inactive" {
			return ignored("heartbeat")
		}
	}
	return refused(schemas.ReasonUnsupported, "eventType", "%.40q is no plate read; send only ANPR events here", kind)
}

// hikvisionPlate prefers the plate to the one before the device's list matching, which serves when the first is unread.
func hikvisionPlate(anpr *node) string {
	s := anpr.val("licensePlate")
	switch fold(s) {
	case "", "unknown", "noplate":
		if o := anpr.val("originalLicensePlate"); o != "" {
			return o
		}
	}
	return s
}

func hikvisionCountry(anpr *node) (code, text string) {
	text = anpr.val("country")
	if text == "" {
		text = anpr.val("CRIndex")
	}
	switch text {
	case "0", "253", "254", "255", "unknown":
		return "", ""
	}
	if code, ok := hikvisionCountries[text]; ok {
		return code, text
	}
	return isoCountry(text), text
}

func isTrue(s string) bool { return s == "1" || fold(s) == "true" || fold(s) == "yes" }

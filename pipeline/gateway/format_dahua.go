package gateway

import (
	"strconv"

	"github.com/gvc-brussels/anpr/schemas"
)

// readDahua reads what Dahua cameras push by ITSAPI (DOMAIN 5.3b): a Picture with Plate, SnapInfo and Vehicle, and the
// pictures as base64. The firmware fixes the end of the address, see dahuaTails. IsExist false is a vehicle without a plate.
// Confidences are 0 to 255. SnapInfo has a number of the upload for all plates of the device and no id of the vehicle.
//
// Times: AccurateTime and SnapTime are wall clocks beside TimeZone, an index of the device's own list: Brussels.
func readDahua(root *node) []*CameraEvent {
	var out []*CameraEvent
	for _, m := range unwrapMessages(root, func(n *node) bool { return n.mentionsAny("Picture") }) {
		pictures := m.childrenNamed("Picture")
		for _, p := range pictures {
			out = append(out, readDahuaPicture(p))
		}
		if len(pictures) == 0 {
			out = append(out, refuseEvent(schemas.ReasonUnsupported, "Picture", "the message has no Picture; send TollgateInfo of ITSAPI"))
		}
	}
	return out
}

// dahuaTails are the ends of the addresses that the firmware adds to the prefix that a person enters. A kind says that
// nothing sent there is a read.
var dahuaTails = map[string]IgnoredKind{
	"NotificationInfo/TollgateInfo": "",
	"NotificationInfo/KeepAlive":    IgnoredHeartbeat,
	"NotificationInfo/DeviceInfo":   IgnoredState,
}

func readDahuaPicture(p *node) *CameraEvent {
	ev := newEvent()
	plate, snap, vehicle := p.childNamed("Plate"), p.childNamed("SnapInfo"), p.childNamed("Vehicle")
	switch exists := foldWord(plate.textAt("IsExist")); {
	case exists == "false" || exists == "0":
		ev.setPlate("Plate.IsExist", "")
	case foldWord(plate.textAt("PlateNumber")) == "unlicensed":
		ev.setPlate("Plate.PlateNumber", "")
	default:
		ev.setPlateFrom("Plate.PlateNumber", plate, "PlateNumber")
	}
	ev.setCapturedAt("SnapInfo.AccurateTime", snap.textAt("AccurateTime"), snap.textAt("SnapTime"))
	ev.setConfidence255(plate.textAt("Confidence"))
	ev.setCountry(isoCountry(plate.textAt("Region")), ev.cleanWord(plate.textAt("Region")))
	ev.setLane(snap.textAt("LanNo"))
	ev.setSpeed(vehicle.textAt("Speed"))
	ev.setKind(vehicle.textAt("VehicleType"))
	ev.setMake(vehicle.textAt("VehicleSign"))
	ev.setColour(vehicle.textAt("VehicleColor"))
	ev.setDirection(snap.textAt("Direction"))
	ev.addSource("DeviceID", dropZeros(snap.textAt("DeviceID")))
	ev.addImage("scene", p.textAt("NormalPic", "Content"))
	ev.addImage("vehicle", p.textAt("VehiclePic", "Content"))
	ev.addImage("plate", p.textAt("CutoutPic", "Content"))
	return ev
}

// setConfidence255 sets a confidence of 0 to 255.
func (ev *CameraEvent) setConfidence255(s string) {
	v, ok := parseDecimal(s, 0, roundDown)
	if !ok || v < 0 || v > 255 {
		if s != "" {
			ev.addNotice(NoticeConfidence)
		}
		return
	}
	ev.setConfidence(strconv.FormatInt((v*1000+127)/255, 10), scaleThousand)
}

// dropZeros returns "" for an id of zeros alone, which devices without an id send.
func dropZeros(id string) string {
	for _, c := range id {
		if c != '0' {
			return id
		}
	}
	return ""
}

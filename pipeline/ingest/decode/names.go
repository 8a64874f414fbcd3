package decode

import "github.com/gvc-brussels/anpr/schemas"

// plateReadNumber finds a field by either JSON name; 0 when there is none.
func plateReadNumber(name string) int {
	switch name {
	case "readId", "read_id":
		return fReadID
	case "cameraId", "camera_id":
		return fCamera
	case "capturedAtUs", "captured_at_us":
		return fCapturedAt
	case "receivedAtUs", "received_at_us":
		return fReceivedAt
	case "rawPlate", "raw_plate":
		return fRawPlate
	case "country":
		return fCountry
	case "countryConfidencePm", "country_confidence_pm":
		return fCountryPM
	case "confidencePm", "confidence_pm":
		return fConfidencePM
	case "lane":
		return fLane
	case "direction":
		return fDirection
	case "speedDkmh", "speed_dkmh":
		return fSpeed
	case "vehicleKind", "vehicle_kind":
		return fKind
	case "cameraEventId", "camera_event_id":
		return fEventID
	case "imageSha256", "image_sha256":
		return fImage
	case "candidates":
		return fAlternatives
	case "lateUpload", "late_upload":
		return fLateUpload
	}
	return plateReadNumberRare(name)
}

func plateReadNumberRare(name string) int {
	switch name {
	case "format":
		return fFormat
	case "make":
		return fMake
	case "colour":
		return fColour
	case "moreImagesSha256", "more_images_sha256":
		return fMoreImages
	case "clockSuspect", "clock_suspect":
		return fSuspect
	case "imageKinds", "image_kinds":
		return fImageKinds
	case "measures":
		return fMeasures
	case "quarantine":
		return fQuarantine
	case "tick":
		return fTick
	}
	return 0
}

func alternativeNumber(name string) int {
	switch name {
	case "plate":
		return 1
	case "confidencePm", "confidence_pm":
		return 2
	}
	return 0
}

func measureNumber(name string) int {
	switch name {
	case "name":
		return 1
	case "value":
		return 2
	case "uncertainty":
		return 3
	case "device":
		return 4
	}
	return 0
}

func quarantineNumber(name string) int {
	switch name {
	case "reason":
		return 1
	case "field":
		return 2
	case "detail":
		return 3
	case "payload":
		return 4
	case "payloadSize", "payload_size":
		return 5
	case "contentType", "content_type":
		return 6
	}
	return 0
}

func tickNumber(name string) int {
	if name == "atUs" || name == "at_us" {
		return 1
	}
	return 0
}

func directionNumber(name string) int32 {
	switch name {
	case "DIRECTION_APPROACHING":
		return int32(schemas.Approaching)
	case "DIRECTION_DEPARTING":
		return int32(schemas.Departing)
	}
	return 0
}

func kindNumber(name string) int32 {
	switch name {
	case "VEHICLE_KIND_CAR":
		return int32(schemas.KindCar)
	case "VEHICLE_KIND_VAN":
		return int32(schemas.KindVan)
	case "VEHICLE_KIND_TRUCK":
		return int32(schemas.KindTruck)
	case "VEHICLE_KIND_BUS":
		return int32(schemas.KindBus)
	case "VEHICLE_KIND_MOTORCYCLE":
		return int32(schemas.KindMotorcycle)
	}
	return 0
}

package decode

import "google.golang.org/protobuf/encoding/protowire"

// Field numbers of anpr.v1.PlateRead.
const (
	fReadID       = 1
	fCamera       = 2
	fCapturedAt   = 3
	fReceivedAt   = 4
	fRawPlate     = 5
	fCountry      = 6
	fCountryPM    = 7
	fConfidencePM = 8
	fLane         = 9
	fDirection    = 10
	fSpeed        = 11
	fKind         = 12
	fEventID      = 13
	fImage        = 14
	fAlternatives = 15
	fLateUpload   = 16
	fFormat       = 17
	fMake         = 18
	fColour       = 19
	fMoreImages   = 20
	fSuspect      = 21
	fImageKinds   = 22
	fMeasures     = 23
	fQuarantine   = 30
	fTick         = 31
)

// shape describes a message's known fields, by number.
type shape [32]shapeEntry

type shapeEntry struct {
	name string // the field's name in rejects; empty = not known
	typ  protowire.Type
	text bool
}

var plateRead = shape{
	fReadID:       {name: "read_id", typ: protowire.BytesType},
	fCamera:       {name: "camera_id", typ: protowire.BytesType, text: true},
	fCapturedAt:   {name: "captured_at_us"},
	fReceivedAt:   {name: "received_at_us"},
	fRawPlate:     {name: "raw_plate", typ: protowire.BytesType, text: true},
	fCountry:      {name: "country", typ: protowire.BytesType, text: true},
	fCountryPM:    {name: "country_confidence_pm"},
	fConfidencePM: {name: "confidence_pm"},
	fLane:         {name: "lane"},
	fDirection:    {name: "direction"},
	fSpeed:        {name: "speed_dkmh"},
	fKind:         {name: "vehicle_kind"},
	fEventID:      {name: "camera_event_id", typ: protowire.BytesType, text: true},
	fImage:        {name: "image_sha256", typ: protowire.BytesType},
	fAlternatives: {name: "candidates", typ: protowire.BytesType},
	fLateUpload:   {name: "late_upload"},
	fFormat:       {name: "format", typ: protowire.BytesType, text: true},
	fMake:         {name: "make", typ: protowire.BytesType, text: true},
	fColour:       {name: "colour", typ: protowire.BytesType, text: true},
	fMoreImages:   {name: "more_images_sha256", typ: protowire.BytesType},
	fSuspect:      {name: "clock_suspect"},
	fImageKinds:   {name: "image_kinds", typ: protowire.BytesType, text: true},
	fMeasures:     {name: "measures", typ: protowire.BytesType},
	fQuarantine:   {name: "quarantine", typ: protowire.BytesType},
	fTick:         {name: "tick", typ: protowire.BytesType},
}

var alternativeShape = shape{
	1: {name: "candidates.plate", typ: protowire.BytesType, text: true},
	2: {name: "candidates.confidence_pm"},
}

var measureShape = shape{
	1: {name: "measures.name", typ: protowire.BytesType, text: true},
	2: {name: "measures.value"},
	3: {name: "measures.uncertainty"},
	4: {name: "measures.device", typ: protowire.BytesType, text: true},
}

var quarantine = shape{
	1: {name: "quarantine.reason", typ: protowire.BytesType, text: true},
	2: {name: "quarantine.field", typ: protowire.BytesType, text: true},
	3: {name: "quarantine.detail", typ: protowire.BytesType, text: true},
	4: {name: "quarantine.payload", typ: protowire.BytesType},
	5: {name: "quarantine.payload_size"},
	6: {name: "quarantine.content_type", typ: protowire.BytesType, text: true},
}

var tick = shape{1: {name: "tick.at_us"}}

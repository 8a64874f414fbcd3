package schemas

import "time"

// The structs in rows*.go describe the tables in schemas/clickhouse: one struct for each table and one field for each
// column, in table order. The project has no other list of columns. Code derives from the structs: the inserts in
// sink, the office's select lists, plate masks, API and OpenAPI document, the selects for replay and seals, and the
// columns to clear when a plate is deleted. ADD_A_COLUMN.md adds a column.
//
// Tags:
//
//	ch      column name. The Go type gives the column type: string String, time.Time DateTime64(6, 'UTC'), an id UUID ...
//	type    column type, where the Go type does not give the column type.
//	json    name in the office's API; "-" hides the column from everybody.
//	doc     description for the OpenAPI document.
//	plate   the column holds or leads to a plate, see [PlateMask]; columns without are visible to all permitted users.
//	office  "no": the office never selects the column for an answer.
//	insert  "no": batch inserts leave the column out; the server or another program fills the column.
//
// A test (pipeline/ingest/sink, on the real engine) fails on a column without a field and on a field without a column.

// ReadRow is a row of reads: a stored read.
type ReadRow struct {
	ReadID            ReadID    `ch:"read_id" json:"read_id"`
	PassageID         PassageID `ch:"passage_id" json:"passage_id"`
	Camera            string    `ch:"camera_id" type:"LowCardinality(String)" json:"camera"`
	Site              string    `ch:"site" type:"LowCardinality(String)" json:"site"`
	Zone              string    `ch:"zone" type:"LowCardinality(String)" json:"zone" doc:"police zone that might use the read at capture time"`
	Municipality      uint32    `ch:"municipality" json:"municipality" doc:"NIS code"`
	CapturedAt        time.Time `ch:"captured_at" json:"captured_at"`
	ReceivedAt        time.Time `ch:"received_at" json:"received_at"`
	Plate             string    `ch:"plate" json:"plate" plate:"hide" doc:"canonical"`
	Class             string    `ch:"class" json:"-" plate:"hide" office:"no" doc:"confusion class of the plate"`
	RawPlate          string    `ch:"raw_plate" json:"raw_plate" plate:"hide" doc:"as the camera sent it"`
	Country           string    `ch:"country" type:"LowCardinality(String)" json:"country"`
	CountryConfidence uint16    `ch:"country_confidence" json:"country_confidence" doc:"per mille"`
	Confidence        uint16    `ch:"confidence" json:"confidence" doc:"per mille"`
	Lane              uint8     `ch:"lane" json:"lane"`
	Direction         string    `ch:"direction" type:"LowCardinality(String)" json:"direction"`
	Speed             int32     `ch:"speed_dkmh" json:"speed_dkmh" doc:"measured, uncorrected, tenths of km/h; 0 = not measured"`
	Kind              string    `ch:"kind" type:"LowCardinality(String)" json:"kind"`
	Make              string    `ch:"make" type:"LowCardinality(String)" json:"make"`
	Colour            string    `ch:"colour" type:"LowCardinality(String)" json:"colour"`
	Format            string    `ch:"format" type:"LowCardinality(String)" json:"-" office:"no" doc:"in which the camera sent it"`
	EventID           string    `ch:"event_id" json:"-" office:"no" doc:"the camera's own id of the event"`
	Image             Digest    `ch:"image_sha256" json:"image_sha256" plate:"digest" doc:"hexadecimal; empty = none"`
	MoreImages        []Digest  `ch:"more_images_sha256" type:"Array(FixedString(32))" json:"more_images_sha256" plate:"digest" doc:"further pictures of the upload, hexadecimal"`
	ImageKinds        string    `ch:"image_kinds" type:"LowCardinality(String)" json:"image_kinds" doc:"roles of image_sha256 and then of the further pictures, comma-separated: scene, plate, second or other; empty = not said"`
	Alternatives      []string  `ch:"alternatives" json:"candidates" plate:"hide" doc:"other readings the camera considered"`
	AlternativesPM    []uint16  `ch:"alternatives_pm" json:"-" office:"no" doc:"their confidences, per mille"`

	MeasureNames         []string `ch:"measures.name" json:"-" office:"no" doc:"further measurements of the read, one element each; like the next three"`
	MeasureValues        []int64  `ch:"measures.value" json:"-" office:"no"`
	MeasureUncertainties []int64  `ch:"measures.uncertainty" json:"-" office:"no"`
	MeasureDevices       []string `ch:"measures.device" json:"-" office:"no"`

	Late         bool      `ch:"late" json:"late"`
	LateUpload   bool      `ch:"late_upload" json:"late_upload"`
	ClockSuspect bool      `ch:"clock_suspect" json:"clock_suspect"`
	Partition    int32     `ch:"kafka_partition" json:"kafka_partition"`
	Offset       int64     `ch:"kafka_offset" json:"kafka_offset"`
	InsertedAt   time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// PassageRow is a row of passages: one vehicle passing a site once, written when the passage closes.
type PassageRow struct {
	PassageID      PassageID `ch:"passage_id" json:"-" office:"no"`
	Plate          string    `ch:"plate" json:"-" plate:"hide" office:"no" doc:"of the best read"`
	Class          string    `ch:"class" json:"-" plate:"hide" office:"no"`
	Country        string    `ch:"country" type:"LowCardinality(String)" json:"-" office:"no"`
	Site           string    `ch:"site" type:"LowCardinality(String)" json:"-" office:"no"`
	Camera         string    `ch:"camera_id" type:"LowCardinality(String)" json:"-" office:"no" doc:"of the best read"`
	Zone           string    `ch:"zone" type:"LowCardinality(String)" json:"-" office:"no"`
	Municipality   uint32    `ch:"municipality" json:"-" office:"no"`
	FirstAt        time.Time `ch:"first_at" json:"-" office:"no"`
	LastAt         time.Time `ch:"last_at" json:"-" office:"no"`
	BestRead       ReadID    `ch:"best_read_id" json:"-" office:"no"`
	BestConfidence uint16    `ch:"best_confidence" json:"-" office:"no"`
	Speed          int32     `ch:"speed_dkmh" json:"-" office:"no" doc:"slowest measured speed of the passage, tenths of km/h; 0 = none"`
	Kind           string    `ch:"kind" type:"LowCardinality(String)" json:"-" office:"no"`
	Make           string    `ch:"make" type:"LowCardinality(String)" json:"-" office:"no"`
	Colour         string    `ch:"colour" type:"LowCardinality(String)" json:"-" office:"no"`
	Image          Digest    `ch:"image_sha256" json:"-" plate:"digest" office:"no"`
	Reads          uint32    `ch:"reads" json:"-" office:"no" doc:"stored rows"`
	Merged         uint32    `ch:"merged" json:"-" office:"no" doc:"suppressed repeats of a parked vehicle"`
	Variants       uint8     `ch:"variants" json:"-" office:"no" doc:"distinct canonical plates among the reads"`
	Parked         bool      `ch:"parked" json:"-" office:"no"`
	Partition      int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset         int64     `ch:"kafka_offset" json:"-" office:"no" doc:"of the record that closed it"`
	InsertedAt     time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// MergeRow is a row of merges: a record that repeats a stored read.
type MergeRow struct {
	ReadID     ReadID    `ch:"read_id" json:"-" office:"no" doc:"of the record; for a retransmission the stored row has the same"`
	PassageID  PassageID `ch:"passage_id" json:"-" office:"no" doc:"the passage it is counted on; zero for a retransmission"`
	Kind       string    `ch:"kind" type:"LowCardinality(String)" json:"-" office:"no" doc:"retransmission or parked"`
	Camera     string    `ch:"camera_id" type:"LowCardinality(String)" json:"-" office:"no"`
	CapturedAt time.Time `ch:"captured_at" json:"-" office:"no"`
	ReceivedAt time.Time `ch:"received_at" json:"-" office:"no"`
	Partition  int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset     int64     `ch:"kafka_offset" json:"-" office:"no"`
	InsertedAt time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// RejectRow is a row of rejects: a rejected record. The row has the first bytes; the dead-letter topic has all bytes.
type RejectRow struct {
	Reason      string    `ch:"reason" type:"LowCardinality(String)" json:"reason"`
	Field       string    `ch:"field" type:"LowCardinality(String)" json:"field"`
	Detail      string    `ch:"detail" json:"detail" plate:"hide"`
	Camera      string    `ch:"camera_id" json:"camera" plate:"name"`
	Zone        string    `ch:"zone" type:"LowCardinality(String)" json:"zone" doc:"of the camera when the record was received; empty when the registry did not know the camera"`
	ReceivedAt  time.Time `ch:"received_at" json:"received_at" doc:"1970 when the record does not say"`
	PayloadHead []byte    `ch:"payload_head" json:"payload_head" plate:"hide" doc:"first 512 bytes, base64"`
	PayloadSize uint64    `ch:"payload_size" json:"payload_size"`
	PayloadSum  Digest    `ch:"payload_sha256" type:"FixedString(32)" json:"payload_sha256" plate:"digest"`
	Topic       string    `ch:"kafka_topic" type:"LowCardinality(String)" json:"kafka_topic"`
	Partition   int32     `ch:"kafka_partition" json:"kafka_partition"`
	Offset      int64     `ch:"kafka_offset" json:"kafka_offset"`
	InsertedAt  time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// BatchRow is a row of batches. The row proves a range [StartOffset, EndOffset) in a partition and counts the records
// by result. A range that a person gave up has a separate row with Lost set.
type BatchRow struct {
	Topic       string    `ch:"kafka_topic" type:"LowCardinality(String)" json:"-" office:"no"`
	Partition   int32     `ch:"kafka_partition" json:"-" office:"no"`
	StartOffset int64     `ch:"start_offset" json:"-" office:"no"`
	EndOffset   int64     `ch:"end_offset" json:"-" office:"no"`
	Fetched     uint64    `ch:"fetched" json:"-" office:"no"`
	Stored      uint64    `ch:"stored" json:"-" office:"no"`
	Merged      uint64    `ch:"merged" json:"-" office:"no"`
	Rejected    uint64    `ch:"rejected" json:"-" office:"no"`
	Ticks       uint64    `ch:"ticks" json:"-" office:"no"`
	Lost        uint64    `ch:"lost" json:"-" office:"no" insert:"no" doc:"records of the range that were given up at most; 0 for a batch"`
	LossReason  string    `ch:"loss_reason" json:"-" office:"no" insert:"no" doc:"what the person wrote who gave them up"`
	LossBy      string    `ch:"loss_by" json:"-" office:"no" insert:"no"`
	Passages    uint64    `ch:"passages" json:"-" office:"no"`
	Hits        uint64    `ch:"hits" json:"-" office:"no"`
	Offences    uint64    `ch:"offences" json:"-" office:"no"`
	LogClock    time.Time `ch:"log_clock" json:"-" office:"no" doc:"latest received_at of the partition up to end_offset"`
	Catalogue   string    `ch:"catalogue_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Reference   string    `ch:"reference_version" type:"LowCardinality(String)" json:"-" office:"no"`
	InsertedAt  time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// PlateRow is a row of plates: a distinct plate in a police zone, or in all zones. A view on reads fills the table.
type PlateRow struct {
	Zone     string    `ch:"zone" type:"LowCardinality(String)" json:"-" office:"no" insert:"no" doc:"as in reads; empty = the plate in any zone"`
	Class    string    `ch:"class" json:"-" plate:"hide" office:"no" insert:"no"`
	Plate    string    `ch:"plate" json:"-" plate:"hide" office:"no" insert:"no"`
	LastSeen time.Time `ch:"last_seen" type:"SimpleAggregateFunction(max, DateTime('UTC'))" json:"-" office:"no" insert:"no" doc:"captured_at of its last read"`
}

// AccessLogRow is a row of access_log: a look-up. ClickHouse kept the look-up log until 2026-11-28; the table is read
// only.
type AccessLogRow struct {
	Seq           uint64    `ch:"seq" json:"-" office:"no"`
	At            time.Time `ch:"at" json:"-" office:"no"`
	User          string    `ch:"user" json:"-" office:"no"`
	Role          string    `ch:"role" type:"LowCardinality(String)" json:"-" office:"no"`
	Zone          string    `ch:"zone" type:"LowCardinality(String)" json:"-" office:"no"`
	Action        string    `ch:"action" type:"LowCardinality(String)" json:"-" office:"no"`
	Purpose       string    `ch:"purpose" type:"LowCardinality(String)" json:"-" office:"no"`
	Reason        string    `ch:"reason" json:"-" office:"no"`
	CaseRef       string    `ch:"case_ref" json:"-" office:"no"`
	ProsecutorRef string    `ch:"prosecutor_ref" json:"-" office:"no"`
	Query         string    `ch:"query" json:"-" office:"no" plate:"log" doc:"what was asked, as JSON"`
	Outcome       string    `ch:"outcome" type:"LowCardinality(String)" json:"-" office:"no"`
	Refusal       string    `ch:"refusal" json:"-" office:"no"`
	Prev          Digest    `ch:"prev_sha256" type:"FixedString(32)" json:"-" office:"no"`
	Sum           Digest    `ch:"entry_sha256" type:"FixedString(32)" json:"-" office:"no"`
	InsertedAt    time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// LeaseRow is a row of office_lease: the office that writes the access log.
type LeaseRow struct {
	Holder    ID        `ch:"holder" json:"-" office:"no"`
	Host      string    `ch:"host" json:"-" office:"no"`
	PID       uint32    `ch:"pid" json:"-" office:"no"`
	ClaimedAt time.Time `ch:"claimed_at" json:"-" office:"no" doc:"when the holder first claimed, by the clock of the server"`
	Released  bool      `ch:"released" json:"-" office:"no"`
	At        time.Time `ch:"at" json:"-" office:"no" insert:"no"`
}

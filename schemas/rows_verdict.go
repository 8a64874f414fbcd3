package schemas

import "time"

// HitRow is a row of hits: a listed plate seen by a passage, exactly or through the confusion class.
type HitRow struct {
	HitID        HitID     `ch:"hit_id" json:"hit_id"`
	List         string    `ch:"list" type:"LowCardinality(String)" json:"list"`
	EntryID      string    `ch:"entry_id" json:"entry_id"`
	ListedPlate  string    `ch:"listed_plate" json:"listed_plate" plate:"hide"`
	Match        string    `ch:"match" type:"LowCardinality(String)" json:"match" doc:"exact, or confusable: a lead, never proof"`
	Reason       string    `ch:"reason" json:"reason"`
	CaseRef      string    `ch:"case_ref" json:"case_ref"`
	Priority     uint8     `ch:"priority" json:"priority"`
	Audience     []string  `ch:"audience" json:"-" office:"no" doc:"police zones that are told; empty = all"`
	Plate        string    `ch:"plate" json:"plate" plate:"hide" doc:"as read"`
	RawPlate     string    `ch:"raw_plate" json:"raw_plate" plate:"hide"`
	ReadID       ReadID    `ch:"read_id" json:"read_id"`
	PassageID    PassageID `ch:"passage_id" json:"passage_id"`
	Camera       string    `ch:"camera_id" type:"LowCardinality(String)" json:"camera"`
	Site         string    `ch:"site" type:"LowCardinality(String)" json:"site"`
	Zone         string    `ch:"zone" type:"LowCardinality(String)" json:"zone"`
	Municipality uint32    `ch:"municipality" json:"-" office:"no"`
	CapturedAt   time.Time `ch:"captured_at" json:"captured_at"`
	ReceivedAt   time.Time `ch:"received_at" json:"received_at"`
	Confidence   uint16    `ch:"confidence" json:"confidence" doc:"per mille"`
	Image        Digest    `ch:"image_sha256" json:"-" plate:"digest" office:"no"`
	Late         bool      `ch:"late" json:"late"`
	Reference    string    `ch:"reference_version" type:"LowCardinality(String)" json:"reference_version"`
	Partition    int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset       int64     `ch:"kafka_offset" json:"-" office:"no"`
	ProcessedAt  time.Time `ch:"processed_at" json:"processed_at"`
	InsertedAt   time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// DecisionRow is a row of decisions: a rule's answer on a passage. Plain answers such as "limit kept" are not stored.
type DecisionRow struct {
	PassageID   PassageID `ch:"passage_id" json:"passage_id"`
	Rule        string    `ch:"rule" type:"LowCardinality(String)" json:"rule"`
	RuleVersion string    `ch:"rule_version" type:"LowCardinality(String)" json:"rule_version"`
	Family      string    `ch:"family" type:"LowCardinality(String)" json:"family"`
	Outcome     string    `ch:"outcome" type:"LowCardinality(String)" json:"outcome"`
	Reason      string    `ch:"reason" type:"LowCardinality(String)" json:"reason"`
	OffenceID   OffenceID `ch:"offence_id" json:"offence_id" doc:"zero when the outcome makes none"`
	Plate       string    `ch:"plate" json:"plate" plate:"hide"`
	Country     string    `ch:"country" type:"LowCardinality(String)" json:"country"`
	Camera      string    `ch:"camera_id" type:"LowCardinality(String)" json:"camera"`
	ReadID      ReadID    `ch:"read_id" json:"read_id"`
	CapturedAt  time.Time `ch:"captured_at" json:"captured_at"`
	Trace       string    `ch:"trace" json:"-" plate:"mask" doc:"JSON array of steps; empty when the row of offences has it"`
	Catalogue   string    `ch:"catalogue_version" type:"LowCardinality(String)" json:"catalogue_version"`
	Reference   string    `ch:"reference_version" type:"LowCardinality(String)" json:"reference_version"`
	Partition   int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset      int64     `ch:"kafka_offset" json:"-" office:"no"`
	InsertedAt  time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

// OffenceRow is a row of offences: a candidate, or an offence that waits for time or a fact. The four measures columns
// have one element for each measure. The three speeds are aliases in the table for the measures with these names; 0 =
// none.
type OffenceRow struct {
	OffenceID    OffenceID `ch:"offence_id" json:"-" office:"no"`
	Rule         string    `ch:"rule" type:"LowCardinality(String)" json:"-" office:"no"`
	RuleVersion  string    `ch:"rule_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Family       string    `ch:"family" type:"LowCardinality(String)" json:"-" office:"no"`
	Status       string    `ch:"status" type:"LowCardinality(String)" json:"-" office:"no" doc:"candidate or held"`
	Reason       string    `ch:"reason" type:"LowCardinality(String)" json:"-" office:"no"`
	HoldUntil    time.Time `ch:"hold_until" json:"-" office:"no" doc:"1970 = not held by time"`
	Plate        string    `ch:"plate" json:"-" plate:"hide" office:"no"`
	Class        string    `ch:"class" json:"-" plate:"hide" office:"no"`
	Country      string    `ch:"country" type:"LowCardinality(String)" json:"-" office:"no"`
	PassageID    PassageID `ch:"passage_id" json:"-" office:"no"`
	ReadID       ReadID    `ch:"read_id" json:"-" office:"no"`
	Camera       string    `ch:"camera_id" type:"LowCardinality(String)" json:"-" office:"no"`
	Site         string    `ch:"site" type:"LowCardinality(String)" json:"-" office:"no"`
	Zone         string    `ch:"zone" type:"LowCardinality(String)" json:"-" office:"no"`
	Municipality uint32    `ch:"municipality" json:"-" office:"no"`
	CapturedAt   time.Time `ch:"captured_at" json:"-" office:"no"`
	Day          time.Time `ch:"day" type:"Date32" json:"-" office:"no" doc:"Brussels calendar day of capture"`
	Measured     int32     `ch:"measured_dkmh" json:"-" alias:"yes" office:"no" doc:"tenths of km/h"`
	Corrected    int32     `ch:"corrected_dkmh" json:"-" alias:"yes" office:"no" doc:"after the legal margin, tenths of km/h"`
	Limit        int32     `ch:"limit_dkmh" json:"-" alias:"yes" office:"no" doc:"tenths of km/h"`
	Amount       int64     `ch:"amount_cents" json:"-" office:"no" doc:"euro cents"`

	MeasureNames         []string `ch:"measures.name" json:"-" office:"no"`
	MeasureValues        []int64  `ch:"measures.value" json:"-" office:"no"`
	MeasureUncertainties []int64  `ch:"measures.uncertainty" json:"-" office:"no"`
	MeasureDevices       []string `ch:"measures.device" json:"-" office:"no"`

	LegalBasis string    `ch:"legal_basis" type:"LowCardinality(String)" json:"-" office:"no"`
	Verified   bool      `ch:"verified" json:"-" office:"no" doc:"every catalogue value used was verified by a jurist"`
	Trace      string    `ch:"trace" json:"-" plate:"mask" office:"no" doc:"JSON array of steps"`
	Catalogue  string    `ch:"catalogue_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Reference  string    `ch:"reference_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Image      Digest    `ch:"image_sha256" json:"-" plate:"digest" office:"no"`
	Seal       Digest    `ch:"seal_sha256" type:"FixedString(32)" json:"-" office:"no"`
	PrevSeal   Digest    `ch:"prev_seal_sha256" type:"FixedString(32)" json:"-" office:"no"`
	Sealed     string    `ch:"sealed" json:"-" plate:"hide" office:"no" doc:"the exact bytes that the seal covers"`
	Partition  int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset     int64     `ch:"kafka_offset" json:"-" office:"no" doc:"of the record that closed the passage"`
	Seq        uint32    `ch:"seq" json:"-" office:"no" doc:"order of decisions within that record"`
	InsertedAt time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

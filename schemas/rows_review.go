package schemas

import "time"

// ReviewRow is a row of reviews: an event of a case, for statistics. An event may have several rows, so counts are over
// distinct event ids.
type ReviewRow struct {
	EventID      ID        `ch:"event_id" json:"-" office:"no" doc:"version 7"`
	CaseID       ID        `ch:"case_id" json:"-" office:"no" doc:"random"`
	Attempt      uint32    `ch:"attempt" json:"-" office:"no" doc:"of the offence, from 1"`
	N            int64     `ch:"n" json:"-" office:"no" doc:"1, 2, ... in the case"`
	Kind         string    `ch:"kind" type:"LowCardinality(String)" json:"-" office:"no"`
	From         string    `ch:"from_state" type:"LowCardinality(String)" json:"-" office:"no"`
	To           string    `ch:"to_state" type:"LowCardinality(String)" json:"-" office:"no"`
	SettlesTo    string    `ch:"settles_to" type:"LowCardinality(String)" json:"-" office:"no" doc:"the state from effective_at on, for a verdict"`
	RecordedAt   time.Time `ch:"recorded_at" json:"-" office:"no"`
	EffectiveAt  time.Time `ch:"effective_at" json:"-" office:"no" doc:"1970 = at once"`
	User         string    `ch:"user" type:"LowCardinality(String)" json:"-" office:"no" doc:"empty = intake or a job"`
	Role         string    `ch:"role" type:"LowCardinality(String)" json:"-" office:"no"`
	Purpose      string    `ch:"purpose_id" json:"-" office:"no"`
	LogSeq       uint64    `ch:"log_seq" json:"-" office:"no" doc:"of the look-up log; 0 = none"`
	Verdict      string    `ch:"verdict" type:"LowCardinality(String)" json:"-" office:"no" doc:"confirm, reject or correct_plate"`
	Reason       string    `ch:"reason" type:"LowCardinality(String)" json:"-" office:"no"`
	Triggers     []string  `ch:"triggers" json:"-" office:"no" doc:"why a second person looks"`
	Incident     string    `ch:"incident" type:"LowCardinality(String)" json:"-" office:"no" doc:"kind of an incident"`
	Checks       []bool    `ch:"checks" type:"Array(Bool)" json:"-" office:"no" doc:"the five checks for the eye"`
	Pictures     []Digest  `ch:"pictures_sha256" type:"Array(FixedString(32))" json:"-" office:"no" plate:"digest"`
	ShownMS      uint32    `ch:"shown_ms" json:"-" office:"no"`
	Input        string    `ch:"input" type:"LowCardinality(String)" json:"-" office:"no" doc:"key or mouse"`
	Catalogue    string    `ch:"catalogue_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Reference    string    `ch:"reference_version" type:"LowCardinality(String)" json:"-" office:"no"`
	Family       string    `ch:"family" type:"LowCardinality(String)" json:"-" office:"no"`
	Rule         string    `ch:"rule" type:"LowCardinality(String)" json:"-" office:"no"`
	Regime       string    `ch:"regime" type:"LowCardinality(String)" json:"-" office:"no" doc:"traffic or lez"`
	Track        string    `ch:"track" type:"LowCardinality(String)" json:"-" office:"no"`
	Zone         string    `ch:"zone" type:"LowCardinality(String)" json:"-" office:"no"`
	Municipality uint32    `ch:"municipality" json:"-" office:"no"`
	Camera       string    `ch:"camera_id" type:"LowCardinality(String)" json:"-" office:"no"`
	CapturedAt   time.Time `ch:"captured_at" json:"-" office:"no"`
	DueAt        time.Time `ch:"due_at" json:"-" office:"no" doc:"1970 = none"`
	PlateChanged bool      `ch:"plate_changed" json:"-" office:"no"`
	Partition    int32     `ch:"kafka_partition" json:"-" office:"no"`
	Offset       int64     `ch:"kafka_offset" json:"-" office:"no"`
	InsertedAt   time.Time `ch:"inserted_at" type:"DateTime64(3, 'UTC')" json:"-" office:"no" insert:"no"`
}

package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Answer is what a recipient says of a batch.
type Answer struct {
	Form    string     `json:"form"`
	BatchID string     `json:"batch_id"`
	Answers []AnswerOf `json:"answers"`
}

// AnswerOf is what a recipient says of one case.
type AnswerOf struct {
	Number  string `json:"number"`
	Outcome string `json:"outcome"` // acknowledged, returned or annulment_acknowledged
	Reason  string `json:"reason,omitempty"`
}

// MaxAnswer bounds the file of an answer in bytes.
const MaxAnswer = 4 << 20

// ParseAnswer reads the file of an answer. The error names every place that does not fit the schema, at most ten.
func ParseAnswer(file []byte) (*Answer, error) {
	if len(file) > MaxAnswer {
		return nil, fmt.Errorf("answer: the file has %d bytes, at most %d are possible", len(file), MaxAnswer)
	}
	if faults := AnswerSchema.Check(file); len(faults) > 0 {
		errs := []error{errors.New("answer: the file does not fit its schema")}
		for _, f := range faults[:min(len(faults), 10)] {
			errs = append(errs, f)
		}
		return nil, errors.Join(errs...)
	}
	var a Answer
	if err := json.Unmarshal(file, &a); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &a, nil
}

// Annulment tells a recipient that a case that it got is none any more.
type Annulment struct {
	Copy       int // 1, 2, ...
	BatchID    string
	Track      string
	Number     string
	CaseID     string
	Reason     string // code
	AnnulledAt time.Time
	WrittenAt  time.Time
}

// JSON writes the notice.
func (a *Annulment) JSON() ([]byte, error) {
	file, err := json.MarshalIndent(struct {
		Form       string `json:"form"`
		Copy       int    `json:"copy"`
		BatchID    string `json:"batch_id"`
		Track      string `json:"track"`
		Number     string `json:"number"`
		CaseID     string `json:"case_id"`
		Reason     string `json:"reason"`
		AnnulledAt Time   `json:"annulled_at"`
		WrittenAt  Time   `json:"written_at"`
	}{AnnulmentForm, a.Copy, a.BatchID, a.Track, a.Number, a.CaseID, a.Reason, Time{a.AnnulledAt}, Time{a.WrittenAt}}, "", " ")
	if err != nil {
		return nil, fmt.Errorf("notice: %w", err)
	}
	file = append(file, '\n')
	if faults := AnnulmentSchema.Check(file); len(faults) > 0 {
		return nil, fmt.Errorf("notice: %w", faults[0])
	}
	return file, nil
}

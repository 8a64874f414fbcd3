package bundle

import (
	"time"

	"github.com/gvc-brussels/anpr/schemas"
)

// sealedText is a sealed decision as sealed.json shows it, in the order of the sealed bytes.
type sealedText struct {
	PrevSeal         schemas.Digest    `json:"prev_seal_sha256"`
	Seal             schemas.Digest    `json:"seal_sha256"`
	Rule             string            `json:"rule"`
	RuleVersion      string            `json:"rule_version"`
	Family           string            `json:"family"`
	Outcome          string            `json:"outcome"`
	Reason           string            `json:"reason"`
	PassageID        string            `json:"passage_id"`
	ReadID           string            `json:"read_id"`
	Camera           string            `json:"camera"`
	CapturedAt       time.Time         `json:"captured_at"`
	ReceivedAt       time.Time         `json:"received_at"`
	Plate            string            `json:"plate"`
	Country          string            `json:"country,omitempty"`
	Confidence       uint16            `json:"confidence_pm"`
	Lane             uint8             `json:"lane"`
	Direction        string            `json:"direction"`
	Kind             string            `json:"vehicle_kind"`
	Speed            int32             `json:"speed_dkmh"`
	Image            schemas.Digest    `json:"image_sha256"`
	Make             string            `json:"make,omitempty"`
	Colour           string            `json:"colour,omitempty"`
	OffenceID        string            `json:"offence_id"`
	Certain          bool              `json:"certain"`
	HoldUntil        *time.Time        `json:"hold_until,omitempty"`
	AmountCents      int64             `json:"amount_cents"`
	Measures         []schemas.Measure `json:"measures"`
	LegalBasis       string            `json:"legal_basis"`
	Verified         bool              `json:"verified"`
	Trace            []schemas.Step    `json:"trace"`
	CatalogueVersion string            `json:"catalogue_version"`
	ReferenceVersion string            `json:"reference_version"`
}

// DescribeSealed writes sealed.json: a sealed decision for people and programs. The seal is over sealed.bin.
func DescribeSealed(d *schemas.Decision) ([]byte, error) {
	s := &d.On
	out := sealedText{
		PrevSeal: schemas.DigestOf(d.PrevSeal), Seal: schemas.DigestOf(d.Seal), Rule: string(d.Rule), RuleVersion: d.RuleVersion, Family: string(d.Family), Outcome: d.Outcome.String(),
		Reason: d.Reason, PassageID: d.Passage.String(), ReadID: s.Read.String(), Camera: s.Camera, CapturedAt: s.CapturedAt.Time(), ReceivedAt: s.ReceivedAt.Time(), Plate: s.Plate.String(),
		Country: s.Country.String(), Confidence: uint16(s.Confidence), Lane: s.Lane, Direction: s.Direction.String(), Kind: s.Kind.String(), Speed: int32(s.Speed), Image: schemas.DigestOf(s.Image),
		Make: s.Make, Colour: s.Colour, OffenceID: d.Offence.String(), Certain: d.Certain, AmountCents: d.AmountCents, Measures: d.Measures, LegalBasis: d.LegalBasis, Verified: d.Verified,
		Trace: d.Trace, CatalogueVersion: d.CatalogueVersion, ReferenceVersion: d.ReferenceVersion,
	}
	if d.HoldUntil != 0 {
		at := d.HoldUntil.Time()
		out.HoldUntil = &at
	}
	return encode(out)
}

package feed

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/schemas"
	"github.com/gvc-brussels/anpr/schemas/proto/anprv1"
)

// Terms are what the catalogue of the day says about a new case.
type Terms struct {
	Regime cases.Regime
	Clocks cases.Clocks
	Track  cases.Track
	Marks  []string
	Blocks []string
}

// addTerms completes an intake with its picture and its terms.
func addTerms(in *cases.Intake, terms func(*cases.Intake) Terms) {
	if sum := schemas.DigestOf(in.Decision.On.Image); sum != "" && len(in.Pictures) == 0 {
		in.Pictures = []cases.Picture{{Sum: sum, Kind: cases.PictureScene}}
	}
	t := terms(in)
	in.Regime, in.Clocks, in.Track, in.Marks, in.Blocks = t.Regime, t.Clocks, t.Track, t.Marks, t.Blocks
}

// errNoOffence says that a record is no offence: somebody else writes the topic.
var errNoOffence = errors.New("the record is no offence")

// ParseOffence reads a record of anpr.offences.v1, without terms. A record of an earlier program has no sealed bytes;
// its Sealed is empty and its Decision comes from the message. SealHolds says that the seal is that of the sealed bytes,
// and that the message says what they say.
func ParseOffence(value []byte) (cases.Intake, error) {
	var m anprv1.Offence
	if err := proto.Unmarshal(value, &m); err != nil {
		return cases.Intake{}, fmt.Errorf("%w: %w", errNoOffence, err)
	}
	if len(m.GetOffenceId()) != len(schemas.ID{}) || len(m.GetSealSha256()) != len(schemas.Sum{}) {
		return cases.Intake{}, fmt.Errorf("%w: its id has %d bytes and its seal %d, want %d and %d", errNoOffence,
			len(m.GetOffenceId()), len(m.GetSealSha256()), len(schemas.ID{}), len(schemas.Sum{}))
	}
	in := cases.Intake{
		Offence: schemas.OffenceID{ID: schemas.ID(m.GetOffenceId())}, Attempt: 1, Sealed: m.GetSealed(), Seal: schemas.Sum(m.GetSealSha256()),
		Straggler: m.GetStraggler(), Zone: m.GetZone(), Site: m.GetSite(), Municipality: m.GetMunicipality(),
	}
	said, err := decisionOf(&m)
	if err != nil {
		return cases.Intake{}, err
	}
	in.Decision = said
	if len(in.Sealed) == 0 {
		return in, nil
	}
	if d, err := evidence.ParseSealed(in.Sealed); err == nil {
		in.SealHolds = sha256.Sum256(in.Sealed) == in.Seal && saysTheSame(&said, &d)
		d.Seal, d.Sealed, d.Offence = in.Seal, in.Sealed, in.Offence
		in.Decision = d
	}
	return in, nil
}

// decisionOf returns the decision that the message tells, without what only the sealed bytes have.
func decisionOf(m *anprv1.Offence) (schemas.Decision, error) {
	d := schemas.Decision{
		Rule: schemas.RuleID(m.GetRule()), RuleVersion: m.GetRuleVersion(), Family: schemas.Family(m.GetFamily()), Outcome: schemas.OutcomeOffence,
		Reason: m.GetStatusReason(), HoldUntil: schemas.Micros(m.GetHoldUntilUs()), AmountCents: m.GetAmountCents(), LegalBasis: m.GetLegalBasis(),
		Verified: m.GetVerified(), CatalogueVersion: m.GetCatalogueVersion(), ReferenceVersion: m.GetReferenceVersion(),
		Offence: schemas.OffenceID{ID: schemas.ID(m.GetOffenceId())}, Seal: schemas.Sum(m.GetSealSha256()), Sealed: m.GetSealed(),
		On: schemas.Sighting{Camera: m.GetCameraId(), CapturedAt: schemas.Micros(m.GetCapturedAtUs())},
	}
	switch m.GetStatus() {
	case "candidate":
	case "held":
		d.Outcome = schemas.OutcomeHeld
	default:
		return d, fmt.Errorf("%w: status %.40q is neither candidate nor held", errNoOffence, m.GetStatus())
	}
	var ok bool
	if d.On.Plate, ok = schemas.PlateFrom(m.GetPlate()); !ok {
		return d, fmt.Errorf("%w: its plate is none", errNoOffence)
	}
	d.On.Country, _ = schemas.CountryFrom(m.GetCountry())
	copyBytes(d.Passage.ID[:], m.GetPassageId())
	copyBytes(d.On.Read.ID[:], m.GetReadId())
	copyBytes(d.On.Image[:], m.GetImageSha256())
	copyBytes(d.PrevSeal[:], m.GetPrevSealSha256())
	d.Trace, _ = evidence.ParseTrace([]byte(m.GetTraceJson())) // without a trace the case still goes to a person
	for _, x := range m.GetMeasures() {
		d.Measures = append(d.Measures, schemas.Measure{Name: schemas.MeasureName(x.GetName()), Value: x.GetValue(), Uncertainty: x.GetUncertainty(), Device: x.GetDevice()})
	}
	return d, nil
}

// copyBytes copies bytes of the same length; others leave dst as it is.
func copyBytes(dst, src []byte) {
	if len(src) == len(dst) {
		copy(dst, src)
	}
}

// saysTheSame reports whether the message tells what is sealed.
func saysTheSame(said, sealed *schemas.Decision) bool {
	same := said.Offence == sealed.Offence && said.Rule == sealed.Rule && said.RuleVersion == sealed.RuleVersion && said.Family == sealed.Family &&
		said.Outcome == sealed.Outcome && said.Reason == sealed.Reason && said.HoldUntil == sealed.HoldUntil && said.Passage == sealed.Passage &&
		said.On.Read == sealed.On.Read && said.On.Camera == sealed.On.Camera && said.On.CapturedAt == sealed.On.CapturedAt && said.On.Plate == sealed.On.Plate &&
		said.On.Country == sealed.On.Country && said.On.Image == sealed.On.Image && said.AmountCents == sealed.AmountCents && said.LegalBasis == sealed.LegalBasis &&
		said.Verified == sealed.Verified && said.CatalogueVersion == sealed.CatalogueVersion && said.ReferenceVersion == sealed.ReferenceVersion &&
		said.PrevSeal == sealed.PrevSeal && len(said.Measures) == len(sealed.Measures)
	for i := range said.Measures {
		same = same && said.Measures[i] == sealed.Measures[i]
	}
	return same
}

// intakeOf makes a stored row an intake, without terms.
func intakeOf(row *evidence.Row) (cases.Intake, error) {
	in := cases.Intake{
		Offence: row.OffenceID, Attempt: 1, Sealed: []byte(row.Sealed), Zone: row.Zone, Site: row.Site, Municipality: row.Municipality, SealHolds: len(row.Altered()) == 0,
	}
	copyBytes(in.Seal[:], []byte(row.Seal))
	d, err := row.Decision()
	if err != nil { // the columns are all that is left of it
		if d, err = decisionOfRow(row); err != nil {
			return cases.Intake{}, err
		}
	}
	d.Offence = in.Offence
	in.Decision = d
	return in, nil
}

// decisionOfRow returns the decision that the columns tell, for a row whose sealed bytes cannot be read.
func decisionOfRow(row *evidence.Row) (schemas.Decision, error) {
	d := schemas.Decision{
		Rule: schemas.RuleID(row.Rule), RuleVersion: row.RuleVersion, Family: schemas.Family(row.Family), Outcome: schemas.OutcomeOffence, Reason: row.Reason,
		Passage: row.PassageID, AmountCents: row.Amount, LegalBasis: row.LegalBasis, Verified: row.Verified,
		CatalogueVersion: row.Catalogue, ReferenceVersion: row.Reference, Sealed: []byte(row.Sealed),
		On: schemas.Sighting{Read: row.ReadID, Camera: row.Camera, CapturedAt: schemas.MicrosOf(row.CapturedAt)},
	}
	if row.Status == "held" {
		d.Outcome, d.HoldUntil = schemas.OutcomeHeld, schemas.MicrosOf(row.HoldUntil)
	}
	var ok bool
	if d.On.Plate, ok = schemas.PlateFrom(row.Plate); !ok {
		return d, fmt.Errorf("offence %s: %w: its plate is none", row.OffenceID, errNoOffence)
	}
	d.On.Country, _ = schemas.CountryFrom(row.Country)
	copyBytes(d.On.Image[:], []byte(row.Image))
	copyBytes(d.Seal[:], []byte(row.Seal))
	return d, nil
}

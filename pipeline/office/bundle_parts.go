package office

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/dossier"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// bundleMaker makes the bundle of one case. One goroutine uses it.
type bundleMaker struct {
	office *Office
	desk   *EvidenceDesk
	route  access.Route
	d      *casestore.Dossier

	signer   *signing.Signer
	decision schemas.Decision
	parts    []bundle.Part
	pictures []bundle.Part
	absent   []bundle.Absence
	shown    []schemas.Sum // pictures in the bundle
}

// usedReference is reference.json: what the registries say of the instant of the capture.
type usedReference struct {
	SealedVersion string           `json:"sealed_reference_version"` // under which the offence was found
	ReadVersion   string           `json:"reference_version"`        // from which the rows below were read
	Camera        *usedCamera      `json:"camera,omitempty"`
	Vehicle       *dossier.Vehicle `json:"vehicle,omitempty"`
	PlateSubject  string           `json:"plate"`
	CountryOfIt   string           `json:"country,omitempty"`
}

// usedCamera is the camera at the capture.
type usedCamera struct {
	ID           string         `json:"camera_id"`
	Site         string         `json:"site,omitempty"`
	Zone         string         `json:"zone,omitempty"`
	Municipality uint32         `json:"municipality_nis,omitempty"`
	Street       schemas.Street `json:"street"`
	LatE6        int32          `json:"lat_e6"`
	LonE6        int32          `json:"lon_e6"`
	Lane         *usedLane      `json:"lane,omitempty"`
}

// usedLane is the lane of the read with the limits in force at the capture.
type usedLane struct {
	Number uint8       `json:"number"` // 0 = every lane
	Limits []usedLimit `json:"limits,omitempty"`
}

type usedLimit struct {
	Limit      int32  `json:"limit_dkmh"`
	LegalBasis string `json:"legal_basis"`
	Verified   bool   `json:"verified"`
}

// make makes, signs and writes the bundle.
func (m *bundleMaker) make(ctx context.Context) ([]byte, *bundle.Sealed, error) {
	var err error
	if m.signer, err = m.desk.Keys.Newest(); err != nil {
		return nil, nil, err
	}
	if m.decision, err = evidence.ParseSealed(m.d.Sealed); err != nil {
		return nil, nil, err
	}
	m.decision.Seal = schemas.Sum([]byte(m.d.Case.Seal))
	for _, step := range []func(context.Context) error{m.addPictures, m.addSealed, m.addEvents, m.addReference, m.addDossiers} {
		if err := step(ctx); err != nil {
			return nil, nil, err
		}
	}
	m.add("verify.html", bundle.VerifyPage())
	m.add("readme.html", bundle.Readme())
	c := &m.d.Case
	sealed, err := bundle.Sign(bundle.Manifest{
		CaseID: c.ID.String(), CaseVersion: c.Version, OffenceID: c.Offence.String(), State: string(c.State), Seal: c.Seal, Head: c.Head, Absent: m.absent,
	}, m.parts, m.signer, m.office.cfg.Now())
	if err != nil {
		return nil, nil, err
	}
	file, err := sealed.Write(m.parts, sealed.AddStamp(m.office.askStamp(ctx, m.desk)))
	return file, sealed, err
}

func (m *bundleMaker) add(path string, data []byte) {
	m.parts = append(m.parts, bundle.Part{Path: path, Data: data})
}

func (m *bundleMaker) leaveOut(path, why string) {
	m.absent = append(m.absent, bundle.Absence{Path: path, Why: why})
}

// addPictures adds the pictures as they were stored, each compared with its sum.
func (m *bundleMaker) addPictures(ctx context.Context) error {
	for _, p := range m.d.Case.Pictures {
		sum := schemas.Sum([]byte(p.Sum))
		if slices.Contains(m.shown, sum) {
			continue
		}
		path := bundle.PicturesDir + p.Sum.String()
		got, err := m.office.fetchPicture(ctx, m.route, &pictureParent{found: m.d}, sum)
		if problem, ok := errors.AsType[*Problem](err); ok && problem.Code == codePictureDeleted {
			m.leaveOut(path, problem.Detail)
			continue
		}
		if err != nil {
			return err
		}
		kind := ".jpg"
		if got.Type == typePNG {
			kind = ".png"
		}
		m.pictures = append(m.pictures, bundle.Part{Path: path + kind, Data: got.Body})
		m.shown = append(m.shown, sum)
	}
	m.parts = append(m.parts, m.pictures...)
	return nil
}

func (m *bundleMaker) addSealed(context.Context) error {
	m.add(bundle.SealedPath, m.d.Sealed)
	text, err := bundle.DescribeSealed(&m.decision)
	m.add("sealed.json", text)
	return err
}

// addEvents adds the chain of events. A record that names another vehicle, or that serves the measuring of reviewers
// alone, keeps its place in the chain by its sums.
func (m *bundleMaker) addEvents(context.Context) error {
	events := make([]bundle.Event, len(m.d.Events))
	for i := range m.d.Events {
		e := &m.d.Events[i]
		events[i] = bundle.Event{N: e.N, Kind: string(e.Kind), Prev: e.Prev, Sum: e.Sum, Body: string(m.d.Bodies[i])}
		if why := m.withheld(e); why != "" {
			events[i].Body, events[i].Withheld = "", why
		}
	}
	lines, err := bundle.WriteEvents(events)
	m.add(bundle.EventsPath, lines)
	return err
}

// withheld says why a record's body is no part of a bundle; "" = it is.
func (m *bundleMaker) withheld(e *cases.Event) string {
	own := []string{m.d.Case.Plate, m.d.Case.Reading().Plate}
	for _, r := range []*cases.PlateReading{e.Plate, e.PlateAfter} {
		if r != nil && r.Plate != "" && !slices.Contains(own, r.Plate) {
			return "it names another plate"
		}
	}
	switch {
	case e.Kind == cases.Probed:
		return "it measures a reviewer, and is no act in the case"
	case namesOtherPlate(e.Text, own):
		return "its text may name another plate"
	}
	return ""
}

// namesOtherPlate reports whether a text has a word that may be a plate other than the case's own: letters and digits
// together, 4 to 10 of them, in one word or in three groups as on a plate. What it takes for a plate too often costs a
// record its body in the bundle, nothing more.
func namesOtherPlate(text string, own []string) bool {
	text = strings.ToUpper(text)
	for _, plate := range own {
		if plate != "" {
			text = spelled(plate).ReplaceAllString(text, " , ")
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-.:,", r)
	})
	for i := range words {
		words[i] = strings.Trim(words[i], "-.:")
		if text := strings.TrimSuffix(words[i], ","); text != "" {
			words[i] = text
		}
	}
	for i, w := range words {
		if isLikePlate(w) || i+2 < len(words) && isShortPlatePart(words[i:i+3]...) && isLikePlate(words[i]+words[i+1]+words[i+2]) {
			return true
		}
	}
	return false
}

// spelled matches a plate with or without marks and spaces between its characters.
func spelled(plate string) *regexp.Regexp {
	parts := strings.Split(plate, "")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`\b` + strings.Join(parts, "[-. ]*") + `\b`)
}

// isLikePlate reports whether a word has letters and digits, as many as plates have.
func isLikePlate(word string) bool {
	word = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, word)
	return len(word) >= 4 && len(word) <= 10 && strings.IndexFunc(word, unicode.IsLetter) >= 0 && strings.IndexFunc(word, unicode.IsDigit) >= 0
}

// isShortPlatePart reports whether each word could be a group of a plate: at most four characters, letters or digits
// alone.
func isShortPlatePart(words ...string) bool {
	for _, w := range words {
		if len(w) > 4 || strings.ContainsAny(w, ",.:-") || strings.IndexFunc(w, unicode.IsLetter) >= 0 == (strings.IndexFunc(w, unicode.IsDigit) >= 0) {
			return false
		}
	}
	return true
}

// addReference adds what was read from catalogue and registries, as the first bundle of this version of the case read
// it.
func (m *bundleMaker) addReference(ctx context.Context) error {
	for _, part := range []struct {
		path string
		read func() ([]byte, error)
		why  string // of an absence
	}{
		{"reference.json", m.readReference, "this office has no reference data"},
		{"certificate.json", m.readCertificate, "the camera registry has no certificate for the instant of the capture"},
		{"catalogue.yaml", m.readExcerpt, "this office has no catalogue"},
	} {
		data, err := m.keep(ctx, part.path, part.read)
		switch {
		case err != nil:
			return err
		case len(data) == 0:
			m.leaveOut(part.path, part.why)
		default:
			m.add(part.path, data)
		}
	}
	return nil
}

func (m *bundleMaker) readReference() ([]byte, error) {
	o, c := m.office, &m.d.Case
	r := c.Reading()
	out := usedReference{SealedVersion: m.decision.ReferenceVersion, PlateSubject: r.Plate, CountryOfIt: r.Country, Vehicle: o.registerRow(&r, c.CapturedAt)}
	if o.cfg.Cases.Reference != nil {
		out.ReadVersion = o.cfg.Cases.Reference().Version()
	}
	if cam := o.cameraOf(c); cam != nil {
		out.Camera = &usedCamera{ID: cam.ID, Site: cam.Site, Zone: cam.ZoneAt(c.CapturedAt), Municipality: cam.Municipality, Street: cam.Street, LatE6: cam.LatE6, LonE6: cam.LonE6}
		if lane := cam.Lane(m.decision.On.Lane, m.decision.On.Direction); lane != nil {
			out.Camera.Lane = &usedLane{Number: lane.Number}
			for i := range lane.Limits {
				if l := &lane.Limits[i]; l.CoversAt(c.CapturedAt) {
					out.Camera.Lane.Limits = append(out.Camera.Lane.Limits, usedLimit{int32(l.Limit), l.LegalBasis, l.Verified})
				}
			}
		}
	}
	return marshalPart(out)
}

// cameraOf returns the camera of a case by the registry of now, or nil.
func (o *Office) cameraOf(c *cases.Case) *schemas.Camera {
	if o.cfg.Camera == nil {
		return nil
	}
	return o.cfg.Camera(c.Camera)
}

// registerRow returns the row of a register under a plate at an instant, or nil.
func (o *Office) registerRow(r *cases.PlateReading, at schemas.Micros) *dossier.Vehicle {
	v := o.vehicleOf(r, at)
	if v == nil {
		return nil
	}
	out := &dossier.Vehicle{Register: v.Register, Category: v.Category, Fuel: v.Fuel, Euro: v.Euro, FirstRegistration: v.FirstRegistration}
	if v.AsOf != nil {
		out.AsOf = schemas.MicrosOf(*v.AsOf)
	}
	return out
}

func (m *bundleMaker) readCertificate() ([]byte, error) {
	cam := m.office.cameraOf(&m.d.Case)
	if cam == nil {
		return nil, nil
	}
	cert := cam.CertificateOf(m.d.Case.Measures, m.d.Case.CapturedAt)
	if cert == nil {
		return nil, nil
	}
	return marshalPart(dossier.Device{Serial: cert.Serial, Approval: cert.Approval, From: cert.ValidFrom, To: cert.ValidTo})
}

func (m *bundleMaker) readExcerpt() ([]byte, error) {
	if m.desk.Excerpt == nil {
		return nil, nil
	}
	c := &m.d.Case
	day := c.CapturedAt.Day()
	text, version, err := m.desk.Excerpt(c.Family, day)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("# In force on %s for %s. Catalogue %s; the decision names catalogue %s.\n", day, c.Rule, version, m.decision.CatalogueVersion)
	return append([]byte(head), text...), nil
}

func marshalPart(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// keep returns a material of this version of the case: as it was kept, else as read now, which is then kept. The office
// signs what it keeps, and takes nothing that none of its keys signed.
func (m *bundleMaker) keep(ctx context.Context, name string, read func() ([]byte, error)) ([]byte, error) {
	people, id, version := m.office.people, m.d.Case.ID.String(), m.d.Case.Version
	kept, err := people.FindMaterial(ctx, id, version, name)
	if isAbsent(err) {
		content, err := read()
		if err != nil {
			return nil, err
		}
		made := store.Material{Name: name, Content: content, KeyID: bundle.KeyID(m.signer.Public()), Signature: m.signer.Sign(m.materialBytes(name, content))}
		if made.Content == nil {
			made.Content = []byte{}
		}
		if kept, err = people.KeepMaterial(ctx, id, version, made); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if err := m.checkMaterial(&kept); err != nil {
		return nil, err
	}
	return kept.Content, nil
}

// materialBytes are the bytes that the office signs when it keeps a material.
func (m *bundleMaker) materialBytes(name string, content []byte) []byte {
	sum := sha256.Sum256(content)
	return fmt.Appendf(nil, "anpr material of a bundle 1\n%s %d %s\n%x", m.d.Case.ID, m.d.Case.Version, name, sum)
}

func (m *bundleMaker) checkMaterial(k *store.Material) error {
	publics, err := m.desk.Keys.Publics()
	if err != nil {
		return err
	}
	for i := range publics {
		key, err := publics[i].Key()
		if err == nil && publics[i].KeyID == k.KeyID && ed25519.Verify(key, m.materialBytes(k.Name, k.Content), k.Signature) {
			return nil
		}
	}
	m.office.cfg.Metrics.Altered.Inc()
	m.office.cfg.Logger.Error().Stringer("case_id", m.d.Case.ID).Str("part", k.Name).Msg("A KEPT PART OF A BUNDLE IS NOT AS THE OFFICE SIGNED IT; no bundle of this version of the case is made")
	return alteredProblem([]string{k.Name})
}

// isAbsent reports whether the database has no such row.
func isAbsent(err error) bool { return errors.Is(err, store.ErrNotFound) }

package office

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/dossier"
	"github.com/gvc-brussels/anpr/rules"
	"github.com/gvc-brussels/anpr/schemas"
)

// addDossiers adds dossier and trace in each language, and the dossier as PDF.
func (m *bundleMaker) addDossiers(ctx context.Context) error {
	c, texts := m.dossierCase(), m.office.dossierTexts()
	for _, lang := range dossier.Languages() {
		page, err := dossier.Write(c, lang, texts)
		if err != nil {
			return err
		}
		trace, err := dossier.WriteTrace(c, lang, texts)
		if err != nil {
			return err
		}
		m.add("dossier."+lang+".html", page)
		m.add("trace."+lang+".html", trace)
		if err := m.addPDF(ctx, "dossier."+lang+".pdf", page); err != nil {
			return err
		}
	}
	return nil
}

// addPDF prints a page. A PDF is printed once for the same page and kept, because Chromium dates it.
func (m *bundleMaker) addPDF(ctx context.Context, path string, page []byte) error {
	if m.desk.Print == nil {
		m.leaveOut(path, "no Chromium is on this office's machine; the HTML has the same content")
		return nil
	}
	sum := sha256.Sum256(page)
	var printing error
	data, err := m.keep(ctx, fmt.Sprintf("%s of %x", path, sum[:8]), func() ([]byte, error) {
		data, err := m.desk.Print(ctx, page, m.pictures)
		printing = err
		return data, err
	})
	switch {
	case printing != nil && ctx.Err() == nil:
		m.office.cfg.Logger.Warn().Err(printing).Msg("Chromium did not print a dossier; the bundle has the HTML alone")
		m.leaveOut(path, "Chromium did not print it; the HTML has the same content")
		return nil
	case err != nil:
		return err
	}
	m.add(path, data)
	return nil
}

// dossierTexts renders what the rules say, in the languages of dossiers.
func (o *Office) dossierTexts() dossier.Texts {
	return dossier.Texts{
		Step: func(lang string, s *schemas.Step) string {
			if o.cfg.Explain != nil {
				lines, err := o.cfg.Explain(lang, string(evidence.AppendTrace(nil, []schemas.Step{*s})))
				if err == nil {
					return strings.Join(lines, " ")
				}
			}
			return s.Code + " " + strings.Join(s.Args, " ")
		},
		Basis:  o.basisIn,
		Reason: func(lang, code string) string { return rules.RenderReason(rules.Lang(lang), code) },
	}
}

// dossierCase is the case as its dossier shows it. Device and register row are those of the bundle's own parts.
func (m *bundleMaker) dossierCase() *dossier.Case {
	c, s := &m.d.Case, &m.decision.On
	out := &dossier.Case{
		CaseID: c.ID.String(), Version: c.Version, OffenceID: c.Offence.String(), Number: c.Number, State: string(c.State), EndReason: c.EndReason, Track: string(c.Track), Regime: string(c.Regime),
		Family: string(c.Family), Rule: string(c.Rule), Plate: c.Plate, Country: c.Country, Confidence: c.Confidence, CapturedAt: c.CapturedAt, ReceivedAt: s.ReceivedAt,
		Municipality: c.Municipality, Zone: c.Zone, Site: c.Site, Camera: c.Camera, Lane: s.Lane, Measures: c.Measures, AmountCents: c.AmountCents, LegalBasis: c.LegalBasis, Verified: c.Verified,
		Trace: traceOf(m.d, &m.decision), Seal: c.Seal, PrevSeal: schemas.DigestOf(m.decision.PrevSeal), Catalogue: c.Catalogue, Reference: c.Reference,
	}
	if c.Corrected != nil {
		out.Corrected, out.CorrectedCountry = c.Corrected.Plate, c.Corrected.Country
	}
	if c.Lane != nil {
		out.Lane = *c.Lane
	}
	if s.Direction != schemas.DirectionUnknown {
		out.Direction = s.Direction.String()
	}
	m.readBack(out)
	for _, p := range c.Pictures {
		for _, part := range m.pictures {
			if strings.HasPrefix(part.Path, bundle.PicturesDir+p.Sum.String()) {
				out.Pictures = append(out.Pictures, dossier.Picture{Path: part.Path, Kind: string(p.Kind), SHA256: p.Sum})
			}
		}
	}
	for i := range m.d.Events {
		e := &m.d.Events[i]
		shown := dossier.Event{N: e.N, At: e.RecordedAt, Kind: string(e.Kind), Withheld: m.withheld(e) != ""}
		if !shown.Withheld {
			shown.User, shown.Role, shown.Appointment, shown.Verdict, shown.Reason, shown.Text = e.User, string(e.Role), e.Appointment, string(e.Verdict), e.Reason, e.Text
			if e.Role == cases.System {
				shown.Text, shown.Remark = "", remarkOf(e)
			}
		}
		out.Events = append(out.Events, shown)
	}
	return out
}

// remarkOf returns the code of what the system wrote in an event, or "": its own text is English, for operators.
func remarkOf(e *cases.Event) string {
	switch {
	case e.Incident != "":
		return string(e.Incident)
	case e.Successor != "":
		return dossier.RemarkRevived
	case e.Revived:
		return dossier.RemarkNoneRevived
	}
	return ""
}

// readBack takes street, register row and certificate from the parts of the bundle.
func (m *bundleMaker) readBack(out *dossier.Case) {
	for i := range m.parts {
		switch p := &m.parts[i]; p.Path {
		case "reference.json":
			var used usedReference
			if json.Unmarshal(p.Data, &used) == nil {
				out.Vehicle = used.Vehicle
				if used.Camera != nil {
					out.Street = used.Camera.Street
				}
			}
		case "certificate.json":
			var device dossier.Device
			if json.Unmarshal(p.Data, &device) == nil {
				out.Device = &device
			}
		}
	}
}

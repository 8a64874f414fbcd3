package office

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/evidence"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/dossier"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// PrintQuery asks for the dossier of a case as a page for paper.
type PrintQuery struct {
	CaseID string `path:"case_id" maxLength:"64"`
	Lang   string `query:"lang" enum:"nl,fr" default:"nl" doc:"language of the file"`
}

// printedPage is a page of the server, for paper.
type printedPage struct {
	Type     string `header:"Content-Type"`
	Policy   string `header:"Content-Security-Policy"`
	Resource string `header:"Cross-Origin-Resource-Policy"`
	Body     []byte
}

const (
	typeHTML = "text/html; charset=utf-8"
	// printPolicy lets a printed page show pictures of this office and its own style, and nothing else.
	printPolicy = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// registerPrint registers the printed dossier. A tab that opens it sends no header of ours, so the purpose need not be
// named.
func (o *Office) registerPrint(api huma.API) {
	registerFile(api, route{access.RoutePrint, http.MethodGet, "/v1/cases/{case_id}/print", "The dossier of a decided case as a page for paper", 200},
		fileForm{"the page", newContent("", "text/html"), []int{400, 401, 403, 404, 409, 422, 429, 500, 503}, borrowed}, o.printCase)
}

// printCase answers with the dossier that a bundle of the case would have. The page asks for each picture by itself, which
// is a view with its own entry in the log.
func (o *Office) printCase(ctx context.Context, in *PrintQuery) (*printedPage, error) {
	if err := o.borrowPurpose(ctx, access.RoutePrint); err != nil {
		return nil, err
	}
	l := lookup{route: access.RoutePrint, asked: map[string]any{"case_id": boundedText(in.CaseID), "lang": in.Lang}}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*printedPage, answered, error) {
		d, _, err := o.caseForBundle(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		m := &bundleMaker{office: o, route: access.RoutePrint, d: d}
		if m.decision, err = evidence.ParseSealed(d.Sealed); err != nil {
			return nil, answered{}, err
		}
		m.decision.Seal = schemas.Sum([]byte(d.Case.Seal))
		page, err := m.writePrint(in.Lang)
		if err != nil {
			return nil, answered{}, err
		}
		return &printedPage{typeHTML, printPolicy, "same-origin", page}, answered{rows: 1, plates: platesOfCase(&d.Case)}, nil
	})
}

// writePrint writes the dossier with the registries of now and with the addresses of the pictures at this office.
func (m *bundleMaker) writePrint(lang string) ([]byte, error) {
	for _, part := range []struct {
		path string
		read func() ([]byte, error)
	}{{"reference.json", m.readReference}, {"certificate.json", m.readCertificate}} {
		data, err := part.read()
		if err != nil {
			return nil, err
		}
		if len(data) > 0 {
			m.add(part.path, data)
		}
	}
	for _, p := range m.d.Case.Pictures {
		m.pictures = append(m.pictures, bundle.Part{Path: bundle.PicturesDir + p.Sum.String()})
	}
	c := m.dossierCase()
	for i := range c.Pictures {
		c.Pictures[i].Path = "/v1/cases/" + m.d.Case.ID.String() + "/pictures/" + c.Pictures[i].SHA256.String()
	}
	return dossier.Write(c, lang, m.office.dossierTexts())
}

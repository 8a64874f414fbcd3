package office

import (
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/evidence/bundle"
	"github.com/gvc-brussels/anpr/pipeline/evidence/signing"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/pipeline/office/store"
	"github.com/gvc-brussels/anpr/schemas"
)

// EvidenceDesk is what an office needs to make evidence bundles. Keys must be set.
type EvidenceDesk struct {
	Keys *signing.Keys
	// Excerpt returns what the catalogue says of a family on a day, and the version of that catalogue. Nil = bundles have
	// no excerpt, and say so.
	Excerpt func(family schemas.Family, day schemas.Day) (text []byte, version string, err error)
	// Print makes a tagged PDF of a page with the pictures beside it, without a network. Nil = no Chromium is here:
	// bundles have the HTML alone, and say so.
	Print func(ctx context.Context, page []byte, pictures []bundle.Part) ([]byte, error)
	// Stamp asks an authority for a time stamp over a signature. Nil = none is configured, and no network is used.
	Stamp func(ctx context.Context, signature []byte) ([]byte, error)
}

// askStamp returns how the office asks its authority; nil = none is configured. An authority that does not answer keeps
// nothing back: the file says so.
func (o *Office) askStamp(ctx context.Context, d *EvidenceDesk) bundle.AskStamp {
	if d.Stamp == nil {
		return nil
	}
	return func(signature []byte) ([]byte, error) {
		token, err := d.Stamp(ctx, signature)
		if err != nil {
			o.cfg.Logger.Warn().Err(err).Msg("the time-stamping authority did not answer; the file has no time stamp")
		}
		return token, err
	}
}

// Codes of bundles.
const (
	codeUndecided    = "undecided"     // somebody is still to decide the case
	codeIncidentOpen = "incident_open" // something of the case does not hold
	codeBundleGone   = "bundle_expired"
	codeNoEvidence   = "no_evidence_desk"
)

// BundleQuery asks for a bundle of a case.
type BundleQuery struct {
	CaseID string `path:"case_id" maxLength:"64"`
	Body   struct {
		For string `json:"for" minLength:"3" maxLength:"200" doc:"for whom the bundle is; it stays with the list of bundles, not in the bundle"`
	}
}

// ShownBundle is a bundle that was made.
type ShownBundle struct {
	BundleID  string    `json:"bundle_id"`
	CaseID    string    `json:"case_id"`
	Version   int64     `json:"version" doc:"of the case"`
	User      string    `json:"user"`
	For       string    `json:"for"`
	MadeAt    time.Time `json:"made_at"`
	ExpiresAt time.Time `json:"expires_at" doc:"until then who made it can fetch the file"`
	KeyID     string    `json:"key_id"`
	SHA256    string    `json:"sha256" doc:"of the file"`
	Size      int64     `json:"size"`
}

// BundleAnswer is a bundle with its parts.
type BundleAnswer struct {
	Scope  Scope        `json:"scope"`
	Bundle ShownBundle  `json:"bundle"`
	Parts  []BundlePart `json:"parts"`
	Absent []AbsentPart `json:"absent" doc:"parts that this bundle does not have, and why"`
	Stamp  string       `json:"time_stamp" doc:"present, or none and why"`
	Verify string       `json:"verify" doc:"the command that verifies the file"`
	Seals  []SealTick   `json:"seals"`
}

// BundlePart is a part of a bundle.
type BundlePart struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// AbsentPart is a part that a bundle does not have.
type AbsentPart struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// BundlesAnswer lists the bundles of a case.
type BundlesAnswer struct {
	Scope Scope         `json:"scope"`
	Rows  []ShownBundle `json:"rows"`
}

// BundleFileQuery asks for the file of a bundle.
type BundleFileQuery struct {
	BundleID string `path:"bundle_id" maxLength:"64"`
}

// bundleFile is the file of a bundle as it goes out.
type bundleFile struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Resource    string `header:"Cross-Origin-Resource-Policy"`
	Body        []byte
}

// EvidenceKeysAnswer lists the keys that have signed bundles.
type EvidenceKeysAnswer struct {
	Keys []signing.Public `json:"keys" doc:"the oldest first; the last one signs"`
}

// registerBundles registers the routes of bundles.
func (o *Office) registerBundles(api huma.API) {
	get, post := http.MethodGet, http.MethodPost
	registerRoute(api, route{access.RouteBundle, post, "/v1/cases/{case_id}/bundles", "Make the evidence bundle of a case", 201}, o.makeBundle)
	registerRoute(api, route{access.RouteBundles, get, "/v1/cases/{case_id}/bundles", "Evidence bundles of a case that were made", 200}, o.listBundles)
	registerRoute(api, route{access.RouteEvidenceKeys, get, "/v1/evidence-keys", "Public keys that check evidence bundles, for recipients", 200}, o.listEvidenceKeys)
	registerFile(api, route{access.RouteBundleFile, get, "/v1/bundles/{bundle_id}/file", "The file of an evidence bundle, for who made it, for a day", 200},
		fileForm{"the bundle", newContent("binary", typeZIP), []int{400, 401, 403, 404, 410, 429, 500, 503}, borrowed}, o.fetchBundle)
}

const typeZIP = "application/zip"

// errNoEvidence answers for an office that makes no bundles.
var errNoEvidence = newProblem(http.StatusServiceUnavailable, codeNoEvidence, "this office makes no evidence bundles: it has no keys for them")

// makeBundle makes the bundle of a case. Making it is a look-up: who, for whom and which pictures are in the log before
// anything leaves.
func (o *Office) makeBundle(ctx context.Context, in *BundleQuery) (*BundleAnswer, error) {
	l := lookup{route: access.RouteBundle, asked: map[string]any{"case_id": boundedText(in.CaseID), "for": access.BoundText(in.Body.For, 200)}}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*BundleAnswer, answered, error) {
		d, seals, err := o.caseForBundle(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		if o.cfg.Evidence == nil { // after the rights: nobody learns of a foreign case
			return nil, answered{}, errNoEvidence
		}
		hold, err := o.holdRoom(ctx, signedIn(ctx).User.Name) // one bundle at a time takes the room of a picture
		if err != nil {
			return nil, answered{}, err
		}
		defer hold.release()
		m := &bundleMaker{office: o, desk: o.cfg.Evidence, route: access.RouteBundle, d: d}
		file, sealed, err := m.make(ctx)
		if err != nil {
			return nil, answered{}, err
		}
		sum := sha256.Sum256(file)
		b := store.Bundle{
			CaseID: d.Case.ID.String(), Version: d.Case.Version, User: signedIn(ctx).User.Name, For: in.Body.For, KeyID: sealed.Signature.KeyID, SHA256: sum[:], Size: int64(len(file)),
		}
		if err := o.people.SaveBundle(ctx, &b, file); err != nil {
			return nil, answered{}, err
		}
		out := &BundleAnswer{Scope: scopeOf(p), Bundle: shownBundle(&b), Absent: []AbsentPart{}, Stamp: sealed.Signature.StampNote, Verify: "anpr evidence verify " + fileOfBundle(&b), Seals: seals}
		for _, e := range sealed.Manifest.Parts {
			out.Parts = append(out.Parts, BundlePart{e.Path, e.Size, e.SHA256.String()})
		}
		for _, a := range sealed.Manifest.Absent {
			out.Absent = append(out.Absent, AbsentPart(a))
		}
		return out, answered{rows: 1, plates: platesOfCase(&d.Case), pictures: m.shown}, nil
	})
}

// caseForBundle returns a case of which the user may have a bundle now: decided, without an open incident, and as it was
// sealed.
func (o *Office) caseForBundle(ctx context.Context, p access.Permit, id string) (*casestore.Dossier, []SealTick, error) {
	d, err := o.findCase(ctx, p, id)
	if err != nil {
		return nil, nil, err
	}
	if isUndecided(d.Case.State) || shownAgain(d, signedIn(ctx).User.Name) != nil {
		return nil, nil, newProblem(http.StatusConflict, codeUndecided, "the case is not decided: nothing of it leaves the office before somebody has decided")
	}
	seals, err := o.verifyCase(ctx, p, d)
	if err != nil {
		return nil, nil, err
	}
	if len(d.Case.Incidents) > 0 {
		return nil, nil, nameIncidents(newProblem(http.StatusConflict, codeIncidentOpen, "something of the case does not hold; a supervisor looks at it and closes the incident first"), &d.Case)
	}
	return d, seals, nil
}

// listBundles lists the bundles of a case that were made, the newest first.
func (o *Office) listBundles(ctx context.Context, in *CaseQuery) (*BundlesAnswer, error) {
	const most = 100
	l := lookup{route: access.RouteBundles, asked: map[string]any{"case_id": boundedText(in.CaseID)}, queue: true}
	return askFor(ctx, o, l, func(p access.Permit, _ int) (*BundlesAnswer, answered, error) {
		d, err := o.findCase(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		made, err := o.people.ListBundles(ctx, d.Case.ID.String(), most)
		if err != nil {
			return nil, answered{}, err
		}
		out := &BundlesAnswer{Scope: scopeOf(p), Rows: []ShownBundle{}}
		for i := range made {
			out.Rows = append(out.Rows, shownBundle(&made[i]))
		}
		return out, answered{rows: len(out.Rows)}, nil
	})
}

func shownBundle(b *store.Bundle) ShownBundle {
	return ShownBundle{b.ID, b.CaseID, b.Version, b.User, b.For, b.MadeAt, b.ExpiresAt, b.KeyID, schemas.Digest(b.SHA256).String(), b.Size}
}

// fileOfBundle names the file of a bundle. The name tells nothing but the case.
func fileOfBundle(b *store.Bundle) string { return "case-" + b.CaseID + ".zip" }

// fetchBundle answers with the file of a bundle, for who made it, while the case may still be seen.
func (o *Office) fetchBundle(ctx context.Context, in *BundleFileQuery) (*bundleFile, error) {
	if err := o.borrowPurpose(ctx, access.RouteBundleFile); err != nil {
		return nil, err
	}
	asked := map[string]any{"bundle_id": boundedText(in.BundleID)}
	return askFor(ctx, o, lookup{route: access.RouteBundleFile, asked: asked, queue: true}, func(p access.Permit, _ int) (*bundleFile, answered, error) {
		b, file, err := o.people.FindBundle(ctx, in.BundleID, signedIn(ctx).User.Name)
		if isAbsent(err) {
			return nil, answered{}, o.refuseNotFound(ctx, access.RouteBundleFile, asked)
		}
		if err != nil {
			return nil, answered{}, err
		}
		d, err := o.findCase(ctx, p, b.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		if file == nil {
			return nil, answered{}, newProblem(http.StatusGone, codeBundleGone, "the file was kept for a day; make the bundle again")
		}
		out := &bundleFile{Type: typeZIP, Disposition: `attachment; filename="` + fileOfBundle(&b) + `"`, Resource: "same-origin", Body: file}
		return out, answered{rows: 1, plates: platesOfCase(&d.Case), pictures: sumsOf(&d.Case)}, nil
	})
}

// sumsOf lists the pictures of a case.
func sumsOf(c *cases.Case) (out []schemas.Sum) {
	for _, p := range c.Pictures {
		out = append(out, schemas.Sum([]byte(p.Sum)))
	}
	return out
}

// listEvidenceKeys lists the public keys of bundles. They are no secret: everybody who signed in may pass them on.
func (o *Office) listEvidenceKeys(ctx context.Context, _ *Empty) (*EvidenceKeysAnswer, error) {
	if o.cfg.Evidence == nil {
		return nil, errNoEvidence
	}
	keys, err := o.cfg.Evidence.Keys.Publics()
	if err != nil {
		return nil, err
	}
	if _, err := o.logOwnAction(ctx, access.Request{Route: access.RouteEvidenceKeys}); err != nil {
		return nil, err
	}
	return &EvidenceKeysAnswer{keys}, nil
}

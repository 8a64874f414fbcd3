package office

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// PictureStore is the image store of the gateways, as the office needs it. Safe for concurrent use.
type PictureStore interface {
	// Get returns a picture, checked against its sum. The error is fs.ErrNotExist for a picture that is not there and
	// ErrPictureDamaged for other bytes under the sum; any other error is transient.
	Get(ctx context.Context, sum schemas.Sum) ([]byte, error)
}

// ErrPictureDamaged means that the stored bytes are not those of the sum.
var ErrPictureDamaged = errors.New("the stored picture is damaged")

// Bounds of pictures.
const (
	maxPicture     = 16 << 20  // bytes of one
	maxPicturesNow = 128 << 20 // bytes in memory at once, of all requests
)

// PictureQuery asks for a picture of a case.
type PictureQuery struct {
	CaseID string `path:"case_id" maxLength:"64"`
	SHA256 string `path:"sha256" maxLength:"64" doc:"hexadecimal, as the item or the dossier names it"`
}

// pictureAnswer is a picture that was read, with what its headers say.
type pictureAnswer struct {
	Type, Disposition, Policy, Resource, Evidence string
	Body                                          []byte
}

// Outcomes of asking for a picture.
const (
	pictureServed      = "served"
	pictureThumbnail   = "thumbnail"
	pictureDamaged     = "damaged"
	pictureMissing     = "missing"
	pictureDeleted     = "deleted"
	pictureUnavailable = "unavailable" // the image store did not answer
)

func pictureOutcomes() []string {
	return []string{pictureServed, pictureThumbnail, pictureDamaged, pictureMissing, pictureDeleted, pictureUnavailable}
}

// countPictures makes the counter of pictures, with every outcome.
func countPictures() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "anpr_office_pictures_total",
		Help: "Pictures asked for, by outcome: served, thumbnail, damaged, missing, deleted, unavailable. Damaged and missing are alarms.",
	}, []string{"outcome"})
	for _, outcome := range pictureOutcomes() {
		c.WithLabelValues(outcome)
	}
	return c
}

// pictureParent is what shows a picture: a case. Whoever may see the parent may see its pictures.
type pictureParent struct {
	pictures []schemas.Digest
	plates   []string
	found    *casestore.Dossier
}

// registerPictures registers the routes of pictures.
func (o *Office) registerPictures(api huma.API) {
	one := "/v1/cases/{case_id}/pictures/{sha256}"
	picture := fileForm{"the picture", newContent("binary", typeJPEG, typePNG), []int{400, 401, 403, 404, 409, 410, 429, 500, 503}, borrowed}
	registerFile(api, route{access.RoutePicture, http.MethodGet, one, "A picture of a case, as it was stored", 200}, picture, func(ctx context.Context, in *PictureQuery) (*pictureSent, error) {
		return o.showPicture(ctx, access.RoutePicture, in)
	})
	registerFile(api, route{access.RouteThumbnail, http.MethodGet, one + "/thumb", "A small copy of a picture, for lists; no evidence", 200}, picture, func(ctx context.Context, in *PictureQuery) (*pictureSent, error) {
		return o.showPicture(ctx, access.RouteThumbnail, in)
	})
}

// showPicture answers a request for a picture of a case. Every view is in the look-up log, with the picture and the
// plates of the case, before a byte leaves.
func (o *Office) showPicture(ctx context.Context, r access.Route, in *PictureQuery) (*pictureSent, error) {
	if err := o.borrowPurpose(ctx, r); err != nil {
		return nil, err
	}
	asked := map[string]any{"case_id": boundedText(in.CaseID), "sha256": boundedText(in.SHA256)}
	hold := &pictureHold{}
	out, err := askFor(ctx, o, lookup{route: r, asked: asked, queue: true}, func(p access.Permit, _ int) (*pictureAnswer, answered, error) {
		parent, err := o.parentOf(ctx, p, in.CaseID)
		if err != nil {
			return nil, answered{}, err
		}
		var digest schemas.Digest
		if err := digest.UnmarshalText([]byte(in.SHA256)); err != nil || len(digest) != len(schemas.Sum{}) || !slices.Contains(parent.pictures, digest) {
			return nil, answered{}, o.refuseNotFound(ctx, r, asked)
		}
		sum := schemas.Sum([]byte(digest))
		if hold, err = o.holdRoom(ctx, p.User()); err != nil {
			return nil, answered{}, err
		}
		out, err := o.fetchPicture(ctx, r, parent, sum)
		if err != nil {
			return nil, answered{}, err
		}
		if r == access.RoutePicture {
			if err := o.cfg.Cases.Store.NotePicture(ctx, signedIn(ctx).User.Name, parent.found.Case.ID, digest); err != nil {
				return nil, answered{}, o.noteStoreFailure(ctx, err)
			}
		}
		hold.shrink(len(out.Body))
		return out, answered{rows: 1, plates: parent.plates, pictures: []schemas.Sum{sum}}, nil
	})
	if err != nil {
		hold.release()
		return nil, err
	}
	return sendPicture(out, hold), nil
}

// borrowPurpose takes the newest open purpose of the sign-in that allows the route, when the request names none.
func (o *Office) borrowPurpose(ctx context.Context, r access.Route) error {
	v := visitOf(ctx)
	if v.purpose != "" {
		return nil
	}
	open, err := o.people.OpenPurposes(ctx, v.User.Name, v.SignIn)
	if err != nil {
		return err
	}
	for i := range open {
		if access.MayFor(v.User.Role, r, open[i].Purpose) {
			v.purpose = open[i].ID
			return nil
		}
	}
	return nil // the look-up is refused for want of a purpose, and logged
}

// parentOf returns the case whose picture is asked, when the user may see it.
func (o *Office) parentOf(ctx context.Context, p access.Permit, id string) (*pictureParent, error) {
	d, err := o.findCase(ctx, p, id)
	if err != nil {
		return nil, err
	}
	out := &pictureParent{plates: platesOfCase(&d.Case), found: d}
	for _, x := range d.Case.Pictures {
		out.pictures = append(out.pictures, x.Sum)
	}
	return out, nil
}

// fetchPicture reads a picture whole, compares it with its sum and makes the answer. A picture that does not hold opens
// an incident of the case, and nothing of it is sent.
func (o *Office) fetchPicture(ctx context.Context, r access.Route, parent *pictureParent, sum schemas.Sum) (*pictureAnswer, error) {
	if o.cfg.Pictures == nil {
		return nil, newProblem(http.StatusServiceUnavailable, codeImagesDown, "this office has no image store: start it with --images")
	}
	data, err := o.cfg.Pictures.Get(ctx, sum)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, o.answerMissing(ctx, parent, sum)
	case errors.Is(err, ErrPictureDamaged):
		return nil, o.openPictureIncident(ctx, parent, sum, cases.PictureDamaged)
	case err != nil:
		o.countPicture(pictureUnavailable)
		if !hasHungUp(ctx) {
			o.cfg.Logger.Warn().Err(err).Msg("the image store did not answer")
		}
		return nil, newProblem(http.StatusServiceUnavailable, codeImagesDown, "the image store does not answer; try again")
	}
	kind := pictureTypeOf(data)
	if kind == "" {
		return nil, o.openPictureIncident(ctx, parent, sum, cases.PictureDamaged)
	}
	out := &pictureAnswer{Type: kind, Disposition: "inline", Policy: "default-src 'none'; sandbox", Resource: "same-origin", Body: data}
	if r == access.RouteThumbnail {
		if out.Body, err = o.makeThumbnail(ctx, data); err != nil {
			return nil, err
		}
		out.Type, out.Evidence = typeJPEG, "no"
		o.countPicture(pictureThumbnail)
		return out, nil
	}
	o.countPicture(pictureServed)
	return out, nil
}

func (o *Office) countPicture(outcome string) {
	o.cfg.Metrics.Pictures.WithLabelValues(outcome).Inc()
}

// answerMissing answers for a picture that is not in the store: deleted after its time, or lost.
func (o *Office) answerMissing(ctx context.Context, parent *pictureParent, sum schemas.Sum) error {
	at, deleted, err := o.cfg.Cases.Store.PictureDeleted(ctx, sum)
	if err != nil {
		return o.noteStoreFailure(ctx, err)
	}
	if !deleted {
		return o.openPictureIncident(ctx, parent, sum, cases.PictureMissing)
	}
	o.countPicture(pictureDeleted)
	return newProblem(http.StatusGone, codePictureDeleted, "the picture was deleted on "+schemas.MicrosOf(at).Day().String()+", when its time was over")
}

// openPictureIncident notes in the case that a picture does not hold, and returns the answer. One open incident of a
// kind says it.
func (o *Office) openPictureIncident(ctx context.Context, parent *pictureParent, sum schemas.Sum, kind cases.IncidentKind) error {
	outcome, code, text := pictureDamaged, codePictureDamaged, "the stored picture is not the one that the hash names: nothing of it is shown; an incident is open, and a supervisor restores the picture from a copy"
	if kind == cases.PictureMissing {
		outcome, code, text = pictureMissing, codePictureMissing, "the picture is not in the image store; an incident is open, and a supervisor restores the picture from a copy"
	}
	o.countPicture(outcome)
	id := parent.found.Case.ID
	_, err := o.cfg.Cases.Store.Do(context.WithoutCancel(ctx), &casestore.Request{
		Case: id, Command: cases.OpenIncident{Kind: kind, Text: fmt.Sprintf("picture %x", sum)}, By: cases.SystemActor(),
	})
	if err != nil {
		return o.noteStoreFailure(ctx, err)
	}
	o.cfg.Logger.Error().Str("case_id", id.String()).Hex("sha256", sum[:]).Msg("a picture of a case is " + outcome)
	return newProblem(http.StatusConflict, code, text)
}

// Media types of pictures.
const (
	typeJPEG = "image/jpeg"
	typePNG  = "image/png"
)

// pictureTypeOf tells the type by the first bytes; "" for anything that is no picture.
func pictureTypeOf(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}):
		return typeJPEG
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return typePNG
	}
	return ""
}

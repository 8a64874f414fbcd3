package office

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	"github.com/gvc-brussels/anpr/schemas"
)

// album is an image store in memory.
type album struct {
	mu   sync.Mutex
	kept map[schemas.Sum][]byte
	down error
}

func (a *album) Get(_ context.Context, sum schemas.Sum) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, ok := a.kept[sum]
	switch {
	case a.down != nil:
		return nil, a.down
	case !ok:
		return nil, fs.ErrNotExist
	case sha256.Sum256(data) != sum:
		return nil, ErrPictureDamaged
	}
	return data, nil
}

func (a *album) put(data []byte) schemas.Digest {
	sum := schemas.Sum(sha256.Sum256(data))
	a.kept[sum] = data
	return schemas.DigestOf(sum)
}

func (a *album) set(sum schemas.Digest, data []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if data == nil {
		delete(a.kept, schemas.Sum([]byte(sum)))
		return
	}
	a.kept[schemas.Sum([]byte(sum))] = data
}

func drawn(t *testing.T, width, height int, asPNG bool) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
	}
	img.Set(1, 1, color.White)
	var b bytes.Buffer
	var err error
	if asPNG {
		err = png.Encode(&b, img)
	} else {
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fetched is an answer to a request for a picture.
type fetched struct {
	status int
	code   string
	header http.Header
	body   []byte
}

// fetch asks for a picture as a person; purpose names an open purpose, "" names none.
func (d *caseDesk) fetch(name, purpose, url string) fetched {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.server.URL+url, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+name)
	if purpose != "" {
		req.Header.Set(purposeHeader, purpose)
	}
	res, err := d.server.Client().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	out := fetched{status: res.StatusCode, header: res.Header, body: body}
	if before, after, found := strings.Cut(string(body), `"code":"`); found && res.StatusCode >= 400 {
		_ = before
		out.code, _, _ = strings.Cut(after, `"`)
	}
	return out
}

func pictureURL(id string, sum schemas.Digest) string {
	return "/v1/cases/" + id + "/pictures/" + sum.String()
}

func withPictures(sums ...schemas.Digest) func(*cases.Intake) {
	return func(in *cases.Intake) {
		in.Pictures = nil
		for i, sum := range sums {
			in.Pictures = append(in.Pictures, cases.Picture{Sum: sum, Kind: []cases.PictureKind{cases.PictureScene, cases.PicturePlate}[i]})
		}
	}
}

// A picture comes as it was stored, runs in no tab, and counts as loaded under the lease; each view is in the log with
// the picture and the plate.
func TestAPictureOfACaseIsServedAndEveryViewLogged(t *testing.T) {
	store := &album{kept: map[schemas.Sum][]byte{}}
	d := newCaseDesk(t, func(c *Config) { c.Pictures = store })
	photo, plate := drawn(t, 640, 360, false), drawn(t, 90, 200, true)
	scene, crop := store.put(photo), store.put(plate)
	d.takeIn("1ABC123", "5339", withPictures(scene, crop))
	other := d.takeIn("1ABC124", "5339", withPictures(store.put(drawn(t, 30, 20, false))))
	a, err := d.clerk("an").Lease(t.Context(), shift(), LeaseQuery{Queue: "decide", N: 1})
	if err != nil || len(a.Items) != 1 {
		t.Fatalf("got %+v, %v", a, err)
	}
	item := a.Items[0]
	entries := d.logged("operation = 'case-picture' AND outcome = 'granted'")
	got := d.fetch("an", "", pictureURL(item.CaseID, scene)) // as an img element asks: no purpose is named
	if got.status != 200 || !bytes.Equal(got.body, photo) {
		t.Fatalf("got %d %s, %d bytes", got.status, got.code, len(got.body))
	}
	for name, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin", "Anpr-Evidence": "",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.header.Get(name), want)
		}
	}
	if n := d.logged("operation = 'case-picture' AND outcome = 'granted'") - entries; n != 1 {
		t.Errorf("%d entries of one view", n)
	}
	// The plate alone was not loaded yet, so nobody may confirm.
	_, err = d.clerk("an").Verdict(t.Context(), shift(), confirming(&item))
	if status, code := codeOfError(t, err); status != 412 || code != string(cases.CodePictures) {
		t.Errorf("confirmed without the second picture: got %d %s", status, code)
	}
	if got := d.fetch("an", "", pictureURL(item.CaseID, crop)+"/thumb"); got.status != 200 || got.header.Get("Anpr-Evidence") != "no" {
		t.Errorf("a thumbnail: got %d %s", got.status, got.code)
	}
	_, err = d.clerk("an").Verdict(t.Context(), shift(), confirming(&item))
	if _, code := codeOfError(t, err); code != string(cases.CodePictures) {
		t.Errorf("a thumbnail counts as a picture: got %s", code)
	}
	if got := d.fetch("an", "", pictureURL(item.CaseID, crop)); got.status != 200 || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("got %d %s", got.status, got.code)
	}
	d.mustDecide("an", confirming(&item))
	// Another case's picture, other people, and hashes that are none: the same answer.
	for name, c := range map[string]struct{ who, url string }{
		"picture of another case": {"an", pictureURL(item.CaseID, other.intake.Pictures[0].Sum)},
		"no such picture":         {"an", pictureURL(item.CaseID, schemas.DigestOf(schemas.Sum{1}))},
		"no hash":                 {"an", "/v1/cases/" + item.CaseID + "/pictures/zz"},
		"half a hash":             {"an", "/v1/cases/" + item.CaseID + "/pictures/" + scene.String()[:32]},
		"no such case":            {"an", pictureURL(anyID, scene)},
	} {
		refused := d.logged("outcome = 'refused'")
		if got := d.fetch(c.who, "", c.url); got.status != 404 || got.code != "not_found" {
			t.Errorf("%s: got %d %s", name, got.status, got.code)
		}
		if n := d.logged("outcome = 'refused'") - refused; n != 1 {
			t.Errorf("%s: %d refusals in the log", name, n)
		}
	}
	for who, want := range map[string]int{"zo": 404, "el": 404, "ju": 403, "au": 403, "pr": 404} {
		if who != "ju" && who != "au" { // a shift, or a prosecutor's purpose
			j := shift()
			if who == "pr" {
				j = judicial()
			}
			if _, err := d.clerk(who).purposeOf(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
		for _, thumb := range []string{"", "/thumb"} {
			if got := d.fetch(who, "", pictureURL(item.CaseID, scene)+thumb); got.status != want || bytes.Contains(got.body, photo[:20]) {
				t.Errorf("%s%s: got %d %s, want %d", who, thumb, got.status, got.code, want)
			}
		}
	}
	if got := d.fetch("no", "", pictureURL(item.CaseID, scene)); got.status != 403 { // no purpose was opened
		t.Errorf("without any purpose: got %d %s", got.status, got.code)
	}
}

// Nothing of a picture that is not what its hash says is sent; the case has an incident, and nobody may confirm.
func TestAPictureThatDoesNotHoldIsNotSentAndOpensAnIncident(t *testing.T) {
	photo := drawn(t, 64, 36, false)
	for name, c := range map[string]struct {
		stored []byte
		code   string
		kind   cases.IncidentKind
	}{
		"one bit":   {func() []byte { b := bytes.Clone(photo); b[len(b)/2] ^= 1; return b }(), "picture_damaged", cases.PictureDamaged},
		"cut":       {photo[:40], "picture_damaged", cases.PictureDamaged},
		"HTML":      {[]byte("<html><script>alert(1)</script>"), "picture_damaged", cases.PictureDamaged},
		"not there": {nil, "picture_missing", cases.PictureMissing},
	} {
		t.Run(name, func(t *testing.T) {
			store := &album{kept: map[schemas.Sum][]byte{}}
			d := newCaseDesk(t, func(c *Config) { c.Pictures = store })
			scene := store.put(photo)
			d.takeIn("1ABC123", "5339", withPictures(scene))
			item := d.take("an", "decide")
			store.set(scene, c.stored)
			for range 2 { // asked again, there is still one incident
				got := d.fetch("an", "", pictureURL(item.CaseID, scene))
				if got.status != 409 || got.code != c.code || bytes.Contains(got.body, photo[:8]) {
					t.Errorf("got %d %s, %d bytes", got.status, got.code, len(got.body))
				}
			}
			id, err := cases.ParseID(item.CaseID)
			if err != nil {
				t.Fatal(err)
			}
			after, err := d.cases.Get(t.Context(), id)
			if err != nil || len(after.Case.Incidents) != 1 || after.Case.Incidents[0].Kind != c.kind {
				t.Errorf("incidents %+v, %v; want one %s", after.Case.Incidents, err, c.kind)
			}
		})
	}
	// A document behind the first bytes of a picture, stored as it is, is no type that runs.
	store := &album{kept: map[schemas.Sum][]byte{}}
	d := newCaseDesk(t, func(c *Config) { c.Pictures = store })
	mixed := store.put([]byte("\xff\xd8\xff<html><script>alert(1)</script>"))
	d.takeIn("1ABC125", "5339", withPictures(mixed))
	item := d.take("an", "decide")
	if got := d.fetch("an", "", pictureURL(item.CaseID, mixed)); got.status != 200 || got.header.Get("Content-Type") != "image/jpeg" || !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("got %d %s as %s", got.status, got.code, got.header.Get("Content-Type"))
	}
	if got := d.fetch("an", "", pictureURL(item.CaseID, mixed)+"/thumb"); got.status != 409 || got.code != "no_thumbnail" {
		t.Errorf("a thumbnail of no picture: got %d %s", got.status, got.code)
	}
	store.down = errors.New("dial: connection refused")
	if got := d.fetch("an", "", pictureURL(item.CaseID, mixed)); got.status != 503 || got.code != "images_unavailable" {
		t.Errorf("a store that does not answer: got %d %s", got.status, got.code)
	}
	id, err := cases.ParseID(item.CaseID)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := d.cases.Get(t.Context(), id); err != nil || len(after.Case.Incidents) > 0 {
		t.Errorf("an outage opened an incident: %+v, %v", after.Case.Incidents, err)
	}
}

// A picture that was deleted after its time is shown as deleted, with the day; it is not lost, and no incident opens.
func TestADeletedPictureSaysWhenItWent(t *testing.T) {
	store := &album{kept: map[schemas.Sum][]byte{}}
	d := newCaseDesk(t, func(c *Config) { c.Pictures = store })
	scene := store.put(drawn(t, 64, 36, false))
	d.takeIn("1ABC123", "5339", withPictures(scene))
	item := d.take("an", "decide")
	store.set(scene, nil)
	if err := d.cases.NotePictureDeleted(t.Context(), schemas.Sum([]byte(scene)), now); err != nil {
		t.Fatal(err)
	}
	got := d.fetch("an", "", pictureURL(item.CaseID, scene))
	if day := schemas.MicrosOf(time.Now()).Day().String(); got.status != 410 || got.code != "picture_deleted" || !strings.Contains(string(got.body), day) {
		t.Errorf("got %d %s %s", got.status, got.code, got.body)
	}
	id, err := cases.ParseID(item.CaseID)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := d.cases.Get(t.Context(), id); err != nil || len(after.Case.Incidents) > 0 {
		t.Errorf("incidents %+v, %v", after.Case.Incidents, err)
	}
}

func TestAThumbnailFitsItsBoundsAndSaysThatItIsNoEvidence(t *testing.T) {
	for _, size := range []image.Point{{960, 540}, {400, 100}, {90, 1200}, {10, 10}, {1, 1}, {4000, 3}} {
		small, err := shrinkPicture(drawn(t, size.X, size.Y, size.X == 400))
		if err != nil {
			t.Errorf("%v: %v", size, err)
			continue
		}
		got, err := jpeg.DecodeConfig(bytes.NewReader(small))
		if err != nil || got.Width > thumbWidth || got.Height > thumbHeight || got.Width != thumbWidth && got.Height != thumbHeight {
			t.Errorf("%v: got %d x %d, %v", size, got.Width, got.Height, err)
		}
		if !bytes.HasPrefix(small, []byte("\xff\xd8\xff\xfe\x00\x0eNOT EVIDENCE")) {
			t.Errorf("%v: the comment is missing: %x", size, small[:20])
		}
	}
	huge := drawn(t, 4, 4, true)
	copy(huge[16:24], []byte{0, 0, 0x80, 0, 0, 0, 0x80, 0}) // the header says 32768 x 32768
	for name, data := range map[string][]byte{"nothing": nil, "too many pixels": huge, "cut": drawn(t, 64, 36, false)[:100]} {
		if _, err := shrinkPicture(data); err == nil {
			t.Errorf("%s: a thumbnail was made", name)
		}
	}
}

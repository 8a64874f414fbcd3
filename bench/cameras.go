package bench

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/gvc-brussels/anpr/schemas"
)

// sitePlan holds the properties shared by a site's cameras.
type sitePlan struct {
	limit    schemas.Speed
	surround string
	lez      bool
	lanes    uint8
	excluded bool // an access road on which no LEZ offence may be established
	partly   bool // lane 1 only
	measures bool // a camera at the site measures speeds
	lapsed   bool // with a lapsed certificate
}

// cameraPlan is the plan for a camera.
type cameraPlan struct {
	*sitePlan
	kind      schemas.CameraKind
	measures  bool
	direction schemas.Direction
}

func drawPlan(r *rand.Rand, s *site) *sitePlan {
	p := &sitePlan{limit: 300, surround: "zone_30", lez: true, lanes: uint8(1 + r.IntN(2))}
	switch n := r.IntN(100); {
	case s.motorway:
		p.limit, p.surround, p.lez, p.lanes = []schemas.Speed{900, 1000, 1200}[r.IntN(3)], "motorway", false, 3
	case n < 4:
		p.surround = "school"
	case n < 34:
		p.limit, p.surround, p.lanes = 500, "built_up", uint8(1+r.IntN(3))
	case n < 37:
		p.limit, p.surround = 700, "other"
	}
	if p.lez {
		n := r.IntN(100)
		p.excluded, p.partly = n < 3, n >= 3 && n < 6
	}
	p.measures = s.motorway || r.IntN(100) < 35
	p.lapsed = r.IntN(100) < 5
	return p
}

// planCamera returns the plan of the k-th camera: the first sees the front, the second the rear, and the first
// measures.
func (p *sitePlan) planCamera(k int, kind schemas.CameraKind) cameraPlan {
	cp := cameraPlan{sitePlan: p, kind: kind, direction: schemas.Approaching}
	if k%2 == 1 {
		cp.direction = schemas.Departing
	}
	cp.measures = p.measures && k == 0 && kind == schemas.CameraFixed
	return cp
}

func (c *City) newCamera(r *rand.Rand, s *site, p cameraPlan) schemas.Camera {
	t := &municipalities[s.town]
	cam := schemas.Camera{
		ID: fmt.Sprintf("BRU-%04d", len(c.cameras)+1), Number: uint32(len(c.cameras) + 1), Site: s.name, SiteHash: hashOf(s.name),
		Kind: p.kind, Municipality: t.nis, Zone: t.zone, LatE6: s.lat, LonE6: s.lon, Street: s.street,
		Purposes: purposeHotlist, ValidFrom: schemas.DayOf(2018, 1, 1).Start(),
		AllowedLateness: 5 * schemas.Minute, InsideLEZ: p.lez,
	}
	if p.kind == schemas.CameraTemporary {
		cam.ID = fmt.Sprintf("TMP-%04d", len(c.cameras)+1)
		cam.AllowedLateness = 24 * schemas.Hour
	}
	if p.lez {
		cam.Purposes |= purposeLEZ
	}
	if p.measures {
		cam.Purposes |= purposeSpeed
		cam.Certificates = c.drawCertificates(r, cam.Number-1, p.lapsed)
	}
	cam.Lanes = makeLanes(p)
	cam.TokenSum = sha256.Sum256([]byte(c.CameraToken(cam.ID)))
	return cam
}

func makeLanes(p cameraPlan) []schemas.Lane {
	from := schemas.DayOf(2021, 1, 1).Start()
	limit := schemas.SpeedLimit{Limit: p.limit, Surround: p.surround, ValidFrom: from, LegalBasis: madeUpBasis}
	lanes := make([]schemas.Lane, 0, p.lanes)
	for n := uint8(1); n <= p.lanes; n++ {
		lanes = append(lanes, schemas.Lane{
			Number: n, Direction: p.direction, LEZExcluded: p.excluded || p.partly && n == 1, Limits: []schemas.SpeedLimit{limit},
		})
	}
	return lanes
}

// drawCertificates draws two successive verifications; a lapsed device's last verification ended before the day.
func (c *City) drawCertificates(r *rand.Rand, index uint32, lapsed bool) []schemas.Certificate {
	from := c.day - schemas.Day(30+r.IntN(600))
	if lapsed {
		from = c.day.AddMonths(-24) - schemas.Day(5+r.IntN(100))
	}
	mid := from.AddMonths(-24)
	serial, approval := fmt.Sprintf("SN-%06d", 400_000+index), fmt.Sprintf("BE-P-%04d", 1000+index%7)
	return []schemas.Certificate{
		{Serial: serial, Approval: approval, ValidFrom: mid.Start(), ValidTo: from.Start()},
		{Serial: serial, Approval: approval, ValidFrom: from.Start(), ValidTo: from.AddMonths(24).Start()},
	}
}

// CameraToken returns a camera's token, derived from seed and secret. It has 16 characters, the longest password for
// some cameras.
func (c *City) CameraToken(camera string) string {
	sum := c.tokenSum("camera", camera)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// UserToken returns an office user's bearer token in the generated users.yaml, derived from seed and secret.
func (c *City) UserToken(user string) string { return userToken(c.tokenSum("user", user)) }

// PublicUserToken returns the token which earlier versions gave a generated city's user on every machine. Anyone who
// reads this code knows the token, so an office open to others must refuse it.
func PublicUserToken(seed uint64, user string) string {
	return userToken(tokenSum(seed, "", "user", user))
}

func userToken(sum [32]byte) string { return "bench-" + hex.EncodeToString(sum[:20]) }

func (c *City) tokenSum(kind, name string) [32]byte {
	return tokenSum(c.cfg.Seed, c.cfg.Secret, kind, name)
}

func tokenSum(seed uint64, secret, kind, name string) [32]byte {
	var b []byte
	b = binary.BigEndian.AppendUint64(b, seed)
	b = append(b, "anpr bench token/1\x00"+kind+"\x00"+name...)
	if secret != "" {
		b = append(b, "\x00"+secret...)
	}
	return sha256.Sum256(b)
}

// purposeNames lists the purposes as the registry file spells them.
func purposeNames(p schemas.CameraPurpose) string {
	var out []string
	for bit := schemas.CameraPurpose(1); bit <= p; bit <<= 1 {
		for _, o := range newOracles() {
			if b, name := o.cameraPurpose(); b == bit && p.Has(bit) {
				out = append(out, name)
			}
		}
	}
	return strings.Join(out, ", ")
}

package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/gvc-brussels/anpr/schemas"
)

// Registry finds cameras. Many goroutines ask it, for every upload.
type Registry interface {
	Camera(id string) (*schemas.Camera, bool)
}

// Record is a message for anpr.reads.v1.
type Record struct {
	Key, Value []byte
	Partition  int
	Time       time.Time // time of receipt
	Camera     string
	Internal   bool // made by the gateway, sent by no camera: gets no receipt
}

// Producer puts records on the log. Produce returns nil only after the broker has acknowledged all records; after an
// error some may be on the log. Safe for concurrent use.
type Producer interface {
	Produce(ctx context.Context, records []Record) error
}

// Config configures a gateway. Zero numbers mean the defaults in brackets.
type Config struct {
	Registry  func() Registry // the current version, so that a reload takes effect; required
	Normalise func(raw string, country schemas.Country, confidence schemas.PerMille) (schemas.Plate, error)
	// NearMisread reports whether two plates may be two readings of one plate, see normalise.NearMisread. nil: no
	// reads are doubted
	NearMisread func(a, b schemas.Plate) bool
	Producer    Producer
	Images      ImageStore // nil: pictures are dropped, and noted
	Partitions  int        // partitions of anpr.reads.v1; required
	Now         func() time.Time
	Log         zerolog.Logger
	Metrics     *Metrics // nil: counted and never shown

	Digest        *DigestSecrets // nil: no camera authenticates with Digest
	Proxies       []netip.Prefix // whose X-Forwarded-For and SubjectHeader count; none: every peer is the sender
	SubjectHeader string         // header in which a proxy names a verified client certificate; "" = none

	MaxBody        int64         // bytes of an upload, packed and unpacked [16 MiB]
	MaxImage       int64         // bytes of a picture, larger pictures are dropped [8 MiB]
	MaxInFlight    int           // uploads at a time [512]
	MaxMemory      int64         // bytes of bodies at a time [512 MiB]
	CameraInFlight int           // uploads of a camera at a time [64]
	CameraRate     rate.Limit    // uploads of a camera per second [200]
	CameraBurst    int           // [2000]
	StrangerRate   rate.Limit    // quarantines of unauthenticated senders per second, for all together [10]
	StrangerBurst  int           // [100]
	KeepUnread     bool          // store the pictures of vehicles with an unread plate; the log names the pictures
	StrangerKeep   int           // bytes kept of an unauthenticated upload [4 KiB]
	StrangerDay    int64         // bytes kept of unauthenticated uploads a day [16 MiB]
	StrangerTime   time.Duration // time for the body of an unauthenticated upload [10 s]
	MaxStrangers   int           // unauthenticated bodies read at a time [64]
	BodyGrace      time.Duration // time for a camera's body before BodyRate counts [15 s]
	BodyRate       int64         // bytes a second demanded beyond BodyGrace [8 KiB]
	AnswerTime     time.Duration // time for an answer [30 s]
	KeepPayload    int           // bytes kept of a refused upload [256 KiB]
	ProduceTimeout time.Duration // then 503 [5 s]
}

// maxKeep keeps a quarantine record below the broker's default limit, 1 MiB.
const maxKeep = 768 << 10

func (c *Config) checkFields() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("gateway config: "+what))
		}
	}
	need(c.Registry != nil, "Registry is missing; give the camera registry")
	need(c.Normalise != nil, "Normalise is missing; give normalise.PlateOf")
	need(c.Producer != nil, "Producer is missing; give a KafkaProducer")
	need(c.Partitions > 0, "Partitions must be above 0; give the topic's number")
	need(c.KeepPayload >= 0 && c.KeepPayload <= maxKeep,
		"KeepPayload must be at most 768 KiB; a record must fit the broker's message limit")
	return errors.Join(errs...)
}

func (c *Config) setDefaults() {
	setDefault(&c.MaxBody, 16<<20)
	setDefault(&c.MaxImage, 8<<20)
	setDefault(&c.MaxInFlight, 512)
	setDefault(&c.MaxMemory, 512<<20)
	setDefault(&c.CameraRate, 200)
	setDefault(&c.CameraBurst, 2000)
	setDefault(&c.StrangerRate, 10)
	setDefault(&c.StrangerBurst, 100)
	setDefault(&c.CameraInFlight, 64)
	setDefault(&c.StrangerKeep, 4<<10)
	setDefault(&c.StrangerDay, 16<<20)
	setDefault(&c.StrangerTime, 10*time.Second)
	setDefault(&c.MaxStrangers, 64)
	setDefault(&c.BodyGrace, 15*time.Second)
	setDefault(&c.BodyRate, 8<<10)
	setDefault(&c.AnswerTime, 30*time.Second)
	setDefault(&c.KeepPayload, 256<<10)
	setDefault(&c.ProduceTimeout, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Gateway serves camera uploads. Safe for concurrent use.
type Gateway struct {
	cfg       Config
	log       zerolog.Logger
	slots     chan struct{} // an element per upload in flight
	memory    atomic.Int64  // bytes of bodies in flight
	quotas    cameraQuotas
	strangers strangerLimits
	nonces    nonceMemory
	broker    brokerState
	clocks    clockWatch
	misreads  misreads
	sources   sourceMemory
	unread    recentIDs
	frequent  frequentPlates
	tracks    trackMemory
}

// New makes a gateway. An error names the missing parts of the configuration.
func New(cfg Config) (*Gateway, error) {
	if err := cfg.checkFields(); err != nil {
		return nil, err
	}
	cfg.setDefaults()
	return &Gateway{
		cfg:       cfg,
		log:       cfg.Log.Sample(&zerolog.BurstSampler{Burst: 10, Period: 10 * time.Second}),
		slots:     make(chan struct{}, cfg.MaxInFlight),
		quotas:    cameraQuotas{cams: map[string]*cameraQuota{}},
		strangers: newStrangers(&cfg),
		nonces:    nonceMemory{begun: cfg.Now()},
		tracks:    trackMemory{unjoined: cfg.Metrics.Unjoined.Inc},
	}, nil
}

// Handler serves the camera paths. The surrounding server sets the time-outs of headers and bodies.
func (g *Gateway) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		camera, format, ok := splitPath(r.URL.EscapedPath())
		if !ok {
			writeProblem(w, http.StatusNotFound, schemas.Rejectf(schemas.ReasonUnsupported, "path",
				"nothing is here; post to /v1/cameras/{camera_id}/{format}"))
			return
		}
		g.serveUpload(&timedWriter{w, g.cfg.AnswerTime}, r, camera, format)
	})
}

// splitPath returns camera id and format from an address, with or without a final slash. The format has the end that its
// devices add, as the format lists it. A ServeMux would not do: it redirects a doubled slash, and the redirect turns a
// camera's POST into a GET.
func splitPath(path string) (camera, format string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(path, "/"), "/v1/cameras/")
	camera, rest, found := strings.Cut(rest, "/")
	camera, err := url.PathUnescape(camera)
	format, tail, more := strings.Cut(rest, "/")
	if more {
		tail, more = findTail(format, tail)
		format, ok = format+"/"+tail, ok && more
	}
	return camera, format, ok && found && err == nil && camera != "" && format != ""
}

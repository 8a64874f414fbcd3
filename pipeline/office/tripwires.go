package office

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
	"github.com/gvc-brussels/anpr/pipeline/office/access"
	"github.com/gvc-brussels/anpr/schemas"
)

// OpenWireQuery stops issuing of a camera and a family by hand.
type OpenWireQuery struct {
	Body struct {
		Camera string         `json:"camera" minLength:"1" maxLength:"64"`
		Family DecidingFamily `json:"family"`
		Text   string         `json:"text" minLength:"10" maxLength:"2000" doc:"why, without a plate"`
	}
}

// ReleaseWireQuery releases a tripwire.
type ReleaseWireQuery struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Finding string `json:"finding" enum:"mended,real" doc:"mended: something was wrong, and the time of the wire is no history; real: the offences are real, and the history begins anew"`
		Text    string `json:"text" minLength:"10" maxLength:"2000" doc:"what was found and done, without a plate"`
	}
}

// ShownWire is a tripwire.
type ShownWire struct {
	WireID      string     `json:"wire_id"`
	Camera      string     `json:"camera"`
	Family      string     `json:"family"`
	Zone        string     `json:"zone,omitempty"`
	OpenedAt    time.Time  `json:"opened_at"`
	OpenedBy    string     `json:"opened_by,omitempty" doc:"absent = offences jumped"`
	Text        string     `json:"text,omitempty" doc:"of the person"`
	From        *time.Time `json:"from,omitempty" doc:"first capture of the window in which offences jumped"`
	To          *time.Time `json:"to,omitempty" doc:"last capture of it"`
	Evidence    []ItemStep `json:"evidence" doc:"what was counted in the window, and in the history of the camera"`
	Held        int64      `json:"held" doc:"cases that wait for the release"`
	Unsent      int64      `json:"unsent" doc:"confirmed cases that stay out of every batch"`
	ReleasedAt  *time.Time `json:"released_at,omitempty"`
	ReleasedBy  string     `json:"released_by,omitempty"`
	Finding     string     `json:"finding,omitempty" enum:"mended,real"`
	ReleaseText string     `json:"release_text,omitempty"`
}

// WiresAnswer lists tripwires, open ones first.
type WiresAnswer struct {
	Scope Scope       `json:"scope"`
	Rows  []ShownWire `json:"rows"`
}

// WireAnswer is one tripwire after a change.
type WireAnswer struct {
	Wire   ShownWire `json:"wire"`
	LogSeq uint64    `json:"log_seq"`
}

// shownWires bounds the tripwires of an answer.
const shownWires = 200

// registerWires registers the routes of tripwires.
func (o *Office) registerWires(api huma.API) {
	registerRoute(api, route{access.RouteWires, http.MethodGet, "/v1/tripwires", "Cameras and rules of which nothing is issued, and those that were released", 200}, o.listWires)
	registerRoute(api, route{access.RouteOpenWire, http.MethodPost, "/v1/tripwires", "Stop issuing of a camera and a family of rules", 200}, o.openWire)
	registerRoute(api, route{access.RouteReleaseWire, http.MethodPost, "/v1/tripwires/{id}/release", "Release a tripwire: its cases are decided again", 200}, o.releaseWire)
}

func (o *Office) shownWire(w *casestore.Wire) ShownWire {
	out := ShownWire{
		WireID: w.ID.String(), Camera: w.Camera, Family: string(w.Family), Zone: w.Zone, OpenedAt: w.OpenedAt.Time(), OpenedBy: w.OpenedBy, Text: w.OpenedText,
		Evidence: o.stepsOf(w.Evidence, true), Held: w.Held, Unsent: w.Unsent, ReleasedAt: timeOf(w.ReleasedAt), ReleasedBy: w.ReleasedBy, Finding: w.Finding, ReleaseText: w.ReleaseText,
	}
	if w.OpenedBy == "" {
		out.From, out.To = timeOf(w.DoubtFrom), timeOf(w.DoubtTo)
	}
	return out
}

// listWires lists tripwires.
func (o *Office) listWires(ctx context.Context, _ *Empty) (*WiresAnswer, error) {
	return askFor(ctx, o, lookup{route: access.RouteWires, queue: true}, func(p access.Permit, _ int) (*WiresAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		list, err := db.Wires(ctx, p.Zones(), regimesOf(signedIn(ctx).User), shownWires)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		out := &WiresAnswer{Scope: scopeOf(p), Rows: []ShownWire{}}
		for i := range list {
			out.Rows = append(out.Rows, o.shownWire(&list[i]))
		}
		return out, answered{rows: len(out.Rows)}, nil
	})
}

// openWire stops a camera and a family by hand. An open wire of theirs is answered as it is.
func (o *Office) openWire(ctx context.Context, in *OpenWireQuery) (*WireAnswer, error) {
	b := &in.Body
	asked := map[string]any{"camera": boundedText(b.Camera), "family": string(b.Family)}
	return askFor(ctx, o, lookup{route: access.RouteOpenWire, asked: asked, queue: true}, func(p access.Permit, _ int) (*WireAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		var camera *schemas.Camera
		if o.cfg.Camera != nil {
			camera = o.cfg.Camera(b.Camera)
		}
		by := o.actorOf(ctx, p, "")
		regime := cases.RegimeTraffic
		if o.cfg.Cases.RegimeOf != nil {
			regime = o.cfg.Cases.RegimeOf(schemas.Family(b.Family))
		}
		if camera == nil || !by.MayReach(&cases.Case{Zone: camera.Zone, Regime: regime}) {
			return nil, answered{}, newInvalid("camera", "is no camera of the registry that you may see")
		}
		now, err := db.Clock(ctx)
		if err != nil {
			return nil, answered{}, o.noteStoreFailure(ctx, err)
		}
		w, _, err := db.OpenWire(ctx, casestore.Wire{
			Camera: b.Camera, Family: schemas.Family(b.Family), Zone: camera.Zone, Regime: regime, OpenedBy: by.User, OpenedText: b.Text, OpenedSeq: p.Seq(), DoubtFrom: now, DoubtTo: now,
		})
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteOpenWire, "", err)
		}
		return &WireAnswer{o.shownWire(&w), p.Seq()}, answered{}, nil
	})
}

// releaseWire releases a tripwire. A named person says what was found.
func (o *Office) releaseWire(ctx context.Context, in *ReleaseWireQuery) (*WireAnswer, error) {
	asked := map[string]any{"wire_id": boundedText(in.ID), "finding": in.Body.Finding}
	if err := o.demandFresh(ctx, access.Request{Route: access.RouteReleaseWire, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	return askFor(ctx, o, lookup{route: access.RouteReleaseWire, asked: asked, queue: true}, func(p access.Permit, _ int) (*WireAnswer, answered, error) {
		db, err := o.casesOf()
		if err != nil {
			return nil, answered{}, err
		}
		id, err := cases.ParseID(in.ID)
		if err != nil {
			return nil, answered{}, o.refuseNotFound(ctx, access.RouteReleaseWire, asked)
		}
		by := o.actorOf(ctx, p, "")
		w, err := db.ReleaseWire(ctx, id, &by, in.Body.Finding, in.Body.Text)
		if err != nil {
			return nil, answered{}, o.refuseAct(ctx, access.RouteReleaseWire, in.ID, err)
		}
		return &WireAnswer{o.shownWire(&w), p.Seq()}, answered{}, nil
	})
}

package office

import (
	"context"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// SignIns knows the browser sign-ins of all offices on one database.
type SignIns interface {
	// ListOwn lists the valid sign-ins of a user, the newest first.
	ListOwn(ctx context.Context, user string) ([]OwnSignIn, error)
	// EndOwn ends one sign-in of a user at once, in every office. An unknown id or one that ended changes nothing.
	EndOwn(ctx context.Context, user, id string) error
	// ListPresent names the users with a valid sign-in.
	ListPresent(ctx context.Context) ([]string, error)
}

// OwnSignIn is a valid sign-in of the user in a browser.
type OwnSignIn struct {
	ID      string    `json:"id" doc:"no secret: it opens nothing"`
	Address string    `json:"address" doc:"of the browser when it signed in"`
	BeganAt time.Time `json:"began_at"`
	UsedAt  time.Time `json:"used_at" doc:"to half a minute"`
	EndsAt  time.Time `json:"ends_at" doc:"even with constant use"`
	Here    bool      `json:"here" doc:"whether it is the one of this request"`
}

// OwnSignInsAnswer lists the user's own sign-ins.
type OwnSignInsAnswer struct {
	Rows []OwnSignIn `json:"rows" doc:"the newest first"`
}

// listSignIns lists the user's own sign-ins in browsers.
func (o *Office) listSignIns(ctx context.Context, _ *Empty) (*OwnSignInsAnswer, error) {
	out := &OwnSignInsAnswer{Rows: []OwnSignIn{}}
	if o.cfg.SignIns == nil {
		return out, nil
	}
	who := signedIn(ctx)
	rows, err := o.cfg.SignIns.ListOwn(ctx, who.User.Name)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		r.Here = r.ID == who.SignIn
		out.Rows = append(out.Rows, r)
	}
	return out, nil
}

// SignInID names a sign-in.
type SignInID struct {
	ID string `path:"id" maxLength:"64"`
}

// endSignIn ends one of the user's own sign-ins. The entry in the log precedes the end: no sign-in ends unseen.
func (o *Office) endSignIn(ctx context.Context, in *SignInID) (*EndedAnswer, error) {
	list, err := o.listSignIns(ctx, nil)
	if err != nil {
		return nil, err
	}
	asked := map[string]any{"sign_in": boundedText(in.ID)}
	if !slices.ContainsFunc(list.Rows, func(r OwnSignIn) bool { return r.ID == in.ID }) {
		return nil, o.refuseNotFound(ctx, access.RouteEndSignIn, asked)
	}
	out := &EndedAnswer{ID: in.ID}
	if out.LogSeq, err = o.logOwnAction(ctx, access.Request{Route: access.RouteEndSignIn, Query: writeAsked(asked)}); err != nil {
		return nil, err
	}
	return out, o.cfg.SignIns.EndOwn(ctx, signedIn(ctx).User.Name, in.ID)
}

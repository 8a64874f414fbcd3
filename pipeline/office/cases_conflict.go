package office

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/cases"
	casestore "github.com/gvc-brussels/anpr/pipeline/cases/store"
)

// Fields of the faults that say what changed in a case.
const (
	faultVersion = "version"
	faultEvent   = "event"
)

// mostChanges bounds the events that an answer names.
const mostChanges = 5

// explainConflict adds to the answer for a case that changed since what it is now, and what happened to it since the named
// version: the number, kind, time and person of each event, as the user's dossier would show them. What the user may not
// know of a case that waits for a second person is left out here too.
func (o *Office) explainConflict(ctx context.Context, id cases.ID, named int64, err error) error {
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Code != string(cases.CodeStale) && p.Code != string(cases.CodeDecided) {
		return err
	}
	d, failed := o.cfg.Cases.Store.Get(ctx, id)
	if failed != nil {
		return o.noteStoreFailure(ctx, failed)
	}
	user := signedIn(ctx).User.Name
	if again := shownAgain(d, user); again != nil {
		d = again
	}
	version := strconv.FormatInt(d.Case.Version, 10)
	p.Errors = append(p.Errors, Fault{Field: faultVersion, Code: p.Code, Message: version + " is the present one", Args: []string{version}})
	for _, e := range changesSince(d, user, named) {
		args := []string{strconv.FormatInt(e.N, 10), e.Kind, e.User, e.RecordedAt.UTC().Format(time.RFC3339)}
		p.Errors = append(p.Errors, Fault{Field: faultEvent, Code: e.Kind, Message: strings.Join(strings.Fields(strings.Join(args, " ")), " "), Args: args})
	}
	return p
}

// changesSince lists the newest events after a version, as the user is shown them.
func changesSince(d *casestore.Dossier, user string, named int64) []ShownEvent {
	shown := eventsFor(d.Events, isBlindFor(d), user)
	first := len(shown)
	for first > 0 && shown[first-1].N > named && len(shown)-first < mostChanges {
		first--
	}
	return shown[first:]
}

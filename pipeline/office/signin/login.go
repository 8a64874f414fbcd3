package signin

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office/access"
)

// maxForm bounds the body of a sign-in form, in bytes.
const maxForm = 8 << 10

// listsPeople reports whether people pick a user from a list instead of a password: only with made-up data on
// loopback.
func (p *provider) listsPeople() bool { return p.service.cfg.MadeUp && p.service.cfg.Loopback }

// showLogin shows the sign-in form.
func (p *provider) showLogin(w http.ResponseWriter, r *http.Request) {
	a, err := p.stepOf(r, r.URL.Query().Get("id"))
	if err != nil {
		p.refuseStep(w, r)
		return
	}
	p.showForm(w, http.StatusOK, a, "", "")
}

func (p *provider) showForm(w http.ResponseWriter, status int, a *authRequest, name, fault string) {
	v := p.service.newView(a.lang)
	v.ID, v.Name, v.Fault = a.id, name, v.T[fault]
	if p.listsPeople() {
		for _, u := range p.service.cfg.Users.All() {
			if u.Subject != "" || !mayBeHere(&u, p.service.cfg.Now()) {
				continue
			}
			v.People = append(v.People, choice{Name: u.Name, Role: wordsOf[a.lang].Roles[string(u.Role)], Where: placeOf(v, &u)})
		}
	}
	p.service.showPage(w, status, "login.html", v)
}

// placeOf returns the zones of a user in words.
func placeOf(v view, u *access.User) string {
	if len(u.Zones) == 0 {
		return v.T["region"]
	}
	return v.T["zones"] + " " + strings.Join(u.Zones, ", ")
}

// acceptLogin checks the sign-in form. On success, the browser continues to the office with a code.
func (p *provider) acceptLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.refuseStep(w, r)
		return
	}
	a, err := p.stepOf(r, r.PostForm.Get("id"))
	if err != nil || a.Done() {
		p.refuseStep(w, r)
		return
	}
	name := r.PostForm.Get("name")
	user, cause, locked, err := p.identifyUser(r)
	switch {
	case err != nil:
		p.service.cfg.Logger.Error().Err(err).Msg("accounts cannot be read")
		p.service.showFault(w, a.lang, http.StatusServiceUnavailable, "storeDown")
	case user == nil:
		err := p.service.recordFailureAt(r, "", name, cause)
		if err == nil && locked != nil {
			_, err = p.service.cfg.Record(r.Context(), IdentityEvent{Kind: EventLock, Account: name, Address: addressOf(r), Until: *locked})
		}
		if err != nil {
			p.service.cfg.Logger.Error().Err(err).Msg("failed sign-in not written to the look-up log")
			p.service.showFault(w, a.lang, http.StatusServiceUnavailable, "storeDown")
			return
		}
		p.showForm(w, http.StatusUnauthorized, a, name, "wrong")
	default:
		err := p.changeRequest(a.id, func(a *authRequest) { a.subject, a.at = user.Name, p.service.cfg.Now() })
		if err != nil {
			p.service.showFault(w, a.lang, http.StatusBadRequest, "flowGone")
			return
		}
		http.Redirect(w, r, pathProvider+"/authorize/callback?id="+url.QueryEscape(a.id), http.StatusSeeOther)
	}
}

// identifyUser returns the user from the form: by list where people pick a user, else by password. A nil user comes
// with the cause and, if the attempt locked the account, with the end of the lock.
func (p *provider) identifyUser(r *http.Request) (user *access.User, cause string, locked *time.Time, err error) {
	now := p.service.cfg.Now()
	if p.listsPeople() {
		user, ok := p.service.findUser(p.service.issuer, r.PostForm.Get("sample"))
		if !ok || !mayBeHere(user, now) {
			return nil, causeNoUser, nil, nil
		}
		return user, "", nil, nil
	}
	name := r.PostForm.Get("name")
	locked, err = p.checkPassword(r.Context(), name, r.PostForm.Get("password"), now)
	switch {
	case errors.Is(err, errLocked):
		return nil, causeLocked, nil, nil
	case errors.Is(err, errWrong):
		return nil, causePassword, locked, nil
	case err != nil:
		return nil, "", nil, err
	}
	user, ok := p.service.findUser(p.service.issuer, name)
	if !ok || !mayBeHere(user, now) {
		return nil, causePassword, nil, nil // an account without a user looks like a wrong password
	}
	return user, "", nil, nil
}

// showInvite shows the form for a first password. Opening the link does not use up the invitation.
func (p *provider) showInvite(w http.ResponseWriter, r *http.Request) {
	invite := r.URL.Query().Get("invite")
	name, err := p.service.cfg.Store.findInvited(r.Context(), invite, p.service.cfg.Now())
	if p.refuseInvite(w, r, err) {
		return
	}
	setInvite(w, invite)
	v := p.service.newView(langOf(r))
	v.ID, v.Name = invite, name
	p.service.showPage(w, http.StatusOK, "invite.html", v)
}

// acceptInvite stores the password from the form. The invitation is used up afterwards.
func (p *provider) acceptInvite(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.refuseInvite(w, r, errInvite)
		return
	}
	invite, password, now := r.PostForm.Get("invite"), r.PostForm.Get("password"), p.service.cfg.Now()
	if !hasOpened(r, invite) {
		p.refuseInvite(w, r, errInvite)
		return
	}
	name, err := p.service.cfg.Store.findInvited(r.Context(), invite, now)
	if p.refuseInvite(w, r, err) {
		return
	}
	v := p.service.newView(langOf(r))
	v.ID, v.Name = invite, name
	if fault := passwordFault(password); fault != "" {
		v.Fault = v.T[fault]
		p.service.showPage(w, http.StatusUnprocessableEntity, "invite.html", v)
		return
	}
	hash, err := p.hashPassword(r.Context(), password)
	if err == nil {
		err = p.keepPassword(r, invite, hash, now)
	}
	if p.refuseInvite(w, r, err) {
		return
	}
	clearInvite(w)
	p.service.showPage(w, http.StatusOK, "invited.html", v)
}

// keepPassword stores a password together with the entry in the look-up log, or neither. Calls run one after another:
// the log entry needs a second connection beside the transaction.
func (p *provider) keepPassword(r *http.Request, invite, hash string, now time.Time) error {
	p.keeping.Lock()
	defer p.keeping.Unlock()
	return p.service.cfg.Store.acceptInvite(r.Context(), invite, hash, now, func(user string) error {
		_, err := p.service.cfg.Record(r.Context(), IdentityEvent{Kind: EventSet, Account: user, Address: addressOf(r)})
		return err
	})
}

// refuseInvite answers the request if err is not nil, and reports whether an answer was sent.
func (p *provider) refuseInvite(w http.ResponseWriter, r *http.Request, err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, errInvite):
		if p.service.recordFailure(r, "", causeInvite) == nil {
			p.service.showFault(w, langOf(r), http.StatusNotFound, "inviteGone")
			return true
		}
	default:
		p.service.cfg.Logger.Error().Err(err).Msg("accounts cannot be read")
	}
	p.service.showFault(w, langOf(r), http.StatusServiceUnavailable, "storeDown")
	return true
}

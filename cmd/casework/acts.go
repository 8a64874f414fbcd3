package casework

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gvc-brussels/anpr/pipeline/office"
)

type nextCmd struct {
	Queue    string `help:"decide, second (a colleague's verdict, blind), key (plates that no camera read) or arbitration." enum:"decide,second,key,arbitration" default:"decide"`
	Case     string `help:"This case, when nobody else has it."`
	N        int    `help:"How many, 1 to 8." default:"1"`
	Zone     string `help:"Only this police zone."`
	Camera   string `help:"Only this camera."`
	Family   string `help:"Only this family of rules."`
	Pictures string `help:"Also save the pictures in this directory." type:"path"`
}

// Run takes the next cases and shows them.
func (c *nextCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	a, err := d.Lease(ctx, d.j, office.LeaseQuery{
		Queue: c.Queue, N: c.N, CaseID: c.Case, Filter: office.WorkFilter{Zone: c.Zone, Camera: c.Camera, Family: office.DecidingFamily(c.Family)},
	})
	var failed int
	if err == nil && c.Pictures != "" {
		for i := range a.Items {
			_, n := d.savePictures(ctx, a.Items[i].CaseID, a.Items[i].Pictures, c.Pictures)
			failed += n
		}
	}
	err = show(d, a, err, func(a *office.LeaseAnswer) error { return d.printItems(os.Stdout, a) })
	return errors.Join(err, d.picturesFailed(failed))
}

type showCmd struct {
	caseArg
}

// Run shows a case.
func (c *showCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	id, _, err := c.split()
	if err != nil {
		return err
	}
	a, err := d.Client.Case(ctx, d.j, id)
	return show(d, a, err, func(a *office.CaseAnswer) error { return d.printCase(os.Stdout, a) })
}

// decide sends a verdict on an item that the person holds. The person names the version that was seen: what changed since
// is not decided unseen.
func (q *Cmd) decide(ctx context.Context, arg *caseArg, fill func(d *desk, item *office.Item, v *office.VerdictQuery) error) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	if _, version, err := arg.split(); err == nil && version == 0 {
		return errors.New(labels[d.lang]["need_version"])
	}
	item, change, err := d.takeCase(ctx, arg)
	if err != nil {
		return err
	}
	v := office.VerdictQuery{CaseChange: change}
	v.Body.Lease, v.Body.ShownMS, v.Body.Input = item.Lease.ID, shownMS(item), "script"
	if err := fill(d, item, &v); err != nil {
		return err
	}
	a, err := d.Verdict(ctx, d.j, v)
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

type confirmCmd struct {
	caseArg
}

// Run confirms a case.
func (c *confirmCmd) Run(ctx context.Context, q *Cmd) error {
	return q.decide(ctx, &c.caseArg, func(_ *desk, _ *office.Item, v *office.VerdictQuery) error {
		v.Body.Verdict, v.Body.Checks = "confirm", slices.Repeat([]bool{true}, 5)
		return nil
	})
}

type rejectCmd struct {
	caseArg
	Reason string `required:"" help:"not_legible, wrong_plate, vehicle_differs, two_vehicles, priority_vehicle, exemption, picture_missing_or_bad, limit_or_sign_doubtful, device_doubtful or other."`
	Text   string `help:"In words; needed with other."`
}

// Run rejects a case.
func (c *rejectCmd) Run(ctx context.Context, q *Cmd) error {
	return q.decide(ctx, &c.caseArg, func(_ *desk, _ *office.Item, v *office.VerdictQuery) error {
		v.Body.Verdict, v.Body.Reason, v.Body.Text = "reject", office.RejectReasonName(c.Reason), c.Text
		return nil
	})
}

type correctPlateCmd struct {
	caseArg
	Plate   string `arg:"" help:"Plate, as it stands in the picture; - reads it from the standard input."`
	Country string `help:"Country of the plate, two letters." default:"BE"`
	Preview bool   `help:"Only show what the rules say about this plate, and decide nothing."`
}

// Run asks what the rules say about the plate, and confirms with it.
func (c *correctPlateCmd) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	if c.Preview {
		return c.preview(ctx, q)
	}
	return q.decide(ctx, &c.caseArg, func(d *desk, item *office.Item, v *office.VerdictQuery) error {
		p, err := d.askPreview(ctx, item, c.Plate, c.Country)
		if err != nil {
			return err
		}
		if !d.json {
			if err := d.printPreview(os.Stdout, p); err != nil {
				return err
			}
		}
		v.Body.Verdict, v.Body.Plate, v.Body.Country, v.Body.Preview = "correct_plate", c.Plate, c.Country, p.PreviewID
		v.Body.Checks = slices.Repeat([]bool{true}, 5)
		return nil
	})
}

func (c *correctPlateCmd) preview(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	item, _, err := d.takeCase(ctx, &c.caseArg)
	if err != nil {
		return err
	}
	a, err := d.askPreview(ctx, item, c.Plate, c.Country)
	return show(d, a, err, func(a *office.PreviewAnswer) error { return d.printPreview(os.Stdout, a) })
}

// askPreview asks what the rules say about another plate for an item.
func (d *desk) askPreview(ctx context.Context, item *office.Item, plate, country string) (*office.PreviewAnswer, error) {
	p := office.PreviewQuery{CaseID: item.CaseID}
	p.Body.Plate, p.Body.Country, p.Body.Lease = plate, country, item.Lease.ID
	a, err := d.PreviewPlate(ctx, d.j, p)
	return a, d.explain(err)
}

type keyCmd struct {
	caseArg
	Plate      string `arg:"" optional:"" help:"Plate, as it stands in the picture; - reads it from the standard input."`
	Country    string `help:"Country of the plate, two letters." default:"BE"`
	NotLegible bool   `help:"Nobody can read it."`
}

// Run keys a plate.
func (c *keyCmd) Run(ctx context.Context, q *Cmd) error {
	if err := q.ReadHidden("plate", &c.Plate); err != nil {
		return err
	}
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	item, change, err := d.takeCase(ctx, &c.caseArg)
	if err != nil {
		return err
	}
	k := office.KeyingQuery{CaseChange: change}
	k.Body.Lease, k.Body.ShownMS, k.Body.Input, k.Body.NotLegible, k.Body.Plate = item.Lease.ID, shownMS(item), "script", c.NotLegible, c.Plate
	if c.Plate != "" {
		k.Body.Country = c.Country
	}
	a, err := d.KeyPlate(ctx, d.j, k)
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

// supervisor is the role that the office gives a supervisor of the processing centre.
const supervisor = "gvc_supervisor"

type holdCmd struct {
	caseArg
	Until  time.Time `required:"" help:"Until when: a Brussels day or an instant. An agent may hold three days."`
	Reason string    `help:"awaits_register, awaits_partner, camera_checked or other." enum:"awaits_register,awaits_partner,camera_checked,other" default:"other"`
	Text   string    `help:"In words; needed with other."`
}

// Run holds a case.
func (c *holdCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	var h office.HoldQuery
	if d.role == supervisor { // holds a case also while a colleague has it
		h.CaseChange, err = d.changeOf(ctx, &c.caseArg)
	} else {
		var item *office.Item
		if item, h.CaseChange, err = d.takeCase(ctx, &c.caseArg); err == nil {
			h.Body.Lease = item.Lease.ID
		}
	}
	if err != nil {
		return err
	}
	h.Body.Reason, h.Body.Until, h.Body.Text = c.Reason, c.Until, c.Text
	a, err := d.HoldCase(ctx, d.j, h)
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

type flagCmd struct {
	caseArg
	Text string `required:"" help:"What the supervisor should look at, in at least 10 characters."`
}

// Run flags a case.
func (c *flagCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	item, change, err := d.takeCase(ctx, &c.caseArg)
	if err != nil {
		return err
	}
	f := office.FlagQuery{CaseChange: change}
	f.Body.Text, f.Body.Lease = c.Text, item.Lease.ID
	a, err := d.FlagCase(ctx, d.j, f)
	return show(d, a, err, func(a *office.CaseActAnswer) error { return d.printAct(os.Stdout, a) })
}

type skipCmd struct {
	caseArg
	GiveBack bool `help:"Give it back without a mark: it stays where it was."`
}

// Run leaves a case to somebody else.
func (c *skipCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	item, _, err := d.takeCase(ctx, &c.caseArg)
	if err != nil {
		return err
	}
	as := "skip"
	if c.GiveBack {
		as = "give_back"
	}
	a, err := d.GiveBack(ctx, d.j, office.GiveBackQuery{Lease: item.Lease.ID, As: as})
	return show(d, a, err, func(*office.GiveBackAnswer) error {
		_, err := fmt.Fprintln(os.Stdout, labels[d.lang]["left"])
		return err
	})
}

type undoCmd struct {
	Case string `arg:"" optional:"" help:"Case; without one, that of your last verdict."`
}

// Run takes the last verdict back.
func (c *undoCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	counts, err := d.WorkCounts(ctx, d.j)
	if err != nil {
		return d.explain(err)
	}
	for _, last := range counts.Last {
		if c.Case != "" && last.CaseID != c.Case || last.Verdict == "" {
			continue
		}
		u := office.UndoQuery{CaseChange: office.CaseChange{CaseID: last.CaseID, IfMatch: office.VersionTag(last.Version), Key: newKey()}}
		u.Body.Event = last.EventID
		a, err := d.Undo(ctx, d.j, u)
		return show(d, a, err, func(a *office.UndoneAnswer) error { return d.printUndone(os.Stdout, a) })
	}
	return fmt.Errorf("%s", labels[d.lang]["no_verdict"])
}

type noteCmd struct {
	caseArg
	Text string `arg:"" help:"The remark."`
}

// Run adds a remark.
func (c *noteCmd) Run(ctx context.Context, q *Cmd) error {
	return q.change(ctx, &c.caseArg, func(d *desk, to office.CaseChange) (*office.CaseActAnswer, error) {
		n := office.NoteQuery{CaseChange: to}
		n.Body.Text = c.Text
		return d.NoteCase(ctx, d.j, n)
	})
}

type picturesCmd struct {
	caseArg
	Out string `required:"" type:"path" help:"Directory; a new one is made readable for you alone, as the pictures always are."`
}

// Run saves the pictures of a case.
func (c *picturesCmd) Run(ctx context.Context, q *Cmd) error {
	d, err := q.openDesk(ctx)
	if err != nil {
		return err
	}
	id, _, err := c.split()
	if err != nil {
		return err
	}
	a, err := d.Client.Case(ctx, d.j, id)
	if err != nil {
		return d.explain(err)
	}
	saved, failed := d.savePictures(ctx, id, a.Pictures, c.Out)
	if d.json {
		err = office.PrintJSON(os.Stdout, savedPictures{id, saved})
	}
	return errors.Join(err, d.picturesFailed(failed))
}

// savedPictures is the answer of anpr cases pictures for scripts.
type savedPictures struct {
	CaseID   string         `json:"case_id"`
	Pictures []savedPicture `json:"pictures"`
}

type savedPicture struct {
	office.ItemPicture
	File string `json:"file"`
}

// savePictures saves pictures of a case, readable for the person alone. Each is a look-up in the log. A picture that
// fails is noted on standard error and counted; it keeps nobody from the others, nor from the case.
func (d *desk) savePictures(ctx context.Context, id string, pictures []office.ItemPicture, dir string) (saved []savedPicture, failed int) {
	saved = []savedPicture{}
	for _, p := range pictures {
		name, err := d.savePicture(ctx, id, p, dir)
		if err != nil {
			failed++
			fmt.Fprintf(os.Stderr, labels[d.lang]["picture_failed"]+"\n", p.SHA256, id, printable(err.Error()))
			continue
		}
		fmt.Fprintln(os.Stderr, name)
		saved = append(saved, savedPicture{p, name})
	}
	return saved, failed
}

// savePicture saves one picture and returns its file.
func (d *desk) savePicture(ctx context.Context, id string, p office.ItemPicture, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	content, kind, err := d.Picture(ctx, d.j, id, p.SHA256)
	if err != nil {
		return "", d.explain(err)
	}
	name := filepath.Join(dir, fmt.Sprintf("%s-%s-%.8s.%s", id, p.Kind, p.SHA256, kind))
	return name, os.WriteFile(name, content, 0o600)
}

// picturesFailed is the error of a command that could not save n pictures; nil for none.
func (d *desk) picturesFailed(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf(labels[d.lang]["pictures_failed"], n)
}

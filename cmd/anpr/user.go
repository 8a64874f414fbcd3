package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

type userCmd struct {
	Invite userInviteCmd `cmd:"" help:"Print a link with which a person of users.yaml sets a password for the pages, once and within 24 hours."`
}

type userInviteCmd struct {
	flags.DataFlags
	flags.PostgresFlags
	LookUpKeys string `name:"lookup-keys" help:"Directory with the keys of the look-up log, which names every invitation. Default that of the anpr up on --data, without one secrets/look-ups in the reference directory." type:"path" env:"ANPR_LOOKUP_KEYS"`
	Reference  string `help:"Directory of the reference data; default the one of the anpr up on --data." type:"path" env:"ANPR_REFERENCE"`
	Users      string `help:"File of the office's users; default users.yaml in the reference directory." type:"path" env:"ANPR_USERS"`
	PublicURL  string `help:"Address at which browsers reach the office; default the one of the anpr up on --data." env:"ANPR_PUBLIC_URL"`
	Name       string `arg:"" help:"Name of the person in users.yaml."`
}

// Run prints the link. Whoever has the link sets the password: it is handed to the person alone.
func (c *userInviteCmd) Run(ctx context.Context) error {
	run, err := c.FindRunning()
	if err != nil {
		return err
	}
	run.FillPostgres(&c.PostgresFlags, embedded.PostgresOffice)
	public, reference := c.PublicURL, c.Reference
	if run != nil {
		public, reference = cmp.Or(public, "http://"+run.Office), cmp.Or(reference, run.Reference)
	}
	if public == "" {
		return fmt.Errorf("no office runs on this machine that could be found: give --data of its anpr up, or --public-url")
	}
	run.FillLookUpKeys(&c.LookUpKeys, reference)
	at, err := c.PostgresDatabase()
	if err != nil {
		return err
	}
	link, until, err := roles.InviteUser(ctx, at, c.LookUpKeys, flags.PathUnder(c.Users, reference, "users.yaml"), c.Name, public)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Hand this link to %s alone. It sets a password once, until %s; a link that was made before ends now.\n", c.Name, until.Format("2006-01-02 15:04 MST"))
	fmt.Println(link)
	return nil
}

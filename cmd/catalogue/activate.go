package catalogue

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rs/zerolog"

	"github.com/gvc-brussels/anpr/cmd/flags"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/reference/announce"
	"github.com/gvc-brussels/anpr/pipeline/roles"
)

// announceFlags say who announces, when it counts and why.
type announceFlags struct {
	flags.DataFlags
	flags.BrokerFlags
	Signers string    `help:"File of the people who approve catalogues, with their public keys." type:"path" env:"ANPR_CATALOGUE_SIGNERS"`
	At      time.Time `help:"Instant of the log's time from which on it decides, at least a minute ahead. Example: 2026-12-01T00:00:00+01:00" required:""`
	Reason  string    `help:"Why, for whoever reads the announcements later." required:""`
	By      string    `help:"Who announces it; default the user of this machine."`
}

// announcing returns the configuration. release is the program's.
func (f *announceFlags) announcing(log zerolog.Logger, release Release) (roles.Announcing, error) {
	run, err := f.FindRunning()
	if err != nil {
		return roles.Announcing{}, err
	}
	run.FillBroker(&f.BrokerFlags)
	by := f.By
	if by == "" {
		by = platform.UserName()
	}
	return roles.Announcing{Kafka: f.Kafka(), Signers: f.Signers, Instant: f.At, By: by, Reason: f.Reason, Release: string(release), Now: time.Now(), Log: log}, nil
}

// Release names the release of the program, with which the built-in catalogue came.
type Release string

// ActivateCmd announces a catalogue.
type ActivateCmd struct {
	announceFlags
	Dir string `arg:"" name:"dir" help:"Directory or archive (.zip) of the catalogue, signed by two people, or built-in for the one of this program."`
}

// Run announces, and says what.
func (c *ActivateCmd) Run(ctx context.Context, log zerolog.Logger, release Release) error {
	how, err := c.announcing(log, release)
	if err != nil {
		return err
	}
	dir := c.Dir
	if dir == builtIn {
		dir = ""
	}
	a, err := roles.AnnounceCatalogue(ctx, dir, how)
	return writeActivation(os.Stdout, a, err)
}

// RollbackCmd announces the catalogue before the one in force.
type RollbackCmd struct {
	announceFlags
}

// Run announces, and says what.
func (c *RollbackCmd) Run(ctx context.Context, log zerolog.Logger, release Release) error {
	how, err := c.announcing(log, release)
	if err != nil {
		return err
	}
	a, err := roles.RollBackCatalogue(ctx, how)
	return writeActivation(os.Stdout, a, err)
}

func writeActivation(w io.Writer, a *announce.Activation, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "announced: catalogue %s decides from %s on, %s\nanpr rules status says which partitions have begun with it\n", a.Hash, a.Instant.Format(time.RFC3339), approvedBy(a))
	return err
}

// approvedBy names those who approved.
func approvedBy(a *announce.Activation) string {
	if a.Release != "" {
		return "came with release " + a.Release
	}
	names := make([]string, len(a.Approved))
	for i := range a.Approved {
		names[i] = a.Approved[i].Signer
	}
	return "approved by " + strings.Join(names, " and ")
}

// writeAnnounced writes a line for each announcement.
func writeAnnounced(w io.Writer, all []roles.AnnouncedCatalogue, partitions int) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no catalogue was announced: workers decide under the one they were started with")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "STATE\tCATALOGUE\tFROM\tBEGUN ON\tANNOUNCED\tBY\tAPPROVAL\tREASON") // Flush says what went wrong
	for i := range all {
		a := &all[i]
		reason := a.Reason
		if a.Why != "" {
			reason += " (does not count: " + a.Why + ")"
		}
		if a.Rollback {
			reason = "rollback: " + reason
		}
		_, _ = fmt.Fprintf(t, "%s\t%.16s\t%s\t%d of %d\t%s\t%s\t%s\t%s\n", a.State, a.Hash, a.Instant.Format(time.RFC3339), len(a.Places), partitions, a.AnnouncedAt.Format(time.RFC3339), a.By, approvedBy(&a.Activation), reason)
	}
	return t.Flush()
}

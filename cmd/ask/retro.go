package ask

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gvc-brussels/anpr/pipeline/office"
	"github.com/gvc-brussels/anpr/pipeline/office/query"
)

type retroQuery struct {
	Purpose       string `help:"judicial." required:""`
	Reason        string `help:"Why, in words that say something of this case; it is logged with your name." required:""`
	CaseRef       string `help:"Number of the file."`
	ProsecutorRef string `help:"Number of the prosecutor's decision; opens data older than one month."`
	AskApproval   bool   `help:"Ask a second person for a long list, in place of matching it: once it is approved, ask again without this."`
	List          string `arg:"" help:"CSV file of the new entries: the columns entry_id (or id) and plate, and confusable (true or false) when leads are wanted too; a list of the reference data will do." type:"existingfile"`
}

// Run matches a list against earlier reads.
func (c *retroQuery) Run(ctx context.Context, q *Cmd) error {
	f, err := os.Open(c.List)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	entries, err := retroEntries(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.List, err)
	}
	in := office.RetroQuery{Entries: entries}
	in.Justification = office.Justification{Purpose: c.Purpose, Reason: c.Reason, CaseRef: c.CaseRef, ProsecutorRef: c.ProsecutorRef}
	if c.AskApproval {
		return printAnswer(q, func(o *office.Client) (*office.AskedAnswer, error) { return o.AskForList(ctx, in) }, printAsked)
	}
	return printAnswer(q, func(o *office.Client) (*office.RetroAnswer, error) { return o.RetroMatches(ctx, in) },
		func(a *office.RetroAnswer) error { return office.PrintRetro(os.Stdout, a) })
}

// retroEntries reads the entries of a CSV file with a head line. Errors name the line and the column.
func retroEntries(r io.Reader) ([]query.RetroEntry, error) {
	rd := csv.NewReader(r)
	head, err := rd.Read()
	if err != nil {
		return nil, fmt.Errorf("read the head line: %w", err)
	}
	column := func(names ...string) int {
		return slices.IndexFunc(head, func(h string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) })
	}
	id, plate, confusable := column("entry_id", "id"), column("plate"), column("confusable")
	if id < 0 || plate < 0 {
		return nil, fmt.Errorf("the head line must name the columns entry_id (or id) and plate; it has %.200q", head)
	}
	var out []query.RetroEntry
	for {
		row, err := rd.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := rd.FieldPos(0)
		e := query.RetroEntry{ID: row[id], Plate: row[plate]}
		if confusable >= 0 && row[confusable] != "" {
			if e.Confusable, err = strconv.ParseBool(row[confusable]); err != nil {
				return nil, fmt.Errorf("line %d, confusable: %.20q is neither true nor false", line, row[confusable])
			}
		}
		out = append(out, e)
	}
	if len(out) == 0 || len(out) > query.MaxRetro {
		return nil, fmt.Errorf("holds %d entries; 1 to %d can be matched at once", len(out), query.MaxRetro)
	}
	return out, nil
}

package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

// TestTheCommandLineFitsTogether builds the parser of all commands: a flag that two embedded groups both have would end every command
// with a panic.
func TestTheCommandLineFitsTogether(t *testing.T) {
	var c cli
	parser, err := kong.New(&c, kong.Name("anpr"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"version"},
		{"up"},
		{"ingest", "--linger", "50ms"},
		{"engine", "serve", "--partitions", "2"},
		{"replay", "--from", "2026-10-01", "--to", "2026-11-01", "--catalogue", ".", "--reason", "a reason of ten letters"},
	} {
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("anpr %v: %v", args, err)
		}
	}
}

package sink

import (
	"errors"
	"fmt"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/gvc-brussels/anpr/pipeline/ingest"
	"github.com/gvc-brussels/anpr/pipeline/platform"
)

// stopHints holds the cures for errors beyond any retry. Every other error is retried: memory limits, too many parts,
// a table made read-only by an absent keeper. With several addresses the retry may go to the next (see leave.go).
var stopHints = map[proto.Error]string{
	proto.ErrUnknownTable:               "run anpr migrate",
	proto.ErrUnknownDatabase:            "run anpr migrate",
	proto.ErrNoSuchColumnInTable:        "run anpr migrate, the schema is older than this program",
	proto.ErrThereIsNoColumn:            "run anpr migrate, the schema is older than this program",
	proto.ErrNotFoundColumnInBlock:      "run anpr migrate, the schema is older than this program",
	proto.ErrUnknownIdentifier:          "run anpr migrate, the schema is older than this program",
	proto.ErrNumberOfColumnsDoesntMatch: "run anpr migrate, the schema is not of this program",
	proto.ErrTypeMismatch:               "run anpr migrate, the schema is not of this program",
	proto.ErrCannotConvertType:          "run anpr migrate, the schema is not of this program",
	proto.ErrIllegalTypeOfArgument:      "run anpr migrate, the schema is not of this program",
	proto.ErrIllegalColumn:              "run anpr migrate, the schema is not of this program",
	proto.ErrNoCommonType:               "run anpr migrate, the schema is not of this program",
	proto.ErrCannotParseText:            "run anpr migrate, a column has another type",
	proto.ErrCannotParseNumber:          "run anpr migrate, a column has another type",
	proto.ErrCannotParseDatetime:        "run anpr migrate, a column has another type",
	proto.ErrCannotParseUUID:            "run anpr migrate, a column has another type",
	proto.ErrUnknownType:                "run anpr migrate, or use a newer ClickHouse (25.8 or later)",
	proto.ErrSyntaxError:                "use a newer ClickHouse (25.8 or later)",
	proto.ErrUnknownSetting:             "use a newer ClickHouse (25.8 or later)",
	proto.ErrReadonly:                   "give the user the INSERT right and a profile without readonly",
	proto.ErrAccessDenied:               "grant the user INSERT on the tables",
	proto.ErrUnknownUser:                "check the ClickHouse user and password",
	proto.ErrWrongPassword:              "check the ClickHouse user and password",
	proto.ErrRequiredPassword:           "check the ClickHouse user and password",
	proto.ErrAuthenticationFailed:       "check the ClickHouse user and password",
}

// withStopHint turns an error beyond any retry into an ErrStop error with the cure. Any other error is returned
// unchanged.
func withStopHint(err error) error {
	if err == nil || errors.Is(err, ingest.ErrStop) {
		return err
	}
	e, ok := ch.AsException(err)
	if !ok {
		return err
	}
	hint, ok := stopHints[e.Code]
	if !ok {
		return err
	}
	return fmt.Errorf("clickhouse refused: %s (code %d): %s: %w", platform.CutServerMessage(e.Message), int(e.Code), hint, ingest.ErrStop)
}

// retryCause returns the label of a transient error for the metric.
func retryCause(err error) string {
	if ch.IsException(err) {
		return causeServer
	}
	return causeConnection
}

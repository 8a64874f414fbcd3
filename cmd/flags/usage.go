package flags

import (
	"errors"
	"strings"

	"github.com/alecthomas/kong"
)

// AdviseUsage names the help of the wrongly used command.
func AdviseUsage(err error) string {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context == nil || wrong.Context.Selected() == nil {
		return "`anpr --help` lists the commands and their flags."
	}
	words := []string{"anpr"}
	for _, p := range wrong.Context.Path {
		if p.Command != nil {
			words = append(words, p.Command.Name)
		}
	}
	command := strings.Join(words, " ")
	if len(wrong.Context.Selected().Children) > 0 {
		return "`" + command + " --help` lists its commands and flags."
	}
	return "`" + command + " --help` shows what it takes."
}

// movedCommands maps commands that now belong to the load generator, anprload, to the new spelling.
var movedCommands = map[string]string{"demo": "anprload demo", "rehearse": "anprload rehearse", "sample": "anprload city"}

// AdviseMoved returns the new spelling of a moved command; "" for any other.
func AdviseMoved(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return movedCommands[a]
		}
	}
	return ""
}

// RefuseShownPassword refuses an argument with a password of PostgreSQL: every user of the machine reads arguments.
func RefuseShownPassword(arg string) error {
	name, _, _ := strings.Cut(arg, "=")
	_, address, _ := strings.Cut(arg, "://")
	user, _, at := strings.Cut(address, "@")
	if name == "--postgres-password" || at && strings.Contains(arg, "postgres") && strings.Contains(user, ":") {
		return errors.New("a password of PostgreSQL on the command line is read by every user of this machine: give it in ANPR_POSTGRES_PASSWORD, or in --postgres-password-file")
	}
	return nil
}

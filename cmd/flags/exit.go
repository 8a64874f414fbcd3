package flags

// Exit codes of checks, as their help says.
const (
	ExitLeftOver   = 1 // something is wrong, and is named
	ExitCannotTell = 2
)

// ExitError is an error with an exit code.
type ExitError struct {
	Code int
	Err  error
}

// WithExitCode gives an error an exit code.
func WithExitCode(code int, err error) error { return &ExitError{code, err} }

// Error is the error's text.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *ExitError) Unwrap() error { return e.Err }

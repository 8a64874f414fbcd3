package flags

// Exit codes of checks, as their help says.
const (
	ExitLeftOver   = 1 // something is not as it must be, and is named
	ExitCannotTell = 2
)

// ExitError is an error with an exit code of its own.
type ExitError struct {
	Code int
	Err  error
}

// WithExitCode gives an error an exit code of its own.
func WithExitCode(code int, err error) error { return &ExitError{code, err} }

// Error is the error's text.
func (e *ExitError) Error() string { return e.Err.Error() }

// Unwrap returns the error.
func (e *ExitError) Unwrap() error { return e.Err }

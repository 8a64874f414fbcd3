package schemas

import "errors"

// ErrStop marks an error that does not pass with time: the caller stops without another try, and a person must act.
var ErrStop = errors.New("stop")

package schemas

import "errors"

// ErrStop marks an error that waiting does not mend: the caller stops without another try, and a person must act.
var ErrStop = errors.New("stop")

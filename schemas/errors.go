package schemas

import "errors"

// ErrStop marks an error that waiting does not mend: whoever gets it stops instead of trying again, and a person must act.
var ErrStop = errors.New("stop")

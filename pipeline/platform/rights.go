package platform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
)

// AdviseRights adds owner and cure to an error of file rights; any other error comes back unchanged.
func AdviseRights(err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	path := "FILE"
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path = e.Path
	}
	name := UserName()
	return fmt.Errorf("%w for user %s; make it readable: chown %s %s", err, name, name, path)
}

// UserName names the user of this process, for advice about rights.
func UserName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

package main

import (
	"os"
	"os/user"
	"strconv"
)

// userName names who this process runs as, for advice about rights.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

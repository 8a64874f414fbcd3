package main

import (
	"github.com/gvc-brussels/anpr/bench/harness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// login is login of the directory that was given, if one was.
func (o *options) login() (user, password string, dial harness.Dial, err error) {
	if o.Up == "" {
		return "", "", nil, nil
	}
	return login(o.Up)
}

// login returns how to log in to what runs on a data directory of this machine.
func login(data string) (user, password string, dial harness.Dial, err error) {
	run, err := embedded.ReadRun(data)
	if err != nil {
		return "", "", nil, err
	}
	s, err := run.Secrets()
	if err != nil {
		return "", "", nil, err
	}
	return string(embedded.Reader), s.ClickHouse[embedded.Reader], platform.Account{User: s.KafkaUser, Password: s.KafkaPassword}.Dial(), nil
}

package main

import (
	"github.com/gvc-brussels/anpr/bench/harness"
	"github.com/gvc-brussels/anpr/pipeline/platform"
	"github.com/gvc-brussels/anpr/pipeline/platform/embedded"
)

// findLogin returns the log-in for the directory given; nothing without a directory.
func (o *loadOptions) findLogin() (user, password string, dial harness.Dial, err error) {
	if o.Up == "" {
		return "", "", nil, nil
	}
	return findLogin(o.Up)
}

// findLogin returns user, password and dialer for a running `anpr up` on a data directory of this machine.
func findLogin(data string) (user, password string, dial harness.Dial, err error) {
	run, err := embedded.ReadRun(data)
	if err != nil {
		return "", "", nil, err
	}
	s, err := run.Secrets()
	if err != nil {
		return "", "", nil, err
	}
	return string(embedded.Reader), s.ClickHouse[embedded.Reader], platform.Account{User: s.KafkaUser, Password: s.KafkaPassword}.Dialer(), nil
}

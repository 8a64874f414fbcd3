package deploy

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	logFormat  = regexp.MustCompile(`(?s)log_format\s+(\S+)\s+([^;]*);`)
	logLine    = regexp.MustCompile(`access_log\s+(\S+?)(?:\s+(\S+?))?(?:\s[^;]*)?;`)
	errorLine  = regexp.MustCompile(`error_log\s+\S+(?:\s+(\S+?))?;`)
	logged     = regexp.MustCompile(`\$\{?(\w+)`)
	remarks    = regexp.MustCompile(`(?m)#.*$`)
	serverHead = regexp.MustCompile(`(?m)^server\s*\{`)
)

// harmlessInLog are the variables of nginx that a log of the office may have: none holds the query, a header or a body.
var harmlessInLog = []string{"remote_addr", "time_iso8601", "time_local", "request_method", "uri", "status", "body_bytes_sent", "request_time", "upstream_response_time", "request_id"}

// faultsOfProxy says what of a configuration of nginx would log a query.
func faultsOfProxy(config string) (faults []string) {
	config = remarks.ReplaceAllString(config, "")
	formats := map[string]bool{"off": true}
	for _, m := range logFormat.FindAllStringSubmatch(config, -1) {
		formats[m[1]] = true
		for _, v := range logged.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(harmlessInLog, v[1]) {
				faults = append(faults, fmt.Sprintf("the format %s logs $%s", m[1], v[1]))
			}
		}
	}
	servers := serverHead.Split(config, -1)
	if len(servers) < 2 {
		return append(faults, "no server")
	}
	for i, server := range servers {
		lines := logLine.FindAllStringSubmatch(server, -1)
		if i > 0 && len(lines) == 0 {
			faults = append(faults, fmt.Sprintf("server %d has the log that nginx has by itself, with the query", i))
		}
		for _, m := range lines {
			if m[1] != "off" && (m[2] == "" || !formats[m[2]]) {
				faults = append(faults, fmt.Sprintf("server %d logs in the form %q", i, m[2]))
			}
		}
		errors := errorLine.FindAllStringSubmatch(server, -1)
		if strings.Contains(server, "proxy_pass") && len(errors) == 0 {
			faults = append(faults, fmt.Sprintf("server %d has the error log that nginx has by itself, which quotes requests", i))
		}
		for _, m := range errors {
			if !slices.Contains([]string{"crit", "alert", "emerg"}, m[1]) {
				faults = append(faults, fmt.Sprintf("server %d logs errors from %q on, which quote requests", i, m[1]))
			}
		}
	}
	if !strings.Contains(config, "proxy_pass") {
		faults = append(faults, "nothing is passed on")
	}
	return faults
}

func TestTheProxyOfTheExampleLogsNoQuery(t *testing.T) {
	raw, err := os.ReadFile("proxy/nginx.conf.example")
	if err != nil {
		t.Fatal(err)
	}
	config := string(raw)
	if faults := faultsOfProxy(config); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
	for name, change := range map[string][2]string{
		"the whole request":    {"$request_method $uri", "$request"},
		"the address as sent":  {"$uri", "$request_uri"},
		"the query":            {"$uri", "$uri?$args"},
		"the page before":      {"$request_time'", "$request_time $http_referer'"},
		"a cookie":             {"$status", "$status ${cookie___Host}"},
		"the body":             {"$status", "$status $request_body"},
		"the form of nginx":    {"anpr.log anpr;", "anpr.log combined;"},
		"no form":              {"anpr.log anpr;", "anpr.log;"},
		"no log is named":      {"access_log off;", ""},
		"errors with requests": {"anpr-error.log crit;", "anpr-error.log warn;"},
		"errors without level": {"anpr-error.log crit;", "anpr-error.log;"},
		"errors by default":    {"error_log  /var/log/nginx/anpr-error.log crit;", ""},
	} {
		changed := strings.Replace(config, change[0], change[1], 1)
		if changed == config || len(faultsOfProxy(changed)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

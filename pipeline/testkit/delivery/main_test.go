package delivery

import (
	"flag"
	"os"
	"testing"

	"github.com/gvc-brussels/anpr/pipeline/testkit"
)

// envJob carries the job of a worker process: this test binary, started again.
const envJob = "ANPR_DELIVERY_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(envJob); text != "" {
		os.Exit(workerMain(text))
	}
	// The tests mostly wait for sessions to expire, so more of them than processors may run at the same time.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	testkit.Main(m, stopBrokers, writeResults)
}

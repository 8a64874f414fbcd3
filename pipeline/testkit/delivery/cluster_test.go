//go:build kafka

package delivery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	envJars = "ANPR_TEST_KAFKA_JARS" // folder of Kafka's jars; run.sh fetches them
	envConf = "ANPR_TEST_KAFKA_CONF" // folder of the log settings
)

// theCluster is three Apache Kafka brokers, each a controller too, with every partition on all three and two
// in-sync replicas needed. Tests break the cluster, so they run in turn (no t.Parallel) and leave it whole.
var theCluster struct {
	once    sync.Once
	brokers []*kafkaBroker
	dir     string
	err     error
}

// kafkaBroker is a broker process.
type kafkaBroker struct {
	id                           int
	client                       string // address of the link, as told to clients
	listen, internal, controller string // addresses to listen on
	link                         *link  // to the workers
	dir, conf                    string
	cmd                          *exec.Cmd
	ended                        chan struct{}
}

const clusterSize = 3

// cluster returns the three brokers, all of them up.
func cluster(t *testing.T) []*kafkaBroker {
	t.Helper()
	theCluster.once.Do(func() { theCluster.err = startCluster() })
	if theCluster.err != nil {
		t.Fatal("three brokers: ", theCluster.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, b := range theCluster.brokers {
				t.Logf("last lines of broker %d:\n%s", b.id, b.tail())
			}
		}
	})
	for _, b := range theCluster.brokers {
		b.restart(t)
	}
	whole(t)
	return theCluster.brokers
}

// clusterAddr is the list of brokers for clients.
func clusterAddr(brokers []*kafkaBroker) string {
	addrs := make([]string, len(brokers))
	for i, b := range brokers {
		addrs[i] = b.client
	}
	return strings.Join(addrs, ",")
}

func startCluster() error {
	jars, conf := os.Getenv(envJars), os.Getenv(envConf)
	if jars == "" || conf == "" {
		return fmt.Errorf("%s and %s are not set: deploy/kafka-test/run.sh fetches Kafka and sets them", envJars, envConf)
	}
	dir, err := os.MkdirTemp("", "anpr-kafka-cluster-")
	if err != nil {
		return err
	}
	theCluster.dir = dir
	var voters []string
	for id := 1; id <= clusterSize; id++ {
		b := &kafkaBroker{id: id, dir: filepath.Join(dir, fmt.Sprint(id))}
		for _, addr := range []*string{&b.listen, &b.internal, &b.controller} {
			if *addr, err = freeAddr(); err != nil {
				return err
			}
		}
		if b.link, err = newLink(fmt.Sprintf("broker %d", id), b.listen); err != nil {
			return err
		}
		b.client = b.link.addr()
		voters = append(voters, fmt.Sprintf("%d@%s", id, b.controller))
		theCluster.brokers = append(theCluster.brokers, b)
	}
	var formatted sync.WaitGroup
	errs := make([]error, clusterSize)
	for i, b := range theCluster.brokers {
		if err := b.configure(strings.Join(voters, ",")); err != nil {
			return err
		}
		formatted.Go(func() { errs[i] = b.format() })
	}
	formatted.Wait()
	return errors.Join(errs...)
}

func (b *kafkaBroker) configure(voters string) error {
	if err := os.MkdirAll(b.dir, 0o750); err != nil {
		return err
	}
	b.conf = filepath.Join(b.dir, "server.properties")
	return os.WriteFile(b.conf, fmt.Appendf(nil, `process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
listeners=CLIENT://%s,INTERNAL://%s,CONTROLLER://%s
advertised.listeners=CLIENT://%s,INTERNAL://%s
listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
log.dirs=%s
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.num.partitions=3
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=6000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
`, b.id, voters, b.listen, b.internal, b.controller, b.client, b.internal, filepath.Join(b.dir, "data")), 0o600)
}

// java returns a command of Kafka's that ends with this test binary.
func (b *kafkaBroker) java(args ...string) *exec.Cmd {
	conf := os.Getenv(envConf)
	cmd := exec.Command("java", append([]string{
		"-Xmx256m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", os.Getenv(envJars) + "/*",
		"-Dlog4j.configuration=file:" + conf + "/log4j.properties", "-Dlog4j2.configurationFile=file:" + conf + "/log4j2.properties",
	}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (b *kafkaBroker) format() error {
	out, err := b.java("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", b.conf).CombinedOutput()
	if err != nil {
		return fmt.Errorf("format broker %d: %w\n%s", b.id, err, out)
	}
	return nil
}

func (b *kafkaBroker) running() bool {
	if b.cmd == nil {
		return false
	}
	select {
	case <-b.ended:
		return false
	default:
		return true
	}
}

// restart starts the broker unless it runs. The broker answers later: see whole.
func (b *kafkaBroker) restart(t *testing.T) {
	t.Helper()
	if b.running() {
		return
	}
	log, err := os.OpenFile(filepath.Join(b.dir, "broker.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	b.cmd, b.ended = b.java("kafka.Kafka", b.conf), make(chan struct{})
	b.cmd.Stdout, b.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		// The death signal is tied to the thread that starts the child; this goroutine keeps the thread until the
		// child ends.
		runtime.LockOSThread()
		err := b.cmd.Start()
		started <- err
		if err == nil {
			_ = b.cmd.Wait()
			close(b.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start broker %d: %v", b.id, err)
	}
}

// end sends SIGTERM or SIGKILL and returns when the broker is gone.
func (b *kafkaBroker) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	b.signal(t, sig)
	select {
	case <-b.ended:
	case <-time.After(patience):
		t.Fatalf("broker %d did not end on %v\n%s", b.id, sig, b.tail())
	}
}

func (b *kafkaBroker) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("signal %v to broker %d: %v", sig, b.id, err)
	}
}

func (b *kafkaBroker) tail() string {
	text, err := os.ReadFile(filepath.Join(b.dir, "broker.log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2<<10):])
}

// whole waits until all three brokers are in the cluster and every partition is in sync on all of them.
func whole(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	adm := adminOf(t, clusterAddr(theCluster.brokers))
	for {
		meta, err := adm.Metadata(ctx)
		sound := err == nil && len(meta.Brokers) == clusterSize
		lacking := 0
		if err == nil {
			meta.Topics.EachPartition(func(p kadm.PartitionDetail) {
				if p.Err != nil || p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
					lacking++
				}
			})
		}
		if sound && lacking == 0 {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the cluster is not whole after %v: %v; brokers %d, partitions not in sync %d", patience, err, len(meta.Brokers), lacking)
		}
		poll(ctx)
	}
}

// stopCluster ends the brokers this binary started and removes their data.
func stopCluster() {
	for _, b := range theCluster.brokers {
		if b.running() {
			_ = b.cmd.Process.Kill()
			<-b.ended
		}
	}
	if theCluster.dir != "" {
		_ = os.RemoveAll(theCluster.dir)
	}
}

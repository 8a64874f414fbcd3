#!/usr/bin/env bash
# Tests against a real Apache Kafka: fetches its jars once, starts a broker on loopback, runs the tests, stops it. The tests
# that break brokers start three of their own from the same jars.
#
#   deploy/kafka-test/run.sh            both lines, 3.9 and 4
#   deploy/kafka-test/run.sh 4          one line; further arguments after -- go to go test:  run.sh 4 -- -race
#
# ANPR_CACHE (else ~/.cache/anpr) keeps the jars, ANPR_TEST_MINUTES (10) bounds the tests of one broker. ANPR_TEST_TAGS
# (kafka) chooses the tests: kafka,faults adds those of networks, disks and scaling. ANPR_FAULTS=full does every fault at its full
# length. ANPR_FAULT_RESULTS names a file that collects the results; FILE.md is the table made of it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${ANPR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/anpr}/kafka
minutes=${ANPR_TEST_MINUTES:-10}
tags=${ANPR_TEST_TAGS:-kafka}
# What else has tests that can use a real broker, and which: they empty its topics, so one package at a time.
others=(./pipeline/ingest/source ./pipeline/ingest/sink ./pipeline/gateway ./pipeline/assurance/reconcile)
other_tests='^Test(FetchReturns|LargeRecord|CommitCarries|TickIs|MessagesArriveWhole|CloseSends|AnAcknowledgedRead|ARetransmission|EveryFormat|OneBadRead|Reconcile$|TheVerifierJudges)'
broker_pid="" work="" reason="" version=""

say() { printf 'kafka-test: %s\n' "$*"; }

# fail keeps the reason for the last line of the output.
fail() { reason=$*; exit 1; }

stop_broker() {
	[[ -n $broker_pid ]] || return 0
	kill "$broker_pid" 2>/dev/null || true
	for _ in $(seq 100); do
		kill -0 "$broker_pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$broker_pid" 2>/dev/null || true
	wait "$broker_pid" 2>/dev/null || true
	broker_pid=""
}

finish() {
	local code=$?
	trap - EXIT
	stop_broker
	if [[ $code -ne 0 && -n $work && -s $work/broker.log ]]; then
		say "last lines of the broker:"
		tail -n 20 "$work/broker.log"
	fi
	[[ -n $work ]] && rm -rf "$work"
	[[ $code -ne 0 ]] && say "FAILED: ${reason:-exit code $code}" >&2
	exit "$code"
}
trap finish EXIT
trap 'reason="interrupted"; exit 130' INT TERM

# need says how to get a missing program; as root on Debian it names the one command.
need() { # program, Debian package, what for
	command -v "$1" >/dev/null && return 0
	local way="install it with your system's packages"
	if command -v apt-get >/dev/null; then
		way="run: apt-get install -y $2"
		[[ $(id -u) -eq 0 ]] || way="run: sudo apt-get install -y $2"
	fi
	fail "$1 is missing ($3); $way"
}

check_tools() {
	need java openjdk-17-jre-headless "Kafka runs on Java 17 or later"
	need go golang "the tests are Go"
	local major
	major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
	[[ ${major:-0} -ge 17 ]] || fail "java is version ${major:-unknown} and Kafka needs 17 or later; run: apt-get install -y openjdk-17-jre-headless, or set PATH"
}

# fetch copies the jars of a line to the cache, all or nothing, and sets $jars and $version.
fetch() { # line
	local line=$1 pom=$here/$1/pom.xml partial
	[[ -f $pom ]] || fail "Kafka $line is not known here; those known are the folders of $here"
	version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$pom")
	jars=$cache/$version
	[[ -f $jars/complete ]] && cmp -s "$pom" "$jars/complete" && { say "Kafka $version from $jars"; return 0; }
	need mvn maven "it fetches Kafka's jars"
	say "downloading org.apache.kafka:kafka_2.13:$version and what it runs on from Maven Central (about 46 MB) to $jars"
	mkdir -p "$cache"
	partial=$(mktemp -d "$cache/partial.XXXXXX")
	if ! mvn -B -ntp -q -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$partial" >"$partial/mvn.log" 2>&1; then
		grep -m 3 ERROR "$partial/mvn.log" || tail -n 5 "$partial/mvn.log"
		rm -rf "$partial"
		fail "Maven could not fetch Kafka $version; is there a network, or a mirror in ~/.m2/settings.xml?"
	fi
	rm -f "$partial/mvn.log"
	cp "$pom" "$partial/complete"
	rm -rf "$jars"
	mv "$partial" "$jars"
	say "$(find "$jars" -name '*.jar' | wc -l) jars, $(du -sh "$jars" | cut -f 1)"
}

# free_port prints a port that nobody listens on.
free_port() {
	local port
	for _ in $(seq 50); do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return 0; }
	done
	return 1
}

configure() { # broker port, controller port
	cat >"$work/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$work/data
auto.create.topics.enable=false
offsets.topic.num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
CONF
}

start_broker() {
	local port controller began=$SECONDS
	port=$(free_port) || fail "no free port on 127.0.0.1"
	controller=$(free_port) || fail "no free port on 127.0.0.1"
	[[ $port != "$controller" ]] || controller=$((port + 1))
	addr=127.0.0.1:$port
	configure "$port" "$controller"
	local java=(java -Xmx512m -Xms128m -XX:+UseSerialGC -cp "$jars/*" -Dlog4j.configuration="file:$here/log4j.properties"
		-Dlog4j2.configurationFile="file:$here/log4j2.properties")
	"${java[@]}" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$work/server.properties" >"$work/broker.log" 2>&1 ||
		fail "Kafka could not format its storage"
	"${java[@]}" kafka.Kafka "$work/server.properties" >>"$work/broker.log" 2>&1 &
	broker_pid=$!
	# The controller answers first; the broker's listener opens when the broker may serve.
	until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
		kill -0 "$broker_pid" 2>/dev/null || fail "the broker ended while it started"
		((SECONDS - began < 120)) || fail "the broker does not answer at $addr after 120 s"
		sleep 0.3
	done
	say "broker $broker_pid answers at $addr after $((SECONDS - began)) s"
}

test_line() { # line, arguments of go test
	local line=$1 began=$SECONDS
	shift
	fetch "$line"
	work=$(mktemp -d "${TMPDIR:-/tmp}/anpr-kafka-test.XXXXXX")
	start_broker
	reason="tests against Kafka $line"
	export ANPR_TEST_KAFKA=$addr ANPR_TEST_KAFKA_VERSION=$version ANPR_TEST_KAFKA_JARS=$jars ANPR_TEST_KAFKA_CONF=$here
	(cd "$root" && go test -tags "$tags" -count=1 -timeout "${minutes}m" "$@" ./pipeline/testkit/delivery)
	if [[ $* != *-run* ]]; then
		(cd "$root" && go test -tags kafka -count=1 -timeout "${minutes}m" -p 1 -run "$other_tests" "$@" "${others[@]}")
	fi
	reason=""
	stop_broker
	rm -rf "$work"
	work=""
	say "Kafka $line: passed in $((SECONDS - began)) s"
}

lines=()
while [[ $# -gt 0 && $1 != -- ]]; do
	lines+=("$1")
	shift
done
[[ ${1:-} == -- ]] && shift
[[ ${#lines[@]} -gt 0 ]] || lines=(3.9 4)
check_tools
for line in "${lines[@]}"; do
	test_line "$line" "$@"
done

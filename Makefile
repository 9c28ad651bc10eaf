# `make` alone lists the targets. `make test` checks every change. `make integration`
# tests against real servers. .ci/run calls both.

SHELL = /bin/sh
.DEFAULT_GOAL = help

# Static: the host that runs it may have an older C library than the host that builds it.
# All but the race detector uses these settings, so that packages are compiled once.
static = CGO_ENABLED=0 GOFLAGS="$(GOFLAGS) -trimpath"

# A module of its own pins the tools, so that bayplan does not depend on them.
tool = $(static) go tool -modfile=internal/tools/go.mod

# The race detector needs a C compiler. In CI it is mandatory.
have_cc = $(shell command -v "$$(go env CC)" 2>/dev/null)
race = $(if $(or $(filter true,$(CI)),$(have_cc)),-race)

# With this tag, one pass covers the integration tests as well.
checked = -tags integration ./...

# Packages that start goroutines. The race detector would only make the others slow.
concurrent = $$(go list ./... | grep -xF "$$(git grep -lE '^\s*go (func|[a-zA-Z.]+\()|\.Go\(|httptest|synctest' -- '*.go' \
	| xargs -n 1 dirname | sort -u | sed "s|^|$$(go list -m)/|")")

# Tests that work through much data, or start very many processes. The race detector makes
# each of them ten times slower, and other tests of their packages look for races.
large = ^(Test|Fuzz)Large
# Of these, `make test` runs those of the command line and the documents.
with_large = $$(git grep -lE 'func (Test|Fuzz)Large' -- '*_test.go' ':!cmd' ':!internal/dev' | xargs -n 1 dirname | sort -u | sed 's|^|./|')

.PHONY: help build cross release generate fmt lint test race integration bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

build: ## build bin/bayplan, one static file
	$(static) go build -o bin/bayplan ./cmd/bayplan

cross: ## build for Linux and macOS on amd64 and arm64, and vet for macOS
	@set -e; for system in linux darwin; do for arch in amd64 arm64; do \
		(set -x; $(static) GOOS=$$system GOARCH=$$arch go build -o /dev/null ./cmd/bayplan); done; done
	$(static) GOOS=darwin GOARCH=arm64 go vet ./...

dist = dist

release: ## make archives, packages and the image for all platforms in dist/
	rm -rf $(dist)
	$(static) go -C internal/dev/release run . -out $(abspath $(dist))

generate: ## regenerate the generated files that are checked in
	go generate ./...
	$(static) go -C cmd/bayplan-temporal test -vet=off -run TestReferenceIsUpToDate . -update

fmt: ## format every Go file
	git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 env $(tool) gofumpt -w

lint: ## check formatting and go.mod, run vet and staticcheck
	@unformatted=$$(git ls-files -z -- '*.go' | xargs -0 env $(tool) gofumpt -l) && \
		{ test -z "$$unformatted" || { echo "not formatted, run 'make fmt':"; echo "$$unformatted"; exit 1; } >&2; }
	go mod tidy -diff
	go -C internal/dev/sigstorego mod tidy -diff
	go -C internal/dev/rego mod tidy -diff
	go -C internal/dev/release mod tidy -diff
	go -C cmd/bayplan-temporal mod tidy -diff
	$(static) go vet $(checked)
	$(tool) staticcheck -checks all $(checked)

test: lint cross ## check all that needs no server: lint, builds, unit tests, CLI scripts, documents
	$(static) go test -vet=off -timeout 10m -skip '$(large)' ./...
	$(static) go test -vet=off -timeout 10m -run '$(large)' ./cmd/... ./internal/dev/...

race: ## look for races, and work through much data
	go test $(race) -trimpath -vet=off -timeout 20m -skip '$(large)' $(concurrent)
	$(static) go test -vet=off -timeout 10m -run '$(large)' $(with_large)

integration: race ## install and start real servers and test against them
	internal/dev/integration/run.sh

bench: ## compare mirror, untar and upload with other tools (an hour; less with BENCH_RUNS=1)
	go run ./internal/dev/bench

clean: ## remove the build output
	rm -rf bin dist

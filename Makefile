# Pulso. `make run` shows it, `make test` checks it; both install what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# A bundle that was not finished must not look finished.
.DELETE_ON_ERROR:

TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/pulso
WEB := dist/web/index.html
WEB_SOURCES := $(shell find frontend shared index.html Trunk.toml Cargo.toml Cargo.lock scripts/compress.mjs -type f 2>/dev/null | grep -v '/tests/')
# CI tests what was committed: a Cargo.lock that does not fit is an error there.
LOCKED := $(if $(CI),--locked)
# The benchmark is for Linux: epoll, pinning to a core, /proc.
WORKSPACE := --workspace $(if $(filter Linux,$(shell uname -s)),,--exclude pulso-bench)
# For machines without PostgreSQL: make test PULSO_TEST_DATABASES=sqlite
export PULSO_TEST_DATABASES
WITHOUT_POSTGRES := $(if $(filter sqlite,$(PULSO_TEST_DATABASES)),-- --skip postgres)
# A comma, for the arguments of functions.
, := ,
STEP = @printf '\n== %s\n'

.PHONY: help setup setup-web run dev build dist test test-long chaos bench bench-scale seed check-fmt check-lint check-deny check-unit check-api check-browser fmt

help: ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## Installs what building and testing need (8 to 15 minutes on a new machine, then at once)
	@scripts/setup.sh test

setup-web:
	@scripts/setup.sh web

run: build ## Starts the dashboard of an invented shop on http://127.0.0.1:8081; settings: make run ARGS=--help
	@exec $(BINARY) --demo --demo-traffic $(ARGS)

dev: setup-web ## Rebuilds and reloads http://127.0.0.1:8080 on every change; the server runs on 8081
	@cargo build --bin pulso
	@exec scripts/dev.sh $(TARGET)/debug/pulso

build: setup-web $(WEB) ## The server with the frontend inside: target/release/pulso
	@if [ ! -x $(BINARY) ]; then echo "building the server (4 minutes the first time)"; fi
# Cargo watches the files that were embedded, and none were if the server was once built without a frontend.
	@if [ $(WEB) -nt $(BINARY) ]; then touch -c server/src/lib.rs; fi
	@cargo build --release --bin pulso $(LOCKED)

$(WEB): $(WEB_SOURCES) | setup-web
	@if [ ! -d "$${PULSO_WEB_TARGET:-target/web}" ]; then echo "building the frontend (3 minutes the first time)"; fi
	@scripts/web.sh trunk build --release --offline --dist dist/web
	@node scripts/compress.mjs dist/web

dist: build ## The binary as dist/pulso and, for nginx, dist/web
	@cp $(BINARY) dist/pulso
	@du -h dist/pulso dist/web

fmt: ## Formats the sources
	@cargo fmt --all

test: ## Everything that CI checks: format, lints, tests of the rules and the server, a real browser
	@start=$$SECONDS; times=; for step in setup check-fmt check-lint check-deny check-unit check-api check-browser; do \
	  began=$$SECONDS; $(MAKE) --no-print-directory $$step || exit 1; \
	  times+=$$(printf '  %-14s %4s s' $$step $$((SECONDS - began)))$$'\n'; \
	done; printf '\nAll checks passed in %s s:\n%s' $$((SECONDS - start)) "$$times"

test-long: ## The same with a million cases for each property and a million bad inputs: takes long
	@PROPTEST_CASES=1000000 PULSO_FUZZ_INPUTS=1000000 $(MAKE) --no-print-directory test

chaos: ## 60 seconds of faults against the real server: kills, hangs, stalls; PULSO_CHAOS_SEED repeats a run's decisions
	@PULSO_CHAOS_SECS=$${PULSO_CHAOS_SECS:-60} cargo test -p pulso --test chaos $(LOCKED) -- --nocapture

bench: build ## Pulso beside other servers, and from an order to the changed page (10 minutes; 3 with QUICK=1)
	@scripts/setup.sh bench
	@cargo build --release -p pulso-bench $(LOCKED)
# One short round shows that everything works; only a whole run may be shown to others.
	@$(TARGET)/release/pulso-bench run --pulso $(BINARY) $(if $(QUICK),--quick,--picture docs/images/bench.svg)
	@PULSO=$(abspath $(BINARY)) CHROMIUM="$$(. scripts/env.sh; pulso_chromium)" node e2e/bench.mjs

bench-scale: build ## Every statistic and new orders, with 10,000, 100,000 and 1,000,000 orders, on both databases (half an hour)
	@scripts/setup.sh test
	@cargo build --release -p pulso-bench $(LOCKED)
	@$(TARGET)/release/pulso-bench scale --pulso $(BINARY) $(if $(QUICK),--orders 10000$(,)100000 --seconds 20) $(ARGS)

seed: build ## Fills DATABASE_URL (or pulso.db) with many invented orders: make seed N=1000000
	@$(BINARY) seed $(N) $(ARGS)

check-fmt:
	$(STEP) 'Format'
	@cargo fmt --all --check

check-lint: setup-web
	$(STEP) 'Lints, for this machine and for the browser'
	@cargo clippy $(WORKSPACE) --all-targets $(LOCKED) -- -D warnings
	@scripts/web.sh cargo clippy --target wasm32-unknown-unknown -p frontend $(LOCKED) -- -D warnings

check-deny: setup
	$(STEP) 'What others wrote: bans, licences, sources, advisories'
	@scripts/deny.sh

check-unit:
	$(STEP) 'Tests of the rules, of the real server against a fake backend, and a short chaos'
	@cargo test $(WORKSPACE) $(LOCKED) $(WITHOUT_POSTGRES)

check-api: setup build
	$(STEP) 'What the server says of its API, against what it does'
	@PULSO=$(BINARY) scripts/check-api.sh

check-browser: setup build
	$(STEP) 'A real browser against the real server'
	@PULSO=$(abspath $(BINARY)) CHROMIUM="$$(. scripts/env.sh; pulso_chromium)" npm --silent --prefix e2e test

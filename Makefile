# Pulso. `make run` shows it, `make test` checks it; both install what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/pulso
WEB := dist/web/index.html
WEB_SOURCES := $(shell find frontend shared index.html Trunk.toml Cargo.toml Cargo.lock scripts/compress.mjs -type f 2>/dev/null | grep -v '/tests/')
STEP = @printf '\n\033[1m== %s\033[0m\n'

.PHONY: help setup setup-build run dev build dist test test-long check-format check-lint check-units check-browser fmt

help: ## This list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## Installs what building and testing need (12 to 15 minutes on a new machine, then a second)
	@scripts/setup.sh test

setup-build:
	@scripts/setup.sh build

run: build ## Starts the dashboard with an invented shop on http://127.0.0.1:8081
	@exec $(BINARY) --demo --demo-traffic $(ARGS)

dev: setup-build ## Reloads http://127.0.0.1:8080 on every change; the server runs on 8081
	@cargo build --bin pulso
	@$(TARGET)/debug/pulso --demo --demo-traffic & server=$$!; trap 'kill $$server 2>/dev/null || true' EXIT; \
	  scripts/web.sh trunk serve --offline

build: setup-build $(WEB) ## The server with the frontend inside: target/release/pulso
	@if [ ! -x $(BINARY) ]; then echo "building the server (4 minutes the first time)"; fi
	@cargo build --release --bin pulso

$(WEB): $(WEB_SOURCES)
	@if [ ! -d target/web/wasm32-unknown-unknown ]; then echo "building the frontend (3 minutes the first time)"; fi
	@rm -rf dist/web
	@scripts/web.sh trunk build --release --offline --dist dist/web
	@node scripts/compress.mjs dist/web

dist: build ## The binary and, for nginx, dist/web
	@cp $(BINARY) dist/pulso
	@ls -l dist/pulso dist/web

fmt: ## Formats the sources
	@cargo fmt --all

test: ## Everything that CI checks
	@start=$$SECONDS; for step in setup check-format check-lint check-units check-browser; do \
	  at=$$SECONDS; $(MAKE) --no-print-directory $$step; times+="  $$step $$((SECONDS - at)) s"$$'\n'; \
	done; printf '\nAll checks passed in %s s:\n%s' "$$((SECONDS - start))" "$$times"

test-long: ## The same with a million cases for each property (an hour and more)
	@PROPTEST_CASES=1000000 $(MAKE) --no-print-directory check-units
	@$(MAKE) --no-print-directory test

check-format:
	$(STEP) 'Format'
	@cargo fmt --all --check

check-lint: setup-build
	$(STEP) 'Lints, host and wasm'
	@cargo clippy --workspace --all-targets -- -D warnings
	@scripts/web.sh cargo clippy --target wasm32-unknown-unknown -p frontend -- -D warnings

check-units:
	$(STEP) 'Tests of rules, and of the real server against a fake backend'
	@cargo test --workspace

check-browser: setup build
	$(STEP) 'A real browser against the real server'
	@PULSO=$(abspath $(BINARY)) CHROMIUM="$$(. scripts/env.sh; pulso_chromium)" npm --silent --prefix e2e test

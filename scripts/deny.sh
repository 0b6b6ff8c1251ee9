#!/usr/bin/env bash
# Checks what others wrote against deny.toml: bans, licences and sources always, known faults where the database of them
# can be reached.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

cargo-deny --all-features check bans licenses sources
# A minute: where a closed network swallows the request nothing else would end it. (A Mac has no `timeout`.)
limit=$(if command -v timeout >/dev/null; then echo timeout 60; fi)
if GIT_TERMINAL_PROMPT=0 $limit cargo-deny fetch db; then
  cargo-deny --all-features check --disable-fetch advisories
else
  echo "advisories: NOT checked, because their database (RustSec, on a git host) cannot be reached from here"
fi

#!/usr/bin/env bash
# Runs a command in the environment that wasm builds need, e.g.: scripts/web.sh cargo check --target wasm32-unknown-unknown -p frontend
#
# Native builds never use it: the wasm target may come from another compiler, and a target folder of its own keeps
# the two from waiting for each other's lock.
set -euo pipefail
. "$(dirname "$0")/env.sh"
export CARGO_TARGET_DIR=${PULSO_WEB_TARGET:-target/web}
if [ -d "$PULSO_TOOLS/sysroot/lib" ]; then
  native=$(rustc --print sysroot)
  export RUSTC=/usr/bin/rustc
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--sysroot $PULSO_TOOLS/sysroot"
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$native/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld"
  # Debian's clippy fits Debian's compiler.
  if [ "${1:-}" = cargo ] && [ "${2:-}" = clippy ]; then PATH=/usr/bin:$PATH; fi
fi
exec "$@"

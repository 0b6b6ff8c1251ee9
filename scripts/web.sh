#!/usr/bin/env bash
# Runs a command in the environment that wasm builds need, e.g.:
#   scripts/web.sh cargo check --target wasm32-unknown-unknown -p frontend
#
# Native builds never use it: the wasm target may come from another compiler (see setup.sh), and a target folder of
# its own keeps the two from waiting for each other's lock.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/env.sh"
export CARGO_TARGET_DIR=${PULSO_WEB_TARGET:-$root/target/web}
if [ -L "$PULSO_TOOLS/sysroot" ]; then
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(pulso_wasm_linker)
  # RUSTFLAGS would hide these, so yours are added and not left beside them.
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--sysroot $PULSO_TOOLS/$(readlink "$PULSO_TOOLS/sysroot") ${RUSTFLAGS:-}"
  unset RUSTFLAGS
  export RUSTC=/usr/bin/rustc
  # Debian's clippy fits Debian's compiler.
  case "$*" in "cargo clippy"*) PATH=/usr/bin:$PATH ;; esac
fi
exec "$@"

# Versions that must fit together, and where tools are found. Sourced, not run.

WASM=wasm32-unknown-unknown
# Must equal the crate's version in Cargo.toml.
WASM_BINDGEN=0.2.130
# 0.22 needs a newer compiler than most have.
TRUNK=0.21.14
CARGO_DENY=0.20.2
# Debian's own (108) cannot read what compilers write today.
BINARYEN=132

PULSO_TOOLS=${PULSO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/pulso}
# Ours come first: they are there only where yours did not fit.
export PATH="$PULSO_TOOLS/bin:$PULSO_TOOLS/npm/node_modules/.bin:$PATH"

# The linker for wasm, which comes with rustup's Rust and not with Debian's.
pulso_wasm_linker() { printf '%s/lib/rustlib/%s-unknown-linux-gnu/bin/rust-lld' "$(rustc --print sysroot)" "$(uname -m)"; }

# The browser for the tests: yours, a known one, playwright's own, or none.
pulso_chromium() {
  local found
  for found in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    if [ -n "$found" ] && [ -x "$found" ]; then printf '%s' "$found"; return; fi
  done
  found=$(node -p 'require("./e2e/node_modules/playwright-core").chromium.executablePath()' 2>/dev/null) || return 0
  if [ -x "$found" ]; then printf '%s' "$found"; fi
}

# Asks a server whatever its OpenAPI document allows, and what it forbids.
SCHEMATHESIS=4.32.5
pulso_schemathesis() { printf '%s' "$PULSO_TOOLS/schemathesis-$SCHEMATHESIS/bin/schemathesis"; }

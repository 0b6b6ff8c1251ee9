#!/usr/bin/env bash
# Installs what building and testing need, and nothing twice. Looks before it installs; safe to repeat.
#
#   scripts/setup.sh build   the wasm target, trunk, wasm-bindgen, wasm-opt
#   scripts/setup.sh test    that, and a browser with the packages that drive it
#
# Tools go into a folder of our own, so that yours are left alone; a fitting version on PATH is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# Debian's package manager, where we may use it.
apt_updated=
apt_install() {
  has apt-get || return 1
  [ "$(id -u)" = 0 ] || fail "please run: sudo apt-get install $*"
  if [ -z "$apt_updated" ]; then apt-get update -qq >&2 && apt_updated=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_basics() {
  has cargo || fail "Rust is missing: install it from https://rustup.rs"
  has node && has npm || fail "Node.js 20 or newer is missing: install it from https://nodejs.org"
  has cc || { say "installing a C compiler (1 minute, once)"; apt_install gcc libc6-dev || fail "a C compiler is missing (cc)"; }
}

need_wasm_target() {
  [ -e "$PULSO_TOOLS/wasm-target" ] && [ "$(cat "$PULSO_TOOLS/wasm-target")" = "$(rustc -V)" ] && return
  mkdir -p "$PULSO_TOOLS"
  local std
  std=$(rustc --print sysroot)/lib/rustlib/$WASM
  if [ ! -d "$std" ] && has rustup; then
    say "adding Rust's wasm target (10 seconds, once)"
    rustup target add "$WASM" >&2 || say "rustup cannot download here; trying Debian's sources instead"
  fi
  if [ -d "$std" ]; then
    rm -rf "$PULSO_TOOLS/sysroot"
  else
    build_wasm_std
  fi
  rustc -V >"$PULSO_TOOLS/wasm-target"
}

# Where only package registries can be reached: the standard library for wasm, built once from Debian's sources.
# The folder's name holds the compiler's version, since a rebuilt library invalidates what was built with it.
build_wasm_std() {
  say "installing Debian's Rust with its sources (1 minute, once)"
  apt_install rustc-web cargo-web rust-web-src rust-web-clippy \
    || fail "no wasm target: 'rustup target add $WASM' failed, and this is no Debian"
  local version sysroot work
  version=$(/usr/bin/rustc -V | awk '{print $2}')
  sysroot=$PULSO_TOOLS/sysroot-$version
  if [ ! -d "$sysroot" ]; then
    say "building the standard library for wasm (1 minute, once)"
    work=$(mktemp -d)
    /usr/bin/cargo init -q --lib --name empty --vcs none "$work"
    ( cd "$work"
      RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C embed-bitcode=yes" CARGO_TARGET_DIR="$work/t" \
        /usr/bin/cargo build -q --release --target "$WASM" -Zbuild-std=std,test,panic_abort )
    mkdir -p "$sysroot.new/lib/rustlib/$WASM/lib"
    cp "$work/t/$WASM"/release/deps/lib*.rlib "$sysroot.new/lib/rustlib/$WASM/lib"
    rm "$sysroot.new/lib/rustlib/$WASM/lib"/libempty*
    mv "$sysroot.new" "$sysroot"
    rm -rf "$work"
  fi
  ln -sfn "$sysroot" "$PULSO_TOOLS/sysroot"
}

# need_cargo_tool NAME VERSION HOW-LONG INSTALL-FLAGS...
need_cargo_tool() {
  local name=$1 version=$2 time=$3; shift 3
  case "$("$name" --version 2>/dev/null || true)" in *"$version"*) return ;; esac
  say "building $name $version ($time, once)"
  CARGO_TARGET_DIR="$PULSO_TOOLS/build" cargo install -q --root "$PULSO_TOOLS" --version "$version" "$@" >&2
  rm -rf "$PULSO_TOOLS/build"
}

need_wasm_opt() {
  case "$(wasm-opt --version 2>/dev/null || true)" in *"version $BINARYEN"*) return ;; esac
  say "installing wasm-opt $BINARYEN (20 seconds, once)"
  npm install --silent --no-audit --no-fund --prefix "$PULSO_TOOLS/npm" "binaryen@$BINARYEN" >&2
}

need_browser() {
  [ -n "$(pulso_chromium)" ] && return
  say "installing Chromium (1 minute, once)"
  apt_install chromium || npx --prefix e2e playwright-core install chromium >&2 \
    || fail "no Chromium: set CHROMIUM to the path of one"
}

need_browser_packages() {
  if [ -e e2e/node_modules/.package-lock.json ] && [ ! e2e/package-lock.json -nt e2e/node_modules/.package-lock.json ]; then return; fi
  say "installing the packages that drive the browser (20 seconds, once)"
  npm ci --silent --no-audit --no-fund --prefix e2e >&2
  touch e2e/node_modules/.package-lock.json
}

# All that was looked for last time is still there: the stamp names this script, its versions and the compiler.
group=${1:-test}
stamp=$PULSO_TOOLS/ready-$group
state="$(cat scripts/setup.sh scripts/env.sh | cksum) $(rustc -V 2>/dev/null) ${CHROMIUM:-}"
fresh() { [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && has trunk && has wasm-bindgen && has wasm-opt; }

case $group in
  build) fresh && exit 0 ;;
  test) if fresh && [ -n "$(pulso_chromium)" ]; then need_browser_packages; exit 0; fi ;;
  *) fail "unknown group '$group': build or test" ;;
esac
need_basics
need_wasm_target
need_wasm_opt
need_cargo_tool wasm-bindgen "$WASM_BINDGEN" "3 minutes" wasm-bindgen-cli
# Fast to build matters more than fast to run: it only moves files.
CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
  need_cargo_tool trunk "$TRUNK" "6 to 8 minutes" --locked --no-default-features --features rustls trunk
if [ "$group" = test ]; then
  need_browser_packages
  need_browser
fi
printf '%s' "$state" >"$stamp"

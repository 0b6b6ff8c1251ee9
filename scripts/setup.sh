#!/usr/bin/env bash
# Installs what building and testing need, and nothing twice. Looks before it installs; safe to repeat.
#
#   scripts/setup.sh web    the wasm target, trunk, wasm-bindgen, wasm-opt, a C compiler
#   scripts/setup.sh test   that, cargo-deny, nginx, PostgreSQL, schemathesis, and a browser with the packages that drive it
#                           (what you get without an argument, too)
#   scripts/setup.sh bench  that, and the servers that Pulso is measured beside
#
# Tools go into a folder of our own, so that yours are left alone; a fitting version on PATH is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/env.sh

say() { if [ -t 2 ]; then printf '\033[1m%s\033[0m\n' "$*" >&2; else printf '%s\n' "$*" >&2; fi; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Debian's package manager. Where we may not use it, the line to run is the answer.
apt_updated=
apt_install() {
  has apt-get || return 1
  is_root || fail "please run this, then try again: sudo apt-get install --no-install-recommends $*"
  if [ -z "$apt_updated" ]; then apt-get update -qq >&2 && apt_updated=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_basics() {
  has cargo || fail "Rust is missing: install it from https://rustup.rs"
  has node && has npm || fail "Node.js is missing: install version 20 or newer from https://nodejs.org"
  [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || fail "Node.js $(node -v) is too old: install 20 or newer from https://nodejs.org"
  if ! has cc; then
    say "installing a C compiler (1 minute, once)"
    apt_install gcc libc6-dev || fail "a C compiler is missing (cc); on a Mac: xcode-select --install"
  fi
}

need_wasm_target() {
  local native
  native=$(rustc --print sysroot)/lib/rustlib/$WASM
  if [ ! -d "$native" ] && ! sysroot_fits && has rustup; then
    say "adding Rust's wasm target (10 seconds, once)"
    rustup target add "$WASM" >&2 || say "rustup cannot download it here; Debian's sources can give it, too"
  fi
  if [ -d "$native" ]; then
    rm -f "$PULSO_TOOLS/sysroot"
  elif ! sysroot_fits; then
    build_sysroot
  fi
}

# The standard library in our folder was built by the very compiler that Debian has now.
sysroot_fits() {
  [ -x /usr/bin/rustc ] || return 1
  case "$(readlink "$PULSO_TOOLS/sysroot")" in "sysroot-$(debian_rust)-"*) [ -d "$PULSO_TOOLS/sysroot/lib" ] ;; *) false ;; esac
}

debian_rust() { /usr/bin/rustc -V | awk '{ print $2 }'; }

# Where only package registries can be reached: the standard library for wasm, built once from Debian's sources.
# The folder's name holds its checksum. Cargo sees the name change and builds anew what the old library was in.
build_sysroot() {
  [ -x "$(pulso_wasm_linker)" ] || fail "the linker for wasm is missing: install Rust from https://rustup.rs, it comes along"
  say "installing Debian's Rust with its sources (1 minute, once)"
  apt_install rustc-web cargo-web rust-web-src rust-web-clippy \
    || fail "no wasm target: 'rustup target add $WASM' failed, and Debian's packages cannot be had here"
  say "building the standard library for wasm (1 minute, once)"
  local work lib new
  work=$(mktemp -d)
  /usr/bin/cargo init -q --lib --name empty --vcs none "$work"
  ( cd "$work"
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="-C embed-bitcode=yes" \
      /usr/bin/cargo build -q --release --target "$WASM" -Zbuild-std=std,test,panic_abort --target-dir "$work/t" )
  lib=$work/new/lib/rustlib/$WASM/lib
  mkdir -p "$lib"
  rm "$work/t/$WASM"/release/deps/libempty*
  cp "$work/t/$WASM"/release/deps/lib*.rlib "$lib"
  new=sysroot-$(debian_rust)-$(cat "$lib"/*.rlib | cksum | cut -d ' ' -f 1)
  rm -rf "$PULSO_TOOLS"/sysroot*
  mv "$work/new" "$PULSO_TOOLS/$new"
  ln -s "$new" "$PULSO_TOOLS/sysroot"
  rm -rf "$work"
}

# need_cargo_tool NAME VERSION HOW-LONG INSTALL-FLAGS...
need_cargo_tool() {
  local name=$1 version=$2 time=$3 quiet=-q
  shift 3
  if [ "$("$name" --version 2>/dev/null)" = "$name $version" ]; then return; fi
  say "building $name $version ($time, once)"
  if [ -t 2 ]; then quiet=; fi
  # The native compiler and no flags of yours: they are meant for your own builds.
  env -u RUSTFLAGS -u CARGO_BUILD_TARGET CARGO_TARGET_DIR="$PULSO_TOOLS/build" \
    cargo install $quiet --root "$PULSO_TOOLS" --version "$version" "$@" >&2
  rm -rf "$PULSO_TOOLS/build"
}

need_wasm_opt() {
  case "$(wasm-opt --version 2>/dev/null)" in "wasm-opt version $BINARYEN "*) return ;; esac
  say "installing wasm-opt $BINARYEN (20 seconds, once)"
  npm install --loglevel=error --no-audit --no-fund --prefix "$PULSO_TOOLS/npm" "binaryen@$BINARYEN" >/dev/null
}

need_schemathesis() {
  local folder=$PULSO_TOOLS/schemathesis-$SCHEMATHESIS
  if [ -e "$folder/ready" ]; then return; fi
  say "installing schemathesis $SCHEMATHESIS, which tests the API (30 seconds, once)"
  # Debian has venv in a package of its own; without that, this module is missing.
  python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || apt_install python3 python3-venv \
    || fail "Python 3.10 or newer with venv is missing: install it, then try again"
  rm -rf "$PULSO_TOOLS"/schemathesis-*
  python3 -m venv "$folder" \
    && "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS" >&2 \
    || fail "schemathesis cannot be installed"
  touch "$folder/ready"
}

need_browser_packages() {
  if [ e2e/node_modules/.package-lock.json -nt e2e/package-lock.json ]; then return; fi
  say "installing the packages that drive the browser (10 seconds, once)"
  npm ci --loglevel=error --no-audit --no-fund --prefix e2e >/dev/null
  touch e2e/node_modules/.package-lock.json
}

need_browser() {
  if [ -n "$(pulso_chromium)" ]; then return; fi
  say "installing Chromium (1 minute, once)"
  if is_root && apt_install chromium chromium-driver; then return; fi
  npx --prefix e2e playwright-core install chromium >&2 && [ -n "$(pulso_chromium)" ] \
    || fail "no Chromium: install one (on Debian: sudo apt-get install chromium), or set CHROMIUM to its path"
}

# The tests start it with deploy/nginx.conf.
need_nginx() {
  local place
  for place in /usr/sbin/nginx /usr/local/sbin/nginx /usr/local/bin/nginx /opt/homebrew/bin/nginx; do
    if [ -x "$place" ]; then return; fi
  done
  say "installing nginx (10 seconds, once)"
  # The run level keeps Debian from starting it as a service.
  RUNLEVEL=1 apt_install nginx || fail "nginx is missing, which the tests start; on a Mac: brew install nginx"
}

# Only its programs: the tests start a database of their own.
need_postgres() {
  if [ "${PULSO_TEST_DATABASES:-}" = sqlite ] || has initdb; then return; fi
  if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then return; fi
  say "installing PostgreSQL (30 seconds, once)"
  # The run level keeps Debian from starting it as a service, and the setting from making a database for that.
  local settings=/etc/postgresql-common/createcluster.d/pulso-setup.conf
  if is_root && has apt-get; then
    mkdir -p "${settings%/*}"
    echo 'create_main_cluster = false' >"$settings"
  fi
  if ! RUNLEVEL=1 apt_install postgresql; then
    rm -f "$settings"
    fail "no PostgreSQL: please install it (initdb and pg_ctl on PATH), or leave its tests out: make test PULSO_TEST_DATABASES=sqlite"
  fi
  rm -f "$settings"
}

# Where one of them cannot be had the benchmark leaves it out and says so.
need_bench_peers() {
  local peers=bench/peers
  if [ ! $peers/node_modules/.package-lock.json -nt $peers/package-lock.json ]; then
    say "installing the servers to measure beside, Bun and ws (20 seconds, once)"
    npm ci --loglevel=error --no-audit --no-fund --prefix $peers >/dev/null && touch $peers/node_modules/.package-lock.json \
      || say "they cannot be had here"
  fi
  # Where npm runs no scripts of packages, Bun's binary is not yet in its place.
  $peers/node_modules/.bin/bun --version >/dev/null 2>&1 || (cd $peers/node_modules/bun && node install.js) >/dev/null 2>&1 || true
  if [ ! -e /usr/lib/nginx/modules/ngx_nchan_module.so ]; then
    say "installing nginx with nchan (10 seconds, once)"
    # The run level keeps Debian from starting it as a service.
    is_root && RUNLEVEL=1 apt_install nginx libnginx-mod-nchan \
      || say "to measure beside it, too: sudo apt-get install --no-install-recommends nginx libnginx-mod-nchan"
  fi
}

# What the last run found: this script and its versions, the compilers, and the very files of the tools.
found() {
  cat scripts/setup.sh scripts/env.sh | cksum
  rustc -V
  if [ -L "$PULSO_TOOLS/sysroot" ]; then /usr/bin/rustc -V && readlink "$PULSO_TOOLS/sysroot"; fi
  ls -lL "$(command -v trunk)" "$(command -v wasm-bindgen)" "$(command -v wasm-opt)" "$(command -v cc)" "$(command -v node)"
}

group=${1:-test}
case $group in web | test | bench) ;; *) fail "unknown group '$group': web, test or bench" ;; esac
ready=$PULSO_TOOLS/ready-web
if ! { [ -e "$ready" ] && [ "$(found 2>&1)" = "$(cat "$ready")" ]; }; then
  mkdir -p "$PULSO_TOOLS"
  need_basics
  need_wasm_target
  need_wasm_opt
  need_cargo_tool wasm-bindgen "$WASM_BINDGEN" "2 to 5 minutes" wasm-bindgen-cli
  # Fast to build matters more than fast to run: it only calls others.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    need_cargo_tool trunk "$TRUNK" "4 to 8 minutes" --locked --no-default-features --features rustls trunk
  found >"$ready"
fi
if [ "$group" != web ]; then
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    need_cargo_tool cargo-deny "$CARGO_DENY" "2 to 4 minutes" --locked cargo-deny
  need_nginx
  need_postgres
  need_schemathesis
  need_browser_packages
  need_browser
fi
if [ "$group" = bench ]; then
  need_bench_peers
fi

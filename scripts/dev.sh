#!/usr/bin/env bash
# The development loop, called by `make dev` with the server's path: the server on 8081, and before it trunk on 8080,
# which builds the frontend on every change, reloads the page and passes all else on. They end together.
set -euo pipefail
cd "$(dirname "$0")/.."

"$1" --listen 127.0.0.1:8081 --demo --demo-traffic &
server=$!
trap 'kill "$server" ${trunk:-} 2>/dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# A taken port or a wrong setting ends the server at once, and its own message says why.
sleep 1
kill -0 "$server" 2>/dev/null || exit 1

scripts/web.sh trunk serve --offline &
trunk=$!
wait "$trunk"

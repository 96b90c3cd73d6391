#!/bin/sh
# The main job, offline: llm against the offline Kimi on loopback. Logs go to a temporary folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
export LLM_USER_PATH="$folder"
unset KIMI_STRICT LLM_MODEL || true
llm kimi simulate --chunk-delay 0.03 -- sh "$here/demo_inside.sh"

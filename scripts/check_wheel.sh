#!/bin/sh
# The wheel builds, and installs into a clean llm that then lists Kimi without key or network.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
git ls-files -z --cached --others --exclude-standard | xargs -0 tar cf - | (mkdir "$folder/src" && tar xf - -C "$folder/src")
"${PYTHON:-python3}" -m venv "$folder/venv"
bin="$folder/venv/bin"
"$bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" "$folder/src"
"$bin/python" -m pip install --quiet --disable-pip-version-check llm
export LLM_USER_PATH="$folder/user"
mkdir "$LLM_USER_PATH"
PIP_QUIET=1 "$bin/llm" install "$folder"/llm_kimi-*.whl
"$bin/llm" models list | grep -q "^Kimi: kimi-k3.1-pro "
"$bin/llm" kimi simulate -- "$bin/llm" -m kimi "hello wheel" 2>/dev/null | grep -q "hello wheel"
"$bin/python" -m zipfile -l "$folder"/llm_kimi-*.whl >"$folder/listing"
grep -q "llm_kimi/py.typed" "$folder/listing"
if grep "tests/" "$folder/listing"; then
    echo "The wheel holds tests." >&2
    exit 1
fi
echo "The wheel installs and answers."

#!/usr/bin/env bash
# Writes the lock: `requirements/lock.sh` keeps what is pinned, `requirements/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

export UV_CUSTOM_COMPILE_COMMAND="task lock"
compile=(.venv/bin/uv pip compile --quiet --python-version 3.11 --universal --no-emit-package llama-cpp-python "$@")
plain=(.venv/bin/uv pip compile --quiet --no-deps --generate-hashes)

"${compile[@]}" --generate-hashes pyproject.toml --extra sidecar -o requirements/runtime.txt
"${compile[@]}" --generate-hashes pyproject.toml --extra sidecar --extra dev -c requirements/runtime.txt -o requirements/dev.txt

# torch's build for one machine (CPU or CUDA) brings its own companions; they are no part of what we promise.
"${compile[@]}" pyproject.toml --extra sidecar --extra train -c requirements/runtime.txt -o requirements/train.txt
companions=$(grep -oE '^(nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+|triton)' requirements/train.txt | sort -u)
"${compile[@]}" pyproject.toml --extra sidecar --extra train -c requirements/runtime.txt \
  $(printf -- '--no-emit-package %s ' $companions) -o requirements/train.txt

"${plain[@]}" requirements/llama.in -o requirements/llama.txt
"${plain[@]}" requirements/models.in -o requirements/models.txt

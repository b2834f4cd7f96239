#!/bin/sh
# All that wants a GPU, in under eight minutes: sh benchmarks/gpu.sh [FOLDER]
# Writes gpu_parity.json, gpu_throughput.json and gpu_chip_fit.json into FOLDER, by default
# benchmarks/results. DEVICE chooses another device, PYTHON another interpreter, SECONDS_EACH how long
# each row of throughput takes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:-$here/results}" && cd "${1:-$here/results}" && pwd)
cd "$here"
python=${PYTHON:-python}
"$python" gpu.py --device "${DEVICE:-cuda}" --seconds "${SECONDS_EACH:-8}" --out "$out"
"$python" chip_fit.py --device "${DEVICE:-cuda}" --rounds 2 --out "$out/gpu_chip_fit.json"

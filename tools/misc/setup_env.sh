#!/usr/bin/env bash
# Installs everything into one virtual environment: setup_env.sh VENV
# `make setup` calls it. It can be repeated: what is already there stays, what is missing is added.
# PYTHON, TORCH and TORCHVISION choose another interpreter and other builds; TORCH may hold pip
# options, such as TORCH='torch==2.13.0 --index-url URL'. OPS=compiled builds mmcv's operators.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=${1:?usage: setup_env.sh VENV}
python=${PYTHON:-python3}
say() { printf '\n==> %s\n' "$*"; }
stop() { printf '\nmake setup stopped: %s\n' "$*" >&2; exit 1; }
pinned() { grep "^$1==" constraints.txt; }
fits='import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))'
needs='mmsfa needs Python 3.10 to 3.13'

command -v "$python" >/dev/null ||
    stop "there is no '$python' here. Name a Python 3.10 to 3.13: make setup PYTHON=/path/to/python3"
"$python" -c "$fits" ||
    stop "$needs, and '$python' is $("$python" -V 2>&1)." \
         'Name another one: make setup PYTHON=python3.11'
if [ -x "$venv/bin/python" ] && ! "$venv/bin/python" -c "$fits"; then
    stop "$venv was made with $("$venv/bin/python" -V 2>&1), and $needs." \
         "Remove it: rm -rf $venv && make setup"
fi

case ${OPS:-} in
    '') steps=3 ;;
    compiled)
        steps=4
        command -v "${CXX:-c++}" >/dev/null ||
            stop 'OPS=compiled needs a C++ compiler, and there is none. Install one (g++), or leave' \
                 'OPS away: mmsfa does not need it.'
        ;;
    *) stop "OPS must be 'compiled' or empty, got '$OPS'." ;;
esac

say "1/$steps virtual environment $venv ($("$python" -V 2>&1))"
if ! "$venv/bin/python" -m pip --version 2>/dev/null; then
    # Some systems ship pip without ensurepip: then the outer pip fills the environment.
    "$python" -m venv "$venv" 2>/dev/null || {
        "$python" -m venv --without-pip --clear "$venv"
        "$python" -m pip --python "$venv/bin/python" install pip
    }
fi
pip() { "$venv/bin/python" -m pip "$@"; }
pip install -q 'pip>=23.1'

say "2/$steps torch, the mm packages, the test and docs tools and mmsfa itself"
chosen=$venv/constraints.txt
cp constraints.txt "$chosen"
if [ -n "${TORCH:-}${TORCHVISION:-}" ]; then
    # Another build: torch first, then the torchvision that belongs to it (alone: it would bring its
    # own torch). Both are kept from here on.
    # shellcheck disable=SC2086  # TORCH may hold pip options
    pip install ${TORCH:-$(pinned torch)}
    # shellcheck disable=SC2086
    pip install --no-deps ${TORCHVISION:-$(pinned torchvision)}
    { grep -v '^torch' constraints.txt; pip list --format=freeze | grep -E '^torch(vision)?=='; } >"$chosen"
fi
# mmcv builds as pure Python: mmsfa/ops has the operators that it leaves out.
MMCV_WITH_OPS=0 pip install -c "$chosen" -e '.[mm,tests,docs]'

if [ "$steps" = 4 ]; then
    cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    say "3/4 compiling the operators of mmcv: about $((50 / cores + 1)) minutes on $cores core(s)"
    if ! "$venv/bin/python" -c 'import torch, mmcv._ext' 2>/dev/null; then
        pip install -q 'setuptools>=80,<82' wheel packaging ninja psutil
        MMCV_WITH_OPS=1 pip install -v --no-build-isolation --no-binary onedl-mmcv --no-cache-dir \
            --force-reinstall --no-deps -c "$chosen" "$(pinned onedl-mmcv)"
        "$venv/bin/python" -c 'import torch, mmcv._ext' ||
            stop 'mmcv was compiled, yet its operators do not load: see the error above.' \
                 'mmsfa works without them: make setup'
    fi
fi

say "$steps/$steps check"
"$venv/bin/python" tools/misc/check_env.py

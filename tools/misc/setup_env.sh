#!/usr/bin/env bash
# Installs everything into one virtual environment: setup_env.sh VENV
# `make setup` calls it. It can be repeated: what is already there stays, what is missing is added.
# PYTHON, TORCH and TORCHVISION choose another interpreter and other builds; TORCH may hold pip
# options, such as TORCH='torch==2.13.0 --index-url URL'.
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

say "1/5 virtual environment $venv ($("$python" -V 2>&1))"
if ! "$venv/bin/python" -m pip --version 2>/dev/null; then
    # Some systems ship pip without ensurepip: then the outer pip fills the environment.
    "$python" -m venv "$venv" 2>/dev/null || {
        "$python" -m venv --without-pip --clear "$venv"
        "$python" -m pip --python "$venv/bin/python" install pip
    }
fi
pip() { "$venv/bin/python" -m pip "$@"; }
pip install 'pip>=23.1' 'setuptools>=80,<82' wheel packaging ninja psutil

say '2/5 torch, then the torchvision that belongs to it (alone: it would bring its own torch)'
# shellcheck disable=SC2086  # TORCH may hold pip options
pip install ${TORCH:-$(pinned torch)}
# shellcheck disable=SC2086
pip install --no-deps ${TORCHVISION:-$(pinned torchvision)}

# From here on whatever torch was chosen is kept.
chosen=$venv/constraints.txt
{ grep -v '^torch' constraints.txt; pip list --format=freeze | grep -E '^torch(vision)?=='; } >"$chosen"

say '3/5 mmcv with compiled operators'
mmcv=$(pinned onedl-mmcv)
has_ops() { "$venv/bin/python" -c 'import torch, mmcv._ext' 2>/dev/null; }
must_compile() {
    command -v "${CXX:-c++}" >/dev/null ||
        stop "$mmcv has no ready wheel and there is no C++ compiler. Install one (g++), try again."
    local cores
    cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
    say "$mmcv must be compiled here ($1): about $((50 / cores + 1)) minutes on $cores core(s)"
}
compatible_tag=$("$venv/bin/python" -c 'import sys; print("cp%d%d-" % sys.version_info[:2])')
has_ops || pip uninstall -q -y onedl-mmcv 2>/dev/null  # or pip would be content with that one
if has_ops; then
    pip install --no-build-isolation -c "$chosen" "$mmcv"
elif pip install -q --dry-run --no-deps --only-binary onedl-mmcv "$mmcv" 2>/dev/null; then
    pip install --only-binary onedl-mmcv -c "$chosen" "$mmcv"
elif pip cache list --format=abspath onedl_mmcv 2>/dev/null | grep -q -e "-$compatible_tag"; then
    say "$mmcv was compiled here before: taking that wheel from the cache of pip"
    pip install --no-build-isolation -c "$chosen" "$mmcv"
else
    must_compile 'no ready wheel for this Python and system'
    pip install -v --no-build-isolation -c "$chosen" "$mmcv"
fi
if ! has_ops; then  # a wheel without operators, or one that was built for another torch
    must_compile 'the wheel that pip chose has no operators for this torch'
    pip install -v --no-build-isolation --no-binary onedl-mmcv --no-cache-dir --force-reinstall \
        --no-deps -c "$chosen" "$mmcv"
    "$venv/bin/python" -c 'import torch, mmcv._ext' ||
        stop "$mmcv was compiled, yet its operators do not load: see the error above."
fi

say '4/5 the other mm packages, the test tools and mmsfa itself'
pip install --no-build-isolation -c "$chosen" -e '.[mm,tests]'

say '5/5 check'
"$venv/bin/python" tools/misc/check_env.py

#!/usr/bin/env bash
# Make the models that ship with the package again, from films and ImageNet weights alone:
#
#     scripts/make_bundled_model.sh DATA WEIGHTS [WORKSPACE]
#
# DATA has the folders covid-chestxray, shenzhen, nih-frontal and radiography, each with metadata.csv; WEIGHTS has Keras's
# ImageNet weights. Everything between is kept in WORKSPACE. On the same machine and with the same versions, two runs give
# the same bytes. docs/bundled-model.md says why the recipe is as it is.
set -euo pipefail
data="$1" weights="$2"
export CXR_WORKSPACE="${3:-bundled-workspace}"
version=1.0 date=2026-11-30 # of what is made here
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; "$@"; }

step cxr prepare --metadata "$data/covid-chestxray/metadata.csv"
step cxr train --arch mobilenetv2 --weights "$weights" --class-weight --name classifier
step cxr export classifier --format litert --precision float16
run="$CXR_WORKSPACE/models/classifier"
step python scripts/pack_bundled_model.py "$run" "$run/export/model-float16.tflite" --version "$version" --date "$date"

#!/usr/bin/env bash
# Make the models that ship with the package again, from films and ImageNet weights alone:
#
#     scripts/make_bundled_model.sh DATA WEIGHTS [WORKSPACE]
#
# DATA has the folders covid-chestxray, shenzhen, nih-frontal and radiography, each with metadata.csv; WEIGHTS has Keras's
# ImageNet weights. Everything between is kept in WORKSPACE. On the same machine and with the same versions, two runs give
# the same bytes. docs/explanation/bundled-model.md says why the recipe is as it is.
set -euo pipefail
data="$(realpath "$1")" weights="$(realpath "$2")" workspace="$(realpath -m "${3:-bundled-workspace}")"
version=1.1 date=2026-11-30 # of what is made here
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$*"; "$@"; }
metadata() { for name in "$@"; do printf -- '--metadata\n%s\n' "$data/$name/metadata.csv"; done; }

# The U-Net that finds lungs, on both collections with masks that people drew.
export CXR_WORKSPACE="$workspace/lungs"
mapfile -t films < <(metadata covid-chestxray shenzhen)
step cxr prepare "${films[@]}" --split 80/10/10 --link
step cxr train --arch lung-unet --weights "$weights" \
    --masks "$data/covid-chestxray/masks/lungs" --masks "$data/shenzhen/masks/lungs"
step cp "$CXR_WORKSPACE/models/lung-unet/model.tflite" src/cxr_cli/bundled/lung_unet.tflite

# The classifier. It is trained on covid-chestxray, the one collection whose hospitals have films of both classes; the
# operating point, the calibration and the reference come from films of all four.
export CXR_WORKSPACE="$workspace/classifier"
mapfile -t films < <(metadata covid-chestxray nih-frontal radiography shenzhen)
step cxr prepare "${films[@]}" --hold-out nih-frontal --hold-out radiography --hold-out shenzhen --split 90/5/5 \
    --crop lungs --equalize
step cxr train --arch mobilenetv2 --weights "$weights" --class-weight --freeze 1 --epochs 0 --head-c 1e-4 --units 2 \
    --name classifier
step cxr export classifier --format litert --precision float16
run="$CXR_WORKSPACE/models/classifier"
step python scripts/pack_bundled_model.py "$run" "$run/export/model-float16.tflite" --version "$version" --date "$date"
step cxr evaluate bundled

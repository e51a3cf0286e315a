#!/usr/bin/env bash
# Run every command where there is no network at all: a network namespace of Linux without any device, not even loopback.
#
#   scripts/without_network.sh [FOLDER]     # a new temporary folder by default
set -euo pipefail
folder="${1:-$(mktemp -d)}"
[ "${CXR_ALONE:-}" ] || exec env CXR_ALONE=1 unshare --user --map-root-user --net "$0" "$folder"

cd "$folder"
step() { printf '\n== %s\n' "$*"; "$@"; }
refused() { printf '\n== %s (refused)\n' "$*"; if "$@"; then exit 1; fi; }

step cxr demo
films=workspace/phantoms
film="$films/covid.png"
step cxr predict "$film" --csv predictions.csv
step cxr predict "$film" --model bundled --alpha 0.1
step cxr segment "$film"
step cxr gradcam "$films" --output gallery
step cxr calibrate --operating-point youden
step cxr evaluate --external --metadata "$films/metadata.csv" --name elsewhere
step cxr audit || [ $? = 3 ]
step cxr audit simple-cnn || [ $? = 3 ]
step cxr train --arch simple-cnn --epochs 1 --name again
step cxr compare simple-cnn again
step cxr crossval --folds 2 --arch simple-cnn --epochs 1
step cxr export simple-cnn --format litert
step cxr export simple-cnn --format onnx
step cxr report simple-cnn
# The one thing that comes from the network: the weights of ImageNet, where Keras has not kept them.
refused env KERAS_HOME="$folder/keras" cxr train --arch mobilenetv2 --epochs 1
echo "Nothing needed the network"

"""Compare `cxr train` with a plain Keras script: same films, split, architecture, frozen share, epochs and batch size.

    python benchmarks/train.py --metadata metadata.csv --weights mobilenetv2_1.0_notop.weights.h5
    python benchmarks/train.py --metadata metadata.csv --weights xception_notop.weights.h5 --arch xception \
        --size 299 --freeze 1 --epochs 30 --fine-tune-epochs 0

Without --metadata, the films are rendered phantoms; without --weights, both start from random weights. Each seed gives
one pair of runs with its own split and initial weights. Each run starts without a cache. Early stopping is off, so both
train all epochs. Both keep the epoch with the lowest validation loss, and its AUC on the validation films is compared.
"""
# ruff: noqa: D103, T201

import argparse
import csv
import json
import shutil
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from harness import Measured, cxr, figures, peer, record, run

PEERS = {"layers": "Keras layers", "generator": "ImageDataGenerator"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadata", type=Path, help="metadata of real films (default: render phantoms)")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="use every Nth row of the metadata (default: 1)"
    )
    parser.add_argument("--weights", type=Path, help="file of pretrained weights (default: random weights)")
    parser.add_argument("--arch", default="mobilenetv2", help="architecture (default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="side of the input in pixels (default: %(default)s)")
    parser.add_argument("--freeze", type=float, default=2 / 3, help="share of frozen layers (default: 2/3)")
    parser.add_argument("--epochs", type=int, default=10, help="epochs before fine-tuning (default: %(default)s)")
    parser.add_argument("--fine-tune-epochs", type=int, default=10, help="epochs of it (default: %(default)s)")
    parser.add_argument("--augment", choices=PEERS, default="layers", help="of the peer (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="number of pairs of runs (default: %(default)s)")
    parser.add_argument("--alone", action="store_true", help="run no peer")
    options = parser.parse_args()

    ours, theirs = Measured(), Measured()
    aucs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            workspace = Path(folder) / f"seed{seed}"
            ours_now, trained = _ours(options, workspace, seed)
            auc = trained["validation"]["roc_auc"]
            films = {part: sum(counts.values()) for part, counts in trained["films"].items()}
            theirs_now, peer_auc = ((0.0, 0.0, ""), auc) if options.alone else _peer(options, workspace, seed)
            for measured, (seconds, memory, output) in ((ours, ours_now), (theirs, theirs_now)):
                measured.seconds.append(seconds)
                measured.memory.append(memory)
                measured.output = output
            aucs.append((auc, peer_auc))
            print(
                f"seed {seed}: {ours_now[0]:.0f} s, AUC {auc:.3f}; peer {theirs_now[0]:.0f} s, AUC {peer_auc:.3f}",
                flush=True,
            )
            shutil.rmtree(workspace)
    difference = mean(a - b for a, b in aucs)
    record(
        f"`cxr train` {options.arch}, {options.freeze:.0%} frozen, {options.epochs + options.fine_tune_epochs} epochs",
        data=f"{'covid-chestxray' if options.metadata else 'phantoms'}, {films['train']} + {films['val']} films",
        target="5 ×" if options.freeze == 1 else "3 ×, validation AUC within 0.02",
        columns=figures(ours, None if options.alone else theirs)
        | {
            "notes": f"validation AUC {mean(a for a, _ in aucs):.3f}"
            + (
                "; no peer was run"
                if options.alone
                else f", peer's {mean(b for _, b in aucs):.3f} ({difference:+.3f}); "
                f"the peer augments with {PEERS[options.augment]}"
            )
        },
    )


def _ours(options: argparse.Namespace, workspace: Path, seed: int) -> tuple[tuple[float, float, str], dict[str, Any]]:
    metadata, arguments = options.metadata, []
    if metadata is None:
        run(cxr("phantoms", workspace / "films", "--films", 500, "--seed", seed))
        metadata = workspace / "films" / "metadata.csv"
    elif options.every > 1:
        with metadata.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = csv.reader(stream)
        workspace.mkdir()
        with (workspace / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows[:: options.every]])
        arguments = ["--images", metadata.parent]
        metadata = workspace / "metadata.csv"
    run(cxr("prepare", "--metadata", metadata, *arguments, "--seed", seed, "-w", workspace))
    epochs = options.epochs + options.fine_tune_epochs
    fine_tune = ["--fine-tune", "--fine-tune-epochs", options.fine_tune_epochs] if options.fine_tune_epochs else []
    arguments = ["--arch", options.arch, "--weights", options.weights or "none", "--image-size", options.size]
    arguments += ["--freeze", options.freeze, "--epochs", options.epochs, *fine_tune, "--patience", epochs]
    measured = run(cxr("train", *arguments, "--class-weight", "--seed", seed, "--replace", "-w", workspace, "--json"))
    trained = json.loads(measured[2])
    assert trained["epochs"] == epochs, trained["epochs"]
    return measured, trained


def _peer(options: argparse.Namespace, workspace: Path, seed: int) -> tuple[tuple[float, float, str], float]:
    arguments = [workspace / "dataset" / "split", "--arch", options.arch, "--size", options.size, "--seed", seed]
    arguments += ["--freeze", options.freeze, "--epochs", options.epochs]
    arguments += ["--fine-tune-epochs", options.fine_tune_epochs, "--augment", options.augment]
    arguments += ["--weights", options.weights] if options.weights else []
    measured = run(peer("keras_train.py", *arguments, "--output", workspace / "peer.keras"))
    return measured, float(measured[2].split()[-1])


if __name__ == "__main__":
    main()

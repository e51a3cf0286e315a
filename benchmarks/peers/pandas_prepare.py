"""The peer of `cxr prepare`: from metadata to a split dataset with pandas, scikit-learn and shutil.

Rows are filtered as in the published pipelines and split by patient, and the files are copied to split/class folders.
No film is opened or hashed, and nothing is plotted.

Usage: python pandas_prepare.py --metadata FILE --positive FINDING OUTPUT
"""
# ruff: noqa: T201, TID253 - a script

import argparse
import shutil
from pathlib import Path

import pandas as pd
from sklearn.model_selection import GroupShuffleSplit

parser = argparse.ArgumentParser()
parser.add_argument("--metadata", type=Path, required=True)
parser.add_argument("--positive", default="COVID-19")
parser.add_argument("output", type=Path)
arguments = parser.parse_args()

table = pd.read_csv(arguments.metadata)
table = table[(table["modality"] == "X-ray") & table["view"].isin(["PA", "AP", "AP Supine"])]
table = table[table["finding"].notna() & ~table["finding"].isin(["todo", "Unknown"])]
table["file"] = [arguments.metadata.parent / row.folder / row.filename for row in table.itertuples()]
table = table[table["file"].map(Path.is_file)].drop_duplicates("file")
table["label"] = table["finding"].str.contains(arguments.positive).map({True: "positive", False: "negative"})

train, rest = next(GroupShuffleSplit(1, test_size=0.3, random_state=0).split(table, groups=table["patientid"]))
val, test = next(GroupShuffleSplit(1, test_size=0.5, random_state=0).split(rest, groups=table["patientid"].iloc[rest]))
for part, rows in {"train": train, "val": rest[val], "test": rest[test]}.items():
    for row in table.iloc[rows].itertuples():
        folder = arguments.output / part / row.label
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(row.file, folder)
print(f"{len(table)} films")

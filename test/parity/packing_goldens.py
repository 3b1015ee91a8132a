"""Writes test/goldens/packing/packing.json: the bins of TRL's pack_dataset for rows of random lengths.

    python test/parity/packing_goldens.py OUT_FOLDER

A token is its row and its place in it, so that the pieces in a bin can be read off.
"""

import json
import sys
from pathlib import Path

import numpy as np
from datasets import Dataset, disable_progress_bars
from trl import pack_dataset

PLACES = 1 << 12
# rows, longest row, max_length
CASES = [(1, 5, 8), (12, 9, 8), (60, 40, 16), (300, 130, 100), (1000, 700, 512), (2300, 90, 64)]


def pieces(ids):
    found = []
    for token in ids:
        row, place = divmod(token, PLACES)
        if found and found[-1][0] == row and found[-1][1] + found[-1][2] == place:
            found[-1][2] += 1
        else:
            found.append([row, place, 1])
    return found


def main() -> None:
    disable_progress_bars()
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(0)
    cases = []
    for rows, longest, max_length in CASES:
        # Some rows are empty and many are of one length, so that the order among equals shows.
        lengths = random.randint(0, longest + 1, rows)
        lengths[random.rand(rows) < 0.2] = longest // 2 + 1
        data = [[row * PLACES + place for place in range(length)] for row, length in enumerate(lengths)]
        for strategy in ("bfd", "bfd_split", "wrapped"):
            packed = pack_dataset(Dataset.from_dict({"input_ids": data}), max_length, strategy)
            bins = [pieces(ids) for ids in packed["input_ids"]]
            cases.append({"strategy": strategy, "max_length": max_length, "lengths": lengths.tolist(), "bins": bins})
    (out / "packing.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
    print(len(cases), "packings")


if __name__ == "__main__":
    main()

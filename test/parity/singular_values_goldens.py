"""Writes test/goldens/singular-values.json: the largest singular values of made-up matrices by numpy's SVD, in float64.

Usage: python singular_values_goldens.py OUTPUT_FOLDER
A matrix is [rows, columns] of (((7919 i + 104729 j + 31 i j) mod 1009) - 504) / 504 in float32, where i counts rows from 0
and j columns. Signs of singular vectors are free, so their product is given: `forward` is (U S V') x with x_j = 1 / (j + 1),
`backward` is (V S U') y with y_i = 1 / (i + 1).
"""

import json
import sys
from pathlib import Path

import numpy as np

CASES = [(40, 24, 5), (24, 40, 24), (200, 320, 12), (320, 200, 12)]


def case(rows, columns, rank):
    i, j = np.arange(rows)[:, None], np.arange(columns)[None, :]
    matrix = ((((7919 * i + 104729 * j + 31 * i * j) % 1009) - 504) / 504).astype(np.float32).astype(np.float64)
    u, s, vt = np.linalg.svd(matrix, full_matrices=False)
    part = (u[:, :rank] * s[:rank]) @ vt[:rank]
    return {
        "shape": [rows, columns],
        "rank": rank,
        "values": s[:rank].tolist(),
        "next": float(s[rank]) if rank < len(s) else 0.0,
        "forward": (part @ (1 / np.arange(1, columns + 1))).tolist(),
        "backward": (part.T @ (1 / np.arange(1, rows + 1))).tolist(),
    }


def main():
    path = Path(sys.argv[1]) / "singular-values.json"
    path.write_text(json.dumps([case(*sizes) for sizes in CASES], separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

"""Compares two golden folders, file by file: the committed one and one just regenerated.

Usage: python compare_goldens.py COMMITTED REGENERATED. Prints one line per folder and what differs; exits with 1 then.
Numbers may differ as far as another processor's rounding explains; names, shapes, types and texts may not.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import torch
from safetensors.torch import load_file

# Relative to the largest number of the tensor or to the number itself. Rounding differs between processors by about
# 1e-6 in one pass. Adam divides by the gradient's own size, which turns rounding of a gradient near zero into a
# whole step: after several updates only the losses stay close, single weights need not.
TOLERANCE = 2e-5
TOLERANCE_AFTER_UPDATES = 2e-3
# Below this, a number counts as this large. A reward is a small difference of log-probabilities of dozens of nats.
SMALLEST = 1e-3
SMALLEST_REWARD = 0.1
# Written by a library about itself.
IGNORED_KEYS = {"peft_version", "transformers_version"}


def compare_tensors(path, committed, regenerated):
    old, new = load_file(committed), load_file(regenerated)
    if {key: (value.dtype, value.shape) for key, value in old.items()} != {
        key: (value.dtype, value.shape) for key, value in new.items()
    }:
        return [f"{path}: other names, types or shapes"]
    problems = []
    for key in old:
        tolerance = TOLERANCE_AFTER_UPDATES if key.startswith(("final.", "after.")) else TOLERANCE
        difference = (old[key].double() - new[key].double()).norm() / old[key].double().norm().clamp(min=1e-6)
        if not difference <= tolerance:
            problems.append(f"{path}: {key} differs by {difference:.1e}")
    return problems


def compare_values(place, old, new, tolerance):
    if isinstance(old, dict) and isinstance(new, dict):
        problems = []
        for key in sorted((old.keys() | new.keys()) - IGNORED_KEYS):
            if key not in old or key not in new:
                problems.append(f"{place}: {key} is only in the {'new' if key in new else 'committed'} one")
            else:
                own = TOLERANCE_AFTER_UPDATES if key in ("steps", "log", "final_loss") else tolerance
                problems += compare_values(f"{place}.{key}", old[key], new[key], own)
        return problems
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [p for i, (a, b) in enumerate(zip(old, new)) for p in compare_values(f"{place}[{i}]", a, b, tolerance)]
    if isinstance(old, float) and isinstance(new, float):
        close = abs(old - new) <= tolerance * max(abs(old), SMALLEST_REWARD if "rewards/" in place else SMALLEST)
        return [] if close else [f"{place}: {old} is now {new}"]
    return [] if old == new else [f"{place}: {old!r} is now {new!r}"]


def compare_file(committed, regenerated, path):
    if committed.suffix == ".safetensors":
        return compare_tensors(path, committed, regenerated)
    if committed.suffix == ".json":
        return compare_values(str(path), json.loads(committed.read_text()), json.loads(regenerated.read_text()), TOLERANCE)
    return [] if committed.read_bytes() == regenerated.read_bytes() else [f"{path}: differs"]


def main():
    committed, regenerated = map(Path, sys.argv[1:3])
    files = {path.relative_to(regenerated) for path in regenerated.rglob("*") if path.is_file()}
    folders = {path.parts[0] for path in files}
    known = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    problems = [f"{path}: not regenerated" for path in sorted(known - files) if path.parts[0] in folders]
    problems += [f"{path}: not committed" for path in sorted(files - known)]
    for path in sorted(files & known):
        problems += compare_file(committed / path, regenerated / path, path)
    for folder, count in sorted(Counter(path.parts[0] for path in files).items()):
        print(f"{folder}: {count} files compared")
    for problem in problems[:50]:
        print(problem, file=sys.stderr)
    print(f"{len(problems)} differences")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

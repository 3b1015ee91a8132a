"""Makes goldens/safetensors: what the reference implementation writes, and how PyTorch rounds to 16 bits.

Usage: python safetensors_goldens.py GOLDENS_FOLDER
"""

import json
import random
import struct
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

def bits(values: torch.Tensor) -> list[int]:
    return [value & 0xFFFF for value in values.view(torch.int16).tolist()]


def rounding() -> dict:
    random.seed(7)
    words = [0, 1, 0x007FFFFF, 0x00800000, 0x7F800000, 0x7F7FFFFF, 0x3F800000]
    # Around every boundary of float16: smallest subnormal, smallest normal, largest, overflow; and ties of both formats.
    for center in (0x33000000, 0x33800000, 0x38000000, 0x38800000, 0x477FE000, 0x477FF000, 0x47800000):
        words += [center - 1, center, center + 1]
    for _ in range(200):
        high = random.getrandbits(15)
        words += [(high << 16) | low for low in (0x7FFF, 0x8000, 0x8001)]
        words += [(random.randrange(0x38800000, 0x47000000) & ~0x1FFF) | low for low in (0x0FFF, 0x1000, 0x1001)]
        words.append(random.randrange(0x32000000, 0x38900000))
    words = [word for word in words if word & 0x7FFFFFFF <= 0x7F800000]
    words += [word | 0x80000000 for word in words]
    values = torch.tensor([struct.unpack("<f", struct.pack("<I", word))[0] for word in words], dtype=torch.float32)
    return {"float32": words, "bf16": bits(values.to(torch.bfloat16)), "f16": bits(values.to(torch.float16))}


def main():
    folder = Path(sys.argv[1]) / "safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rounding.json").write_text(json.dumps(rounding(), separators=(",", ":")) + "\n")
    save_file(
        {
            "b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4 - 0.5,
            "a.weight": torch.tensor([1.5, -2.0, 3.25], dtype=torch.float32),
            "half": torch.tensor([[0.5, -1.0]], dtype=torch.float16),
            "brain": torch.tensor([1.0, 2.5, -0.125], dtype=torch.bfloat16),
            "ids": torch.tensor([3, -1], dtype=torch.int32),
            "bytes": torch.tensor([1, 2, 255], dtype=torch.uint8),
            "scalar": torch.tensor(7.0, dtype=torch.float32),
            "nothing": torch.zeros((0, 4), dtype=torch.float32),
        },
        folder / "mixed.safetensors",
        metadata={"format": "pt"},
    )
    # The reference writer lets only its own user read.
    (folder / "mixed.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()

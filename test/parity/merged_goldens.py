"""Writes how huggingface_hub cuts a model into files, and what PEFT's merge_and_unload makes of small adapters.

Usage: python merged_goldens.py GOLDENS_FOLDER. Reads its llama-* folders; writes merged/shards.json and, for one of
them, merged/NAME.safetensors with the merged weights in float32.
"""

import json
import sys
from pathlib import Path

import torch
from huggingface_hub.serialization import split_state_dict_into_shards_factory
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

# Sizes in bytes, in order, and the largest size of a file: exact fits, one byte more, tensors of their own, one file.
SPLITS = [
    ([10, 10, 10], 30),
    ([10, 10, 10], 29),
    ([10, 10, 10], 10),
    ([6, 6, 2, 6, 2, 2], 10),
    ([3, 40, 3, 3], 10),
    ([40, 3], 10),
    ([3, 40], 10),
    ([40, 50], 10),
    ([1], 1),
    ([5, 5, 11, 5, 5, 1, 10, 10], 10),
]
MERGED = ["llama-gqa-tied"]


def split(sizes, largest):
    names = {f"t{i}": size for i, size in enumerate(sizes)}
    result = split_state_dict_into_shards_factory(
        names,
        get_storage_size=lambda size: size,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=largest,
    )
    return {"sizes": sizes, "max": largest, "files": result.filename_to_tensors, "total_size": result.metadata["total_size"]}


def main():
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    output = folder / "merged"
    output.mkdir(parents=True, exist_ok=True)
    cases = [split(*case) for case in SPLITS]
    (output / "shards.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    for name in MERGED:
        base = AutoModelForCausalLM.from_pretrained(folder / name, dtype=torch.float32)
        model = PeftModel.from_pretrained(base, folder / name / "adapter").merge_and_unload()
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        if model.config.tie_word_embeddings:
            del state["lm_head.weight"]
        save_file(state, output / f"{name}.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()

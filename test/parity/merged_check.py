"""Loads a merged model that Lorelei exported with transformers and compares it with PEFT's base and adapter.

Usage: python merged_check.py --model FOLDER --adapter FOLDER --merged FOLDER --dtype float32|float16|bfloat16
Weights are compared with those of merge_and_unload in the same type, logits with those of the unmerged model. Exits with 1
where they differ by more than rounding.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

# Half a unit in the last place, relative to the number.
ROUNDING = {"float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
# Logits after several layers, relative to all of them: rounding of the weights, amplified some times.
AMPLIFIED = 4


def check_weights(merged, reference, dtype):
    """Every weight is the float32 sum rounded to dtype, up to one unit where two float32 sums straddle a tie."""
    problems = []
    theirs = reference.state_dict()
    if any(".language_model." in name for name in theirs):
        # Of a model that also sees, its part for text is merged into a model of its own.
        theirs = {name.replace(".language_model.", "."): weight for name, weight in theirs.items()
                  if ".language_model." in name or name == "lm_head.weight"}
    ours = merged.state_dict()
    if set(ours) != set(theirs):
        problems.append(f"other weights: {sorted(set(ours) ^ set(theirs))[:4]}")
    for name in set(ours) & set(theirs):
        if ours[name].dtype != dtype:
            problems.append(f"{name} is {ours[name].dtype}")
        wanted = theirs[name].float()
        # PEFT adds and, for DoRA, divides in float32: some units in the last place of the largest numbers that met.
        summed = 8 * ROUNDING["float32"] * wanted.abs().max()
        tolerance = ROUNDING[str(dtype).split(".")[1]] * 2 * wanted.abs().clamp(min=2**-14) + summed
        if ((ours[name].float() - wanted).abs() > tolerance).any():
            problems.append(f"{name} differs")
    return problems


def check_logits(merged, unmerged, dtype):
    vocabulary = merged.config.vocab_size
    ids = 3 + (torch.arange(120).reshape(3, 40) * 7919 + 13) % (vocabulary - 3)
    with torch.no_grad():
        ours = merged.float()(input_ids=ids).logits
        theirs = unmerged(input_ids=ids).logits
        with unmerged.disable_adapter():
            base = unmerged(input_ids=ids).logits
    error = ((ours - theirs).norm() / theirs.norm()).item()
    effect = ((base - theirs).norm() / theirs.norm()).item()
    allowed = max(AMPLIFIED * ROUNDING[str(dtype).split(".")[1]], 1e-5)
    print(f"{dtype}: logits differ by {error:.1e} (allowed {allowed:.1e}); the adapter changes them by {effect:.1e}")
    if effect < 2 * allowed:
        return [f"the adapter changes the logits by {effect:.1e} only: this proves nothing"]
    return [] if error <= allowed else [f"logits differ by {error:.1e}"]


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "adapter", "merged", "dtype"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    logging.disable_progress_bar()
    dtype = getattr(torch, args.dtype)

    merged = AutoModelForCausalLM.from_pretrained(args.merged, dtype="auto").eval()
    base = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    unmerged = PeftModel.from_pretrained(base, args.adapter).eval()
    problems = []
    if merged.dtype != dtype:
        problems.append(f"dtype auto loads {merged.dtype}")
    problems += check_logits(merged, unmerged, dtype)
    again = AutoModelForCausalLM.from_pretrained(args.merged, dtype="auto")
    problems += check_weights(again, unmerged.merge_and_unload(), dtype)
    # The files themselves: beside a config.json transformers takes the family's class, which adds tokens of its own.
    tokenizers = [PreTrainedTokenizerFast.from_pretrained(folder) for folder in (args.merged, args.adapter)]
    if tokenizers[0].get_vocab() != tokenizers[1].get_vocab() or tokenizers[0].chat_template != tokenizers[1].chat_template:
        problems.append("the tokenizer is another one")
    index = Path(args.merged) / "model.safetensors.index.json"
    if index.exists():
        metadata = json.loads(index.read_text())["metadata"]
        counted = sum(p.numel() for p in again.parameters())
        if metadata["total_parameters"] != counted or metadata["total_size"] != counted * dtype.itemsize:
            expected = {"total_parameters": counted}
            problems.append(f"the index says {metadata}, expected {expected}")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

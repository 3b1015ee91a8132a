"""Compares a converted GGUF file with what transformers' own reader makes of the file: tensors, ids, a rendered conversation.

Usage: python gguf_check.py --gguf FILE --converted FOLDER. Exits with 1 where they differ.
"""

import argparse
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

TEXTS = [
    "Hello world! 123 4567, 0.5e-3",
    "Café déjà vu.\n\n  x = 1\n\tif y:\r\n",
    "<|im_start|>user\nhi<|im_end|>\n",
    "日本語 🙂👩‍👩‍👧 emoji, русский",
    "  spaces   and\u00a0more ",
    "it's they'll WE'VE don't",
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--converted", required=True)
    args = parser.parse_args()
    logging.disable_progress_bar()
    file = Path(args.gguf)
    theirs = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32).state_dict()
    ours = AutoModelForCausalLM.from_pretrained(args.converted, dtype=torch.float32).state_dict()
    problems = [] if theirs.keys() == ours.keys() else ["other names of tensors"]
    for name, values in theirs.items():
        # Matrices are stored in float16, rounded once; norms as they were.
        wanted = values if values.dim() == 1 else values.half().float()
        if name in ours and not torch.equal(wanted, ours[name]):
            problems.append(f"{name} differs by up to {(wanted - ours[name]).abs().max().item():.1e}")
    print(f"{len(theirs)} tensors, {'all equal' if not problems else 'not equal'}")
    reader = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    tokenizer = AutoTokenizer.from_pretrained(args.converted)
    for text in TEXTS:
        if reader(text).input_ids != tokenizer(text).input_ids:
            problems.append(f"other ids of {text!r}: {reader(text).input_ids}, {tokenizer(text).input_ids}")
    messages = [{"role": "user", "content": "Hi"}]
    if reader.apply_chat_template(messages, tokenize=False) != tokenizer.apply_chat_template(messages, tokenize=False):
        problems.append("another chat template")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

"""Loads an adapter that Lorelei wrote with PEFT and compares what it says with what Lorelei says.

Usage: python adapter_check.py --model FOLDER --adapter FOLDER --logits FILE.safetensors [--greedy FILE.json] [--tolerance NUMBER] [--load-in-4bit]
FILE.safetensors holds input_ids [rows, seq] and Lorelei's logits [rows, seq, vocab] for them, rows without padding.
FILE.json holds {"prompt": .., "max_new_tokens": .., "text": ..}: the prompt and Lorelei's greedy answer.
Exits with 1 where they differ.
"""

import argparse
import json
import sys
from pathlib import Path

# bitsandbytes without its compiled library: see four_bit_goldens.py. It must come before peft.
if "--load-in-4bit" in sys.argv:
    import four_bit_goldens  # noqa: F401
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

# Two float32 implementations of logits of this size differ by some 1e-5; a wrong scale or a swapped matrix by over 0.1.
LOGITS_TOLERANCE = 1e-4


def check_logits(model, path, tolerance):
    ours = load_file(path)
    ids = ours["input_ids"].long()
    with torch.no_grad():
        theirs = model(input_ids=ids).logits
        with model.disable_adapter():
            base = model(input_ids=ids).logits
    worst = (theirs - ours["logits"]).abs().max().item()
    effect = (theirs - base).abs().max().item()
    print(f"logits {list(theirs.shape)}: largest difference {worst:.2e}; the adapter changes them by up to {effect:.2e}")
    if effect == 0:
        return ["the adapter changes nothing: this proves nothing"]
    return [] if worst <= tolerance else [f"logits differ by {worst:.2e}, more than {tolerance:.0e}"]


def check_greedy(model, tokenizer, path):
    ours = json.loads(Path(path).read_text(encoding="utf-8"))
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": ours["prompt"]}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False, add_special_tokens=False)
    else:
        inputs = tokenizer(ours["prompt"], return_tensors="pt", return_token_type_ids=False)
    output = model.generate(**inputs, do_sample=False, max_new_tokens=ours["max_new_tokens"])
    theirs = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    # Some decoders drop the space that a first word begins with.
    same = theirs.strip() == ours["text"].strip()
    print(f"greedy text: {theirs.strip()[:60]!r} {'from both' if same else 'differs'}")
    return [] if same else [f"PEFT answers\n  {theirs!r}\nLorelei\n  {ours['text']!r}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--logits", required=True)
    parser.add_argument("--greedy")
    parser.add_argument("--tolerance", type=float, default=LOGITS_TOLERANCE)
    parser.add_argument("--load-in-4bit", action="store_true")
    args = parser.parse_args()
    logging.disable_progress_bar()
    if args.load_in_4bit:
        base = four_bit_goldens.load_model(args.model, {"bnb_4bit_quant_type": "nf4"})
    else:
        base = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, args.adapter).eval()
    problems = check_logits(model, args.logits, args.tolerance)
    if args.greedy:
        problems += check_greedy(model, AutoTokenizer.from_pretrained(args.adapter), args.greedy)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

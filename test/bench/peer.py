"""The bench's peer: torch + PEFT fine-tuning a Llama checkpoint with LoRA on the CPU, step by step on command.

Usage: python peer.py --model FOLDER [--threads N] [--lora_r 16] [--gradient_checkpointing]
Reads one JSON command per line and answers each with one JSON line:
  {"cmd": "batch", "input_ids": [[..]], "labels": [[..]]}  the batch that later steps use, labels -100 = none
  {"cmd": "step", "n": 1}      -> {"step_ms": [..], "loss": .., "peak_rss_bytes": ..}
  {"cmd": "reset_peak"}        forgets the peak so far
  {"cmd": "matmul", "shapes": [[m, k, n], ..], "seconds": 1}  -> {"gflops": [..]}, the best of repeated fp32 products
"""

import argparse
import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from transformers.utils import logging

ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Peer:
    def __init__(self, args):
        base = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32, attn_implementation="sdpa")
        base.config.use_cache = False
        settings = LoraConfig(
            task_type="CAUSAL_LM", r=args.lora_r, lora_alpha=2 * args.lora_r, lora_dropout=0.0, target_modules=ALL_LINEAR
        )
        self.model = get_peft_model(base, settings)
        if args.gradient_checkpointing:
            self.model.enable_input_require_grads()
            base.gradient_checkpointing_enable({"use_reentrant": False})
        self.model.train()
        self.trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-3, weight_decay=0.01)

    def batch(self, command):
        self.input_ids = torch.tensor(command["input_ids"])
        self.labels = torch.tensor(command["labels"])
        return {}

    def step(self, command):
        times = []
        for _ in range(command.get("n", 1)):
            start = time.perf_counter()
            loss = self.model(input_ids=self.input_ids, labels=self.labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            loss = loss.item()
            times.append((time.perf_counter() - start) * 1000)
        return {"step_ms": times, "loss": loss, "peak_rss_bytes": peak_rss_bytes()}

    def reset_peak(self, _):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return {}

    def matmul(self, command):
        return {"gflops": [matmul_gflops(*shape, command.get("seconds", 1)) for shape in command["shapes"]]}


def matmul_gflops(m, k, n, seconds):
    left, right = torch.randn(m, k), torch.randn(k, n)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - start)
    return 2 * m * k * n / best / 1e9


def peak_rss_bytes():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--lora_r", type=int, default=16)
    parser.add_argument("--gradient_checkpointing", action="store_true")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    logging.disable_progress_bar()
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not spoil an answer
    peer = Peer(args)
    ready = {"ready": True, "torch": torch.__version__, "threads": torch.get_num_threads()}
    print(json.dumps(ready), file=answers, flush=True)
    commands = {"batch": peer.batch, "step": peer.step, "reset_peak": peer.reset_peak, "matmul": peer.matmul}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command["cmd"]](command)), file=answers, flush=True)


if __name__ == "__main__":
    main()

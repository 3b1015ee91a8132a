"""Writes test/goldens/autocast: what transformers + PEFT compute on goldens of llama_goldens.py under torch.autocast, in
float16 with a gradient scaler that has to skip steps, and in bfloat16.

Usage: python autocast_goldens.py GOLDENS_FOLDER. Reads the llama-* goldens there.
"""

import json
import math
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import get_scheduler
from transformers.utils import logging

import llama_goldens as llama

# name: the golden whose model, adapter and batch it uses.
CASES = {
    "float16-tied": ("float16", "llama-gqa-tied"),
    "float16-untied": ("float16", "llama-mha-untied"),
    "float16-stored": ("float16", "llama-f16"),
    "bfloat16-tied": ("bfloat16", "llama-gqa-tied"),
    "bfloat16-untied": ("bfloat16", "llama-mha-untied"),
    "bfloat16-stored": ("bfloat16", "llama-bf16-sharded"),
}
STEPS = 10
# Factors that leave no doubt whether a step overflows: which of two nearby scales first does hangs on rounding.
SCALER = {"init_scale": 2.0**36, "growth_factor": 2.0**28, "backoff_factor": 2.0**-28, "growth_interval": 4}


def write_case(folder, dtype, base, goldens):
    folder.mkdir(parents=True, exist_ok=True)
    source = goldens / base
    batch = json.loads((source / "batch.json").read_text())
    model = PeftModel.from_pretrained(llama.load_model(source), source / "adapter", is_trainable=True)
    trained = {llama.file_key(name): weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    is_scaled = dtype == "float16"

    def loss_of():
        with torch.autocast("cpu", dtype=getattr(torch, dtype)):
            logits = llama.forward(model, batch)
        assert logits.dtype == getattr(torch, dtype)
        return llama.loss_of(logits.float(), batch)  # as transformers' losses do

    # At a scale that fits, of which nothing is left afterwards.
    usual = 2.0**8 if is_scaled else 1.0
    loss = loss_of()
    (loss * usual).backward()
    tensors = {f"grad.{key}": weight.grad / usual for key, weight in trained.items()}
    assert all(value.isfinite().all() for value in tensors.values())

    optimizer = torch.optim.AdamW(trained.values(), lr=1e-2, weight_decay=0.01)
    schedule = get_scheduler("linear", optimizer, 0, STEPS)
    scaler = torch.amp.GradScaler("cpu", enabled=is_scaled, **SCALER)
    steps = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        step_loss = loss_of()
        scale = scaler.get_scale()
        scaler.scale(step_loss).backward()
        scaler.unscale_(optimizer)
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), 1.0).item()
        rate = schedule.get_last_lr()[0]
        scaler.step(optimizer)
        scaler.update()
        # As accelerate notices it; transformers' Trainer then leaves the schedule where it is.
        is_skipped = scaler.get_scale() < scale
        assert is_skipped != math.isfinite(norm)
        if not is_skipped:
            schedule.step()
        steps.append(
            {
                "loss": step_loss.item(),
                "grad_norm": None if is_skipped else norm,
                "learning_rate": rate,
                "scale": scale,
                "is_skipped": is_skipped,
            }
        )
    if is_scaled:
        skipped = [step["is_skipped"] for step in steps]
        assert skipped[0] and any(skipped[1:]) and not all(skipped), skipped
    with torch.no_grad():
        final_loss = loss_of().item()
    expected = {
        "base": base,
        "dtype": dtype,
        "loss": loss.item(),
        "scaler": SCALER if is_scaled else None,
        "optimizer": {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "max_grad_norm": 1.0},
        "steps": steps,
        "final_loss": final_loss,
    }
    llama.write_json(folder / "expected.json", expected)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "expected.safetensors")


def main():
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    goldens = Path(sys.argv[1])
    for name, (dtype, base) in CASES.items():
        write_case(goldens / "autocast" / name, dtype, base, goldens)


if __name__ == "__main__":
    main()

"""Writes test/goldens/trl-dpo/: what TRL's DPOTrainer logs at every step on the stories260K-hf checkpoint.

Usage: python dpo_trl.py STORIES_MODEL_FOLDER OUTPUT_FOLDER. README.md in test/goldens describes the files. The data and
the starting adapters are made here; only the checkpoint comes from outside and is not copied.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from datasets import disable_progress_bars, load_dataset
from peft import PeftModel
from safetensors.torch import save_file
from sft_trl import STEERING, last_logits, pick, rounded, write_adapter, write_run, write_tokens
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.utils import logging
from trl import DPOConfig, DPOTrainer

# Over TRL's defaults. Row order must not depend on a random generator that only PyTorch has: sequential.
SHARED = {
    "dataset_name": "pairs.jsonl",
    "eval_dataset_name": "pairs-eval.jsonl",
    "adapter_name_or_path": "adapter",
    "max_steps": 50,
    "learning_rate": 2e-3,
    "beta": 0.1,
    "lr_scheduler_type": "linear",
    "warmup_steps": 5,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "train_sampling_strategy": "sequential",
    "max_length": 160,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 25,
    "seed": 42,
}
MAIN = {
    "sigmoid": {},
    "ipo": {"loss_type": "ipo", "learning_rate": 1e-3},
    "hinge": {"loss_type": "hinge", "beta": 0.5, "learning_rate": 1e-3},
    "robust": {"loss_type": "robust", "label_smoothing": 0.1, "learning_rate": 3e-3, "weight_decay": 0.01},
    "apo_zero": {"loss_type": "apo_zero", "beta": 0.5, "lr_scheduler_type": "cosine"},
}
SHORT = {"max_steps": 10, "warmup_steps": 2, "eval_steps": 10, "learning_rate": 5e-3}
RECIPES = {
    **MAIN,
    **{f"{name}-fresh": {**recipe, "adapter_name_or_path": "fresh-adapter"} for name, recipe in MAIN.items()},
    # 57 rows: an epoch ends in an update of fewer micro-batches, the last of which is a single pair.
    "accumulation-8": {"gradient_accumulation_steps": 8, "max_steps": 12, "eval_steps": 6, "beta": 0.5, "logging_steps": 3},
    "sigmoid-sft": {**SHORT, "max_steps": 20, "loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.5]},
    "three-losses": {**SHORT, "loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0]},
    "forward-kl": {**SHORT, "learning_rate": 5e-4, "f_divergence_type": "forward_kl"},
    "js-divergence": {**SHORT, "f_divergence_type": "js_divergence"},
    "alpha-divergence": {**SHORT, "f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": 0.7},
    "length-desensitised": {**SHORT, "ld_alpha": 0.5},
    "weighted": {**SHORT, "use_weighting": True},
    "keep-start": {**SHORT, "max_length": 60},
    "keep-end": {**SHORT, "max_length": 50, "truncation_mode": "keep_end"},
    "exo_pair": {**SHORT, "loss_type": "exo_pair", "label_smoothing": 0.05, "beta": 0.5},
    "nca_pair": {**SHORT, "loss_type": "nca_pair"},
    "bco_pair": {**SHORT, "loss_type": "bco_pair", "beta": 0.5},
    "sppo_hard": {**SHORT, "loss_type": "sppo_hard", "learning_rate": 2e-3},
    "aot": {**SHORT, "loss_type": "aot", "per_device_train_batch_size": 4, "label_smoothing": 0.05},
    "aot_unpaired": {**SHORT, "loss_type": "aot_unpaired", "per_device_train_batch_size": 4, "beta": 0.5},
    "apo_down": {**SHORT, "loss_type": "apo_down"},
    "discopop": {**SHORT, "loss_type": "discopop"},
    "sft": {**SHORT, "loss_type": "sft"},
    "sigmoid_norm": {**SHORT, "loss_type": "sigmoid_norm", "beta": 0.5},
}  # fmt: skip


def pair(random, sentences):
    """A prompt of so many sentences, and a sentence that goes on with the story beside one that does not."""
    name, other = random.permutation(["Lily", "Tom", "Mia", "Ben", "Zoë", "Max"])[:2]
    animal, thing = pick(random, ["dog", "cat", "bird", "frog"]), pick(random, ["ball", "red car", "cake", "shiny stone"])
    place = pick(random, ["park", "garden", "big house", "lake"])
    prompt = [
        f"{name} and the {animal} went to the {place}.",
        f"They found a {thing}.",
        f"{name} was very happy.",
        "It was a sunny day.",
        f"The {animal} ran to {name} and said hello.",
    ]
    onward = [
        f' "Look!" said {name}. "A {thing}!"',
        f" The {animal} wanted to play with it.",
        f" They played until it was dark and the {animal} went home.",
    ]
    astray = [
        f" {other} did not like it.",
        " Stone cake the of up.",
        f" It was a big, big, big {animal} and no {animal} at all.",
    ]
    chosen, rejected = pick(random, onward), pick(random, astray)
    # Some pairs are the wrong way round, or every loss would soon be 0.
    if random.randint(4) == 0:
        chosen, rejected = rejected, chosen
    return {"prompt": " ".join(prompt[:sentences]), "chosen": chosen, "rejected": rejected}


def write_data(folder):
    random = np.random.RandomState(11)
    for name, rows in [("pairs", 57), ("pairs-eval", 10)]:
        # Prompts about three times as long as the answers, and about as long.
        pairs = [pair(random, 5 if i % 2 == 0 else 1) for i in range(rows)]
        # The tokenizer joins this blank with the word behind it: the completion starts before it.
        pairs[3] = {"prompt": pairs[3]["prompt"] + " ", **{key: pairs[3][key].strip() for key in ("chosen", "rejected")}}
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in pairs)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def train(model_folder, folder, name):
    recipe = {**SHARED, **RECIPES[name]}
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = PeftModel.from_pretrained(base, folder / recipe["adapter_name_or_path"], is_trainable=True)
    files = {"train": str(folder / recipe["dataset_name"]), "eval": str(folder / recipe["eval_dataset_name"])}
    with tempfile.TemporaryDirectory() as work:
        rows = load_dataset("json", data_files=files, cache_dir=work)
        settings = {key: value for key, value in recipe.items() if not key.endswith(("dataset_name", "_or_path"))}
        trainer = DPOTrainer(
            model=model,
            args=DPOConfig(output_dir=work, **settings, **STEERING, disable_tqdm=True),
            train_dataset=rows["train"],
            eval_dataset=rows["eval"],
            processing_class=tokenizer,
        )
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        trainer.train()
        columns = ("prompt_ids", "chosen_ids", "rejected_ids")
        tokens = [{key: row[key] for key in columns} for row in trainer.train_dataset]
    log = [row for row in trainer.state.log_history if "loss" in row or "eval_loss" in row]
    write_run(folder / f"{name}.json", recipe, [rounded(row) for row in log])
    losses = [row["loss"] for row in log if "loss" in row]
    margins = [row["rewards/margins"] for row in log if "loss" in row]
    print(f"{name}: loss {losses[0]:.3f} -> {losses[-1]:.3f}, margin {margins[0]:.3f} -> {margins[-1]:.3f}", flush=True)
    return model, tokens


def main():
    model_folder, output = sys.argv[1:3]
    folder = Path(output) / "trl-dpo"
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    disable_progress_bars()
    write_data(folder)
    write_adapter(model_folder, folder / "adapter", seed=9)
    write_adapter(model_folder, folder / "fresh-adapter", seed=10, b_scale=0.0)
    logits = {}
    for name in RECIPES:
        model, tokens = train(model_folder, folder, name)
        if name == "sigmoid":
            write_tokens(folder / "tokens.json", tokens)
            row = tokens[0]["prompt_ids"] + tokens[0]["chosen_ids"]
        logits[f"final.{name}"] = last_logits(model.eval(), row)
    save_file(logits, folder / "final-logits.safetensors")


if __name__ == "__main__":
    main()

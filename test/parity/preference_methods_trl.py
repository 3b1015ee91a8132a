"""Writes test/goldens/trl-orpo/ and trl-simpo/: what TRL's experimental ORPOTrainer and CPOTrainer (loss_type simpo) log at
every step on the stories260K-hf checkpoint.

Usage: python preference_methods_trl.py STORIES_MODEL_FOLDER OUTPUT_FOLDER, after dpo_trl.py, whose pairs and adapter it
trains on. README.md in test/goldens describes the files.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from datasets import disable_progress_bars, load_dataset
from peft import PeftModel
from safetensors.torch import save_file
from sft_trl import STEERING, last_logits, rounded, write_run
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.utils import logging
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

PAIRS = "trl-dpo"
SHARED = {
    "dataset_name": f"../{PAIRS}/pairs.jsonl",
    "eval_dataset_name": f"../{PAIRS}/pairs-eval.jsonl",
    "adapter_name_or_path": f"../{PAIRS}/adapter",
    "max_steps": 20,
    "learning_rate": 3e-3,
    "lr_scheduler_type": "linear",
    "warmup_steps": 2,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "train_sampling_strategy": "sequential",
    "max_length": 160,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 10,
    "seed": 42,
}
# 57 rows: the sixth update of an epoch has fewer micro-batches, the last of which is a single pair.
ACCUMULATED = {"gradient_accumulation_steps": 5, "max_steps": 8, "eval_steps": 8, "logging_steps": 2}
RECIPES = {
    "orpo": {
        "lambda": {"beta": 0.1},
        "strong": {"beta": 1.0, "weight_decay": 0.01},
        "accumulation-5": {**ACCUMULATED, "beta": 0.5},
        "cut": {"beta": 0.5, "max_length": 75},
    },
    "simpo": {
        "published": {"loss_type": "simpo", "beta": 2.0, "simpo_gamma": 1.0, "cpo_alpha": 0.0},
        "smoothed": {"loss_type": "simpo", "beta": 2.5, "simpo_gamma": 0.5, "cpo_alpha": 0.0, "label_smoothing": 0.1},
        "with-cross-entropy": {"loss_type": "simpo", "beta": 1.0},
        "accumulation-5": {**ACCUMULATED, "loss_type": "simpo", "beta": 2.0, "cpo_alpha": 0.5},
    },
}  # fmt: skip


class AsDpo:
    """What DPOTrainer does otherwise, and better, where these trainers only differ in what they prepare or log."""

    def tokenize_row(self, feature, model=None):
        """A tokenizer may join the prompt's end with one answer only. DPOTrainer lets both answers begin there."""
        row = super().tokenize_row(feature, model)
        start = min(prompt_length(row, side) for side in SIDES)
        for side in SIDES:
            row[f"{side}_labels"] = [-100] * start + row[f"{side}_input_ids"][start:]
        return row

    def concatenated_forward(self, model, batch):
        """Lets logits/chosen and logits/rejected be means over the tokens of the answers. Over the prompt and the padding
        as well, they would depend on the longest row of the batch."""
        chosen_logps, rejected_logps, chosen, rejected, *rest = super().concatenated_forward(model, batch)
        return chosen_logps, rejected_logps, answered(chosen, batch, "chosen"), answered(rejected, batch, "rejected"), *rest

    def get_batch_loss_metrics(self, *arguments, **named):
        """Lets every pair count in the metrics. On a single process too, gathering them keeps as many values of each
        micro-batch of an epoch's last update as the last one has pairs."""
        self.accelerator.gather_for_metrics = lambda values: values
        try:
            return super().get_batch_loss_metrics(*arguments, **named)
        finally:
            del self.accelerator.gather_for_metrics


SIDES = ("chosen", "rejected")


def prompt_length(row, side):
    return sum(label == -100 for label in row[f"{side}_labels"])


def answered(logits, batch, side):
    mask = batch[f"{side}_labels"][:, 1:] != -100
    return logits[:, : mask.shape[1]][mask]


class Orpo(AsDpo, ORPOTrainer):
    pass


class Simpo(AsDpo, CPOTrainer):
    pass


TRAINERS = {"orpo": (Orpo, ORPOConfig), "simpo": (Simpo, CPOConfig)}


def ids(row):
    """A tokenized row in the form of tokens.json."""
    start = prompt_length(row, "chosen")
    answers = {f"{side}_ids": row[f"{side}_input_ids"][start:] for side in SIDES}
    return {"prompt_ids": row["chosen_input_ids"][:start], **answers}


def train(method, model_folder, folder, name, expected_tokens):
    recipe = {**SHARED, **RECIPES[method][name]}
    trainer_class, config = TRAINERS[method]
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder / recipe["adapter_name_or_path"], is_trainable=True)
    files = {"train": str(folder / recipe["dataset_name"]), "eval": str(folder / recipe["eval_dataset_name"])}
    with tempfile.TemporaryDirectory() as work:
        rows = load_dataset("json", data_files=files, cache_dir=work)
        settings = {key: value for key, value in recipe.items() if not key.endswith(("dataset_name", "_or_path"))}
        trainer = trainer_class(
            model=model,
            args=config(output_dir=work, **settings, **STEERING, disable_tqdm=True),
            train_dataset=rows["train"],
            eval_dataset=rows["eval"],
            processing_class=AutoTokenizer.from_pretrained(model_folder),
        )
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        tokens = [ids(row) for row in trainer.train_dataset]
        if name != "cut":
            assert tokens == expected_tokens, "the trainers tokenize pairs differently"
        trainer.train()
    log = [row for row in trainer.state.log_history if "loss" in row or "eval_loss" in row]
    if recipe.get("cpo_alpha") == 0:
        # CPOTrainer then logs 0 in its place.
        log = [{key: value for key, value in row.items() if not key.endswith("nll_loss")} for row in log]
    write_run(folder / f"{name}.json", recipe, [rounded(row) for row in log])
    losses = [row["loss"] for row in log if "loss" in row]
    margins = [row["rewards/margins"] for row in log if "loss" in row]
    print(f"{method} {name}: loss {losses[0]:.3f} -> {losses[-1]:.3f}, margin {margins[0]:.3f} -> {margins[-1]:.3f}", flush=True)
    return model


def main():
    model_folder, output = sys.argv[1:3]
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    disable_progress_bars()
    tokens = json.loads((Path(output) / PAIRS / "tokens.json").read_text())
    row = tokens[0]["prompt_ids"] + tokens[0]["chosen_ids"]
    for method, recipes in RECIPES.items():
        folder = Path(output) / f"trl-{method}"
        folder.mkdir(parents=True, exist_ok=True)
        logits = {}
        for name in recipes:
            model = train(method, model_folder, folder, name, tokens)
            logits[f"final.{name}"] = last_logits(model.eval(), row)
        save_file(logits, folder / "final-logits.safetensors")


if __name__ == "__main__":
    main()

"""Writes test/goldens/trl-sft/: what TRL's SFTTrainer logs at every step on the stories260K-hf checkpoint.

Usage: python sft_trl.py STORIES_MODEL_FOLDER OUTPUT_FOLDER. README.md in test/goldens describes the files. The data and
the starting adapter are made here; only the checkpoint comes from outside and is not copied.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from datasets import disable_progress_bars, load_dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.trainer_callback import PrinterCallback, ProgressCallback
from transformers.utils import logging
from trl import SFTConfig, SFTTrainer

# Over TRL's defaults. Row order must not depend on a random generator that only PyTorch has: sequential.
SHARED = {
    "max_steps": 50,
    "learning_rate": 2e-3,
    "weight_decay": 0.01,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 5,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 4,
    "train_sampling_strategy": "sequential",
    "max_length": 64,
    "logging_steps": 1,
    "eval_strategy": "steps",
    "eval_steps": 25,
    "seed": 42,
}
# 90 rows: with accumulation 8 an epoch ends in an update of fewer micro-batches. 15 updates are two and a half epochs.
ACCUMULATED = {"gradient_accumulation_steps": 8, "max_steps": 15, "eval_steps": 10}
RECIPES = {
    "full": {"dataset_name": "text.jsonl", "gradient_accumulation_steps": 1},
    "full-accumulation-8": {"dataset_name": "text.jsonl", **ACCUMULATED},
    "completion": {"dataset_name": "completion.jsonl", "gradient_accumulation_steps": 1},
    "completion-accumulation-8": {
        "dataset_name": "completion.jsonl",
        **ACCUMULATED,
        "lr_scheduler_type": "linear",
        "logging_steps": 4,
    },
    "completion-all-tokens": {
        "dataset_name": "completion.jsonl",
        "gradient_accumulation_steps": 1,
        "completion_only_loss": False,
        "max_grad_norm": 0.1,
    },
}
# Only to keep PyTorch on the plain path; none changes what is computed.
STEERING = {"bf16": False, "gradient_checkpointing": False, "use_cpu": True, "report_to": "none", "save_strategy": "no"}


def pick(random, words):
    return words[random.randint(len(words))]


def story(random):
    name = pick(random, ["Lily", "Tom", "Mia", "Ben", "Zoë", "Max"])
    animal = pick(random, ["dog", "cat", "bird", "frog", "little bear"])
    place = pick(random, ["park", "garden", "big house", "lake"])
    thing = pick(random, ["ball", "red car", "cake", "shiny stone"])
    prompt = f"{name} and the {animal} went to the {place}."
    sentences = [
        f" They found a {thing}.",
        f' "Look!" said {name}. "A {thing}!"',
        f" The {animal} was very happy.",
        " They played until it was dark.",
        f" Then the {animal} said, \"Let's go home.\"",
    ]
    return prompt, "".join(sentences[i] for i in sorted(random.permutation(5)[: 1 + random.randint(4)]))


def write_data(folder):
    random = np.random.RandomState(7)
    for name, rows in [("text", 90), ("text-eval", 10), ("completion", 90), ("completion-eval", 10)]:
        lines = []
        for _ in range(rows):
            prompt, completion = story(random)
            row = {"text": prompt + completion} if name.startswith("text") else {"prompt": prompt, "completion": completion}
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def write_adapter(model_folder, folder):
    random = np.random.RandomState(8)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    settings = LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=4, lora_dropout=0.0, target_modules="all-linear")
    model = get_peft_model(model, settings)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".lora_" in name:
                scale = 0.1 if ".lora_A." in name else 0.02
                weight.copy_(torch.from_numpy((random.standard_normal(tuple(weight.shape)) * scale).astype(np.float32)))
    model.peft_config["default"].base_model_name_or_path = "stories260K-hf"
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2) + "\n")


def train(model_folder, folder, name):
    recipe = {**SHARED, **RECIPES[name]}
    data = recipe["dataset_name"]
    recipe["eval_dataset_name"] = data.replace(".jsonl", "-eval.jsonl")
    base = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True)
    files = {"train": str(folder / data), "eval": str(folder / recipe["eval_dataset_name"])}
    with tempfile.TemporaryDirectory() as work:
        rows = load_dataset("json", data_files=files, cache_dir=work)
        settings = {key: value for key, value in recipe.items() if not key.endswith("dataset_name")}
        trainer = SFTTrainer(
            model=model,
            args=SFTConfig(output_dir=work, **settings, **STEERING, disable_tqdm=True),
            train_dataset=rows["train"],
            eval_dataset=rows["eval"],
            processing_class=tokenizer,
        )
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        trainer.train()
        tokens = [token_row(row) for row in trainer.train_dataset]
    keep = ["step", "loss", "grad_norm", "learning_rate", "epoch", "num_tokens", "mean_token_accuracy", "entropy"]
    logs = [{key: log[key] for key in log if key.removeprefix("eval_") in keep} for log in trainer.state.log_history]
    logs = [log for log in logs if "loss" in log or "eval_loss" in log]
    recipe["adapter_name_or_path"] = "adapter"
    lines = ",\n    ".join(json.dumps(log) for log in logs)
    (folder / f"{name}.json").write_text(f'{{\n  "recipe": {json.dumps(recipe)},\n  "log": [\n    {lines}\n  ]\n}}\n')
    print(f"{name}: loss {logs[0]['loss']:.3f} -> {[log for log in logs if 'loss' in log][-1]['loss']:.3f}", flush=True)
    return tokens


def token_row(row):
    """As TRL prepared it: the tokens and which of them are targets."""
    return {"input_ids": row["input_ids"], "trained": [int(label != -100) for label in row["labels"]]}


def main():
    model_folder, output = sys.argv[1:3]
    folder = Path(output) / "trl-sft"
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    disable_progress_bars()
    write_data(folder)
    write_adapter(model_folder, folder / "adapter")
    for name in RECIPES:
        tokens = train(model_folder, folder, name)
        if name in ("full", "completion"):
            lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in tokens)
            (folder / f"{name}-tokens.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()

"""Writes test/goldens/trl-sft/: what TRL's SFTTrainer logs at every step on the stories260K-hf checkpoint.

Usage: python sft_trl.py STORIES_MODEL_FOLDER OUTPUT_FOLDER. README.md in test/goldens describes the files. The data and
the starting adapter are made here; only the checkpoint comes from outside and is not copied.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from datasets import disable_progress_bars, load_dataset
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
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
SHORT = {"max_steps": 20, "eval_steps": 10}
CONVERSATIONS = {
    "dataset_name": "conversations.jsonl",
    "chat_template_path": "chat-template.jinja",
    "assistant_only_loss": True,
    "max_length": 256,
}
# Several rows fit into one, and a training row is what two of those make.
PACKED = {"packing": True, "packing_strategy": "bfd", "max_length": 160}
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
    "full-linear": {
        "dataset_name": "text.jsonl",
        "gradient_accumulation_steps": 1,
        **SHORT,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.1,
    },
    "completion-dft": {"dataset_name": "completion.jsonl", "gradient_accumulation_steps": 1, **SHORT, "loss_type": "dft"},
    "completion-keep-end": {
        "dataset_name": "completion.jsonl",
        "gradient_accumulation_steps": 1,
        **SHORT,
        "max_length": 32,
        "truncation_mode": "keep_end",
    },
    "assistant-only": {**CONVERSATIONS, "gradient_accumulation_steps": 1, "max_steps": 40, "eval_steps": 20},
    "assistant-only-accumulation-8": {**CONVERSATIONS, **ACCUMULATED, "lr_scheduler_type": "linear"},
    "conversations-all-tokens": {**CONVERSATIONS, "gradient_accumulation_steps": 1, **SHORT, "assistant_only_loss": False},
    "packed": {**PACKED, "dataset_name": "text.jsonl", "gradient_accumulation_steps": 1, "max_steps": 40, "eval_steps": 20},
    "packed-accumulation-8": {**PACKED, "dataset_name": "text.jsonl", **ACCUMULATED, "lr_scheduler_type": "linear"},
    "packed-completion": {**PACKED, "dataset_name": "completion.jsonl", "gradient_accumulation_steps": 1, **SHORT},
}
# Later runs are rounded to seven digits; these keep the digits that they were committed with.
UNROUNDED = ["full", "full-accumulation-8", "completion", "completion-accumulation-8", "completion-all-tokens"]
# Runs whose training rows are kept as tokens.
TOKENS = ["full", "completion", "completion-keep-end", "assistant-only", "packed", "packed-completion"]
# Of a log row, what depends on the machine.
TIMES = re.compile("runtime|per_second|flos")
# The positions of which final-logits.safetensors holds the logits.
LAST = 4
# The checkpoint has no template and no tokens of its own for one: roles are marked in plain text.
CHAT_TEMPLATE = """{%- for message in messages %}
    {{- '<|' + message.role + '|>\\n' }}
    {%- if message.role == 'assistant' %}
        {%- generation %}
            {{- message.content + eos_token }}
        {%- endgeneration %}
    {%- else %}
        {{- message.content + eos_token }}
    {%- endif %}
    {{- '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>\\n' }}
{%- endif %}
"""
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
    for name, rows in [("conversations", 50), ("conversations-eval", 10)]:
        lines = [json.dumps({"messages": conversation(random)}, ensure_ascii=False) + "\n" for _ in range(rows)]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "chat-template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")


def conversation(random):
    """One or two turns, every other one behind a system message."""
    messages = [] if random.randint(2) else [{"role": "system", "content": "Tell a story."}]
    for _ in range(1 + random.randint(2)):
        prompt, completion = story(random)
        answer = completion.split(".")[0].strip() + "."
        messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return messages


def write_adapter(model_folder, folder, seed=8, b_scale=0.02):
    random = np.random.RandomState(seed)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    settings = LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=4, lora_dropout=0.0, target_modules="all-linear")
    model = get_peft_model(model, settings)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".lora_" in name:
                scale = 0.1 if ".lora_A." in name else b_scale
                weight.copy_(torch.from_numpy((random.standard_normal(tuple(weight.shape)) * scale).astype(np.float32)))
    model.peft_config["default"].base_model_name_or_path = "stories260K-hf"
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2) + "\n")


def rounded(row):
    """Measured numbers to seven digits; what is known exactly stays."""
    exact = ("epoch", "learning_rate")
    keep = lambda key, value: key in exact or isinstance(value, int)
    return {key: value if keep(key, value) else float(f"{value:.7g}") for key, value in row.items()}


def write_run(path, recipe, log):
    """What a run is and what it logged, but for how long it took."""
    logs = [{key: row[key] for key in row if not TIMES.search(key)} for row in log]
    lines = ",\n    ".join(json.dumps(row) for row in logs)
    path.write_text(f'{{\n  "recipe": {json.dumps(recipe)},\n  "log": [\n    {lines}\n  ]\n}}\n')


def write_tokens(path, rows):
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


def check_packing(model, rows):
    """Packed neighbours must not see each other, on whichever attention this machine has."""
    row = rows[0]
    ids = torch.tensor([row["input_ids"]])
    positions = torch.cat([torch.arange(length) for length in row["seq_lengths"]])[None]
    assert len(row["seq_lengths"]) > 1
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=positions).logits[0]
        alone = torch.cat([model(input_ids=part[None]).logits[0] for part in ids[0].split(row["seq_lengths"])])
    assert (packed - alone).abs().max() < 1e-4, "packed sequences see each other"


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
        if "chat_template_path" in settings:
            settings["chat_template_path"] = str(folder / settings["chat_template_path"])
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
    log = [row for row in trainer.state.log_history if "loss" in row or "eval_loss" in row]
    recipe["adapter_name_or_path"] = "adapter"
    write_run(folder / f"{name}.json", recipe, log if name in UNROUNDED else [rounded(row) for row in log])
    print(f"{name}: loss {log[0]['loss']:.3f} -> {[row for row in log if 'loss' in row][-1]['loss']:.3f}", flush=True)
    model.eval()
    if recipe.get("packing"):
        check_packing(model, tokens)
    return model, tokens


def token_row(row):
    """As TRL prepared it: the tokens, which of them are targets, and how long the packed sequences are."""
    tokens = {"input_ids": row["input_ids"], "trained": [int(label != -100) for label in row["labels"]]}
    return {**tokens, "seq_lengths": list(row["seq_lengths"])} if "seq_lengths" in row else tokens


def last_logits(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0, -LAST:].contiguous()


def main():
    model_folder, output = sys.argv[1:3]
    folder = Path(output) / "trl-sft"
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    disable_progress_bars()
    write_data(folder)
    write_adapter(model_folder, folder / "adapter")
    logits = {}
    for name in RECIPES:
        model, tokens = train(model_folder, folder, name)
        if name in TOKENS:
            write_tokens(folder / f"{name}-tokens.json", tokens)
        if name == "full":
            row = tokens[0]["input_ids"]
        logits[f"final.{name}"] = last_logits(model, row)
    save_file(logits, folder / "final-logits.safetensors")


if __name__ == "__main__":
    main()

"""Writes test/goldens/llama-* and pissa-*: tiny Llama checkpoints with a LoRA adapter, and what transformers + PEFT compute on them.

Usage: python llama_goldens.py OUTPUT_FOLDER [case ...]. README.md in test/goldens describes the files. Everything is
computed in float32 from the folder as written, so a golden never depends on something that is not in it.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, get_scheduler
from transformers.utils import logging

QUERY_KEY = {"target_modules": ["q_proj", "k_proj"]}
ALL_LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# With RoPE's base at 100 these reach all three cases: one frequency kept, one blended, two divided.
LLAMA3 = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
STEPS = 10

# config: over the base of `model_config`. config_style: "old" writes rope_theta + rope_scaling + torch_dtype as
# transformers 4 does, "new" rope_parameters + dtype as transformers 5 does.
CASES = {
    "llama-gqa-tied": {},
    "llama-mha-untied": {
        "config": {"num_hidden_layers": 3, "num_key_value_heads": 4, "tie_word_embeddings": False, "intermediate_size": 40},
        # the scale alpha / sqrt(r) stays near 1, so that ten steps do not magnify rounding
        "lora": {"use_rslora": True, "lora_alpha": 2},
        "dtype": "bfloat16",
        "config_style": "new",
    },
    "llama-bias": {
        "config": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
        "schedule": {"lr_scheduler_type": "cosine", "warmup_steps": 3},
    },
    "llama-head-dim": {"config": {"head_dim": 16, "num_key_value_heads": 1}, "config_style": "new"},
    "llama-rope-llama3-scaling": {"rope": {"rope_type": "llama3", **LLAMA3}, "rope_theta": 100.0, "lengths": [28, 23], "lora": QUERY_KEY},
    "llama-rope-llama3-parameters": {
        "rope": {"rope_type": "llama3", **LLAMA3},
        "rope_theta": 120.0,
        "lengths": [28, 23],
        "lora": QUERY_KEY,
        "config_style": "new",
    },
    "llama-rope-linear-scaling": {"rope": {"type": "linear", "factor": 2.0}, "lora": QUERY_KEY},
    "llama-rope-linear-parameters": {"rope": {"rope_type": "linear", "factor": 4.0}, "config_style": "new"},
    "llama-bf16-sharded": {"dtype": "bfloat16", "config": {"tie_word_embeddings": False}, "shards": "24KB"},
    "llama-f16": {"dtype": "float16", "lora": {"target_modules": ["q_proj", "v_proj"], "r": 8, "lora_alpha": 4}},
    "llama-zero-b": {"zero_b": True, "schedule": {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 2}},
    "llama-packed": {"forest": [["abcdef", "ghij", "klm"], ["abcd", "efghi"]]},
    "llama-tree": {"forest": [["ab(cd)(efg)", "hi"], ["abc(def)(ghij)"]]},
    "llama-pattern": {
        "lora": {
            "use_rslora": True,
            "lora_alpha": 2,
            # the first key that fits decides; a key is the end of a name or a regular expression for it
            "rank_pattern": {"layers.0.self_attn.q_proj": 2, "self_attn.[qk]_proj": 3, r".*\.1\.mlp\.up_proj": 6},
            "alpha_pattern": {"down_proj": 3, r"model\.layers\.\d+\.mlp\.(up|down)_proj": 1.5},
        }
    },
    "llama-dora": {"lora": {"use_dora": True}},
    "llama-dora-bias": {
        "config": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
        "lora": {"use_dora": True, "use_rslora": True, "lora_alpha": 3, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"1.mlp.*": 2}},
        "dtype": "bfloat16",
    },
    # The adapter as PEFT starts it. PEFT trains it on a base model that it has changed in memory.
    "pissa-llama": {
        "config": {"attention_bias": True, "tie_word_embeddings": False, "num_hidden_layers": 1},
        "lora": {"init_lora_weights": "pissa", "rank_pattern": {"o_proj": 2}},
    },
    "pissa-llama-dora": {
        "config": {"num_hidden_layers": 1},
        "lora": {"init_lora_weights": "pissa", "use_dora": True, "use_rslora": True, "lora_alpha": 2, "target_modules": ["q_proj", "up_proj"]},
    },
}


def model_config(case):
    settings = {
        "vocab_size": 96,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
        "bos_token_id": 1,
        "eos_token_id": 2,
        **case.get("config", {}),
    }
    return LlamaConfig(**settings)


def llama(case):
    return LlamaForCausalLM(model_config(case))


def normal(random, shape, scale):
    return torch.from_numpy((random.standard_normal(tuple(shape)) * scale).astype(np.float32))


def write_model(folder, case, random, model, write_config):
    """A checkpoint whose every weight, norms and biases too, is away from its initial value."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("norm.weight"):
                # Gemma's are added to 1 and begin as 0.
                weight.copy_(weight.mean().round() + normal(random, weight.shape, 0.2))
            elif name.endswith("bias"):
                weight.copy_(normal(random, weight.shape, 0.2))
            else:
                weight.copy_(normal(random, weight.shape, 0.3 if "embed" in name else 0.2))
    model = model.to(getattr(torch, case.get("dtype", "float32")))
    model.save_pretrained(folder, max_shard_size=case.get("shards", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_config(folder / "config.json", case)


def write_config(path, case):
    config = json.loads(path.read_text())
    config.pop("transformers_version", None)
    config.pop("rope_parameters", None)
    theta = case.get("rope_theta", 10000.0)
    dtype = config.pop("dtype", "float32")
    if case.get("config_style", "old") == "new":
        config["dtype"] = dtype
        config["rope_parameters"] = {"rope_theta": theta, **case.get("rope", {"rope_type": "default"})}
    else:
        config["torch_dtype"] = dtype
        config["rope_theta"] = theta
        config["rope_scaling"] = case.get("rope")
    write_json(path, config)


def write_adapter(model_folder, adapter_folder, case, random):
    settings = {"r": 4, "lora_alpha": 8, "lora_dropout": 0.0, "target_modules": ALL_LINEAR, **case.get("lora", {})}
    model = load_model(model_folder)
    model.config._name_or_path = "golden"
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "init_lora_weights" in settings:
                settle_signs(model)
                break
            if ".lora_magnitude_vector." in name:
                weight.mul_(1 + normal(random, weight.shape, 0.2))
            if ".lora_A." in name:
                weight.copy_(normal(random, weight.shape, 0.2))
            elif ".lora_B." in name and not case.get("zero_b"):
                weight.copy_(normal(random, weight.shape, 0.2))
    model.peft_config["default"].base_model_name_or_path = "golden"
    model.save_pretrained(adapter_folder)
    (adapter_folder / "README.md").unlink(missing_ok=True)
    config = json.loads((adapter_folder / "adapter_config.json").read_text())
    config["target_modules"] = sorted(config["target_modules"])  # PEFT keeps a set: its order changes from run to run
    write_json(adapter_folder / "adapter_config.json", config)


def settle_signs(model):
    """Singular vectors may come with either sign: the largest element of each is made positive in A."""
    weights = dict(model.named_parameters())
    for name, a in weights.items():
        if ".lora_A." in name:
            signs = torch.sign(a.gather(1, a.abs().argmax(1, keepdim=True)))
            a.mul_(signs)
            weights[name.replace(".lora_A.", ".lora_B.")].mul_(signs.T)


def plain_batch(case, random):
    """Right-padded rows. The first part of each row is a prompt without labels, and so is one stretch in the middle."""
    lengths = case.get("lengths", [13, 9])
    seq, vocabulary = max(lengths), case.get("vocabulary", 96)
    rows, labels, positions, visible = [], [], [], []
    for length in lengths:
        ids = random.randint(3, vocabulary, length).tolist()
        own = [-100] * 3 + ids[3:]
        own[6] = -100
        pad = seq - length
        rows.append(ids + [0] * pad)
        labels.append(own + [-100] * pad)
        positions.append([*range(length)] + [0] * pad)
        visible.append([length] * length + [seq] * pad)
    return {"input_ids": rows, "lengths": lengths, "labels": labels, "position_ids": positions, "visible_until": visible}


def forest_batch(case, random):
    """Several sequences a row. "ab(cd)(efg)" is a tree: a prefix of 2 tokens with branches of 2 and 3 after it."""
    rows = [forest_row(trees, random, case.get("vocabulary", 96)) for trees in case["forest"]]
    seq = max(len(row["ids"]) for row in rows)
    batch = {"input_ids": [], "lengths": [], "position_ids": [], "visible_until": [], "parents": []}
    for row in rows:
        pad = seq - len(row["ids"])
        batch["input_ids"].append(row["ids"] + [0] * pad)
        batch["lengths"].append(len(row["ids"]))
        batch["position_ids"].append(row["positions"] + [0] * pad)
        batch["visible_until"].append(row["visible"] + [seq] * pad)
        batch["parents"].append(row["parents"] + [-1] * pad)
    return batch


def forest_row(trees, random, vocabulary):
    ids, positions, visible, parents = [], [], [], []

    def add(count, position, parent):
        for _ in range(count):
            ids.append(int(random.randint(3, vocabulary)))
            positions.append(position)
            parents.append(parent)
            position, parent = position + 1, len(ids) - 1
        return position, parent

    for tree in trees:
        start = len(ids)
        prefix, *branches = tree.replace(")", "").split("(")
        position, parent = add(len(prefix), 0, -1)
        prefix_end = len(ids)
        branch_ends = []
        for branch in branches:
            add(len(branch), position, parent)
            branch_ends.append(len(ids))
        visible += [len(ids)] * (prefix_end - start)
        for begin, end in zip([prefix_end, *branch_ends], branch_ends):
            visible += [end] * (end - begin)
    return {"ids": ids, "positions": positions, "visible": visible, "parents": parents}


def add_label_rows(batch):
    """label_rows/label_ids: the flat index of each hidden state that predicts a label, and the token to predict."""
    seq = len(batch["input_ids"][0])
    pairs = []
    for row, ids in enumerate(batch["input_ids"]):
        if "labels" in batch:
            pairs += [(row * seq + i - 1, label) for i, label in enumerate(batch["labels"][row]) if i > 0 and label != -100]
        else:
            pairs += [(row * seq + parent, ids[i]) for i, parent in enumerate(batch["parents"][row]) if parent >= 0]
    # A prefix's last token predicts the first token of each branch: sorting keeps the flat indices ascending.
    pairs.sort(key=lambda pair: pair[0])
    batch["label_rows"] = [row for row, _ in pairs]
    batch["label_ids"] = [label for _, label in pairs]


def load_model(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def forward(model, batch):
    """
    Logits [batch, seq, vocab] under the mask that visible_until describes: i sees j if j <= i < visible_until[j]. In layers
    with a window also only where fewer positions than its size lie between.
    """
    ids, positions = torch.tensor(batch["input_ids"]), torch.tensor(batch["position_ids"])
    seq = ids.shape[1]
    i, j = torch.arange(seq)[:, None], torch.arange(seq)[None, :]
    visible = torch.tensor(batch["visible_until"])[:, None, None, :]
    allowed = (j <= i) & (i < visible)
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    near = allowed if window is None else allowed & (positions[:, None, :, None] - positions[:, None, None, :] < window)
    full, sliding = (torch.where(seen, 0.0, torch.finfo(torch.float32).min) for seen in (allowed, near))
    if getattr(config, "layer_types", None):
        mask = {"full_attention": full, "sliding_attention": sliding}
    else:
        mask = sliding
    return model(input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False).logits


def loss_of(logits, batch):
    rows = logits.flatten(0, 1)[torch.tensor(batch["label_rows"])]
    return cross_entropy(rows, torch.tensor(batch["label_ids"]))


def real_rows(logits, batch):
    return torch.cat([logits[row, :length] for row, length in enumerate(batch["lengths"])]).detach().contiguous()


def check_against_plain_calls(model, batch, logits, loss):
    """The mask above is ours; every path of it must equal the plain call on that path alone, and the loss HF's own."""
    if "labels" in batch:
        ids, lengths = torch.tensor(batch["input_ids"]), torch.tensor(batch["lengths"])
        mask = (torch.arange(ids.shape[1])[None, :] < lengths[:, None]).long()
        out = model(input_ids=ids, attention_mask=mask, labels=torch.tensor(batch["labels"]))
        assert torch.allclose(out.loss, loss, atol=1e-6), (out.loss, loss)
        assert torch.allclose(real_rows(out.logits, batch), real_rows(logits, batch), atol=1e-5)
        return
    for row, parents in enumerate(batch["parents"]):
        for leaf in range(batch["lengths"][row]):
            path = [leaf]
            while parents[path[0]] >= 0:
                path.insert(0, parents[path[0]])
            alone = model(input_ids=torch.tensor([[batch["input_ids"][row][i] for i in path]])).logits[0, -1]
            assert torch.allclose(alone, logits[row, leaf], atol=1e-5), (row, leaf)


def file_key(name):
    return name.replace(".lora_magnitude_vector.default.weight", ".lora_magnitude_vector").replace(".default.", ".")


def write_case(folder, name, case, make=llama, write_config=write_config, steps_count=STEPS):
    """Writes a golden; returns the model with its adapter after the steps, and the batch."""
    random = np.random.RandomState(sum(map(ord, name)))  # RandomState's stream is frozen: the same on every version
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, case, random, make(case), write_config)
    write_adapter(folder, folder / "adapter", case, random)
    batch = forest_batch(case, random) if "forest" in case else plain_batch(case, random)
    add_label_rows(batch)
    write_json(folder / "batch.json", batch)

    base = load_model(folder)
    base_logits = forward(base, batch)
    check_against_plain_calls(base, batch, base_logits, loss_of(base_logits, batch))
    base_loss = loss_of(base_logits, batch).item()

    model = PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True)
    logits = forward(model, batch)
    loss = loss_of(logits, batch)
    check_against_plain_calls(model, batch, logits, loss)
    loss.backward()
    trained = {file_key(name): weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert set(trained) == set(load_file(folder / "adapter" / "adapter_model.safetensors"))
    tensors = {"logits.base": real_rows(base_logits, batch), "logits.lora": real_rows(logits, batch)}
    # Of a model that also sees, under the names of a model for text.
    text_key = lambda key: key.replace("model.language_model.", "model.")
    tensors |= {f"grad.{text_key(key)}": weight.grad.clone() for key, weight in trained.items()}

    optimizer_settings = {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "max_grad_norm": 1.0}
    schedule = {"lr_scheduler_type": "linear", "warmup_steps": 0, **case.get("schedule", {})}
    optimizer = torch.optim.AdamW(
        trained.values(), lr=optimizer_settings["lr"], betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01
    )
    scheduler = get_scheduler(schedule["lr_scheduler_type"], optimizer, schedule["warmup_steps"], steps_count)
    steps = []
    for _ in range(steps_count):
        optimizer.zero_grad()
        step_loss = loss_of(forward(model, batch), batch)
        step_loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained.values(), optimizer_settings["max_grad_norm"])
        steps.append({"loss": step_loss.item(), "grad_norm": norm.item(), "learning_rate": scheduler.get_last_lr()[0]})
        optimizer.step()
        scheduler.step()
    tensors |= {f"final.{text_key(key)}": weight.detach().clone() for key, weight in trained.items()}
    if "init_lora_weights" in case.get("lora", {}):
        tensors["final.logits"] = real_rows(forward(model, batch), batch)
    save_file(tensors, folder / "expected.safetensors")
    write_json(
        folder / "expected.json",
        {
            "loss_base": base_loss,
            "loss": loss.item(),
            "optimizer": optimizer_settings,
            "schedule": {**schedule, "total_steps": steps_count},
            "steps": steps,
            "final_loss": loss_of(forward(model, batch), batch).item(),
        },
    )
    return model, batch


def write_json(path, value):
    text = json.dumps(value, indent=2)
    path.write_text(text + "\n")


def write_all(output, names, write):
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            write(Path(work) / name, name)
            target = Path(output) / name
            for file in sorted((Path(work) / name).rglob("*")):
                if file.is_file():
                    copy = target / file.relative_to(Path(work) / name)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    copy.write_bytes(file.read_bytes())
        size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
        print(f"{name}: {size / 1024:.0f} KB", flush=True)


def main():
    output, *names = sys.argv[1:]
    write_all(output, names or CASES, lambda folder, name: write_case(folder, name, CASES[name]))


if __name__ == "__main__":
    main()

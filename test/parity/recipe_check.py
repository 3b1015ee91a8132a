"""Lets TRL's own parser read the recipes that write-recipes.ts wrote, and compares every value; and recipes written
by hand for TRL, so that they are what they say.

Usage: python recipe_check.py FOLDER [YAML ...]; a YAML file's name begins with its method. Exits with 1 where TRL refuses a recipe or reads another value.
"""

import json
import sys
import tempfile
from pathlib import Path

import yaml
from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments, SFTConfig, TrlParser
from trl.experimental.cpo import CPOConfig
from trl.experimental.orpo import ORPOConfig

CONFIGS = {"sft": SFTConfig, "dpo": DPOConfig, "orpo": ORPOConfig, "simpo": CPOConfig}


def read(text, method, own_keys):
    """What TRL reads, as one mapping. Keys that only Lorelei knows are left out first."""
    values = {key: value for key, value in yaml.safe_load(text).items() if key not in own_keys}
    parser = TrlParser((ScriptArguments, CONFIGS[method], ModelConfig, DatasetMixtureConfig))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values, file)
        file.flush()
        # Unknown keys are an error here. bfloat16 without a GPU needs use_cpu.
        parts = parser.parse_args_and_config(["--config", file.name, "--use_cpu", "--disable_tqdm", "true"])
    return {key: value for part in parts for key, value in vars(part).items()}


def expected_values(recipe, own_keys):
    """Lorelei's recipe in TRL's words."""
    values = {key: value for key, value in recipe.items() if key not in own_keys and key != "method"}
    files = values.pop("dataset_name")
    builders = {".jsonl": "json", ".csv": "csv"}
    values["datasets"] = [(builders[Path(file).suffix], [file]) for file in files]
    for key in ("bf16", "fp16"):
        if values[key] == "auto":
            # What TRL does when neither is said.
            values[key] = key == "bf16" and recipe["fp16"] is not True
    # transformers cannot parse {} and None apart from "no arguments".
    values["lr_scheduler_kwargs"] = values["lr_scheduler_kwargs"] or None
    targets = values.get("lora_target_modules")
    if isinstance(targets, list) and len(targets) == 1:
        values["lora_target_modules"] = targets[0]
    if values["report_to"] == "all":
        # TRL puts whatever is installed there.
        del values["report_to"]
    return values


def comparable(key, value):
    value = getattr(value, "value", value)
    if key == "datasets":
        return [(one.path, one.data_files) for one in value]
    if key == "lr_scheduler_kwargs":
        return value or None
    return value


def check(path):
    written = json.loads(path.with_suffix(".json").read_text())
    recipe, own_keys = written["recipe"], written["ownKeys"]
    found = read(path.read_text(), recipe["method"], own_keys)
    problems = []
    for key, value in expected_values(recipe, own_keys).items():
        if key not in found:
            problems.append(f"{path.name}: TRL has no key {key}")
        elif comparable(key, found[key]) != value:
            problems.append(f"{path.name}: {key} is {value!r} here, {comparable(key, found[key])!r} in TRL")
    return problems


def main(folder, written_by_hand):
    paths = sorted(Path(folder).glob("*.yaml"))
    if not paths:
        sys.exit(f"no recipes in {folder}")
    problems = [problem for path in paths for problem in check(path)]
    for path in map(Path, written_by_hand):
        read(path.read_text(), path.name.split("-")[0], [])
    print("\n".join(problems) or f"{len(paths)} recipes mean the same to TRL, {len(written_by_hand)} more are its own")
    sys.exit(1 if problems else 0)


main(sys.argv[1], sys.argv[2:])

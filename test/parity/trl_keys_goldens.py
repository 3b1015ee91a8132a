"""Writes the keys of `trl sft` and `trl dpo`, and of the trainers that have no command, with their defaults, as TRL's own dataclasses declare them;
and the layers that PEFT adapts in a family where none are named.

Usage: python trl_keys_goldens.py OUTPUT_FOLDER
"""

import dataclasses
import json
import sys
from pathlib import Path

from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as TARGETS
from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments, SFTConfig
from trl.experimental.cpo import CPOConfig
from trl.experimental.orpo import ORPOConfig

FAMILIES = "llama mistral qwen2 qwen3 gemma2 gemma3_text phi3 smollm3 olmo2 granite".split()
CONFIGS = {"sft": SFTConfig, "dpo": DPOConfig, "orpo": ORPOConfig, "simpo": CPOConfig}


def default_of(field):
    value = field.default if field.default is not dataclasses.MISSING else field.default_factory()
    return value.value if hasattr(value, "value") else value


def main(output):
    output.mkdir(parents=True, exist_ok=True)
    for method, config in CONFIGS.items():
        fields = {
            field.name: default_of(field)
            for declared in (ScriptArguments, config, ModelConfig, DatasetMixtureConfig)
            for field in dataclasses.fields(declared)
            if field.init
        }
        text = json.dumps(dict(sorted(fields.items())), indent=1)
        (output / f"{method}.json").write_text(text + "\n")
    # Null: PEFT wants to be told.
    targets = {kind: TARGETS.get(kind) for kind in FAMILIES}
    (output / "lora-targets.json").write_text(json.dumps(targets, indent=1) + "\n")


main(Path(sys.argv[1]))

"""Writes the keys of `trl sft` and `trl dpo`, and of the trainers that have no command, with their defaults, as TRL's own dataclasses declare them.

Usage: python trl_keys_goldens.py OUTPUT_FOLDER
"""

import dataclasses
import json
import sys
from pathlib import Path

from trl import DatasetMixtureConfig, DPOConfig, ModelConfig, ScriptArguments, SFTConfig
from trl.experimental.cpo import CPOConfig
from trl.experimental.orpo import ORPOConfig

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


main(Path(sys.argv[1]))

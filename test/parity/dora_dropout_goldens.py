"""Writes test/goldens/dora-dropout.json: one linear layer under PEFT's LoRA and DoRA while dropout is on.

Usage: python dora_dropout_goldens.py OUTPUT_FOLDER
The elements that dropout keeps are given rather than drawn. The gradients are those of sum(output * output_gradient).
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model

TOKENS, WIDTH, OUT, RANK, DROPOUT = 5, 6, 4, 2, 0.25


class Layer(torch.nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.proj = torch.nn.Linear(WIDTH, OUT, bias=bias)

    def forward(self, x):
        return self.proj(x)


class GivenDropout(torch.nn.Module):
    def __init__(self, mask):
        super().__init__()
        self.mask = mask

    def forward(self, x):
        return x * self.mask / (1 - DROPOUT)


def case(random, use_dora, bias):
    def normal(*shape):
        return torch.from_numpy(random.standard_normal(shape).astype(np.float32))

    layer = Layer(bias)
    settings = {"r": RANK, "lora_alpha": 3, "lora_dropout": DROPOUT, "use_dora": use_dora, "target_modules": ["proj"]}
    model = get_peft_model(layer, LoraConfig(**settings)).train()
    proj = model.base_model.model.proj
    mask = torch.from_numpy((random.random_sample((TOKENS, WIDTH)) >= DROPOUT).astype(np.float32))
    proj.lora_dropout["default"] = GivenDropout(mask)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(normal(*parameter.shape))
    x, seed = normal(TOKENS, WIDTH).requires_grad_(), normal(TOKENS, OUT)
    trained = {"lora_A": proj.lora_A["default"].weight, "lora_B": proj.lora_B["default"].weight}
    if use_dora:
        trained["lora_magnitude_vector"] = proj.lora_magnitude_vector["default"].weight
    frozen = {"weight": proj.base_layer.weight} | ({"bias": proj.base_layer.bias} if bias else {})
    output = model(x)
    (output * seed).sum().backward()
    return {
        "use_dora": use_dora,
        "rank": RANK,
        "alpha": 3,
        "dropout": DROPOUT,
        "x": listed(x),
        "kept": listed(mask),
        "output": listed(output),
        "output_gradient": listed(seed),
        "frozen": {name: listed(value) for name, value in frozen.items()},
        "trained": {name: listed(value) for name, value in trained.items()},
        "gradients": {"x": listed(x.grad)} | {name: listed(value.grad) for name, value in trained.items()},
    }


def listed(tensor):
    return tensor.detach().double().tolist()


def main():
    random = np.random.RandomState(11)
    cases = [case(random, use_dora, bias) for use_dora in (False, True) for bias in (False, True)]
    (Path(sys.argv[1]) / "dora-dropout.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

"""Writes test/goldens/optim: trajectories of torch's, transformers' and bitsandbytes' optimizers, the whole curves of
transformers' learning-rate schedules, bitsandbytes' 8-bit table, and what torch's GradScaler does.

Usage: python optim_goldens.py OUTPUT_FOLDER. README.md in test/goldens describes the files.

bitsandbytes runs without its compiled library: its torch code then rounds a state to the nearest code, as its CUDA
kernels do. The compiled CPU kernel looks codes up on an even grid, which is too coarse for the codes near zero.
"""

import ctypes
import json
import sys
from pathlib import Path


class NoLibrary(ctypes.LibraryLoader):
    def LoadLibrary(self, name):
        raise OSError("withheld")


# Before peft and transformers, which import bitsandbytes as well.
loader, ctypes.cdll = ctypes.cdll, NoLibrary(ctypes.CDLL)
import bitsandbytes  # noqa: E402

ctypes.cdll = loader
import torch  # noqa: E402
from bitsandbytes.cextension import ErrorHandlerMockBNBNativeLibrary, lib  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from peft.optimizers import create_loraplus_optimizer  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from torch.optim.lr_scheduler import LambdaLR  # noqa: E402
from transformers import Adafactor, get_scheduler  # noqa: E402

assert isinstance(lib, ErrorHandlerMockBNBNativeLibrary), "bitsandbytes has loaded its compiled library"

STEPS = 12
PEAK = 0.01
MAX_NORM = 1.0
BETAS, EPS, DECAY = (0.9, 0.99), 1e-8, 0.1
# The large ones get 8-bit states; the last block of the first has 192 elements.
SHAPES = {"large": (67, 64), "blocks": (16, 256), "matrix": (6, 9), "vector": (10,)}
NO_DECAY = {"vector"}
# After these, states are kept: neighbours show one step, the last one where all steps led.
KEPT_STATES = (1, 2, 7, 8, 12)


def hashed(seed, i):
    """Mixes two numbers into 32 bits; the test has the same function."""
    x = (seed * 0x9E3779B1 + i * 0x85EBCA77) & 0xFFFFFFFF
    x ^= x >> 15
    x = (x * 0x2C1B3C6D) & 0xFFFFFFFF
    return x ^ (x >> 12)


def gradient(step, index, shape):
    """Multiples of 1/1024 over twelve powers of two, exact in float32, some of them 0."""
    count = torch.Size(shape).numel()
    values = []
    for i in range(count):
        x = hashed(step * 64 + index, i)
        values.append(((x >> 8) % 2049 - 1024) / 1024 * 2.0 ** -(x % 12) * (0.02 if step % 3 == 2 else 0.1))
    return torch.tensor(values, dtype=torch.float64).to(torch.float32).reshape(shape)


def start(index, shape):
    values = [(hashed(7777 + index, i) % 4097 - 2048) / 2048 for i in range(torch.Size(shape).numel())]
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def trajectory(folder, name, parameters, optimizer, kept_states=(), **settings):
    """parameters: by name, in the order that numbers their gradients. The schedule is linear without warmup."""
    schedule = LambdaLR(optimizer, lambda step: (STEPS - step) / STEPS)
    tensors = {f"start.{key}": value.detach().clone() for key, value in parameters.items()}
    norms, rates = [], []
    for step in range(1, STEPS + 1):
        for index, value in enumerate(parameters.values()):
            value.grad = gradient(step, index, value.shape)
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), MAX_NORM).item())
        rates.append(PEAK * (STEPS - step + 1) / STEPS)
        optimizer.step()
        schedule.step()
        for key, value in parameters.items():
            if value.numel() < 1000 or step in kept_states or step == STEPS:
                tensors[f"after.{step}.{key}"] = value.detach().clone()
            if step in kept_states:
                for kind, state in optimizer.state[value].items():
                    if torch.is_tensor(state) and not kind.startswith("qmap"):
                        tensors[f"after.{step}.{kind}.{key}"] = state.clone()
    save_file(tensors, folder / f"{name}.safetensors")
    described = [{"name": key, "shape": list(value.shape)} for key, value in parameters.items()]
    expected = {**settings, "max_grad_norm": MAX_NORM, "parameters": described, "learning_rates": rates, "norms": norms}
    write_json(folder / f"{name}.json", expected)


def plain_parameters():
    return {key: torch.nn.Parameter(start(i, shape)) for i, (key, shape) in enumerate(SHAPES.items())}


def groups(parameters):
    return [
        {"params": [value for key, value in parameters.items() if key not in NO_DECAY], "weight_decay": DECAY},
        {"params": [value for key, value in parameters.items() if key in NO_DECAY], "weight_decay": 0.0},
    ]


def optimizers(folder):
    adam = {"betas": BETAS, "eps": EPS}
    makers = {
        "adamw_torch": lambda groups: torch.optim.AdamW(groups, lr=PEAK, **adam),
        "adamw_8bit": lambda groups: bitsandbytes.optim.AdamW(groups, lr=PEAK, optim_bits=8, **adam),
        "sgd": lambda groups: torch.optim.SGD(groups, lr=PEAK),
        "lion": lambda groups: bitsandbytes.optim.Lion(groups, lr=PEAK, betas=BETAS, optim_bits=32),
        "adafactor": lambda groups: Adafactor(groups, lr=PEAK, scale_parameter=False, relative_step=False),
    }
    shared = {"adam_beta1": BETAS[0], "adam_beta2": BETAS[1], "adam_epsilon": EPS, "weight_decay": DECAY}
    for name, make in makers.items():
        parameters = plain_parameters()
        kept = KEPT_STATES if name == "adamw_8bit" else ()
        trajectory(folder, name, parameters, make(groups(parameters)), kept, optim=name, no_decay=list(NO_DECAY), **shared)


def loraplus(folder):
    base = torch.nn.Sequential(torch.nn.Linear(5, 4, bias=False), torch.nn.Linear(4, 3, bias=False))
    model = get_peft_model(base, LoraConfig(r=2, target_modules=["0", "1"], use_dora=True))
    parameters = {}
    for index, (key, value) in enumerate((k, v) for k, v in model.named_parameters() if v.requires_grad):
        value.data = start(index, value.shape)
        parameters[key.replace("base_model.model.", "").replace(".default", "")] = value
    ratio = 16.0
    kwargs = {"betas": BETAS, "eps": EPS, "loraplus_weight_decay": DECAY}
    optimizer = create_loraplus_optimizer(model, torch.optim.AdamW, lr=PEAK, loraplus_lr_ratio=ratio, **kwargs)
    shared = {"adam_beta1": BETAS[0], "adam_beta2": BETAS[1], "adam_epsilon": EPS, "weight_decay": DECAY}
    settings = {"optim": "adamw_torch", "loraplus_lr_ratio": ratio, "no_decay": [], **shared}
    trajectory(folder, "loraplus", parameters, optimizer, **settings)


def codes(folder):
    """The tables, and what nearest codes are for values all over the range."""
    tensors = {}
    for name, signed in {"signed": True, "unsigned": False}.items():
        code = bitsandbytes.functional.create_dynamic_map(signed=signed)
        values = torch.cat([gradient(9, 60, (512,)), torch.zeros(256), gradient(10, 61, (100,)) * 1e-3])
        values = values if signed else values.abs()
        quantized, absmax = torch.ops.bitsandbytes.quantize_blockwise(values, code, 256)
        tensors |= {f"{name}.code": code, f"{name}.values": values, f"{name}.codes": quantized, f"{name}.absmax": absmax}
    save_file(tensors, folder / "dynamic-code.safetensors")


# type, warmup steps, total steps, arguments
SCHEDULES = [
    ("linear", 0, 20, {}),
    ("linear", 5, 20, {}),
    ("cosine", 4, 20, {}),
    ("cosine", 4, 20, {"num_cycles": 1.25}),
    ("constant", 4, 12, {}),
    ("constant_with_warmup", 4, 12, {}),
    ("cosine_with_restarts", 3, 23, {}),
    ("cosine_with_restarts", 3, 23, {"num_cycles": 3}),
    ("cosine_with_min_lr", 3, 20, {"min_lr": 1e-5}),
    ("cosine_with_min_lr", 0, 20, {"min_lr_rate": 0.25, "num_cycles": 0.75}),
    ("cosine_warmup_with_min_lr", 4, 20, {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", 4, 20, {"min_lr": 1e-5, "warmup_lr_rate": 0.2, "num_cycles": 0.6}),
    ("cosine_warmup_with_min_lr", 1, 9, {"min_lr_rate": 0.1, "warmup_lr_rate": 0.2}),
    ("polynomial", 4, 20, {}),
    ("polynomial", 0, 20, {"power": 2.5, "lr_end": 1e-6}),
    ("inverse_sqrt", 4, 30, {}),
    ("inverse_sqrt", 0, 30, {}),
    ("inverse_sqrt", 4, 30, {"timescale": 9}),
    ("warmup_stable_decay", 5, 30, {"num_decay_steps": 10}),
    ("warmup_stable_decay", 5, 30, {"num_decay_steps": 10, "num_stable_steps": 8, "min_lr_ratio": 0.1}),
    ("warmup_stable_decay", 5, 30, {"num_decay_steps": 25, "warmup_type": "cosine", "decay_type": "linear"}),
    (
        "warmup_stable_decay",
        6,
        30,
        {"num_decay_steps": 9, "warmup_type": "1-sqrt", "decay_type": "1-sqrt", "min_lr_ratio": 0.2},
    ),
    ("warmup_stable_decay", 0, 30, {"num_decay_steps": 12, "num_cycles": 1.5, "min_lr_ratio": 0.05}),
]


def schedules(folder):
    rows = []
    for name, warmup, total, arguments in SCHEDULES:
        peak = 2e-4
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
        schedule = get_scheduler(name, optimizer, warmup, total, arguments)
        rates = []
        # Past the end as well: a run whose length was rounded up takes steps there.
        for _ in range(total + 3):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        shared = {"type": name, "warmup_steps": warmup, "total_steps": total, "learning_rate": peak}
        rows.append({**shared, "arguments": arguments, "rates": rates})
    write_json(folder / "schedules.json", rows)


def scaler(folder):
    """torch's scaler over a sequence of steps with and without overflow; growth every 3 steps to see it happen."""
    overflows = [0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    rows = []
    for overflow in overflows:
        before = weight.detach().clone()
        scale = scaler.get_scale()
        optimizer.zero_grad()
        scaler.scale((weight * torch.tensor([0.5, float("inf") if overflow else 0.25])).sum()).backward()
        scaler.unscale_(optimizer)
        gradient = weight.grad.tolist()
        scaler.step(optimizer)
        scaler.update()
        rows.append(
            {
                "overflow": bool(overflow),
                "scale_before": scale,
                "gradient": None if overflow else gradient,
                "stepped": not torch.equal(before, weight.detach()),
                "scale_after": scaler.get_scale(),
                "growth_tracker": scaler.state_dict()["_growth_tracker"],
            }
        )
    fresh = torch.amp.GradScaler("cpu")
    defaults = {
        "init_scale": fresh.get_scale(),
        "growth_factor": fresh.get_growth_factor(),
        "backoff_factor": fresh.get_backoff_factor(),
        "growth_interval": fresh.get_growth_interval(),
    }
    write_json(folder / "grad-scaler.json", {"defaults": defaults, "growth_interval": 3, "init_scale": 1024.0, "updates": rows})


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    optimizers(folder)
    loraplus(folder)
    codes(folder)
    schedules(folder)
    scaler(folder)


if __name__ == "__main__":
    main()

"""Writes test/goldens/four-bit: weights rounded by bitsandbytes, and what transformers + PEFT compute on a model whose
linear layers bitsandbytes holds in four bits.

Usage: python four_bit_goldens.py GOLDENS_FOLDER. Reads the llama-* goldens there, which llama_goldens.py writes.

bitsandbytes runs without its compiled library, as in optim_goldens.py: its torch code rounds to the nearest code, as its
CUDA kernels do.
"""

import ctypes
import json
import os
import sys
from pathlib import Path


class NoLibrary(ctypes.LibraryLoader):
    def LoadLibrary(self, name):
        raise OSError("withheld")


os.environ["TORCHDYNAMO_DISABLE"] = "1"  # the code as it stands, not compiled
# Before peft and transformers, which import bitsandbytes as well.
loader, ctypes.cdll = ctypes.cdll, NoLibrary(ctypes.CDLL)
import bitsandbytes  # noqa: E402

ctypes.cdll = loader
import numpy as np  # noqa: E402
import torch  # noqa: E402
from bitsandbytes.cextension import ErrorHandlerMockBNBNativeLibrary, lib  # noqa: E402
from bitsandbytes.functional import dequantize_4bit, quantize_4bit  # noqa: E402
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from peft.utils.integrations import dequantize_module_weight  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, BitsAndBytesConfig  # noqa: E402
from transformers.utils import logging  # noqa: E402

import llama_goldens as llama  # noqa: E402

assert isinstance(lib, ErrorHandlerMockBNBNativeLibrary), "bitsandbytes has loaded its compiled library"

# name: the llama golden whose model, adapter and batch it uses, and how the base model is rounded.
CASES = {
    "nf4": ("llama-gqa-tied", {"bnb_4bit_quant_type": "nf4"}),
    "nf4-nested": ("llama-mha-untied", {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}),
    "fp4": ("llama-bias", {"bnb_4bit_quant_type": "fp4"}),
    "int4": ("llama-gqa-tied", None),
    "nf4-dora": ("llama-dora-bias", {"bnb_4bit_quant_type": "nf4"}),
}
BETA = 0.3
STEPS = 5


def weights():
    """By name: [out, in]. Blocks of one size, a last block that is not whole, zeros, a block of one value, many scales."""
    random = np.random.RandomState(4)
    made = {
        "whole": random.standard_normal((12, 64)) * 0.05,
        "across-rows": random.standard_normal((32, 48)) * 0.05,
        "ragged": random.standard_normal((7, 22)) * 2,
        "many": random.standard_normal((72, 256)) * np.exp(random.standard_normal((72, 1))) * 0.02,
    }
    made["whole"][0, :] = 0
    made["whole"][1, :] = 0.25
    # halfway between two values of each type, and as near to it as float32 comes
    middles = [-0.8480964004993439, 0.0, 0.03979014977812767, 0.861478418111801, -0.5833333, 0.2083333, 0.0026041667]
    made["whole"][2, : len(middles)] = middles
    made["whole"][2, len(middles) : 2 * len(middles)] = np.nextafter(np.float32(middles), np.float32(2))
    made["whole"][2, 63] = 1
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in made.items()}


def write_rounding(folder):
    tensors = {}
    for name, weight in weights().items():
        tensors[f"{name}.weight"] = weight
        for kind in ("nf4", "fp4"):
            codes, state = quantize_4bit(weight, blocksize=64, quant_type=kind)
            tensors[f"{name}.{kind}.codes"] = codes.flatten()
            tensors[f"{name}.{kind}.absmax"] = state.absmax
            tensors[f"{name}.{kind}.values"] = dequantize_4bit(codes, state)
        codes, state = quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
        tensors[f"{name}.nested.absmax"] = state.absmax
        tensors[f"{name}.nested.nested_absmax"] = state.state2.absmax
        tensors[f"{name}.nested.map"] = state.state2.code
        tensors[f"{name}.nested.offset"] = state.offset.reshape(1)
        tensors[f"{name}.nested.values"] = dequantize_4bit(codes, state)
        tensors[f"{name}.int4.values"] = evenly_spaced(weight)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "rounding.safetensors")


def evenly_spaced(weight):
    """Blocks of 32 along a row; the element of the largest magnitude becomes -8 (llama.cpp's Q4_0, with float32 scales)."""
    rows = []
    for row in weight.numpy():
        for start in range(0, len(row), 32):
            block = row[start : start + 32]
            largest = block[np.argmax(np.abs(block))]
            scale = np.float32(largest / np.float32(-8))
            inverse = np.float32(1) / scale if scale != 0 else np.float32(0)
            codes = np.minimum(np.floor(block * inverse + np.float32(0.5)), 7)
            rows.append((codes * scale).astype(np.float32))
    return torch.from_numpy(np.concatenate(rows).reshape(weight.shape))


def load_model(folder, rounding):
    if rounding is None:
        model = llama.load_model(folder)
        with torch.no_grad():
            for name, module in model.named_modules():
                if isinstance(module, torch.nn.Linear) and name != "lm_head":
                    module.weight.copy_(evenly_spaced(module.weight))
        return model
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.float32, **rounding)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", quantization_config=config, device_map={"": "cpu"}
    )
    rounded = {name for name, module in model.named_modules() if isinstance(module, bitsandbytes.nn.Linear4bit)}
    expected = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)} - {"lm_head"}
    assert rounded == expected, rounded ^ expected
    return model


def pair_loss(model, batch):
    """DPO's loss (sigmoid) of the two rows as one pair, the adapter off as the reference; and its log-probabilities."""

    def sums():
        logits = llama.forward(model, batch).log_softmax(-1)
        found = []
        for row, labels in enumerate(batch["labels"]):
            places = [i for i in range(1, len(labels)) if labels[i] != -100]
            found.append(sum(logits[row, i - 1, labels[i]] for i in places))
        return found

    with torch.no_grad(), model.disable_adapter():
        reference = sums()
    chosen, rejected = sums()
    loss = -torch.nn.functional.logsigmoid(BETA * ((chosen - reference[0]) - (rejected - reference[1])))
    return loss, [value.item() for value in reference]


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {llama.file_key(name): weight.grad.clone() for name, weight in model.named_parameters() if weight.requires_grad}


def write_case(folder, base, rounding, goldens):
    folder.mkdir(parents=True, exist_ok=True)
    source = goldens / base
    batch = json.loads((source / "batch.json").read_text())
    plain = load_model(source, rounding)
    base_loss = llama.loss_of(llama.forward(plain, batch), batch).item()
    adapter = source / "adapter"
    if json.loads((adapter / "adapter_config.json").read_text())["use_dora"]:
        check_magnitudes(source, rounding)
    model = PeftModel.from_pretrained(plain, adapter, is_trainable=True)
    logits = llama.forward(model, batch)
    loss = llama.loss_of(logits, batch)
    tensors = {"logits": llama.real_rows(logits, batch)}
    tensors |= {f"grad.{key}": value for key, value in gradients(model, loss).items()}
    dpo_loss, reference = pair_loss(model, batch)
    tensors |= {f"dpo.grad.{key}": value for key, value in gradients(model, dpo_loss).items()}

    trained = {llama.file_key(name): weight for name, weight in model.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-2, weight_decay=0.01)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        step_loss = llama.loss_of(llama.forward(model, batch), batch)
        step_loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        losses.append(step_loss.item())
    expected = {
        "base": base,
        "loss_base": base_loss,
        "loss": loss.item(),
        "dpo": {"beta": BETA, "loss": dpo_loss.item(), "reference": reference},
        "steps": losses,
        "optimizer": {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "max_grad_norm": 1.0},
    }
    llama.write_json(folder / "expected.json", expected)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "expected.safetensors")
    if "dora" in folder.name:
        write_magnitudes(folder, source, rounding)


def check_magnitudes(source, rounding):
    """PEFT begins DoRA at the row norms of the rounded weights."""
    model = fresh_dora(source, rounding)
    for name, module in model.named_modules():
        if hasattr(module, "lora_magnitude_vector") and len(module.lora_magnitude_vector):
            norms = dequantize_module_weight(module.get_base_layer()).norm(dim=1)
            assert torch.allclose(module.lora_magnitude_vector["default"].weight, norms, rtol=1e-5), name


def write_magnitudes(folder, source, rounding):
    model = fresh_dora(source, rounding)
    found = {llama.file_key(k): v.detach() for k, v in model.named_parameters() if "magnitude" in k}
    save_file({key: value.contiguous() for key, value in found.items()}, folder / "magnitudes.safetensors")


def fresh_dora(source, rounding):
    settings = json.loads((source / "adapter" / "adapter_config.json").read_text())
    config = LoraConfig(task_type="CAUSAL_LM", r=settings["r"], use_dora=True, target_modules=settings["target_modules"])
    return get_peft_model(load_model(source, rounding), config)


def main():
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    goldens = Path(sys.argv[1])
    folder = goldens / "four-bit"
    folder.mkdir(parents=True, exist_ok=True)
    write_rounding(folder)
    for name, (base, rounding) in CASES.items():
        write_case(folder / name, base, rounding, goldens)


if __name__ == "__main__":
    main()

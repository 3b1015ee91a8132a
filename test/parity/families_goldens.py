"""Writes test/goldens/families: tiny checkpoints of every supported family with a LoRA adapter, and what transformers + PEFT
compute on them: what llama_goldens.py writes, and what the model with its adapter answers greedily with a cache.

Usage: python families_goldens.py OUTPUT_FOLDER [case ...]. README.md in test/goldens describes the files.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM

from llama_goldens import load_model, write_all, write_case, write_json

VOCABULARY = 64
STEPS = 4
PLAIN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PATHS = [f"{'mlp' if name.split('_')[0] in ('gate', 'up', 'down') else 'self_attn'}.{name}" for name in PLAIN]
EYES = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
FUSED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
PACKED = ["abcdefghi", "jklmnop"]
TREE = ["abcdef(ghi)(jklmn)", "opqrst"]
LONGROPE = {"short_factor": [1.0, 1.1, 1.3], "long_factor": [1.2, 2.5, 6.0]}

# config: what the family's config class gets. written: keys that config.json then holds besides or instead, removed: keys
# that it lacks, so that configs as older releases wrote them are read too. Rows are longer than every window.
CASES = {
    "mistral-window": {
        "type": "mistral",
        "config": {"sliding_window": 5, "head_dim": 16},
        "removed": ["rope_parameters"],
        "written": {"rope_theta": 1000000.0},
    },
    "mistral-packed": {"type": "mistral", "config": {"sliding_window": 4}, "forest": [PACKED, ["qrstuvwx"]]},
    "mistral-tree": {"type": "mistral", "config": {"sliding_window": 3}, "forest": [TREE, ["uvw(x)(yzabcde)"]]},
    "qwen2-yarn": {
        "type": "qwen2",
        # windows that the config names and does not switch on
        "config": {"sliding_window": 5, "max_window_layers": 0, "tie_word_embeddings": True},
        "removed": ["rope_parameters", "layer_types"],
        "written": {"sliding_window": 5, "rope_theta": 100.0, "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    },
    "qwen2-window": {
        "type": "qwen2",
        "config": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
        "dtype": "float16",
    },
    "qwen2-window-old": {
        "type": "qwen2",
        "config": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
        "removed": ["layer_types", "rope_parameters"],
        "written": {"rope_theta": 10000.0},
        "forest": [PACKED, ["qrstuvwx"]],
    },
    "qwen3-norms": {"type": "qwen3", "config": {"head_dim": 16, "attention_bias": True, "tie_word_embeddings": True}},
    "qwen3-dynamic": {
        "type": "qwen3",
        "config": {"head_dim": 8, "max_position_embeddings": 12},
        "removed": ["rope_parameters", "layer_types"],
        "written": {"rope_theta": 100.0, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
        # transformers changes the base with every token: there is no one model to compare with
        "greedy": False,
    },
    "gemma2-old": {
        "type": "gemma2",
        "config": {"head_dim": 16, "sliding_window": 5, "attn_logit_softcapping": 4.0, "final_logit_softcapping": 3.0, "query_pre_attn_scalar": 12},
        "removed": ["layer_types", "rope_parameters", "tie_word_embeddings"],
        "written": {"rope_theta": 10000.0, "hidden_act": "gelu_pytorch_tanh"},
        "dtype": "float32",
    },
    "gemma2-packed": {
        "type": "gemma2",
        "config": {"head_dim": 8, "sliding_window": 4, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 5.0},
        "forest": [PACKED, ["qrstuvwx"]],
    },
    "gemma3-old": {
        "type": "gemma3_text",
        "config": {"head_dim": 16, "sliding_window": 5, "query_pre_attn_scalar": 20, "layer_types": ["sliding_attention", "full_attention"]},
        "removed": ["layer_types", "rope_parameters", "tie_word_embeddings", "_sliding_window_pattern"],
        "written": {
            "sliding_window_pattern": 2,
            "rope_theta": 5000.0,
            "rope_local_base_freq": 50.0,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
        "dtype": "float32",
    },
    "gemma3-tree": {
        "type": "gemma3_text",
        "config": {
            "head_dim": 8,
            "sliding_window": 4,
            "layer_types": ["full_attention", "sliding_attention"],
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 3000.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 70.0},
            },
        },
        "forest": [TREE, ["uvw(x)(yzabcde)"]],
    },
    # With eyes beside it, as the models from 4B on.
    "gemma3-whole": {
        "type": "gemma3",
        "config": {"head_dim": 8, "sliding_window": 4, "query_pre_attn_scalar": 8, "layer_types": ["sliding_attention", "full_attention"]},
        "lora": {"target_modules": [f"model.language_model.layers.{layer}.{path}" for layer in (0, 1) for path in PATHS]},
    },
    "phi3-longrope": {
        "type": "phi3",
        "config": {"original_max_position_embeddings": 64, "max_position_embeddings": 256},
        "removed": ["rope_parameters"],
        "written": {"rope_theta": 10000.0, "partial_rotary_factor": 0.75, "rope_scaling": {"type": "longrope", **LONGROPE}},
        "dtype": "float32",
    },
    # Rows are longer than the original context, and the answer grows beyond it.
    "phi3-longrope-long": {
        "type": "phi3",
        "config": {
            "original_max_position_embeddings": 12,
            "max_position_embeddings": 64,
            "tie_word_embeddings": True,
            "rope_parameters": {"rope_type": "longrope", "rope_theta": 100.0, "partial_rotary_factor": 0.75, **LONGROPE},
        },
    },
    "phi3-window-su": {
        "type": "phi3",
        "config": {"sliding_window": 5, "original_max_position_embeddings": 32, "max_position_embeddings": 64},
        "removed": ["rope_parameters"],
        "written": {
            "rope_theta": 10000.0,
            # the key in rope_scaling is for transformers 5, which else stumbles over this old name of longrope
            "rope_scaling": {
                "type": "su",
                "short_factor": [1.0, 1.1, 1.3, 1.4],
                "long_factor": [2.0, 2.5, 6.0, 9.0],
                "original_max_position_embeddings": 32,
            },
        },
        "forest": [PACKED, ["qrstuvwx"]],
    },
    "phi3-dora": {"type": "phi3", "lora": {"use_dora": True}},
    "smollm3-nope": {
        "type": "smollm3",
        "config": {"no_rope_layers": [0, 1], "attention_bias": True},
        "removed": ["rope_parameters", "layer_types"],
        "written": {"rope_theta": 5000000.0},
    },
    "smollm3-window": {
        "type": "smollm3",
        "config": {"no_rope_layer_interval": 2, "use_sliding_window": True, "sliding_window": 5, "mlp_bias": True},
        "forest": [PACKED, ["qrstuvwx"]],
    },
    "olmo2-norms": {"type": "olmo2", "config": {"num_key_value_heads": 4}, "dtype": "float32"},
    "olmo2-gqa": {"type": "olmo2", "config": {"attention_bias": True, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}}},
    "granite-multipliers": {
        "type": "granite",
        "config": {
            "embedding_multiplier": 3.0,
            "attention_multiplier": 0.2,
            "residual_multiplier": 0.4,
            "logits_scaling": 2.5,
            "tie_word_embeddings": True,
        },
        "dtype": "float32",
    },
    "granite-bias": {
        "type": "granite",
        "config": {"attention_bias": True, "mlp_bias": True, "residual_multiplier": 0.7, "logits_scaling": 0.5},
        "forest": [PACKED, ["qrstuvwx"]],
    },
    "llama-yarn": {
        "type": "llama",
        "removed": ["rope_parameters"],
        "written": {
            "rope_theta": 100.0,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 8.0,
                "original_max_position_embeddings": 16,
                "beta_fast": 4.0,
                "beta_slow": 0.5,
                "mscale": 1.5,
                "mscale_all_dim": 0.8,
                "truncate": False,
            },
        },
    },
}


def whole(case):
    """A case with what all have in common."""
    lora = {"r": 2, "lora_alpha": 4, "target_modules": FUSED if case["type"] == "phi3" else PLAIN, **case.get("lora", {})}
    return {"dtype": "bfloat16", "vocabulary": VOCABULARY, "lengths": [18, 11], **case, "lora": lora}


def make(case):
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
        "rms_norm_eps": 1e-5,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **case.get("config", {}),
    }
    if case["type"] == "gemma3":
        settings = {"text_config": settings, "vision_config": EYES, "mm_tokens_per_image": 1}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(case["type"], **settings))


def write_config(path, case):
    config = json.loads(path.read_text())
    config.pop("transformers_version", None)
    for key in case.get("removed", []):
        config.pop(key, None)
    write_json(path, config | case.get("written", {}))


def greedy(folder):
    """What the model says under the adapter, one token after the other, and how far each leads before the next likeliest."""
    model = PeftModel.from_pretrained(load_model(folder), folder / "adapter").eval()
    prompt = json.loads((folder / "batch.json").read_text())["input_ids"][0][:7]
    model.generation_config.eos_token_id = None
    with torch.no_grad():
        answer = model.generate(
            input_ids=torch.tensor([prompt]), max_new_tokens=16, do_sample=False, return_dict_in_generate=True, output_logits=True
        )
    leads = [(top := logits[0].topk(2).values)[0] - top[1] for logits in answer.logits]
    assert min(leads) > 1e-3, f"two tokens are as likely: {min(leads)}"
    tokens = answer.sequences[0, len(prompt) :].tolist()
    assert len(tokens) == 16
    return {"prompt": prompt, "tokens": tokens}


def write(folder, name):
    case = whole(CASES[name])
    write_case(folder, name, case, make, write_config, STEPS)
    if case.get("greedy", True):
        write_json(folder / "greedy.json", greedy(folder))


if __name__ == "__main__":
    output, *names = sys.argv[1:]
    write_all(output, names or CASES, write)

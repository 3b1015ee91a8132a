"""GGUF files as llama.cpp's converter writes them, and what is in them by gguf-py, transformers, tokenizers and sentencepiece.

Usage: gguf_goldens.py FOLDER. Writes into it (see test/goldens/README.md, "gguf/"):
  blocks.gguf, blocks.json   one tensor of each block type; SHA-256 of gguf-py's float32 values
  <architecture>.gguf        a tiny model of transformers' own class, written by the rules of convert_hf_to_gguf.py
  <architecture>.json        config, SHA-256 of every tensor of the model, ids of texts by the tokenizer's own library
"""

import hashlib
import io
import json
import math
import re
import sys
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import torch
import transformers
from gguf import GGMLQuantizationType as T
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

TEXTS = [
    "Hello world",
    "The quick brown fox jumps over 12 lazy dogs, 345 cats and 6789 mice.",
    "  two  spaces   three\tand a tab \n\n\nand lines\r\n",
    "Ünïcödé, naïve café: 日本語と中文, русский, עברית",
    "emoji 🙂👩‍👩‍👧 and 🚀!",
    "def f(x):\n    return x ** 2  # it's what they'll've WE'LL'd\n",
    "<|im_start|>user\nhi<|im_end|>\n",
    "<s>a</s> b",
    "1234567 0.5e-3 ½ ²",
    " leading and trailing ",
    "\u00a0nbsp\u2028line",
    "CamelCaseWords, XMLHttpRequest's iPhone'S ÉCOLEÉcole ǅungla // path/to\r\n/x 12345678",
]
CORPUS = [
    "the cat and the dog went to the house where the other animals and the people were",
    "hello world, this is what they said: it's there, isn't it? we'll see",
    "12 345 6789 numbers 1 2 3 and code def f(x): return x",
] * 20
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def sha(values):
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def random_blocks(rng, kind, count):
    """Blocks of random bytes with sane scales, for types that gguf-py only reads."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    halves = {T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}[kind]
    for at in halves:
        scales = rng.normal(0, 0.01, count).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks


def quantized(rng, kind, rows, width):
    """Bytes of a tensor as gguf-py wants them, and their float32 values."""
    values = rng.normal(0, 0.05, (rows, width)).astype(np.float32)
    if kind in (T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K):
        data = random_blocks(rng, kind, rows * width // 256).reshape(rows, -1)
    else:
        data = gguf.quantize(values, kind)
    return data, gguf.dequantize(data, kind).astype(np.float32).reshape(rows, width)


def write_blocks(folder):
    rng = np.random.default_rng(1)
    kinds = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.Q2_K, T.Q3_K, T.Q4_K, T.Q5_K, T.Q6_K]
    writer = gguf.GGUFWriter(folder / "blocks.gguf", "none")
    expected = {}
    for kind in kinds:
        data, values = quantized(rng, kind, 3, 512)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        expected[kind.name] = {"shape": [3, 512], "sha256": sha(values), "first": [float(x) for x in values[0, :4]]}
    finish(writer)
    (folder / "blocks.json").write_text(json.dumps(expected, indent=1) + "\n")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


MODERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


# In these families' own files.
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_pairs(pre):
    """A tokenizer trained on a few lines, and the metadata that describes it."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=pre in ("llama-bpe", "tekken")))
    if pre in ("smollm", "refact"):
        cutting = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    elif pre == "gpt-2":
        cutting = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    else:
        patterns = {"qwen2": MODERN % "", "tekken": TEKKEN, "gpt-4o": GPT4O}
        cutting = [
            pre_tokenizers.Split(Regex(patterns.get(pre, MODERN % "{1,3}")), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    if pre == "qwen2":
        from tokenizers import normalizers

        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cutting)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    rows = len(tokens) + 4

    def add(writer):
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        kinds = [gguf.TokenType.CONTROL if t in special else gguf.TokenType.NORMAL for t in tokens]
        writer.add_token_list(tokens + [f"[PAD{i}]" for i in range(len(tokens), rows)])
        writer.add_token_types(kinds + [gguf.TokenType.UNUSED] * 4)
        writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in model["merges"]])
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(2)
        writer.add_pad_token_id(0)
        writer.add_add_bos_token(False)
        writer.add_chat_template(TEMPLATE)

    def encode(text):
        return tokenizer.encode(text, add_special_tokens=False).ids

    return rows, add, encode


def sentence_piece(add_blank=True, strips=False):
    """
    The same of a SentencePiece model with byte fallback, as Llama 2 and Gemma have it. strips: tokens swallow the blanks
    behind them, as Phi-3's do (rstrip in its tokenizer.json).
    """
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_writer=out,
        model_type="bpe",
        vocab_size=400,
        byte_fallback=True,
        add_dummy_prefix=add_blank,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        split_digits=True,
        user_defined_symbols=["<|im_start|>", "<|im_end|>"],
        minloglevel=2,
    )
    spm = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    rows = spm.vocab_size()

    def kind(i):
        if spm.IsUnknown(i):
            return gguf.TokenType.UNKNOWN
        if spm.IsControl(i):
            return gguf.TokenType.CONTROL
        if spm.IsByte(i):
            return gguf.TokenType.BYTE
        return gguf.TokenType.USER_DEFINED if spm.IdToPiece(i).startswith("<|") else gguf.TokenType.NORMAL

    def add(writer):
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([spm.IdToPiece(i) for i in range(rows)])
        writer.add_token_scores([spm.GetScore(i) for i in range(rows)])
        writer.add_token_types([kind(i) for i in range(rows)])
        writer.add_bos_token_id(spm.bos_id())
        writer.add_eos_token_id(spm.eos_id())
        writer.add_unk_token_id(spm.unk_id())
        if not add_blank:
            writer.add_add_space_prefix(False)
        writer.add_chat_template(TEMPLATE)

    whole = {spm.IdToPiece(i): i for i in range(rows) if not spm.IsByte(i) and kind(i) != gguf.TokenType.NORMAL}
    strip = lambda piece: r"\s*" if strips and piece not in ("<unk>", "<s>", "<|endoftext|>") else ""
    pattern = re.compile("(" + "|".join(re.escape(piece) + strip(piece) for piece in whole) + ")")

    def encode(text):
        # llama.cpp and transformers find these in a text first; sentencepiece itself never reads control tokens from it.
        parts = [part for part in pattern.split(text) if part]
        ids = lambda part: [whole[part]] if part in whole else spm.EncodeAsIds(part)
        return [i for part in parts for i in ids(part.rstrip() if strips and pattern.fullmatch(part) else part)]

    return rows, add, encode


def permuted(values, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    shape = values.shape
    return values.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


SIZES = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=512)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=8192)

# name: architecture of llama.cpp, transformers' config, tokenizer, type of the matrices
CASES = {
    "llama": ("llama", lambda n: transformers.LlamaConfig(
        vocab_size=n, tie_word_embeddings=True, rope_theta=100000.0, rms_norm_eps=1e-5, **SIZES), byte_pairs("smollm"), T.Q8_0),
    "llama-bias": ("llama", lambda n: transformers.LlamaConfig(
        vocab_size=n, attention_bias=True, rope_theta=500000.0, rope_scaling=LLAMA3, head_dim=16, **SIZES), byte_pairs("llama-bpe"), T.BF16),
    "llama-sentencepiece": ("llama", lambda n: transformers.LlamaConfig(vocab_size=n, **SIZES), sentence_piece(), T.F16),
    "qwen2": ("qwen2", lambda n: transformers.Qwen2Config(
        vocab_size=n, tie_word_embeddings=True, rope_theta=1000000.0, **SIZES), byte_pairs("qwen2"), T.Q4_0),
    "qwen3": ("qwen3", lambda n: transformers.Qwen3Config(
        vocab_size=n, tie_word_embeddings=True, rope_theta=1000000.0, head_dim=16, **SIZES), byte_pairs("qwen2"), T.Q5_1),
    "olmo2": ("olmo2", lambda n: transformers.Olmo2Config(
        vocab_size=n, rope_theta=500000.0, pad_token_id=0, eos_token_id=2, **SIZES), byte_pairs("dbrx"), T.Q8_0),
    "granite": ("granite", lambda n: transformers.GraniteConfig(
        vocab_size=n, tie_word_embeddings=True, embedding_multiplier=12.0, residual_multiplier=0.22, logits_scaling=8.0,
        attention_multiplier=0.0078125, **SIZES), byte_pairs("refact"), T.F16),
    "smollm3": ("smollm3", lambda n: transformers.SmolLM3Config(
        vocab_size=n, tie_word_embeddings=True, rope_theta=5000000.0, pad_token_id=0, bos_token_id=0, eos_token_id=2,
        **{**SIZES, "num_hidden_layers": 4}), byte_pairs("smaug-bpe"), T.Q4_1),
    "gemma2": ("gemma2", lambda n: transformers.Gemma2Config(
        vocab_size=n, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, **SIZES), sentence_piece(False), T.F16),
    "gemma3": ("gemma3", lambda n: transformers.Gemma3TextConfig(
        vocab_size=n, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, **{**SIZES, "num_hidden_layers": 6}), sentence_piece(False), T.Q8_0),
    # As of the models from 4B on.
    "gemma3-linear": ("gemma3", lambda n: transformers.Gemma3TextConfig(
        vocab_size=n, head_dim=16, query_pre_attn_scalar=16, sliding_window=16, rope_parameters={
            "full_attention": dict(rope_type="linear", factor=8.0, rope_theta=1000000.0),
            "sliding_attention": dict(rope_type="default", rope_theta=20000.0),
        }, **{**SIZES, "num_hidden_layers": 6}), sentence_piece(False), T.Q4_0),
    "phi3": ("phi3", lambda n: transformers.Phi3Config(
        vocab_size=n, sliding_window=200, original_max_position_embeddings=64, pad_token_id=0, rope_parameters=dict(
            rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.75, original_max_position_embeddings=64,
            long_factor=[1.08, 1.625, 40.5], short_factor=[1.0, 1.02, 1.15]),
        **SIZES), sentence_piece(strips=True), T.Q8_0),
    # As Phi-4: no window, and another tokenizer.
    "phi4": ("phi3", lambda n: transformers.Phi3Config(
        vocab_size=n, tie_word_embeddings=True, original_max_position_embeddings=512, rope_theta=250000.0, pad_token_id=0,
        bos_token_id=0, eos_token_id=2, **SIZES), byte_pairs("gpt-4o"), T.F16),
    "mistral3": ("mistral3", lambda n: transformers.MistralConfig(
        vocab_size=n, head_dim=16, sliding_window=None, rope_parameters=dict(
            rope_type="yarn", factor=16.0, rope_theta=1000000.0, beta_fast=32.0, beta_slow=1.0,
            original_max_position_embeddings=64, attention_factor=1.0), **SIZES), byte_pairs("tekken"), T.Q5_0),
    # In parts, as gguf-py splits files.
    "qwen2-yarn": ("qwen2", lambda n: transformers.Qwen2Config(
        vocab_size=n, rope_parameters=dict(
            rope_type="yarn", factor=4.0, rope_theta=1000000.0, original_max_position_embeddings=128),
        **SIZES), byte_pairs("qwen2"), T.Q8_0),
}
IN_PARTS = {"qwen2-yarn": 12}
PERMUTED = ("llama", "granite", "smollm3", "mistral3")


def write_model(folder, name):
    architecture, config_of, (rows, add_tokenizer, encode), kind = CASES[name]
    torch.manual_seed(7)
    config = config_of(rows)
    model = transformers.AutoModelForCausalLM.from_config(config)
    rng = np.random.default_rng(3)
    arch = next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == architecture)
    names = gguf.get_tensor_name_map(arch, config.num_hidden_layers)
    writer = gguf.GGUFWriter(folder / f"{name}.gguf", architecture, split_max_tensors=IN_PARTS.get(name, 0))
    metadata(writer, architecture, config)
    add_tokenizer(writer)
    tensors = {}
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for key, parameter in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        base, _, suffix = key.rpartition(".")
        # Norms away from 1, biases away from 0, all exact in bfloat16 as released weights are.
        values = torch.tensor(rng.normal(0, 0.05, tuple(parameter.shape))).bfloat16().float().numpy()
        if "norm" in key and not architecture.startswith("gemma"):
            values = (torch.tensor(values) + 1).bfloat16().float().numpy()
        stored = values
        part = base.rpartition(".")[2]
        if architecture in PERMUTED and part in heads:
            stored = permuted(stored, heads[part])
        if architecture.startswith("gemma") and key.endswith("norm.weight"):
            stored = stored + 1
        of = kind if values.ndim == 2 else T.F32
        data = gguf.quantize(np.ascontiguousarray(stored), of)
        writer.add_tensor(f"{names.get_name(base)}.{suffix}", data, raw_dtype=of)
        # What comes out: as it was where the type is exact, else the dequantised values in float16, rows back in order.
        exact = of in (T.F32, T.BF16)
        if not exact:
            read = gguf.dequantize(data, of).reshape(values.shape)
            if architecture in PERMUTED and part in heads:
                read = unpermuted(read, heads[part])
            values = read.astype(np.float16)
        if of == T.BF16:
            values = (values.view(np.uint32) >> 16).astype(np.uint16)
        dtype = of.name if exact else "F16"
        tensors[key] = {"dtype": dtype, "shape": list(values.shape), "sha256": sha(values)}
    if config.rope_parameters.get("rope_type") == "llama3":
        frequencies = rope_factors(config)
        writer.add_tensor("rope_freqs.weight", frequencies)
    if config.rope_parameters.get("rope_type") == "longrope":
        for length in ("long", "short"):
            factors = np.array(config.rope_parameters[f"{length}_factor"], dtype=np.float32)
            writer.add_tensor(f"rope_factors_{length}.weight", factors)
    finish(writer)
    wanted = {k: v for k, v in config.to_dict().items() if k in CONFIG_KEYS and v is not None}
    if set(wanted.get("layer_types", [])) == {"full_attention"}:
        del wanted["layer_types"]
    texts = [{"text": text, "ids": encode(text)} for text in TEXTS]
    golden = {"config": wanted, "tensors": tensors, "texts": texts}
    (folder / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n")
    print(name, [file.stat().st_size for file in folder.glob(f"{name}*.gguf")])


CONFIG_KEYS = (
    "model_type hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads vocab_size "
    "max_position_embeddings rms_norm_eps tie_word_embeddings rope_parameters head_dim attention_bias mlp_bias "
    "embedding_multiplier residual_multiplier logits_scaling attention_multiplier no_rope_layers layer_types "
    "sliding_window attn_logit_softcapping final_logit_softcapping query_pre_attn_scalar hidden_activation "
    "original_max_position_embeddings"
).split()


def unpermuted(values, heads):
    shape = values.shape
    return values.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def rope_factors(config):
    """LlamaModel.generate_extra_tensors of convert_hf_to_gguf.py."""
    rope = config.rope_parameters
    dim = config.head_dim
    freqs = 1.0 / (rope["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float32) / dim))
    old = rope["original_max_position_embeddings"]
    low, high = old / rope["low_freq_factor"], old / rope["high_freq_factor"]
    factors = []
    for freq in freqs:
        length = 2 * np.pi / freq
        if length < high:
            factors.append(1)
        elif length > low:
            factors.append(rope["factor"])
        else:
            smooth = (old / length - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors, dtype=torch.float32).numpy()


def metadata(writer, architecture, config):
    """As set_gguf_parameters of the architecture's class."""
    writer.add_name("Tiny model")
    writer.add_license("apache-2.0")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    theta = config.rope_parameters.get("full_attention", config.rope_parameters)["rope_theta"]
    writer.add_rope_freq_base(theta)
    if architecture in ("qwen3", "gemma2", "gemma3") or head != config.hidden_size // config.num_attention_heads:
        writer.add_key_length(head)
        writer.add_value_length(head)
    if rope["rope_type"] in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for key, add in (
            ("attention_factor", writer.add_rope_scaling_yarn_attn_factor),
            ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
            ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
        ):
            if rope.get(key) is not None:
                add(rope[key])
    local = config.rope_parameters.get("sliding_attention", {}).get("rope_theta", 10000.0)
    # Older converters never write it.
    if local != 10000.0:
        writer.add_rope_freq_base_swa(local)
    if architecture == "phi3":
        original = config.original_max_position_embeddings
        stretch = config.max_position_embeddings / original
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_dimension_count(int(rope.get("partial_rotary_factor", 1.0) * head))
        writer.add_sliding_window(config.sliding_window or 0)
        if rope["rope_type"] == "longrope":
            writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(stretch) / math.log(original)))
    if architecture in PERMUTED:
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(head)
    if architecture == "granite":
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    if architecture in ("gemma2", "gemma3"):
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_blocks(folder)
    for name in CASES:
        write_model(folder, name)


if __name__ == "__main__":
    main()

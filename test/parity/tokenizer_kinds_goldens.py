"""Tokenizers of the kinds that model families have, trained on a few lines: ids and decoded texts by tokenizers.

Usage: tokenizer_kinds_goldens.py FOLDER. Writes FOLDER/<kind>.json with the tokenizer.json and what it makes of texts.
The files of the families themselves are too large to keep, and for some not to be had; stage "tokenizers and templates of
families" in run.mjs compares those that are.
"""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from gguf_goldens import CORPUS, GPT4O, MODERN, TEXTS
from tokenizer_goldens import TEXTS as HARD_TEXTS

BLANK = "\u2581"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TURNS = [
    "<|system|>\nBe brief.<|end|>\n<|user|>\n  Hi!  <|end|>\n<|assistant|>\n\n Hello <|end|>",
    "<|user|> a<|user|>b <|end|>  \n\t <|assistant|>   x</s>   y",
    "a <mask> b<mask>c  <mask>  d",
    "word inword keyword word's word_ 3word word",
    "\n\n\n   \n\n two\n\nthree\n\n\n\n",
    "  \t  mixed   blanks    here     and      there",
    "cafe\u0301 <|caf\u00e9|> <|cafe\u0301|> \u212b",
]


def trained(tokenizer, special, size=420):
    kind = tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False, initial_alphabet=(
        pre_tokenizers.ByteLevel.alphabet() if "ByteLevel" in str(kind) else list("abcdefghijklmnopqrstuvwxyz ")))
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def with_byte_fallback(normalizer, pre_tokenizer, decoder, special, merged_blanks=False):
    """A vocabulary as SentencePiece makes it. Trained on words, whatever it will then be cut into."""
    source = Tokenizer(models.BPE())
    source.normalizer = normalizers.Replace(" ", BLANK)
    source.pre_tokenizer = pre_tokenizers.Split(BLANK, "merged_with_next")
    source = trained(source, [])
    found = json.loads(source.to_str())["model"]
    tokens = [*special, *BYTES, *sorted(found["vocab"], key=found["vocab"].get)]
    merges = [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in found["merges"]]
    if merged_blanks:
        tokens += [BLANK * 2, BLANK * 4]
        merges = [(BLANK, BLANK), (BLANK * 2, BLANK * 2), *merges]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    model = models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    return tokenizer


def unwrapped(strips):
    parts = [decoders.Replace(BLANK, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*parts, decoders.Strip(" ", 1, 0)] if strips else parts)


def special(content, **how):
    return AddedToken(content, **{"normalized": False, "special": True, **how})


def phi3():
    """Llama 2's, with tokens that swallow the blanks behind them."""
    prefixed = normalizers.Sequence([normalizers.Prepend(BLANK), normalizers.Replace(" ", BLANK)])
    tokenizer = with_byte_fallback(prefixed, None, unwrapped(True), ["<unk>", "<s>", "</s>"])
    tokenizer.add_special_tokens([special("<unk>"), special("<s>"), special("<|endoftext|>")])
    tokenizer.add_tokens([AddedToken("</s>", rstrip=True, normalized=False)])
    tokenizer.add_special_tokens([special(f"<|{name}|>", rstrip=True) for name in ("system", "user", "assistant", "end")])
    return tokenizer


def mistral():
    """The newer way of writing Llama 2's: only the first word of a text gets a blank."""
    metaspace = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="first", split=False)
    tokenizer = with_byte_fallback(None, metaspace, unwrapped(True), ["<unk>", "<s>", "</s>"])
    tokenizer.add_special_tokens([special(t) for t in ("<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>")])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    return tokenizer


def metaspace_always():
    metaspace = pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always", split=True)
    tokenizer = with_byte_fallback(None, metaspace, unwrapped(True), ["<unk>"])
    tokenizer.add_special_tokens([special("<unk>"), special("<|end|>")])
    return tokenizer


def gemma():
    """Blanks and line ends in rows are tokens of their own, found before anything is merged."""
    tokenizer = with_byte_fallback(
        normalizers.Replace(" ", BLANK), pre_tokenizers.Split(" ", "merged_with_previous"), unwrapped(False),
        ["<pad>", "<eos>", "<bos>", "<unk>"], merged_blanks=True)
    tokenizer.add_special_tokens([special(t) for t in ("<pad>", "<eos>", "<bos>", "<unk>", "<|user|>")])
    rows = ["\n" * n for n in (2, 3, 4)] + [BLANK * n for n in (2, 3, 4, 5)] + ["\t\t", "<mask>"]
    tokenizer.add_tokens([AddedToken(row, normalized=False) for row in rows])
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", "<bos> $A <bos> $B", [("<bos>", 2)])
    return tokenizer


def byte_level(pattern, normalizer=None, digits=False, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    cut = pre_tokenizers.Split(Regex(pattern), "isolated") if pattern else None
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    parts = ([pre_tokenizers.Digits(individual_digits=True)] if digits else []) + ([cut] if cut else []) + [level]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.decoder = decoders.ByteLevel()
    return trained(tokenizer, ["<|endoftext|>"])


def qwen():
    """Normalized before it is cut; an added token that is normalized too, and ones that are not special."""
    tokenizer = byte_level(MODERN % "", normalizers.NFC())
    tokenizer.add_special_tokens([special("<|user|>"), special("<|end|>"), special("<|caf\u00e9|>", normalized=True)])
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("<think>", normalized=False)])
    return tokenizer


def granite():
    """StarCoder's: each digit alone, then GPT-2's words; a token that takes blanks on its left, one for whole words."""
    tokenizer = byte_level(None, digits=True)
    tokenizer.add_special_tokens([special("<mask>", lstrip=True), special("<|user|>")])
    tokenizer.add_tokens([AddedToken("word", single_word=True, normalized=False)])
    return tokenizer


def phi4():
    tokenizer = byte_level(GPT4O)
    tokenizer.add_special_tokens([special("<|user|>", lstrip=True, rstrip=True), special("<|end|>", rstrip=True)])
    return tokenizer


KINDS = [phi3, mistral, metaspace_always, gemma, qwen, granite, phi4]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        tokenizer = kind()
        # As transformers loads it.
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        rows = []
        for text in dict.fromkeys([*TEXTS, *HARD_TEXTS, *TURNS]):
            ids = tokenizer.encode(text).ids
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            rows.append({"text": text, "plain": plain, "decoded": tokenizer.decode(ids, skip_special_tokens=False), "ids": ids})
        golden = {"json": json.loads(tokenizer.to_str()), "texts": rows}
        text = json.dumps(golden, ensure_ascii=True, separators=(",", ":"))
        (folder / f"{kind.__name__}.json").write_text(text + "\n")
        print(kind.__name__, len(text))


if __name__ == "__main__":
    main()

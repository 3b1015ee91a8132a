"""Writes test/goldens/dpo-losses/: what TRL's own loss code makes of given log-probabilities, and PyTorch's gradients.

Usage: python dpo_losses_goldens.py OUTPUT_FOLDER. README.md in test/goldens describes the files. TRL's methods run on
stand-ins for trainer and model that hand out the log-probabilities, in float64 (alpha_divergence, which TRL has for
float32 only, in that).
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from trl import DPOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

LOSS_TYPES = [
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
    "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
]  # fmt: skip
WITH_DIVERGENCE = ["sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft"]
DEFAULTS = {
    "loss_types": ["sigmoid"],
    "loss_weights": [1.0],
    "beta": 0.1,
    "label_smoothing": 0.0,
    "f_divergence_type": "reverse_kl",
    "f_alpha_divergence_coef": 0.5,
    "discopop_tau": 0.05,
}
POLICY = ["chosen", "rejected", "chosen_token_sum"]


def log_probs(chosen, rejected, ref_chosen, ref_rejected, lengths):
    """Log-probabilities are multiples of 1/1024, exact in float32."""
    pairs = {"chosen": chosen, "rejected": rejected, "ref_chosen": ref_chosen, "ref_rejected": ref_rejected}
    pairs = {key: (np.round(np.asarray(value, dtype=np.float64) * 1024) / 1024).tolist() for key, value in pairs.items()}
    return {**pairs, "chosen_length": lengths[0], "rejected_length": lengths[1], "chosen_token_sum": pairs["chosen"]}


def batches():
    random = np.random.RandomState(21)

    def usual(pairs):
        policy = -5 - 60 * random.random_sample((2, pairs))
        reference = policy + 6 * random.standard_normal((2, pairs))
        lengths = random.randint(3, 40, (2, pairs)).tolist()
        return log_probs(*policy, *reference, lengths)

    found = {"usual": usual(6), "one": usual(1)}
    # Tails of the chosen completion count half: the chosen one is the longer one in each pair.
    tails = usual(4)
    tails["chosen_length"] = [length + 30 for length in tails["rejected_length"]]
    tails["chosen_token_sum"] = [x - 8.5 - i for i, x in enumerate(tails["chosen"])]
    found["tails"] = {**tails, "ld_alpha": 0.5}
    # Log ratios of thousands either way, and none at all.
    gap = np.array([9000.0, -9000.0, 30.0, -30.0, 0.0])
    reference = gap * 0 - 9100
    lengths = [[5, 900, 3, 4, 1], [7, 20, 300, 1, 1]]
    found["extreme"] = log_probs(reference + gap, reference - gap, reference, reference, lengths)
    # Repeated values in both vectors that aot and aot_unpaired sort.
    chosen, rejected = np.array([-20, -30, -20, -41, -30.0]), np.array([-25, -35, -25, -40, -33.0])
    found["ties"] = log_probs(chosen, rejected, chosen - [2, -1, 2, 2, 3], rejected - [1, 1, 1, -4, 4], [[9] * 5, [8] * 5])
    return found


def numbers(values):
    return [float(f"{x:.12g}") for x in np.atleast_1d(values).tolist()]


def leaves(batch, dtype):
    return {key: torch.tensor(batch[key], dtype=dtype, requires_grad=True) for key in POLICY}


def token_log_probs(batch, policy):
    """[2 * pairs, tokens] whose sums, as TRL forms them, are the given ones: all of it in the first token, or in the
    first token and the first one of the tail."""
    lengths = batch["chosen_length"] + batch["rejected_length"]
    table = [[torch.zeros((), dtype=policy["chosen"].dtype) for _ in range(max(lengths))] for _ in lengths]
    pairs = len(batch["chosen_length"])
    for i in range(pairs):
        table[pairs + i][0] = policy["rejected"][i]
        if "ld_alpha" in batch:
            tail = (policy["chosen_token_sum"][i] - policy["chosen"][i]) / (1 - batch["ld_alpha"])
            table[i][0] = policy["chosen_token_sum"][i] - tail
            table[i][batch["rejected_length"][i]] = tail
        else:
            table[i][0] = policy["chosen"][i]
    mask = [[0] + [int(t < length) for t in range(max(lengths))] for length in lengths]
    return torch.stack([torch.stack(row) for row in table]), torch.tensor(mask)


def dpo_loss(settings, batch, policy, dtype):
    per_token, completion_mask = token_log_probs(batch, policy)
    zeros = torch.zeros_like(per_token).detach()
    outputs = SimpleNamespace(log_probs=per_token, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x),
        args=SimpleNamespace(discopop_tau=settings["discopop_tau"]),
        aux_loss_enabled=False,
        ld_alpha=batch.get("ld_alpha"),
        precompute_ref_logps=True,
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        **{key: settings[key] for key in DEFAULTS if key != "discopop_tau"},
    )
    inputs = {
        "input_ids": torch.zeros_like(completion_mask),
        "attention_mask": torch.ones_like(completion_mask),
        "completion_mask": completion_mask,
        **{f"ref_{side}_logps": torch.tensor(batch[f"ref_{side}"], dtype=dtype) for side in ("chosen", "rejected")},
    }
    loss = DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, False)
    rewards = {key: value[0] for key, value in trainer._metrics["train"].items() if key.startswith(("rewards/", "logps/"))}
    return loss, rewards


def record(loss, policy):
    found = torch.autograd.grad(loss, list(policy.values()), allow_unused=True)
    gradients = {
        key: numbers((torch.zeros_like(policy[key]) if value is None else value).numpy())
        for key, value in zip(policy, found)
    }
    assert all(np.isfinite(loss.item()) and np.isfinite(value).all() for value in gradients.values())
    return {"loss": numbers(loss.item())[0], "gradients": gradients}


def merged(found, batch):
    """Without ld_alpha TRL has one sum of the chosen tokens, which takes all of the gradient."""
    if "ld_alpha" not in batch:
        del found["gradients"]["chosen_token_sum"]
    return found


def dpo_cases(named):
    def case(batch, **settings):
        settings = {**DEFAULTS, **settings}
        dtype = torch.float32 if settings["f_divergence_type"] == "alpha_divergence" else torch.float64
        policy = leaves(named[batch], dtype)
        loss, rewards = dpo_loss(settings, named[batch], policy, dtype)
        found = merged(record(loss, policy), named[batch])
        cases.append({"batch": batch, "settings": settings, **found, "rewards": rewards})

    cases = []
    smoothed = {"robust": [0.0, 0.1], "aot": [0.0, 0.1], "aot_unpaired": [0.0, 0.1], "exo_pair": [0.05]}
    for loss_type in LOSS_TYPES:
        for smoothing in smoothed.get(loss_type, [0.0]):
            for beta in (0.1, 0.5):
                for batch in ("usual", "one", "tails"):
                    case(batch, loss_types=[loss_type], beta=beta, label_smoothing=smoothing)
            if loss_type != "discopop":  # 0 * infinity in TRL
                case("extreme", loss_types=[loss_type], label_smoothing=smoothing)
    for loss_type in ("aot", "aot_unpaired"):
        case("ties", loss_types=[loss_type], label_smoothing=0.1)
    divergences = [("forward_kl", 0.5), ("js_divergence", 0.5), *(("alpha_divergence", alpha) for alpha in (0.5, 1.5, 1.0))]
    for divergence, alpha in divergences:
        settings = {"label_smoothing": 0.05, "f_divergence_type": divergence, "f_alpha_divergence_coef": alpha}
        for loss_type in WITH_DIVERGENCE:
            case("usual", loss_types=[loss_type], **settings)
    case("extreme", loss_types=["sigmoid"], f_divergence_type="js_divergence")
    case("usual", loss_types=["discopop"], discopop_tau=0.5)
    mixed = [
        (["sigmoid", "sft"], [1.0, 0.2]),
        (["sigmoid", "bco_pair", "sft"], [0.8, 0.2, 1.0]),
        (["ipo", "aot", "robust"], [-0.5, 2.0, 0.25]),
    ]
    for batch in ("usual", "tails"):
        for loss_types, weights in mixed:
            case(batch, loss_types=loss_types, loss_weights=weights, beta=0.3, label_smoothing=0.1)
    return cases


def cross_entropy(policy, batch):
    return -policy["chosen_token_sum"].sum() / sum(batch["chosen_length"])


def averages(batch, policy):
    return [policy[side] / torch.tensor(batch[f"{side}_length"]) for side in ("chosen", "rejected")]


def simpo_cases(named):
    cases = []
    for batch in ("usual", "one", "tails", "extreme"):
        for beta, gamma, smoothing, alpha in [(2.0, 1.0, 0.0, 0.0), (2.5, 0.5, 0.1, 0.0), (0.1, 0.5, 0.0, 1.0)]:
            policy = leaves(named[batch], torch.float64)
            trainer = SimpleNamespace(
                loss_type="simpo",
                alpha=0.0,
                beta=beta,
                simpo_gamma=gamma,
                label_smoothing=smoothing,
                accelerator=SimpleNamespace(device="cpu"),
            )
            losses = CPOTrainer.cpo_loss(trainer, *averages(named[batch], policy))[0]
            loss = losses.mean() + alpha * cross_entropy(policy, named[batch])
            settings = {"beta": beta, "simpo_gamma": gamma, "label_smoothing": smoothing, "cpo_alpha": alpha}
            cases.append({"batch": batch, "settings": settings, **record(loss, policy)})
    return cases


def orpo_cases(named):
    """The cross-entropy is over the chosen completions here. TRL's function computes in float32 whatever it is given."""
    cases = []
    for batch in ("usual", "one", "tails"):
        for beta in (0.1, 0.5):
            policy = leaves(named[batch], torch.float64)
            trainer = SimpleNamespace(beta=beta, accelerator=SimpleNamespace(device="cpu"))
            losses = ORPOTrainer.odds_ratio_loss(trainer, *averages(named[batch], policy))[0]
            loss = cross_entropy(policy, named[batch]) - losses.mean()
            cases.append({"batch": batch, "settings": {"beta": beta}, **record(loss, policy)})
    return cases


def main():
    folder = Path(sys.argv[1]) / "dpo-losses"
    folder.mkdir(parents=True, exist_ok=True)
    named = batches()
    lines = lambda records: ",\n    ".join(json.dumps(record, separators=(",", ":")) for record in records)
    for name, make in [("dpo", dpo_cases), ("simpo", simpo_cases), ("orpo", orpo_cases)]:
        cases = make(named)
        text = f'{{\n  "batches": {json.dumps(named)},\n  "cases": [\n    {lines(cases)}\n  ]\n}}\n'
        (folder / f"{name}.json").write_text(text)
        print(f"{name}: {len(cases)} cases", flush=True)


if __name__ == "__main__":
    main()

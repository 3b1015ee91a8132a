"""Writes test/goldens/ops/<Op>.json: what PyTorch computes, in float64, for every op of the graph's op table.

Usage: python ops_goldens.py OUTPUT_FOLDER. README.md in test/goldens describes the files. Ops and attributes have the
names of main/engine/graph/ops.ts, the formulas here are PyTorch's or transformers' own.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

random = np.random.RandomState(20)
cases = {}


def values(*shape, low=-3.0, high=3.0):
    """Different multiples of 1/1024, exact in float32; different so that no maximum is a tie."""
    count = int(np.prod(shape))
    steps = np.arange(int(low * 1024), int(high * 1024) + 1)
    steps = steps[steps != 0]
    return torch.tensor(random.choice(steps, count, replace=False) / 1024.0, dtype=torch.float64).reshape(shape)


def integers(*shape, below):
    return torch.tensor(random.randint(0, below, shape), dtype=torch.int64)


def case(op, reference, inputs, attributes=None, name="", differentiable=None):
    """differentiable: which inputs get a gradient; all floating ones by default."""
    inputs = [torch.as_tensor(value) for value in inputs]
    floating = [i for i, value in enumerate(inputs) if value.dtype == torch.float64]
    wanted = floating if differentiable is None else differentiable
    for i in wanted:
        inputs[i].requires_grad_()
    output = reference(*inputs)
    record = {"name": name or " x ".join(str(list(value.shape)) for value in inputs), "attributes": attributes or {}}
    record["inputs"] = [tensor_record(value) for value in inputs]
    record["output"] = tensor_record(output)
    if wanted and output.dtype == torch.float64 and output.requires_grad:
        cotangent = values(*output.shape)
        gradients = dict(zip(wanted, torch.autograd.grad(output, [inputs[i] for i in wanted], cotangent)))
        record["output_gradient"] = tensor_record(cotangent)
        record["gradients"] = [tensor_record(gradients[i]) if i in gradients else None for i in range(len(inputs))]
    cases.setdefault(op, []).append(record)


DTYPES = {torch.float64: "float32", torch.bool: "bool", **{getattr(torch, n): n for n in ("int64", "int32", "float16", "bfloat16")}}


def tensor_record(value):
    data = value.detach().flatten()
    numbers = [float(f"{x:.12g}") for x in data.double().tolist()] if data.is_floating_point() else data.tolist()
    return {"dtype": DTYPES[value.dtype], "shape": list(value.shape), "data": numbers}


def elementwise():
    for op, function in {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div}.items():
        for left, right in [((2, 3), (2, 3)), ((2, 3, 4), (4,)), ((2, 1, 4), (3, 1)), ((1, 1), (2, 3)), ((2, 3), ())]:
            divisor = values(*right, low=0.5) if op == "Div" else values(*right)
            case(op, function, [values(*left), divisor])
    for op, function in {
        "Neg": torch.neg,
        "Exp": torch.exp,
        "Sigmoid": torch.sigmoid,
        "Tanh": torch.tanh,
    }.items():
        case(op, function, [values(2, 5)])
        case(op, function, [values(3, 1, low=-15, high=15)])
    for op, function in {"Log": torch.log, "Sqrt": torch.sqrt, "Reciprocal": torch.reciprocal}.items():
        case(op, function, [values(2, 5, low=0.01)])
        case(op, function, [values(3, 1, low=0.5, high=900)])
    case("QuickGelu", F.silu, [values(2, 5)], {"alpha": 1.0}, "SiLU")
    case("QuickGelu", F.silu, [values(6, low=-30, high=30)], {"alpha": 1.0}, "SiLU far out")
    case("QuickGelu", lambda x: x * torch.sigmoid(1.702 * x), [values(4)], {"alpha": 1.702})


def choices_and_types():
    comparisons = {"Less": torch.lt, "LessOrEqual": torch.le, "GreaterOrEqual": torch.ge, "Equal": torch.eq}
    for op, function in comparisons.items():
        case(op, function, [integers(2, 3, below=3), integers(2, 3, below=3)], name="int64 with ties")
        case(op, function, [integers(1, 4, below=4), integers(4, 1, below=4)], name="int64 broadcast")
    for op in ["Less", "LessOrEqual", "GreaterOrEqual"]:
        case(op, comparisons[op], [values(2, 3), values(3)], name="float32", differentiable=[])
    bits = [integers(2, 3, below=2).bool(), integers(2, 3, below=2).bool(), integers(2, 1, below=2).bool()]
    case("And", torch.logical_and, bits[:2])
    case("And", torch.logical_and, [bits[0], bits[2]])
    case("Where", torch.where, [bits[0], values(2, 3), values(2, 3)])
    case("Where", torch.where, [bits[2], values(2, 3), values()], name="broadcast condition and scalar")
    case("Where", torch.where, [bits[0], values(3), values(2, 1)], name="broadcast branches")
    halves = torch.tensor([1.00390625, 1.01171875, -3.1400001049041748, 65504.0, 1e-3, 0.0], dtype=torch.float64)
    for dtype in ["bfloat16", "float16"]:
        case("Cast", lambda x: x.to(torch.float32).to(getattr(torch, dtype)), [halves], {"to": dtype}, dtype, [])
    case("Cast", lambda x: x.to(torch.int64), [torch.tensor([-2.5, -0.5, 0.0, 0.99, 7.0]).double()], {"to": "int64"}, "int64", [])
    case("Cast", lambda x: x.double(), [integers(2, 3, below=90000)], {"to": "float32"}, "from int64")
    case("Cast", lambda x: x.double(), [bits[0]], {"to": "float32"}, "from bool")


def products():
    for left, right in [((3, 4), (4, 2)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((1, 3, 1), (2, 1, 2)), ((2, 3, 4), (2, 4, 1))]:
        case("MatMul", torch.matmul, [values(*left), values(*right)])
    for trans_a in [False, True]:
        for trans_b in [False, True]:
            attributes = {"transA": trans_a, "transB": trans_b, "alpha": 1.0}
            a, b = values(*((4, 3) if trans_a else (3, 4))), values(*((2, 4) if trans_b else (4, 2)))
            product = lambda x, y, ta=trans_a, tb=trans_b: (x.T if ta else x) @ (y.T if tb else y)
            name = f"A{'^T' if trans_a else ''} B{'^T' if trans_b else ''}"
            case("Gemm", product, [a, b], attributes, name)
            case("Gemm", lambda x, y, c: product(x, y) + c, [a.detach(), b.detach(), values(2)], attributes, name + " + bias")
    case("Gemm", lambda x, y: 0.5 * x @ y.T, [values(3, 4), values(2, 4)], {"transA": False, "transB": True, "alpha": 0.5}, "alpha")
    full = {"transA": False, "transB": False, "alpha": 2.0}
    case("Gemm", lambda x, y, c: 2 * x @ y + c, [values(3, 4), values(4, 2), values(3, 2)], full, "alpha + C")
    case("Gemm", lambda x, y, c: 2 * x @ y + c, [values(3, 4), values(4, 2), values(3, 1)], full, "alpha + column C")


def reductions():
    functions = {
        "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
        "ReduceMax": lambda x, axes, keep: x.amax(axes, keepdim=keep),
        "ReduceMean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    }
    for op, function in functions.items():
        for shape, axes, keep in [((2, 3), [1], True), ((2, 3, 4), [0, 2], False), ((2, 3, 4), [1], False), ((2, 1, 3), [1], True), ((2, 3), [0, 1], False)]:
            case(op, lambda x: function(x, axes, keep), [values(*shape)], {"axes": axes, "keepDims": keep}, f"{list(shape)} over {axes}")
    for shape in [(5,), (2, 4), (2, 1, 3), (3, 1)]:
        case("Softmax", lambda x: F.softmax(x, -1), [values(*shape)])
    case("Softmax", lambda x: F.softmax(x, -1), [values(2, 4) * 300], name="large logits")
    for shape in [(5,), (2, 7), (2, 3, 4)]:
        case("ArgMax", lambda x: x.argmax(-1), [values(*shape)], differentiable=[])


def layouts():
    for shape, perm in [((2, 3), [1, 0]), ((2, 3, 4), [2, 0, 1]), ((2, 1, 3, 2), [0, 2, 1, 3])]:
        case("Transpose", lambda x: x.permute(perm), [values(*shape)], {"perm": perm})
    for shape, target in [((2, 6), [3, 4]), ((2, 3, 4), [6, 4]), ((4,), [2, 1, 2]), ((1, 1), [])]:
        case("Reshape", lambda x: x.reshape(target), [values(*shape)], {"shape": target})
    for shape, target in [((3, 1), [3, 4]), ((4,), [2, 3, 4]), ((), [2, 2]), ((2, 1, 3), [1, 4, 1])]:
        expanded = list(np.broadcast_shapes(shape, target))
        case("Expand", lambda x: x.expand(expanded), [values(*shape)], {"shape": target})
    for shape, axis, start, end in [((5,), 0, 1, 4), ((2, 6), 1, 0, 2), ((2, 4, 3), 1, 3, 4)]:
        case("Slice", lambda x: x.narrow(axis, start, end - start), [values(*shape)], {"axis": axis, "start": start, "end": end})
    case("Concat", lambda *x: torch.cat(x, 0), [values(2, 3), values(1, 3)], {"axis": 0})
    case("Concat", lambda *x: torch.cat(x, 1), [values(2, 1), values(2, 3), values(2, 2)], {"axis": 1})
    case("Concat", lambda *x: torch.cat(x, 2), [values(2, 2, 1), values(2, 2, 2)], {"axis": 2})


def rows():
    embedding = lambda table, index: table[index]
    case("Gather", embedding, [values(5, 3), torch.tensor([4, 0, 4, 1])], name="a row twice")
    case("Gather", embedding, [values(4, 2), torch.tensor([[1, 3, 0], [2, 2, 2]])], name="[2, 3] indices")
    case("Gather", embedding, [values(6), torch.tensor([5, 0])], name="one axis")
    add = lambda base, index, updates: base.scatter_add(0, index, updates)
    case("ScatterAddElements", add, [values(5, 3), row_index([3, 0], 3), values(2, 3)], {"axis": 0}, name="different rows")
    case("ScatterAddElements", add, [values(5, 2), row_index([3, 0, 3, 3], 2), values(4, 2)], {"axis": 0}, name="a row three times")
    case("ScatterAddElements", add, [values(4), row_index([1, 1]), values(2)], {"axis": 0}, name="one axis")
    case("ScatterAddElements", add, [values(3, 2, 2), row_index([2, 0], 2, 2), values(2, 2, 2)], {"axis": 0}, name="three axes")


def row_index(rows, *shape):
    """The row numbers, repeated for every element of a row."""
    column = torch.tensor(rows).reshape(-1, *[1] * len(shape))
    return column.expand(-1, *shape).contiguous()


def norm_and_rotation():
    for shape, epsilon in [((2, 4), 1e-5), ((2, 3, 6), 1e-6), ((3, 1), 0.1)]:
        norm = lambda x, weight: F.rms_norm(x, shape[-1:], weight, epsilon)
        case("SimplifiedLayerNormalization", norm, [values(*shape), values(shape[-1])], {"epsilon": epsilon})
    tiny = lambda x, weight: F.rms_norm(x, (4,), weight, 1e-5)
    case("SimplifiedLayerNormalization", tiny, [values(2, 4) / 1024, values(4)], {"epsilon": 1e-5}, "epsilon decides")
    for batch, seq, heads, width in [(1, 3, 2, 4), (2, 4, 3, 2), (2, 2, 1, 8)]:
        angles = torch.arange(6).double()[:, None] / 50.0 ** (torch.arange(0, width, 2).double() / width)
        positions = integers(batch, seq, below=6)

        def rotate(x, at, cos, sin):
            split = x.reshape(batch, seq, heads, width).transpose(1, 2)
            both = [torch.cat([table[at], table[at]], -1) for table in (cos, sin)]
            rotated = apply_rotary_pos_emb(split, split, *both)[0]
            return rotated.transpose(1, 2).reshape(batch, seq, heads * width)

        inputs = [values(batch, seq, heads * width), positions, angles.cos(), angles.sin()]
        case("RotaryEmbedding", rotate, inputs, {"heads": heads}, f"{batch} x {seq}, {heads} heads of {width}", [0])


def elements():
    for shape, axis, index in [((3, 4), 1, [[2], [0], [2]]), ((2, 3), 1, [[1, 1], [0, 2]]), ((4, 2), 0, [[3, 0], [3, 3]])]:
        indices = torch.tensor(index)
        case("GatherElements", lambda x, i: x.gather(axis, i), [values(*shape), indices], {"axis": axis})
    add = lambda base, index, updates: base.scatter_add(1, index, updates)
    indices = torch.tensor([[1, 1], [0, 2]])
    case("ScatterAddElements", add, [values(2, 3), indices, values(2, 2)], {"axis": 1}, name="along columns")


def gelu_and_partial_rotation():
    gelu = lambda x: F.gelu(x, approximate="tanh")
    case("FastGelu", gelu, [values(2, 5)])
    case("FastGelu", gelu, [values(6, low=-30, high=30)], name="far out")
    # The first `turning` numbers of each head turn; cos and sin may carry a factor, as in YaRN.
    for seq, heads, width, turning in [(3, 2, 8, 6), (2, 3, 16, 4)]:
        angles = torch.arange(6).double()[:, None] / 50.0 ** (torch.arange(0, turning, 2).double() / turning)
        positions = integers(1, seq, below=6)

        def rotate(x, at, cos, sin):
            split = x.reshape(1, seq, heads, width).transpose(1, 2)
            both = [torch.cat([table[at], table[at]], -1) for table in (cos, sin)]
            rotated = apply_rotary_pos_emb(split[..., :turning], split[..., :turning], *both)[0]
            return torch.cat([rotated, split[..., turning:]], -1).transpose(1, 2).reshape(1, seq, heads * width)

        inputs = [values(1, seq, heads * width), positions, 1.25 * angles.cos(), 1.25 * angles.sin()]
        case("RotaryEmbedding", rotate, inputs, {"heads": heads}, f"{turning} of {width} turn", [0])


def main():
    folder = Path(sys.argv[1]) / "ops"
    folder.mkdir(parents=True, exist_ok=True)
    for write in [elementwise, choices_and_types, products, reductions, layouts, rows, norm_and_rotation, elements, gelu_and_partial_rotation]:
        write()
    for op, records in cases.items():
        lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
        (folder / f"{op}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} ops, {sum(map(len, cases.values()))} cases")


if __name__ == "__main__":
    main()

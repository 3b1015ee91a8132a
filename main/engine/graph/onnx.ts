// Writes a graph as an ONNX model. Weights are only named, with file and byte range; sizes that depend on the
// batch become small int64 inputs that the host fills in (`hostDims`), so that no op computes shapes.
import { type Dim, dimText, type Shape } from './dims.ts';
import { attributeType, encodeModel, externalLocation } from './onnx-schema.ts';
import {
  type Lowered,
  onnxDType,
  type OnnxAttribute,
  type OpAttributes,
  type OpName,
  ops,
  type OpSpec,
} from './ops.ts';
import { type DType, type Graph, type GraphNode, type Tensor, valueOf } from './tensor.ts';

export type CompiledGraph = {
  name: string;
  bytes: Uint8Array;
  inputs: readonly Tensor[];
  /** Further int64 inputs of shape [dims.length]. */
  hostDims: readonly { name: string; dims: readonly Dim[] }[];
  outputs: readonly string[];
};

const opset = 21;
const irVersion = 10;

export function toOnnx(graph: Graph): CompiledGraph {
  const outputNames = namesOfOutputs(graph);
  const nameOf = (tensor: Tensor): string => {
    const real = valueOf(tensor);
    return outputNames.get(real) ?? real.name;
  };
  const leaves = new Map<string, Tensor>();
  const vectors = new Map<string, readonly Dim[]>();
  const operand = (dims: readonly Dim[]): string => {
    const name = `dims:${dims.map(dimText).join(',')}`;
    vectors.set(name, dims);
    return name;
  };

  const nodes = [];
  for (const node of graph.nodes) {
    if (node.op === 'CustomGradient') continue;
    const { spec, lowered } = lower(node);
    for (const tensor of node.inputs.map(valueOf)) if (tensor.source.kind !== 'node') leaves.set(tensor.name, tensor);
    nodes.push({
      name: node.output.name,
      op_type: spec.onnx,
      domain: spec.domain ?? '',
      input: [...node.inputs.map(nameOf), ...(lowered.operands ?? []).map(operand)],
      output: [nameOf(node.output)],
      attribute: Object.entries(lowered.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
    });
  }
  for (const { name, tensor } of graph.outputs) {
    if (nameOf(tensor) === name) continue;
    const real = valueOf(tensor);
    if (real.source.kind !== 'node') leaves.set(real.name, real);
    nodes.push({ name, op_type: 'Identity', domain: '', input: [nameOf(tensor)], output: [name], attribute: [] });
  }

  const fixed = [...vectors].filter(([, dims]) => dims.every((dim) => typeof dim === 'number'));
  const hostDims = [...vectors]
    .filter(([, dims]) => dims.some((dim) => typeof dim !== 'number'))
    .map(([name, dims]) => ({ name, dims }));
  const bytes = encodeModel({
    ir_version: irVersion,
    producer_name: 'lorelei',
    opset_import: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: graph.name,
      node: nodes,
      initializer: [
        ...[...leaves.values()].flatMap(initializerOf),
        ...fixed.map(([name, dims]) => int64Initializer(name, dims.map(Number))),
      ],
      input: [
        ...graph.inputs.map((tensor) => valueInfo(tensor.name, tensor.dtype, tensor.shape)),
        ...hostDims.map(({ name, dims }) => valueInfo(name, 'int64', [dims.length])),
      ],
      output: graph.outputs.map(({ name, tensor }) => valueInfo(name, tensor.dtype, tensor.shape)),
    },
  });
  return { name: graph.name, bytes, inputs: graph.inputs, hostDims, outputs: graph.outputs.map(({ name }) => name) };
}

/** Node results take the name of the first output that they are; other outputs become copies. */
function namesOfOutputs(graph: Graph): Map<Tensor, string> {
  const names = new Map<Tensor, string>();
  for (const { name, tensor } of graph.outputs) {
    const real = valueOf(tensor);
    if (real.source.kind === 'node' && !names.has(real)) names.set(real, name);
  }
  return names;
}

function lower(node: GraphNode): { spec: { onnx: string; domain?: string }; lowered: Lowered } {
  const spec = ops[node.op] as OpSpec<OpAttributes[OpName]>;
  return { spec, lowered: spec.lower?.(node.attributes, node.inputs) ?? {} };
}

function attributeProto(name: string, value: OnnxAttribute): Record<string, unknown> {
  if ('int' in value) return { name, type: attributeType.int, i: value.int };
  if ('float' in value) return { name, type: attributeType.float, f: value.float };
  if ('ints' in value) return { name, type: attributeType.ints, ints: [...value.ints] };
  return { name, type: attributeType.string, s: new TextEncoder().encode(value.string) };
}

function initializerOf(tensor: Tensor): Record<string, unknown>[] {
  const { name, shape, source } = tensor;
  const head = { name, dims: shape.map(Number), data_type: onnxDType[tensor.dtype] };
  if (source.kind === 'constant') return [{ ...head, raw_data: source.bytes }];
  if (source.kind !== 'weight') return [];
  const { location, offset, length } = source.data;
  const entries = Object.entries({ location, offset: String(offset), length: String(length) });
  return [{ ...head, data_location: externalLocation, external_data: entries.map(([key, value]) => ({ key, value })) }];
}

function int64Initializer(name: string, values: readonly number[]): Record<string, unknown> {
  const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, dims: [values.length], data_type: onnxDType.int64, raw_data: raw };
}

function valueInfo(name: string, dtype: DType, shape: Shape): Record<string, unknown> {
  const dim = shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: dimText(size) }));
  return { name, type: { tensor_type: { elem_type: onnxDType[dtype], shape: { dim } } } };
}

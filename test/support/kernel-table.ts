// Tables of the kernels that ONNX Runtime has on a device (test/goldens/kernels), and what of a graph is not in one. Of a
// graph only its bytes are read: what a node is and which dtypes go through it follows from them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeModel } from '../../main/engine/graph/onnx-schema.ts';
import { onnxDType } from '../../main/engine/graph/ops.ts';
import type { DType } from '../../main/engine/graph/tensor.ts';
import { goldensFolder } from './goldens.ts';

export type KernelTable = {
  /** Where the facts come from. */
  source: string;
  /** The versions of the operator sets that it is about. */
  opset: Readonly<Record<string, number>>;
  /** By name in ONNX. */
  kernels: Record<
    string,
    {
      domain: string;
      /** "bool T T -> T"; the last input may repeat, and may be absent. */
      signature: string;
      /** What each variable of the signature may be, of the dtypes that graphs can have. */
      types: Record<string, DType[]>;
    }
  >;
};

export const kernelTablePath = (device: string): string => join(goldensFolder, 'kernels', `${device}.json`);

export function kernelTable(device: string): KernelTable {
  return JSON.parse(readFileSync(kernelTablePath(device), 'utf8')) as KernelTable;
}

/** "T Tind -> T" -> ["T", "Tind"] */
export function typeVariables(signature: string): string[] {
  return [...new Set(signature.split(/[^A-Za-z0-9]+/).filter((type) => /^[A-Z]/.test(type)))];
}

type Model = {
  opset_import: { domain?: string; version: number }[];
  graph: {
    node: Node[];
    initializer: { name: string; data_type: number }[];
    input: Value[];
    output: Value[];
  };
};
type Node = {
  name?: string;
  op_type: string;
  domain?: string;
  input: string[];
  output: string[];
  attribute: { name: string; i?: number }[];
};
type Value = { name: string; type: { tensor_type: { elem_type: number } } };

const dtypes = new Map(Object.entries(onnxDType).map(([name, number]) => [number, name as DType]));

export type NodeKind = { op: string; domain: string; inputs: readonly (DType | undefined)[]; output: DType };
export type GraphFacts = { opset: ReadonlyMap<string, number>; kinds: readonly NodeKind[] };

/** Each kind of node in a graph, once. */
export function graphFacts(bytes: Uint8Array): GraphFacts {
  const { opset_import: imports, graph } = decodeModel(bytes) as Model;
  const known = new Map<string, DType>();
  const learn = (name: string, number: number): void => {
    const dtype = dtypes.get(number);
    if (!dtype) throw new Error(`${name} is of dtype ${number}`);
    known.set(name, dtype);
  };
  for (const { name, type } of graph.input) learn(name, type.tensor_type.elem_type);
  for (const { name, data_type: number } of graph.initializer) learn(name, number);
  const kinds = new Map<string, NodeKind>();
  for (const node of graph.node) {
    const inputs = node.input.map((name) => known.get(name));
    const output = outputOf(node, inputs);
    for (const name of node.output) known.set(name, output);
    const kind = { op: node.op_type, domain: node.domain ?? '', inputs, output };
    kinds.set(textOf(kind), kind);
  }
  for (const { name, type } of graph.output)
    if (known.get(name) !== dtypes.get(type.tensor_type.elem_type))
      throw new Error(`the output ${name} came out as ${known.get(name) ?? 'nothing'}`);
  return { opset: new Map(imports.map(({ domain = '', version }) => [domain, version])), kinds: [...kinds.values()] };
}

/** "Cast bfloat16 -> float32" */
const textOf = ({ op, inputs, output }: NodeKind): string =>
  `${op} ${inputs.map((dtype) => dtype ?? '?').join(', ')} -> ${output}`;

/**
 * Kinds of nodes without a kernel. Empty where the device computes the whole graph. Throws where the graph asks for
 * another operator set than the table is about.
 */
export function missingKernels({ opset, kinds }: GraphFacts, table: KernelTable): string[] {
  for (const [domain, version] of opset)
    if (table.opset[domain] !== version) throw new Error(`the table is not about version ${version} of "${domain}"`);
  return kinds
    .filter((kind) => !hasKernel(kind, table))
    .map(textOf)
    .sort();
}

const compares = new Set(['Less', 'LessOrEqual', 'GreaterOrEqual', 'Equal']);

/** By the specification of the ops; whatever is not listed keeps the dtype of its first input. */
function outputOf({ op_type: op, attribute }: Node, inputs: readonly (DType | undefined)[]): DType {
  const dtype =
    op === 'Cast'
      ? dtypes.get(attribute.find(({ name }) => name === 'to')?.i ?? 0)
      : compares.has(op)
        ? 'bool'
        : op === 'ArgMax'
          ? 'int64'
          : inputs[op === 'Where' || op === 'DequantizeLinear' ? 1 : 0];
  if (!dtype) throw new Error(`${op} reads what nothing makes`);
  return dtype;
}

function hasKernel({ op, domain, inputs, output }: NodeKind, { kernels }: KernelTable): boolean {
  const kernel = kernels[op];
  if (kernel?.domain !== domain) return false;
  const [wanted = [], [result = ''] = []] = kernel.signature.split(' -> ').map((side) => side.split(' '));
  const chosen = new Map<string, DType>();
  const fits = (type: string | undefined, dtype: DType | undefined): boolean => {
    if (type === undefined || dtype === undefined) return false;
    const allowed = kernel.types[type];
    if (!allowed) return type === dtype;
    if ((chosen.get(type) ?? dtype) !== dtype) return false;
    chosen.set(type, dtype);
    return allowed.includes(dtype);
  };
  return inputs.every((dtype, i) => fits(wanted[Math.min(i, wanted.length - 1)], dtype)) && fits(result, output);
}

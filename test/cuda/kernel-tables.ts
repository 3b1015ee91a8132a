// Asks ONNX Runtime which dtypes each op that a graph may have can take on a device, and writes test/goldens/kernels:
//
//     node test/cuda/kernel-tables.ts HOME     CUDA, by the support installed in the folder HOME; needs no card
//     node test/cuda/kernel-tables.ts          the processor and WebGPU
//
// A session of a single node, for which no other device may stand in, is either refused or not. CUDA's libraries are
// replaced by stand-ins, which the choice of kernels never looks at.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { attributeType, encodeModel } from '../../main/engine/graph/onnx-schema.ts';
import { onnxDType, type OnnxAttribute } from '../../main/engine/graph/ops.ts';
import type { DType } from '../../main/engine/graph/tensor.ts';
import { type KernelTable, kernelTablePath, typeVariables } from '../support/kernel-table.ts';
import { installedIn, isUnderStandIn, runUnderStandIn } from './stand-in/stand-in.ts';

/** Below the library's own interface, which ends the process over inputs of dtypes that it cannot feed. */
type Binding = {
  InferenceSession: new () => {
    loadModel: (bytes: ArrayBufferLike, offset: number, length: number, options: object) => void;
    dispose: () => void;
  };
};

const opset = { '': 21, 'com.microsoft': 1 } as const;

/** Types of inputs and output as the specification has them; capital letters are variables. */
type Asked = { domain?: 'com.microsoft'; signature: string; attributes?: Record<string, OnnxAttribute> };
const same = { signature: 'T -> T' };
const twoSame = { signature: 'T T -> T' };
const compare = { signature: 'T T -> bool' };
const reduce = { signature: 'T int64 -> T' };
const asked: Record<string, Asked> = {
  ...Object.fromEntries(['Add', 'Sub', 'Mul', 'Div', 'MatMul', 'Concat'].map((name) => [name, twoSame])),
  ...Object.fromEntries(
    ['Neg', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Sigmoid', 'Tanh', 'Softmax', 'Transpose', 'Identity'].map((name) => [
      name,
      same,
    ]),
  ),
  ...Object.fromEntries(['Less', 'LessOrEqual', 'GreaterOrEqual', 'Equal'].map((name) => [name, compare])),
  ...Object.fromEntries(['ReduceSum', 'ReduceMax', 'ReduceMean'].map((name) => [name, reduce])),
  Concat: { ...twoSame, attributes: { axis: { int: 0 } } },
  And: { signature: 'bool bool -> bool' },
  Where: { signature: 'bool T T -> T' },
  Cast: { signature: 'T1 -> T2' },
  Gemm: { signature: 'T T T -> T' },
  DequantizeLinear: { signature: 'T1 T2 -> T2', attributes: { axis: { int: 1 }, block_size: { int: 32 } } },
  Reshape: { signature: 'T int64 -> T' },
  Expand: { signature: 'T int64 -> T' },
  Slice: { signature: 'T Tind Tind Tind -> T' },
  Gather: { signature: 'T Tind -> T' },
  GatherElements: { signature: 'T Tind -> T' },
  ScatterElements: { signature: 'T Tind T -> T', attributes: { reduction: { string: 'add' } } },
  ArgMax: { signature: 'T -> int64' },
  SimplifiedLayerNormalization: { signature: 'T T -> T' },
  QuickGelu: { ...same, domain: 'com.microsoft' },
  FastGelu: { ...same, domain: 'com.microsoft' },
  RotaryEmbedding: { signature: 'T int64 T T -> T', domain: 'com.microsoft', attributes: { num_heads: { int: 2 } } },
  MatMulBnb4: {
    signature: 'T uint8 T -> T',
    domain: 'com.microsoft',
    attributes: { K: { int: 64 }, N: { int: 64 }, block_size: { int: 64 }, quant_type: { int: 1 } },
  },
};

function tableOf(binding: Binding, device: string): KernelTable['kernels'] {
  const kernels: KernelTable['kernels'] = {};
  for (const [op, { domain = '', signature, attributes = {} }] of Object.entries(asked)) {
    const variables = typeVariables(signature);
    const types: DType[][] = [];
    for (const choice of choices(variables.length)) {
      const chosen = new Map(variables.map((name, i) => [name, choice[i] ?? 'bool']));
      if (runs(binding, device, oneNode(op, domain, signature, attributes, chosen))) types.push(choice);
    }
    if (types.length > 0) kernels[op] = { domain, signature, types: columns(op, variables, types) };
  }
  return kernels;
}

/** What each variable may be. They do not depend on each other, or the table would need another form. */
function columns(op: string, variables: readonly string[], types: readonly DType[][]): Record<string, DType[]> {
  const each = variables.map((_, i) => [...new Set(types.map((choice) => choice[i] ?? 'bool'))]);
  const all = each.reduce((count, { length }) => count * length, 1);
  if (all !== types.length) throw new Error(`${op}: ${JSON.stringify(types)} is not a table of columns`);
  return Object.fromEntries(variables.map((name, i) => [name, each[i] ?? []]));
}

function choices(count: number): DType[][] {
  if (count === 0) return [[]];
  return choices(count - 1).flatMap((others) => (Object.keys(onnxDType) as DType[]).map((dtype) => [...others, dtype]));
}

function oneNode(
  op: string,
  domain: string,
  signature: string,
  attributes: Record<string, OnnxAttribute>,
  types: ReadonlyMap<string, DType>,
): Uint8Array {
  const [inputs = [], [output = ''] = []] = signature.split(' -> ').map((side) => side.split(' '));
  const dtypeOf = (type: string): DType => types.get(type) ?? (type as DType);
  const info = (name: string, type: string): object => ({
    name,
    type: { tensor_type: { elem_type: onnxDType[dtypeOf(type)] } },
  });
  const all = op === 'Cast' ? { to: { int: onnxDType[dtypeOf(output)] } } : attributes;
  return encodeModel({
    ir_version: 10,
    opset_import: Object.entries(opset).map(([name, version]) => ({ domain: name, version })),
    graph: {
      name: op,
      node: [
        {
          op_type: op,
          domain,
          input: inputs.map((_, i) => `x${i}`),
          output: ['y'],
          attribute: Object.entries(all).map(([name, value]: [string, OnnxAttribute]) => {
            if ('int' in value) return { name, type: attributeType.int, i: value.int };
            if ('string' in value)
              return { name, type: attributeType.string, s: new TextEncoder().encode(value.string) };
            throw new Error(`${op}: ${name} is of another kind`);
          }),
        },
      ],
      input: inputs.map((type, i) => info(`x${i}`, type)),
      output: [info('y', output)],
    },
  });
}

/** Whether a session is made. Refusals that say something else than "not this op with these types" are thrown. */
function runs({ InferenceSession }: Binding, device: string, model: Uint8Array): boolean {
  const session = new InferenceSession();
  try {
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
      executionProviders: [device],
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
      ...(device === 'cpu' ? {} : { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
    });
    session.dispose();
    return true;
  } catch (error) {
    if (refusals.test(String(error))) return false;
    throw error;
  }
}

/** The last where the processor has no kernel either. */
const refusals = new RegExp(
  [
    'fallback to CPU EP has been explicitly disabled',
    'Could not find an implementation',
    'Type Error',
    'Provider type for .* is not set',
  ].join('|'),
);

const [home] = process.argv.slice(2);
process.env.ORT_DISABLE_TELEMETRY = '1';
if (home === undefined) {
  await import('../support/software-gpu.ts');
  for (const device of ['cpu', 'webgpu']) write(device, createRequire(import.meta.url));
} else if (isUnderStandIn()) write('cuda', createRequire(join(installedIn(home).folder, 'index.js')));
else runUnderStandIn();

function write(device: string, require: NodeJS.Require): void {
  const { version } = require('onnxruntime-node/package.json') as { version: string };
  const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as { binding: Binding; initOrt: () => void };
  initOrt();
  const adapter = device === 'webgpu' ? ' (adapter: SwiftShader)' : '';
  const table: KernelTable = {
    source: `ONNX Runtime ${version}, asked by test/cuda/kernel-tables.ts${adapter}`,
    opset,
    kernels: tableOf(binding, device),
  };
  const path = kernelTablePath(device);
  // One line for each op.
  const lines = Object.entries(table.kernels).map(
    ([op, kernel]) => `    ${JSON.stringify(op)}: ${JSON.stringify(kernel)}`,
  );
  const head = JSON.stringify({ source: table.source, opset }, undefined, 2).replace(/\n}$/, '');
  writeFileSync(path, `${head},\n  "kernels": {\n${lines.join(',\n')}\n  }\n}\n`);
  console.log(`${path}: ${Object.keys(table.kernels).length} ops`);
}

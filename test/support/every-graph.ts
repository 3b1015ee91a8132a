// Every kind of graph that the program sends to a device: all losses, families, ways of building a step, kinds of LoRA
// and forms of stored weights. The weights lie in a file of zeros, which only has to be there where sessions are opened.
import { dpoObjective } from '../../main/engine/losses/dpo-objective.ts';
import { type DpoLossType, dpoLossTypes, fDivergenceLossTypes } from '../../main/engine/losses/dpo.ts';
import { fDivergenceTypes } from '../../main/engine/losses/f-divergence.ts';
import type { Objective } from '../../main/engine/losses/objective.ts';
import { orpoObjective } from '../../main/engine/losses/orpo.ts';
import { sftObjective } from '../../main/engine/losses/sft.ts';
import { simpoObjective } from '../../main/engine/losses/simpo.ts';
import type { CompiledGraph } from '../../main/engine/graph/onnx.ts';
import type { DType, ExternalData } from '../../main/engine/graph/tensor.ts';
import type { Model } from '../../main/engine/models/model.ts';
import { modelFor } from '../../main/engine/models/registry.ts';
import { fourBitBlock, type FourBitType, nestedBlock } from '../../main/engine/nn/four-bit.ts';
import type { LoraSettings } from '../../main/engine/nn/lora.ts';
import type { StoredWeight } from '../../main/engine/nn/weights.ts';
import type { Runtime } from '../../main/engine/runtime/runtime.ts';
import { adapterInputs } from '../../main/generation/adapter-inputs.ts';
import { buildDecoder } from '../../main/generation/build-decoder.ts';
import {
  buildEvaluationGraph,
  buildGradientGraph,
  type ParameterSpec,
  type StepSettings,
} from '../../main/training/build-step.ts';
import { buildAdamWGraph, buildSquaresGraph } from '../../main/training/build-update.ts';
import { outerProductGraph, smallestGraph } from '../../main/training/conformance.ts';
import { roundMs } from '../../main/training/device-speed.ts';
import { flatLayout } from '../../main/training/flat-parameters.ts';
import { type LoraRecipe, loraStart } from '../../main/training/lora-start.ts';
import {
  continuedAdapter,
  familyGoldens,
  goldensFolder,
  llamaGoldens,
  pissaGoldens,
  pissaStart,
  readJson,
  storedWeights,
} from './goldens.ts';

export type NamedGraph = { title: string; graph: CompiledGraph };

/** The file that all weights of these graphs are ranges of, and how many zeros it has to hold. */
export const zerosFile = { name: 'zeros.bin', bytes: 1 << 22 };

export async function everyGraph(): Promise<NamedGraph[]> {
  return [...familyGraphs(), ...objectiveGraphs(), ...storedGraphs(), ...loraGraphs(), ...(await otherGraphs())];
}

type Way = Partial<Omit<StepSettings, 'trained' | 'objective'>>;

const ways: readonly Way[] = [
  { recompute: false, headChunks: 1, queryBlocks: 1 },
  { recompute: true, headChunks: 3, queryBlocks: 3 },
  { recompute: false, recomputeCheap: true, headChunks: 2, queryBlocks: 2 },
];

/** All families and llama's variants with the adapters that their goldens have, weights in files and fed. */
function* familyGraphs(): Generator<NamedGraph> {
  for (const name of [...llamaGoldens, ...pissaGoldens, ...familyGoldens]) {
    const folder = `${goldensFolder}/${name}`;
    const model = modelOf(name);
    const recipe = pissaGoldens.includes(name) ? pissaStart(folder).recipe : continuedAdapter(`${folder}/adapter`);
    const stored = plainWeights(model, (weight) => storedWeights(folder).get(weight)?.dtype ?? 'float32');
    const lora = settingsOf(recipe, model);
    for (const [i, way] of ways.entries())
      yield* stepGraphs(`${name}, way ${i}`, { model, stored, lora, way, isFed: i === 0 });
    const autocast = { format: 'bfloat16' } as const;
    yield* stepGraphs(`${name}, products in bfloat16`, { model, stored, lora, way: { ...ways[1], autocast } });
    yield { title: `${name}, decoder`, graph: buildDecoder(model, stored, lora, model.maxPositions).graph };
  }
}

const small = 'llama-gqa-tied';
const plainRecipe = { lora_r: 4, lora_alpha: 8, lora_dropout: 0, use_rslora: false, seed: 1 };

/** Each loss alone, and what can be added to it. */
function* objectiveGraphs(): Generator<NamedGraph> {
  const model = modelOf(small);
  const parts = { model, stored: plainWeights(model), lora: settingsOf(plainRecipe, model), way: ways[1] ?? {} };
  const dpo = (type: DpoLossType, more: { divergence?: number; discounts?: boolean; weighted?: boolean }): Objective =>
    dpoObjective(
      {
        lossTypes: [type],
        lossWeights: [0.5],
        beta: 0.1,
        labelSmoothing: 0.1,
        fDivergenceType: fDivergenceTypes[more.divergence ?? 0] ?? 'reverse_kl',
        fAlphaDivergenceCoef: 0.5,
        discopopTau: 0.05,
      },
      { discounts: more.discounts ?? false, weighted: more.weighted ?? false },
    );
  const objectives: readonly (readonly [string, Objective])[] = [
    ['nll', sftObjective('nll')],
    ['dft', sftObjective('dft')],
    ...dpoLossTypes.map((type) => [`dpo ${type}`, dpo(type, {})] as const),
    ...fDivergenceLossTypes.flatMap((type) =>
      fDivergenceTypes.map((name, divergence) => [`dpo ${type} ${name}`, dpo(type, { divergence })] as const),
    ),
    ['dpo with ld_alpha', dpo('sigmoid', { discounts: true })],
    ['dpo with use_weighting', dpo('sigmoid', { weighted: true })],
    ['orpo', orpoObjective(0.1)],
    ...[0, 0.5].map((cpoAlpha) => {
      const settings = { beta: 2, simpoGamma: 0.5, labelSmoothing: 0.1, cpoAlpha };
      return [`simpo ${cpoAlpha}`, simpoObjective(settings)] as const;
    }),
  ];
  for (const [title, objective] of objectives) yield* stepGraphs(title, { ...parts, objective });
}

/** A base model in every form in which weights may lie on the disk, and one of which every weight is trained. */
function* storedGraphs(): Generator<NamedGraph> {
  // The second has widths that no block divides.
  for (const name of [small, 'llama-head-dim']) {
    const model = modelOf(name);
    const lora = settingsOf({ ...plainRecipe, lora_target_modules: 'all-linear' }, model);
    const forms = new Map<string, ReadonlyMap<string, StoredWeight>>([
      ...(['float32', 'float16', 'bfloat16'] as const).map(
        (dtype) => [dtype, plainWeights(model, () => dtype)] as const,
      ),
      ...(['nf4', 'fp4', 'int4'] as const).map((type) => [type, fourBitWeights(model, type, false)] as const),
      ...(['nf4', 'fp4'] as const).map((type) => [`${type}, nested`, fourBitWeights(model, type, true)] as const),
    ]);
    for (const [form, stored] of forms) {
      for (const way of ways.slice(0, 2)) {
        yield* stepGraphs(`${name} in ${form}`, { model, stored, lora, way });
        yield* stepGraphs(`${name} in ${form}, fed`, { model, stored, lora, way, isFed: true });
      }
      yield* inSixteenBits(`${name} in ${form}`, { model, stored, lora, way: ways[0] ?? {} });
      yield { title: `${name} in ${form}, decoder`, graph: buildDecoder(model, stored, lora, 64).graph };
    }
    const settings = { ...shared, ...ways[1], trained: { kind: 'all' } } as const;
    yield { title: `${name}, all of it`, graph: buildGradientGraph(model, settings).graph };
  }
}

/** Every kind of LoRA with dropout and noise on the embeddings, and the optimizer's graphs for what each trains. */
function* loraGraphs(): Generator<NamedGraph> {
  const model = modelOf('llama-bias');
  const kinds: Record<string, Partial<LoraRecipe>> = {
    plain: {},
    rslora: { use_rslora: true },
    dora: { use_dora: true },
    pissa: { init_lora_weights: 'pissa' },
    'pissa and dora': { init_lora_weights: 'pissa', use_dora: true },
  };
  for (const [kind, more] of Object.entries(kinds)) {
    const recipe = { ...plainRecipe, lora_dropout: 0.1, lora_target_modules: 'all-linear', ...more };
    const lora = settingsOf(recipe, model);
    for (const stored of [plainWeights(model), fourBitWeights(model, 'nf4', true)]) {
      const way = { ...ways[1], neftuneAlpha: 5 };
      const { parameters } = gradientParts({ model, stored, lora, way });
      yield* stepGraphs(`${kind}, dropout and noise`, { model, stored, lora, way });
      const layout = flatLayout(parameters, ({ name }) => name.includes('lora_A'));
      yield { title: `${kind}, norm of the gradients`, graph: buildSquaresGraph(layout) };
      const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
      const graph = buildAdamWGraph(layout, adam, ({ decay }) => (decay ? 'decay' : 'still'));
      yield { title: `${kind}, AdamW`, graph };
    }
  }
}

async function otherGraphs(): Promise<NamedGraph[]> {
  const model = modelOf('llama-dora-bias');
  const lora = settingsOf({ ...plainRecipe, use_dora: true }, model);
  const recorded: NamedGraph[] = [
    { title: 'conformance: whether it is there', graph: smallestGraph() },
    { title: 'conformance: out of memory', graph: outerProductGraph() },
  ];
  await roundMs(recordingRuntime((graph) => recorded.push({ title: 'conformance: speed', graph })));
  for (const stored of [plainWeights(model, () => 'bfloat16'), fourBitWeights(model, 'int4', false)]) {
    const { parameters } = buildDecoder(model, stored, lora, 64);
    const given = { parameters, settings: lora, valueOf: () => new Float32Array(), stored, weightsDir: '' };
    await adapterInputs(
      recordingRuntime((graph) => recorded.push({ title: 'DoRA rows of an answer', graph })),
      given,
    );
  }
  return recorded;
}

/** Products in 16 bits; emulated, they are the processor's. */
function* inSixteenBits(title: string, parts: StepParts): Generator<NamedGraph> {
  for (const format of ['float16', 'bfloat16'] as const)
    for (const emulated of [false, true]) {
      const way = { ...parts.way, autocast: { format, emulated } };
      yield* stepGraphs(`${title}, ${emulated ? 'rounded to' : 'products in'} ${format}`, { ...parts, way });
    }
}

const shared = {
  objective: sftObjective('nll'),
  recompute: false,
  headChunks: 1,
  neftuneAlpha: 0,
  queryBlocks: 1,
  maxPositions: 64,
};

type StepParts = {
  model: Model;
  stored: ReadonlyMap<string, StoredWeight>;
  lora: LoraSettings;
  way: Way;
  objective?: Objective;
  isFed?: boolean;
};

function* stepGraphs(title: string, parts: StepParts): Generator<NamedGraph> {
  const { model, isFed = false } = parts;
  const { graph, settings } = gradientParts(parts);
  yield { title: `${title}${isFed ? ', fed' : ''}, training`, graph };
  yield { title: `${title}${isFed ? ', fed' : ''}, evaluation`, graph: buildEvaluationGraph(model, settings) };
}

function gradientParts({ model, stored, lora, way, objective = shared.objective, isFed = false }: StepParts): {
  graph: CompiledGraph;
  parameters: readonly ParameterSpec[];
  settings: StepSettings;
} {
  const trained = { kind: 'lora', stored, lora } as const;
  const settings = { ...shared, ...way, trained, objective, weightsAreFed: isFed };
  return { ...buildGradientGraph(model, settings), settings };
}

function settingsOf(recipe: LoraRecipe, model: Model): LoraSettings {
  return loraStart(recipe, model, () => new Float32Array()).settings;
}

function modelOf(golden: string): Model {
  return modelFor(readJson(`${goldensFolder}/${golden}/config.json`) as Record<string, unknown>);
}

const bytesOf: Partial<Record<DType, number>> = { float32: 4, float16: 2, bfloat16: 2, uint8: 1, int4: 0.5 };

function zeros(dtype: DType, shape: readonly number[]): ExternalData {
  const length = shape.reduce((size, dim) => size * dim, bytesOf[dtype] ?? Number.NaN);
  if (!(length <= zerosFile.bytes)) throw new Error(`${zerosFile.bytes} zeros do not reach for ${length}`);
  return { location: zerosFile.name, offset: 0, length: Math.ceil(length) };
}

function plainWeights(model: Model, dtypeOf: (name: string) => DType = () => 'float32'): Map<string, StoredWeight> {
  return new Map(
    [...model.weightShapes].map(([name, shape]) => {
      const dtype = dtypeOf(name);
      return [name, { dtype, shape, data: zeros(dtype, shape) }];
    }),
  );
}

/** Its linear layers in four bits, the rest in bfloat16. */
function fourBitWeights(model: Model, type: FourBitType, isNested: boolean): Map<string, StoredWeight> {
  const weights = plainWeights(model, () => 'bfloat16');
  for (const layer of model.linears) {
    const name = `${layer}.weight`;
    const shape = model.weightShapes.get(name) ?? [];
    const [out = 0, width = 0] = shape;
    const block = fourBitBlock[type];
    const blocks = type === 'int4' ? out * Math.ceil(width / block) : Math.ceil((out * width) / block);
    const outer = Math.ceil(blocks / nestedBlock);
    const codes = zeros('int4', type === 'int4' ? shape : [blocks * block]);
    const nested = {
      scales: zeros('float32', [outer]),
      offset: zeros('float32', [1]),
      map: zeros('float32', [nestedBlock]),
    };
    const scales = isNested ? zeros('uint8', [outer * nestedBlock]) : zeros('float32', [blocks]);
    weights.set(name, { type, shape, codes, scales, ...(isNested ? { nested } : {}) });
  }
  return weights;
}

/** A runtime whose sessions answer with nothing. */
function recordingRuntime(onGraph: (graph: CompiledGraph) => void): Runtime {
  const tensor: Runtime['tensor'] = (dtype, dims) => ({ dtype, dims });
  return {
    choice: { device: 'none', reason: 'only graphs are wanted' },
    hasOwnMemory: false,
    createSession: (graph) => {
      onGraph(graph);
      const outputs = new Map(graph.outputs.map((name) => [name, tensor('float32', [], new Float32Array())]));
      return Promise.resolve({ run: () => Promise.resolve(outputs), dispose: () => Promise.resolve() });
    },
    tensor,
    upload: (given) => Promise.resolve(given),
    read: () => Promise.resolve(new Float32Array()),
    dispose: () => undefined,
    close: () => Promise.resolve(),
  };
}

// A GGUF file as the model that it would be in Hugging Face's layout: config.json, tokenizer, and for each tensor what
// it is made from. Only its header is read, and the few numbers of rope_freqs.weight.
import { modelFor, supportedModelTypes } from '../../engine/models/registry.ts';
import type { SafetensorsDType } from '../safetensors.ts';
import { architectures, configOf, type Architecture } from './architectures.ts';
import { readableTypes } from './block-types.ts';
import type { GgufHeader, GgufTensor } from './header.ts';
import { Metadata } from './metadata.ts';
import { readModelHeader } from './parts.ts';
import { ggufUnsupported, otherFileFix } from './problems.ts';
import { readGgufTensor } from './read-tensor.ts';
import { type GgufTokenizer, readGgufTokenizer } from './tokenizer.ts';

export type PlannedTensor = {
  /** As in Hugging Face's checkpoints. */
  name: string;
  dtype: SafetensorsDType;
  shape: readonly number[];
  source: GgufTensor;
  /** Rows of a head; its rows stand in the file as llama.cpp pairs them. */
  pairedRows?: number;
  /** Added to every value in the file. */
  offset?: number;
};

export type GgufModel = {
  header: GgufHeader;
  metadata: Metadata;
  config: Record<string, unknown>;
  generationConfig: Record<string, unknown>;
  tokenizer: GgufTokenizer;
  tensors: PlannedTensor[];
  /** The type of most of the file's weights: "Q4_K". */
  type: string;
};

/** @throws UserError "gguf-invalid", "gguf-truncated", "gguf-unsupported", "model-type-unsupported" */
export function openGguf(path: string): GgufModel {
  const header = readModelHeader(path);
  const metadata = new Metadata(header);
  const prefix = metadata.requiredText('general.architecture');
  const architecture = architectureNamed(prefix, metadata);
  const { tensors } = header;
  const embedding = tensors.get('token_embd.weight');
  if (!embedding) throw ggufUnsupported(path, 'it has no token_embd.weight: it holds no language model');
  // Before anything is made for each layer.
  const layers = metadata.requiredSize(`${prefix}.block_count`);
  if (layers > tensors.size)
    throw ggufUnsupported(path, `its metadata says ${layers} layers, and it has ${tensors.size} tensors`);
  const factors = (name: string): Float32Array | undefined => {
    const tensor = tensors.get(name);
    return tensor && readGgufTensor(tensor);
  };
  const config = configOf(
    architecture,
    {
      metadata,
      prefix,
      has: (name) => tensors.has(name),
      ropeFrequencies: factors('rope_freqs.weight'),
      longFactors: factors('rope_factors_long.weight'),
      shortFactors: factors('rope_factors_short.weight'),
    },
    embedding.shape[0] ?? 0,
  );
  const planned = planTensors(header, architecture, config);
  requireSame(planned, config, path);
  const tokenizer = readGgufTokenizer(metadata);
  const { bos, eos, pad, otherEnds } = tokenizer.vocabulary;
  const ends = [eos, ...otherEnds].filter((id) => id !== undefined);
  const special = {
    ...(bos === undefined ? {} : { bos_token_id: bos }),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
    ...((pad ?? eos) === undefined ? {} : { pad_token_id: pad ?? eos }),
  };
  const type = mostUsedType([...tensors.values()]);
  return {
    header,
    metadata,
    config: { ...config, ...special, torch_dtype: dtypeNames[storedAs(type)] },
    generationConfig: special,
    tokenizer,
    tensors: planned,
    type,
  };
}

/** The architecture of that name where its models can be trained. */
export function trainableArchitecture(name: string): Architecture | undefined {
  const found = Object.hasOwn(architectures, name) ? architectures[name] : undefined;
  return found && supportedModelTypes.includes(found.modelType) ? found : undefined;
}

export const trainableArchitectures: readonly string[] = Object.keys(architectures).filter(trainableArchitecture);

function architectureNamed(name: string, metadata: Metadata): Architecture {
  const found = trainableArchitecture(name);
  if (found) return found;
  const experts = metadata.number(`${name}.expert_count`) ?? 0;
  throw ggufUnsupported(
    metadata.path,
    `its architecture is ${JSON.stringify(name)}${experts > 0 ? ' (a mixture of experts)' : ''}; GGUF files of these can be trained: ${trainableArchitectures.join(', ')}`,
    'Use a model of one of them.',
  );
}

/**
 * float16 for everything quantised: scales are float16 themselves, and its 11 bits keep the products with 4 to 8 bits
 * eight times more exactly than bfloat16 would. What a file holds in F32 (norms), F16 or BF16 stays bit for bit.
 */
export function storedAs(type: string): 'F32' | 'F16' | 'BF16' {
  return type === 'F32' || type === 'BF16' ? type : 'F16';
}

const dtypeNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

function planTensors(
  { path, tensors }: GgufHeader,
  architecture: Architecture,
  config: Record<string, unknown>,
): PlannedTensor[] {
  const heads = Number(config.num_attention_heads);
  const headDim = Number(config.head_dim ?? Number(config.hidden_size) / heads);
  return [...tensors.values()].flatMap((source) => {
    if (ropeTensors.has(source.name)) return [];
    const name = nameOf(source.name, architecture);
    if (name === undefined)
      throw ggufUnsupported(path, `it has the tensor ${source.name}, which ${architecture.modelType} models do not`);
    if (!source.type.read)
      throw ggufUnsupported(
        path,
        `${source.name} is stored as ${source.type.name}; these can be read: ${readableTypes.join(', ')}`,
        otherFileFix,
      );
    const isPaired = architecture.pairsNeighbours && /\.attn_[qk]\.(weight|bias)$/.test(source.name);
    const isNorm = source.name.endsWith('norm.weight');
    return {
      name,
      dtype: storedAs(source.type.name),
      shape: source.shape,
      source,
      ...(isPaired ? { pairedRows: headDim } : {}),
      ...(isNorm && architecture.normOffset !== 0 ? { offset: -architecture.normOffset } : {}),
    };
  });
}

/** They are in the config. */
const ropeTensors: ReadonlySet<string> = new Set([
  'rope_freqs.weight',
  'rope_factors_long.weight',
  'rope_factors_short.weight',
]);

const outside: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

function nameOf(name: string, { layerParts }: Architecture): string | undefined {
  if (Object.hasOwn(outside, name)) return outside[name];
  const [, layer = '', part = '', kind = ''] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  return Object.hasOwn(layerParts, part) ? `model.layers.${layer}.${layerParts[part] ?? ''}.${kind}` : undefined;
}

/** The tensors must be exactly those that the engine's model of this config has. */
function requireSame(planned: readonly PlannedTensor[], config: Record<string, unknown>, path: string): void {
  const { weightShapes } = modelFor(config);
  const byName = new Map(planned.map((tensor) => [tensor.name, tensor]));
  for (const [name, shape] of weightShapes) {
    const tensor = byName.get(name);
    if (!tensor)
      throw ggufUnsupported(path, `its metadata asks for ${name} [${shape.join(', ')}], and it has no such tensor`);
    if (tensor.shape.join() !== shape.join())
      throw ggufUnsupported(
        path,
        `${tensor.source.name} is [${tensor.shape.join(', ')}], and its metadata makes it [${shape.join(', ')}]`,
      );
  }
  const extra = planned.find(({ name }) => !weightShapes.has(name));
  if (extra) throw ggufUnsupported(path, `it has the tensor ${extra.source.name}, which its metadata has no use for`);
}

function mostUsedType(tensors: readonly GgufTensor[]): string {
  const bytes = new Map<string, number>();
  for (const { type, byteLength } of tensors) bytes.set(type.name, (bytes.get(type.name) ?? 0) + byteLength);
  const [most] = [...bytes].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? 'F32';
}

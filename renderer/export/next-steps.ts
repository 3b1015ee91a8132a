// What to do with an export in other programs: commands with its real paths or its name on the Hub, to copy.
import type { ExportFormat } from '../../preload/contract.ts';

export type NextStep = { title: string; about: string; code: string };

type Export = {
  format: ExportFormat;
  /** Its folder, or its repository on the Hub. */
  place: string;
  onHub: boolean;
  /** Hub id or folder of the model below an adapter. */
  baseModel: string;
  rank: number;
  useDora: boolean;
};

/** The ranks that vLLM makes room for. */
const vllmRanks = [8, 16, 32, 64, 128, 256, 320, 512];

export function nextSteps({ format, place, onHub, baseModel, rank, useDora }: Export): NextStep[] {
  const name = lastPart(place);
  const path = JSON.stringify(place); // a string of Python, too
  // llama.cpp's scripts read folders only.
  const fetched = onHub ? `hf download ${quoted(place)} --local-dir ${quoted(name)}\n` : '';
  const local = onHub ? name : place;
  const gguf = quoted(`${local}${local.includes('\\') ? '\\' : '/'}${name}.gguf`);
  if (format === 'merged')
    return [
      {
        title: 'Transformers',
        about: 'Loads it as any model: the adapter is part of it.',
        code: python('AutoModelForCausalLM', 'transformers', path),
      },
      { title: 'vLLM', about: 'Serves it behind an OpenAI-compatible API.', code: `vllm serve ${quoted(place)}` },
      {
        title: 'llama.cpp',
        about: 'Makes a GGUF file of it, then talks to it. Run in a checkout of llama.cpp.',
        code: `${fetched}python convert_hf_to_gguf.py ${quoted(local)} --outfile ${gguf}\nllama-cli -m ${gguf}`,
      },
    ];
  const room = vllmRanks.find((one) => one >= rank) ?? rank;
  const baseIsFolder = isFolder(baseModel);
  const steps = [
    {
      title: 'PEFT',
      about: 'Loads the adapter on its base model.',
      // An adapter on the Hub names no folder of this machine as its base model.
      code: onHub && baseIsFolder ? onNamedBase(baseModel, path) : python('AutoPeftModelForCausalLM', 'peft', path),
    },
  ];
  // Neither knows DoRA's magnitudes: they would load it and answer as another model.
  if (useDora) return steps;
  return [
    ...steps,
    {
      title: 'vLLM',
      about: `Serves base model and adapter together; ask for the model “${name}”.`,
      code: `vllm serve ${quoted(baseModel)} --enable-lora --max-lora-rank ${room} --lora-modules ${quoted(`${name}=${place}`)}`,
    },
    {
      title: 'llama.cpp',
      about: 'Makes a GGUF file of the adapter, for use beside one of its base model. Run in a checkout of llama.cpp.',
      code: `${fetched}python convert_lora_to_gguf.py --base${baseIsFolder ? '' : '-model-id'} ${quoted(baseModel)} ${quoted(local)} --outfile ${gguf}\nllama-cli -m base.gguf --lora ${gguf}`,
    },
  ];
}

export const isFolder = (model: string): boolean => model.startsWith('/') || model.includes('\\');

function python(loader: string, from: string, path: string): string {
  const imports =
    from === 'transformers'
      ? `from transformers import ${loader}, AutoTokenizer`
      : `from ${from} import ${loader}\nfrom transformers import AutoTokenizer`;
  return `${imports}\n\nmodel = ${loader}.from_pretrained(${path})\ntokenizer = AutoTokenizer.from_pretrained(${path})`;
}

function onNamedBase(base: string, path: string): string {
  const imports = 'from peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer';
  return `${imports}\n\nbase = AutoModelForCausalLM.from_pretrained(${JSON.stringify(base)})\nmodel = PeftModel.from_pretrained(base, ${path})\ntokenizer = AutoTokenizer.from_pretrained(${path})`;
}

/** For a shell: as it is where nothing in it means anything to one. */
function quoted(text: string): string {
  return /^[\w./:@=+~\\-]+$/.test(text) ? text : `"${text.replaceAll(/(["$`])/g, '\\$1')}"`;
}

const lastPart = (path: string): string => path.split(/[/\\]/).findLast((part) => part !== '') ?? path;

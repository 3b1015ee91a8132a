// What a run will do, in plain words, from the values that count.
import type { RecipeCheck } from '../../../preload/contract.ts';
import { valueText } from '../../ui/wording.ts';

type Values = RecipeCheck['effective'];
export type PlanLine = { title: string; text: string };

const methods: Record<string, string> = {
  sft: 'Learns to write as the examples do',
  dpo: 'Learns to prefer the better answer of each pair over the worse one',
  orpo: 'Learns the better answers of pairs and away from the worse ones, in one go',
  simpo: 'Learns to find the better answers of pairs likelier than the worse ones',
};

const number = (values: Values, key: string): number => (typeof values[key] === 'number' ? values[key] : 0);
const flag = (values: Values, key: string): boolean => values[key] === true;

/** `modelName` and `dataName` as the steps before call them, `deviceName` where one was picked. */
export function planOf(
  method: string,
  values: Values,
  { modelName, dataName, deviceName }: { modelName: string; dataName: string; deviceName?: string | undefined },
): PlanLine[] {
  return [
    { title: 'Model', text: `${modelName}, whose weights stay as they are` },
    { title: 'Data', text: `${dataName}${evaluationText(values)}` },
    { title: 'Method', text: `${methods[method] ?? method}${learnedFrom(method, values)}` },
    { title: 'Adapter', text: adapterText(values) },
    { title: 'Training', text: trainingText(values) },
    ...(deviceName === undefined ? [] : [{ title: 'Device', text: deviceName }]),
    { title: 'Result', text: resultText(values) },
  ];
}

function evaluationText(values: Values): string {
  if (values['eval_dataset_name'] !== undefined) return ', evaluated on files of their own';
  const share = number(values, 'test_split_size');
  if (share === 0) return ', nothing set aside for evaluation';
  return share < 1
    ? `, ${valueText(100 * share)} % of it set aside for evaluation`
    : `, ${share} rows set aside for evaluation`;
}

function learnedFrom(method: string, values: Values): string {
  if (method !== 'sft') return '';
  if (flag(values, 'assistant_only_loss')) return ', from what the assistant says only';
  if (values['completion_only_loss'] === true) return ', from the completions only';
  return values['completion_only_loss'] === false ? ', from whole rows' : '';
}

function adapterText(values: Values): string {
  const kind = flag(values, 'use_dora') ? 'DoRA' : flag(values, 'use_rslora') ? 'rsLoRA' : 'LoRA';
  const targets = values['lora_target_modules'];
  const layers =
    targets === 'all-linear'
      ? 'all linear layers'
      : Array.isArray(targets)
        ? targets.filter((one) => typeof one === 'string').join(', ')
        : "PEFT's choice of layers";
  return `${kind} of rank ${number(values, 'lora_r')} on ${layers}`;
}

function trainingText(values: Values): string {
  const steps = number(values, 'max_steps');
  const epochs = number(values, 'num_train_epochs');
  const rows = number(values, 'per_device_train_batch_size') * number(values, 'gradient_accumulation_steps');
  const length = steps > 0 ? `${steps} steps` : `${valueText(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'}`;
  return `${length} of ${rows} ${rows === 1 ? 'row' : 'rows'} a step, learning rate ${valueText(number(values, 'learning_rate'))}`;
}

function resultText(values: Values): string {
  const where = typeof values['output_dir'] === 'string' ? values['output_dir'] : "the run's own folder";
  return `an adapter in PEFT's format in ${where}${flag(values, 'load_best_model_at_end') ? ', from the best checkpoint' : ''}`;
}

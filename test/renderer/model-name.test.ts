// How the wizard calls the model that a draft names.
import { expect, test } from 'vitest';
import { countText } from '../../renderer/ui/wording.ts';
import { modelName, modelSummary } from '../../renderer/wizard/model/model-name.ts';

test('a model is called as a person knows it', () => {
  expect(modelName('/home/a/.cache/huggingface/hub/models--river--otter-2M/snapshots/0123abcd')).toBe('river/otter-2M');
  expect(modelName('C:\\Users\\a\\hub\\models--river--otter\\snapshots\\0123')).toBe('river/otter');
  expect(modelName('/hub/models--gpt2')).toBe('gpt2');
  expect(modelName('/opt/lorelei/resources/starter-model')).toBe('Starter model');
  expect(modelName('C:\\models\\Llama 3\\')).toBe('Llama 3');
  expect(modelSummary('', '')).toBeNull();
  expect(modelSummary('/models/pike', 'run:calm-otter')).toBe('pike + run:calm-otter');
});

test('counts are short', () => {
  expect([999, 9999, 10_000, 134_515_008, 999_949_999, 1_235_814_400].map(countText)).toEqual([
    '999',
    '9,999',
    '10.0 k',
    '135 M',
    '1.0 B',
    '1.2 B',
  ]);
});

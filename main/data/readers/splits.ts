// Which split a file or a key belongs to, by its name, with the words that dataset hubs use.

const SPLIT_WORDS: Record<string, 'train' | 'test' | 'validation'> = {
  train: 'train',
  training: 'train',
  test: 'test',
  testing: 'test',
  eval: 'test',
  evaluation: 'test',
  valid: 'validation',
  validation: 'validation',
  val: 'validation',
  dev: 'validation',
};

/** 'train' or 'test' (validation counts as test) where a whole word of the name says so. */
export function splitOfName(name: string): 'train' | 'test' | undefined {
  for (const word of name.toLowerCase().split(/[^a-z]+/)) {
    const split = SPLIT_WORDS[word];
    if (split) return split === 'train' ? 'train' : 'test';
  }
  return undefined;
}

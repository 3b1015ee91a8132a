// One answer from a model folder, for callers that ask once.
import { Generator, type GenerateOptions, type GeneratorOptions } from './generator.ts';

/** Opens the model, streams the answer, closes the model. */
export async function* generateText(options: GeneratorOptions & GenerateOptions): AsyncGenerator<string, void> {
  const generator = await Generator.open(options);
  try {
    yield* generator.generate(options);
  } finally {
    await generator.dispose();
  }
}

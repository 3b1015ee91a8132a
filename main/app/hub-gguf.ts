// A repository of GGUF files on the Hub: what its files are, and which one is taken.
import type { CommandOutput, ErrorDetails, ModelFacts } from '../../preload/contract.ts';
import { quantisationProblem } from '../checkpoints/gguf/choice.ts';
import { storedAs, trainableArchitecture, trainableArchitectures } from '../checkpoints/gguf/model.ts';
import { bytesCached, bytesOf, isCached, pathsOf, planOf } from '../hub/download.ts';
import { chosenGguf, type GgufChoice } from '../hub/gguf-files.ts';
import type { RepoFile, Repository } from '../hub/repository.ts';
import type { App } from './app.ts';

/** What the Hub says of one of the files; their metadata is read once it is here. Throws UserError "gguf-file-missing". */
export function hubGgufInfo(
  { hub }: Pick<App, 'hub'>,
  hubUrl: string,
  repository: Repository,
  ggufs: readonly GgufChoice<RepoFile>[],
  file?: string,
): CommandOutput<'hub.modelInfo'> {
  const { repo, commit, isGated, licence, gguf } = repository;
  const choice = chosenGguf(repo.id, ggufs, file);
  const plan = planOf(repository, choice.files);
  const folder = isCached(hub.cache, plan) ? (pathsOf(hub.cache, plan)[0] ?? null) : null;
  const parameters = gguf?.total ?? null;
  const dtype = choice.quantisation === undefined ? null : storedAs(choice.quantisation);
  const facts: ModelFacts = {
    reference: folder ?? '',
    name: repo.id,
    modelType: gguf?.architecture ?? null,
    problem: problemOf(repository, choice),
    parameters,
    // As they are converted.
    bytes: parameters === null || dtype === null ? null : parameters * (dtype === 'F32' ? 4 : 2),
    dtype,
    gguf: choice.quantisation ?? null,
    contextLength: gguf?.context_length ?? null,
    vocabSize: null,
    layers: null,
    hiddenSize: null,
    hasChatTemplate: gguf && gguf.chat_template !== undefined,
    licence,
    origin: { id: repo.id, revision: commit },
    folder,
    adapter: null,
  };
  return {
    repo: repo.id,
    commit,
    url: `${hubUrl}/${repo.id}`,
    isGated,
    facts,
    downloadBytes: bytesOf(plan),
    missingBytes: bytesOf(plan) - bytesCached(hub.cache, plan),
    refusal: null,
    file: choice.path,
    ggufs: ggufs.map(({ path, quantisation, files }) => ({
      path,
      quantisation: quantisation ?? null,
      bytes: files.reduce((sum, { size }) => sum + size, 0),
      problem: quantisationProblem(quantisation),
    })),
  };
}

function problemOf({ repo, gguf }: Repository, { path, quantisation }: GgufChoice<RepoFile>): ErrorDetails | null {
  if (gguf && !trainableArchitecture(gguf.architecture))
    return {
      code: 'gguf-unsupported',
      message: `${repo.id}: its architecture is ${JSON.stringify(gguf.architecture)}; GGUF files of these can be trained: ${trainableArchitectures.join(', ')}.`,
      fix: 'Use a model of one of them.',
    };
  const problem = quantisationProblem(quantisation);
  if (problem === null) return null;
  return {
    code: 'gguf-unsupported',
    message: `${path}: ${problem}.`,
    fix: 'Choose another file of the model: Q8_0 where it has one, else Q6_K, Q5_K_M or Q4_K_M.',
  };
}

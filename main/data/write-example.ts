// Writes an example as text, by the template that was chosen: what the model will read, where the prompt ends and what
// the assistant says. Turning the text into tokens is left to tokenize-example.ts.
import { UserError } from '../errors.ts';
import { renderWithSpans, type SpecialTokenFinder } from './assistant-spans.ts';
import type { ChatTemplate, RenderOptions, Span } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import {
  chatmlTemplate,
  instructionMessages,
  messagesAsInstruction,
  writeAlpaca,
  writePlain,
  type Instruction,
  type TemplateName,
} from './templates.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { Example, Message } from './types.ts';

export type WrittenExample = {
  text: string;
  /** True where a chat template wrote all special tokens; else BOS and EOS are still to be added. */
  templated: boolean;
  /** The beginning that is not the completion, for rows that have one. */
  prompt?: string;
  /** What the assistant says, for conversations. */
  assistant?: Span[];
};

export type ExampleWriter = {
  /** The templates that rows were written with so far, as the report names them. */
  used(): { name: string; chatTemplate: string | undefined };
  /** `withSpans`: also find what the assistant says. Throws RowProblem, TemplateRefusal, UserError. */
  write(example: Exclude<Example, { kind: 'tokens' }>, withSpans: boolean): WrittenExample;
};

const CHATML_AS_TEXT =
  'The tokenizer has no token <|im_start|>: ChatML is written with ordinary text tokens, and turns end with EOS.';

/** `note` is told, once each, what a person should know about how rows are written. */
export function exampleWriter(
  tokenizer: TextTokenizer,
  template: TemplateName,
  note: (message: string) => void,
): ExampleWriter {
  const findSpecial = specialTokenFinder(tokenizer);
  const chat = chatOf(tokenizer, template);
  const names = new Set<string>();

  const writeChat = (
    chosen: ChatTemplate,
    messages: Message[],
    prompt: Message[] | undefined,
    tools: unknown[] | undefined,
    withSpans: boolean,
  ): WrittenExample => {
    names.add(template === 'chatml' ? 'chatml' : "the model's chat template");
    if (template === 'chatml' && tokenizer.idOf('<|im_start|>') === undefined) note(CHATML_AS_TEXT);
    checkTools(chosen, messages, tools, note);
    const options: RenderOptions = tools ? { tools } : {};
    const { text, spans } = withSpans
      ? renderWithSpans(chosen, messages, options, findSpecial)
      : { text: chosen.render(messages, options), spans: undefined };
    return {
      text,
      templated: true,
      ...(spans ? { assistant: spans } : {}),
      ...(prompt ? { prompt: chosen.render(prompt, { ...options, addGenerationPrompt: true }) } : {}),
    };
  };

  const writeInstruction = (example: Instruction, withSpans: boolean): WrittenExample => {
    if (chat) {
      const { prompt, completion } = instructionMessages(example);
      return writeChat(chat, [...prompt, ...completion], prompt, undefined, withSpans);
    }
    if (template === 'none') {
      const { prompt, completion } = writePlain(example);
      return { text: prompt + completion, templated: false, prompt };
    }
    if (template === 'model') note('The model has no chat template; instructions are written in the Alpaca format.');
    return alpaca(example);
  };

  const alpaca = (example: Instruction): WrittenExample => {
    names.add('alpaca');
    const { text, answers } = writeAlpaca(example, tokenizer.eosToken ?? '');
    return { text, templated: false, prompt: text.slice(0, answers.at(-1)?.start), assistant: answers };
  };

  return {
    used: () => ({
      name: [...names].join(', ') || 'none',
      chatTemplate: names.size > 0 ? chat?.source : undefined,
    }),
    write(example, withSpans) {
      switch (example.kind) {
        case 'text':
          return { text: example.text, templated: false };
        case 'instruction':
          return writeInstruction(example, withSpans);
        case 'messages':
          if (template === 'alpaca') return alpacaConversation(messagesAsInstruction(example.messages));
          return writeChat(
            chat ?? noTemplate(tokenizer, template),
            example.messages,
            undefined,
            toolList(example),
            withSpans,
          );
        case 'prompt-completion': {
          const { prompt, completion } = example;
          if (typeof prompt === 'string' && typeof completion === 'string') {
            // As TRL: text rows are joined as they are. A template that was asked for by name is used.
            return template === 'chatml' || template === 'alpaca'
              ? writeInstruction({ history: [], instruction: prompt, output: completion }, withSpans)
              : { text: prompt + completion, templated: false, prompt };
          }
          if (typeof prompt === 'string' || typeof completion === 'string') {
            throw new RowProblem('prompt and completion must both be text or both be lists of messages');
          }
          if (template === 'alpaca') return alpaca(messagesAsInstruction([...prompt, ...completion]));
          const chosen = chat ?? noTemplate(tokenizer, template);
          return writeChat(chosen, [...prompt, ...completion], prompt, toolList(example), withSpans);
        }
      }
    },
  };

  /** All answers of a conversation are its own, not only the last. */
  function alpacaConversation(example: Instruction): WrittenExample {
    const { text, templated, assistant = [] } = alpaca(example);
    return { text, templated, assistant };
  }
}

function chatOf(tokenizer: TextTokenizer, template: TemplateName): ChatTemplate | undefined {
  if (template === 'chatml') return tokenizer.compile(chatmlTemplate(tokenizer));
  return template === 'model' && tokenizer.chatTemplate !== undefined ? tokenizer.chat() : undefined;
}

function noTemplate(tokenizer: TextTokenizer, template: TemplateName): never {
  if (template !== 'none') {
    // Says that the model has none, and what to do.
    tokenizer.chat();
  }
  throw new UserError({
    code: 'conversations-need-a-template',
    message: 'The rows are conversations, and template is "none": there is no way to write them as text.',
    fix: 'Set template: model, chatml or alpaca.',
  });
}

function toolList(example: { tools?: unknown }): unknown[] | undefined {
  return Array.isArray(example.tools) ? example.tools : undefined;
}

/** A template that knows nothing of tools would teach the model to answer a request with nothing. */
function checkTools(
  chat: ChatTemplate,
  messages: Message[],
  tools: unknown[] | undefined,
  note: (message: string) => void,
): void {
  if (messages.some((message) => 'tool_calls' in message) && !chat.source.includes('tool_calls')) {
    throw new RowProblem('the chat template cannot write the tool calls of this row');
  }
  if (tools && !/\btools\b/.test(chat.source))
    note("The chat template does not write the rows' list of tools; it is left out.");
}

function specialTokenFinder(tokenizer: TextTokenizer): SpecialTokenFinder {
  const texts = tokenizer.specialTexts().filter((text) => text !== '');
  if (texts.length === 0) return () => undefined;
  const escaped = texts.sort((a, b) => b.length - a.length).map((text) => RegExp.escape(text));
  const pattern = new RegExp(escaped.join('|'), 'g');
  return (text, from) => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    return match ? { start: match.index, end: match.index + match[0].length } : undefined;
  };
}

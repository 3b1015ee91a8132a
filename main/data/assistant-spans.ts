// Finds what the assistant says in a rendered conversation, for any chat template. {% generation %} decides where a
// template has it; else the conversation is rendered up to each answer and compared with the whole.
import { TemplateRefusal, type ChatTemplate, type RenderOptions, type Span } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import type { Message } from './types.ts';

/** Ends of special tokens' texts in a string, to find where a turn stops. */
export type SpecialTokenFinder = (text: string, from: number) => Span | undefined;

/** Stands in for an answer, to see where a template puts it. Text that no template looks into. */
const STAND_IN = '\uE0F2\uE0F3';

/** The rendered text and, in order, the span of each assistant message with its end-of-turn token. */
export function renderWithSpans(
  chat: ChatTemplate,
  messages: Message[],
  options: RenderOptions,
  findSpecial: SpecialTokenFinder,
): { text: string; spans: Span[] } {
  if (chat.marksGeneration) return chat.renderMarked(messages, options);
  const text = chat.render(messages, options);
  const spans: Span[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    const opening = tryRender(chat, messages.slice(0, i), { ...options, addGenerationPrompt: true });
    const whole = tryRender(chat, messages.slice(0, i + 1), options);
    const opens = opening !== undefined && text.startsWith(opening);
    const closes = whole !== undefined && text.startsWith(whole);
    if (opens && closes) {
      spans.push({ start: opening.length, end: whole.length });
      continue;
    }
    // The template writes this turn differently when others follow (Qwen 3 leaves out earlier thoughts).
    const content = locateContent(chat, messages, i, text, options);
    const start = opens ? opening.length : content.start;
    const end = closes ? whole.length : turnEnd(text, content.end, 'tool_calls' in message, findSpecial);
    spans.push({ start: Math.min(start, content.start), end });
  }
  return { text, spans };
}

function tryRender(chat: ChatTemplate, messages: Message[], options: RenderOptions): string | undefined {
  if (messages.length === 0) return undefined;
  try {
    return chat.render(messages, options);
  } catch (error) {
    if (error instanceof TemplateRefusal) return undefined;
    throw error;
  }
}

/** Where the content of message i stands: what changes in the text when the content changes. */
function locateContent(chat: ChatTemplate, messages: Message[], i: number, text: string, options: RenderOptions): Span {
  const changed = messages.map((message, j) => (j === i ? { ...message, content: STAND_IN } : message));
  const other = tryRender(chat, changed, options);
  if (!other?.includes(STAND_IN)) throw new RowProblem('the chat template leaves out an assistant message');
  let start = 0;
  while (start < text.length && text[start] === other[start]) start++;
  let tail = 0;
  while (tail < text.length - start && text[text.length - 1 - tail] === other[other.length - 1 - tail]) tail++;
  return { start, end: text.length - tail };
}

/** The turn goes on to the special token that ends it, with the line end that templates write after it. */
function turnEnd(text: string, contentEnd: number, hasToolCalls: boolean, findSpecial: SpecialTokenFinder): number {
  const token = findSpecial(text, contentEnd);
  if (!token) return contentEnd;
  const between = text.slice(contentEnd, token.start);
  if (between.trim() !== '' && !hasToolCalls) return contentEnd;
  return token.end + (/^\s*/.exec(text.slice(token.end))?.[0].length ?? 0);
}

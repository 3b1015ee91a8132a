// Turns the ways in which files write conversations into lists of {role, content}. Templates come later.
import { RowProblem } from './columns.ts';
import { isRecord, kindOf } from './readers/reader.ts';
import type { Message } from './types.ts';

/** Other names of roles, in lower case. Names not listed stay as they are. */
const ROLE_OF_NAME: Record<string, string> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  assistant: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  function_call: 'assistant',
  system: 'system',
  observation: 'tool',
  tool: 'tool',
  function: 'tool',
};

/** [{role, content}] or [{from, value}] or [{human, assistant}], in any mixture. */
export function toMessages(list: unknown[], column: string): Message[] {
  return list.flatMap((item, i) => {
    const place = `${column}[${String(i)}]`;
    if (!isRecord(item)) throw new RowProblem(`${place} is ${kindOf(item)}, not a message`);
    if (!('role' in item) && !('from' in item) && ('human' in item || 'assistant' in item || 'user' in item)) {
      return toTurn(item, place);
    }
    return [toMessage(item, place)];
  });
}

/** Messages where the value is a list of them, or one of them; undefined where it is neither. */
export function messagesIn(value: unknown, column: string): Message[] | undefined {
  if (Array.isArray(value)) return toMessages(value, column);
  return isRecord(value) && ('role' in value || 'from' in value) ? toMessages([value], column) : undefined;
}

function toMessage(item: Record<string, unknown>, place: string): Message {
  const { from, value, role, content, ...rest } = item;
  const name = role ?? from;
  if (typeof name !== 'string' || name === '') throw new RowProblem(`${place} has no role`);
  const kept = Object.fromEntries(Object.entries(rest).filter(([, field]) => field !== null && field !== undefined));
  if (Array.isArray(kept.tool_calls)) kept.tool_calls = kept.tool_calls.map(withParsedArguments);
  return {
    role: ROLE_OF_NAME[name.toLowerCase()] ?? name,
    content: contentText(content ?? value, kept, place),
    ...kept,
  };
}

/** OpenAI's files hold the arguments of a call as JSON text; chat templates expect the object. */
function withParsedArguments(call: unknown): unknown {
  if (!isRecord(call)) return call;
  if (isRecord(call.function)) return { ...call, function: withParsedArguments(call.function) };
  if (typeof call.arguments !== 'string') return call;
  try {
    const parsed: unknown = JSON.parse(call.arguments);
    return isRecord(parsed) ? { ...call, arguments: parsed } : call;
  } catch {
    return call;
  }
}

/** A turn that holds both sides: {"human": …, "assistant": …}. */
function toTurn(item: Record<string, unknown>, place: string): Message[] {
  const said: Message[] = [];
  for (const [name, field] of Object.entries(item)) {
    const role = ROLE_OF_NAME[name.toLowerCase()];
    if (role) said.push({ role, content: contentText(field, {}, `${place}.${name}`) });
  }
  const order = ['system', 'user', 'assistant'];
  return said.sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
}

function contentText(content: unknown, rest: Record<string, unknown>, place: string): string {
  if (typeof content === 'string') return content;
  if (Array.isArray(content)) return content.map((part: unknown) => partText(part, place)).join('');
  if (content === null || content === undefined) {
    if ('tool_calls' in rest || 'function_call' in rest || 'reasoning_content' in rest) return '';
    throw new RowProblem(`${place} has no content`);
  }
  if (typeof content === 'number' || typeof content === 'boolean') return String(content);
  throw new RowProblem(`${place} has ${kindOf(content)} as content`);
}

function partText(part: unknown, place: string): string {
  if (typeof part === 'string') return part;
  if (isRecord(part) && typeof part.text === 'string') return part.text;
  const type = isRecord(part) && typeof part.type === 'string' ? part.type : kindOf(part);
  throw new RowProblem(`${place} holds a part of type ${type}; only text can be trained on`);
}

/** Question and answer pairs, as ms-swift and LLaMA-Factory write earlier turns. */
export function toHistory(list: unknown[]): [string, string][] {
  return list.map((pair, i) => {
    if (Array.isArray(pair) && pair.length === 2 && pair.every((side) => typeof side === 'string')) {
      return [pair[0] ?? '', pair[1] ?? ''];
    }
    throw new RowProblem(`history[${String(i)}] is not a pair of texts`);
  });
}

/** With a system message in front, unless the conversation has one or there is nothing to say. */
export function withSystem(messages: Message[], system: string | undefined): Message[] {
  if (!system?.trim() || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: system }, ...messages];
}

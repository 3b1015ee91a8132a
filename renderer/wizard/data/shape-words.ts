// Row shapes in plain words, and the roles that columns can be given.

const words: Record<string, string> = {
  input_ids: 'Rows that are tokens already',
  'prompt/completion': 'Prompts, each with its completion',
  messages: 'Conversations with user and assistant turns',
  conversations: 'Conversations with user and assistant turns',
  conversation: 'Conversations with user and assistant turns',
  text: 'Plain text',
  'response only': 'Plain text',
  'prompt_ids/chosen_ids/rejected_ids': 'Pairs that are tokens already',
};

/** `name` is the shape's, as the report has it: "messages", "instruction/[input]/output". */
export function shapeWords(name: string, kind: 'rows' | 'pairs'): string {
  const known = words[name];
  if (known !== undefined) return known;
  if (kind === 'rows') return 'Questions, each with its answer';
  const [first = '', ...others] = name.split('/');
  if (others.length < 2) return 'Two whole conversations each, a better and a worse one';
  if (['messages', 'conversations', 'conversation'].includes(first)) {
    return 'Conversations, each with a better and a worse answer';
  }
  return first === 'prompt'
    ? 'Prompts, each with a better and a worse answer'
    : 'Questions, each with a better and a worse answer';
}

export type Role = { name: string; text: string; required: boolean };

/** What a row can be made of by hand. */
export type Layout = { id: string; text: string; hint: string; roles: readonly Role[] };

const needed = (name: string, text: string): Role => ({ name, text, required: true });
const optional = (name: string, text: string): Role => ({ name, text, required: false });

const system = optional('system', 'System message');

export const layouts: Readonly<Record<'rows' | 'pairs', readonly Layout[]>> = {
  rows: [
    {
      id: 'question',
      text: 'Question and answer',
      hint: 'The template asks the question; the answer is learned.',
      roles: [
        needed('instruction', 'Question'),
        needed('output', 'Answer'),
        optional('input', 'More to the question'),
        system,
      ],
    },
    {
      id: 'conversation',
      text: 'Conversation',
      hint: 'A list of turns, as {"role", "content"} or {"from", "value"}.',
      roles: [needed('messages', 'Turns'), system, optional('tools', 'Tools')],
    },
    {
      id: 'completion',
      text: 'Prompt and completion',
      hint: 'Joined as they are; the completion is learned.',
      roles: [needed('prompt', 'Prompt'), needed('completion', 'Completion')],
    },
    { id: 'text', text: 'Plain text', hint: 'All of it is learned.', roles: [needed('text', 'Text')] },
  ],
  pairs: [
    {
      id: 'question',
      text: 'Question',
      hint: 'The template asks the question, and each answer follows it.',
      roles: [
        needed('instruction', 'Question'),
        needed('chosen', 'Better answer'),
        needed('rejected', 'Worse answer'),
        optional('input', 'More to the question'),
        system,
      ],
    },
    {
      id: 'prompt',
      text: 'Prompt',
      hint: 'Text that both answers go on with as it is, or a list of turns.',
      roles: [needed('prompt', 'Prompt'), needed('chosen', 'Better answer'), needed('rejected', 'Worse answer')],
    },
    {
      id: 'whole',
      text: 'Two whole conversations',
      hint: 'What both begin with is the prompt.',
      roles: [needed('chosen', 'Better conversation'), needed('rejected', 'Worse conversation'), system],
    },
  ],
};

/** The layout whose needed roles are given, most of them first; else the first. */
export function layoutOf(kind: 'rows' | 'pairs', roles: readonly string[]): Layout {
  const given = new Set(roles.map((role) => synonyms[role] ?? role));
  const fits = layouts[kind].filter((layout) => layout.roles.every((role) => !role.required || given.has(role.name)));
  const [best] = fits.sort((a, b) => needs(b) - needs(a));
  const [first] = layouts[kind];
  if (!first) throw new Error(`no layout of ${kind}`);
  return best ?? first;
}

const needs = ({ roles }: Layout): number => roles.filter(({ required }) => required).length;

/** Names of shapes that mean the same role. */
const synonyms: Readonly<Record<string, string>> = {
  question: 'instruction',
  query: 'instruction',
  user: 'instruction',
  response: 'output',
  answer: 'output',
  assistant: 'output',
  context: 'input',
  conversations: 'messages',
  conversation: 'messages',
  chosen_response: 'chosen',
  preferred_output: 'chosen',
  response_j: 'chosen',
  rejected_response: 'rejected',
  non_preferred_output: 'rejected',
  response_k: 'rejected',
  rejected_messages: 'rejected',
};

/** What a detected shape reads, by the roles of a layout: where the mapper starts from. */
export function rolesFrom(
  columns: readonly { role: string; column: string }[],
  layout: Layout,
): Record<string, string> {
  const roles: Record<string, string> = {};
  for (const { role, column } of columns) {
    const name = synonyms[role] ?? role;
    if (layout.roles.some((one) => one.name === name)) roles[name] ??= column;
  }
  return roles;
}

// Renders chat templates (Jinja), and finds the parts that {% generation %} marks. Which template is used, and what is
// done with the text, is left to others.
import { Template } from '@huggingface/jinja';
import { UserError, messageOf } from '../errors.ts';
import type { Message } from './types.ts';

export type RenderOptions = {
  /** End with the opening of an assistant turn. */
  addGenerationPrompt?: boolean;
  tools?: unknown[];
  /** More variables for the template, such as enable_thinking. */
  variables?: Record<string, unknown>;
};

/** A half-open range of characters. */
export type Span = { start: number; end: number };

/** Private-use characters that no text should hold; they mark the ends of generated parts while rendering. */
const OPEN = '\uE0F0';
const CLOSE = '\uE0F1';

/** A template's own refusal of a conversation, for example because roles do not alternate. */
export class TemplateRefusal extends Error {}

export class ChatTemplate {
  readonly source: string;
  readonly marksGeneration: boolean;
  private readonly template: Template;
  private readonly markedTemplate: Template | undefined;
  private readonly variables: Record<string, unknown>;

  /** `variables` are those that every rendering gets, such as bos_token. Throws UserError chat-template-invalid. */
  constructor(source: string, variables: Record<string, unknown>, from: string) {
    this.source = source;
    this.variables = variables;
    this.marksGeneration = /{%-?\s*generation\s*-?%}/.test(source);
    try {
      this.template = new Template(source);
      this.markedTemplate = this.marksGeneration ? new Template(markGeneration(source)) : undefined;
    } catch (error) {
      throw new UserError(
        {
          code: 'chat-template-invalid',
          message: `The chat template of ${from} cannot be read: ${messageOf(error)}.`,
          fix: 'Correct the template, name another one with chat_template_path, or set template: chatml.',
        },
        { cause: error },
      );
    }
  }

  /** Throws TemplateRefusal. */
  render(messages: Message[], options: RenderOptions = {}): string {
    return this.run(this.template, messages, options);
  }

  /** The text with the parts that the template marks as generated. Only where `marksGeneration`. */
  renderMarked(messages: Message[], options: RenderOptions = {}): { text: string; spans: Span[] } {
    if (messages.some(({ content }) => content.includes(OPEN) || content.includes(CLOSE))) {
      throw new TemplateRefusal('the text holds U+E0F0 or U+E0F1, which mark answers while a template is rendered');
    }
    const marked = this.run(this.markedTemplate ?? this.template, messages, options);
    const spans: Span[] = [];
    let text = '';
    for (const part of marked.split(OPEN)) {
      const [inside = '', outside] = part.split(CLOSE);
      if (outside === undefined) text += inside;
      else {
        spans.push({ start: text.length, end: text.length + inside.length });
        text += inside + outside;
      }
    }
    return { text, spans };
  }

  private run(template: Template, messages: Message[], options: RenderOptions): string {
    try {
      return template.render({
        ...this.variables,
        ...options.variables,
        messages,
        // Templates test "tools is not none".
        tools: options.tools ?? null,
        add_generation_prompt: options.addGenerationPrompt ?? false,
      });
    } catch (error) {
      throw new TemplateRefusal(messageOf(error), { cause: error });
    }
  }
}

/**
 * {% generation %} becomes a mark in the output. The mark stands between two blocks, so that blanks and line ends
 * around the tag are trimmed exactly as they were around the tag itself.
 */
function markGeneration(source: string): string {
  return source
    .replace(/{%(-?)\s*generation\s*(-?)%}/g, `{%$1 if true %}{{ "${OPEN}" }}{% if true $2%}`)
    .replace(/{%(-?)\s*endgeneration\s*(-?)%}/g, `{%$1 endif %}{{ "${CLOSE}" }}{% endif $2%}`);
}

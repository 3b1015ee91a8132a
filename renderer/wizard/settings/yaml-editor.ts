// The YAML editor: CodeMirror in a shadow root, where its styles are adopted sheets that the page's policy allows.
import { autocompletion, completionKeymap, type CompletionContext } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintGutter, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { KeyDescription } from '../../../preload/contract.ts';

export type YamlProblem = { /** From 1. */ line: number; message: string };

export type YamlEditor = {
  text(): string;
  setText(text: string): void;
  show(problems: readonly YamlProblem[]): void;
  destroy(): void;
};

type Options = { label: string; text: string; keys: () => readonly KeyDescription[]; onChange: (text: string) => void };

export function createYamlEditor(place: HTMLElement, { label, text, keys, onChange }: Options): YamlEditor {
  const root = place.shadowRoot ?? place.attachShadow({ mode: 'open' });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        lintGutter(),
        history(),
        yaml(),
        syntaxHighlighting(colours),
        theme,
        autocompletion({ override: [(context) => completeKeys(context, keys())] }),
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    setText(text) {
      if (text === view.state.doc.toString()) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    show(problems) {
      const { doc } = view.state;
      const diagnostics = problems.map(({ line, message }): Diagnostic => {
        const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines));
        return { from, to, severity: 'error', message };
      });
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    destroy: () => view.destroy(),
  };
}

function completeKeys(context: CompletionContext, keys: readonly KeyDescription[]) {
  const word = context.matchBefore(/^\w*/);
  if (word === null || (word.from === word.to && !context.explicit)) return null;
  return {
    from: word.from,
    options: keys.map(({ key, label, does }) => ({ label: key, detail: label, info: does, apply: `${key}: ` })),
  };
}

// The page's colours: custom properties reach into a shadow root.
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: tags.comment, color: 'var(--muted)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--amber)' },
]);

const theme = EditorView.theme({
  '&': { backgroundColor: 'var(--raised)', color: 'var(--text)', fontSize: '12px', minHeight: '240px' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px' },
  '.cm-content': { caretColor: 'var(--text)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--muted)', borderRight: '1px solid var(--line)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: 'var(--accent-wash) !important' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--line-strong)', color: 'var(--text)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-wash)', color: 'var(--text)' },
  '.cm-completionInfo': { maxWidth: '320px' },
});

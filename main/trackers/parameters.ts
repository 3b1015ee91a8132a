// The recipe as parameters of an experiment: secrets masked, values as Python prints them, so that runs of TRL and of
// Lorelei in one project compare and filter alike.

const SECRET = /(_token|_key|password|secret)$/i;

/** The recipe without unset keys; what ends in "_token" reads "<HUB_TOKEN>", as transformers has it. */
export function maskedParameters(recipe: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(recipe)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, SECRET.test(key) && value !== null ? `<${key.toUpperCase()}>` : value]),
  );
}

/** { a: { b: 1 } } -> { 'a|b': 1 } for the separator "|". Lists and empty objects stay whole. */
export function flattened(values: Readonly<Record<string, unknown>>, separator: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      isObject(value) && Object.keys(value).length > 0
        ? Object.entries(flattened(value, separator)).map(([inner, one]) => [`${key}${separator}${inner}`, one])
        : [[key, value]],
    ),
  );
}

/** Python's str() of a value: True, None, 2e-05, ['q_proj', 'v_proj']. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : pythonLiteral(value);
}

function pythonLiteral(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return pythonNumber(value);
  if (typeof value === 'string') {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
    return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
  }
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(', ')}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, one]) => `${pythonLiteral(key)}: ${pythonLiteral(one)}`);
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value);
}

/** Python turns to exponents below 1e-4 and from 1e16 on, and gives them two digits. */
function pythonNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// What the browser keeps from one visit to the next. Where it keeps nothing, one begins anew.

export function readKept<T extends object>(key: string, otherwise: T): T {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
    if (Array.isArray(otherwise)) return Array.isArray(kept) ? (kept as T) : otherwise;
    return typeof kept === 'object' && kept !== null ? { ...otherwise, ...kept } : otherwise;
  } catch (error) {
    console.error(error);
    return otherwise;
  }
}

export function keep(key: string, value: object): void {
  localStorage.setItem(key, JSON.stringify(value));
}

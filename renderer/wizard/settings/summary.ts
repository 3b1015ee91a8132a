// The settings in a line.

/** "SFT, balanced": the method and where it started from. */
export function settingsSummary(method: string, preset: string | null): string {
  return `${method.toUpperCase()}, ${preset === null ? 'defaults' : preset.replaceAll('-', ' ')}`;
}

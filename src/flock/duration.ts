const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The milliseconds in a duration such as `90s`, `20m` or `1.5h`, or undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = found?.[2];
  return unit === undefined ? undefined : Math.round(Number(found?.[1]) * units[unit as keyof typeof units]);
}

/** A number as people write it, and what there are so many of: `1 bot`, `14,600 posts`. */
export const count = (number: number, thing = ''): string =>
  `${number.toLocaleString('en-US')}${thing === '' ? '' : ` ${thing}${number === 1 ? '' : 's'}`}`;

/** How often: `never`, `once`, `twice`, `3 times`. */
export const times = (number: number): string =>
  ['never', 'once', 'twice'][number] ?? `${count(number)} times`;

/** A few names: `howl, prowl and 3 more`. */
export function listed(names: readonly string[]): string {
  const [first = '', second] = names;
  if (second === undefined) return first;
  return names.length === 2 ? `${first} and ${second}` : `${first}, ${second} and ${names.length - 2} more`;
}

/** A duration in milliseconds: `0 s`, `4.2 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return ms > 0 && ms < 10_000 ? `${Math.ceil(ms / 100) / 10} s` : `${seconds} s`;
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([number]) => number > 0);
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number} ${unit}`)
    .join(' ');
}

/** An instant in ISO 8601, to the minute, in UTC. */
export const minutes = (instant: string): string => `${instant.slice(0, 10)} ${instant.slice(11, 16)}`;

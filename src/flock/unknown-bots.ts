import { couldBeSecret, nearest, shown } from '../text.ts';

/** A bot that only `flock.json` knows. */
export interface UnknownBot {
  /** `…` where its name could be a secret. */
  bot: string;
  why: string;
  /** For the first few: what was meant takes its time to find. */
  hint: string | undefined;
}

/** Everybody that a flock's files know, with a key or without. */
export const namesIn = ({ bots, misfits, keyless }: Named): string[] => [
  ...bots.map(({ name }) => name),
  ...misfits.map(({ bot }) => bot),
  ...keyless.map(({ name }) => name),
];

interface Named {
  bots: readonly { name: string }[];
  misfits: readonly { bot: string }[];
  keyless: readonly { name: string }[];
}

/** So many are told of one by one; where the keys and poems are gone, all are unknown. */
export const mostUnknown = 5;

/**
 * The bots that `flock.json` names and that are not there.
 *
 * @param known - the names of all that have a poem or a key bundle
 */
export function unknownBots(named: readonly string[], known: Iterable<string>): UnknownBot[] {
  const there = new Set(known);
  return named
    .filter((name) => !there.has(name))
    .map((name, index) => ({
      bot: shown(name),
      why: 'flock.json names it, but it has neither a poem nor a key bundle',
      hint: index < mostUnknown ? hintFor(name, [...there]) : undefined,
    }));
}

function hintFor(name: string, known: readonly string[]): string | undefined {
  if (couldBeSecret(name)) return 'look under "bots": a name that could be a secret is not shown';
  const meant = nearest(name, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

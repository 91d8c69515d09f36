import { thing, type Finding } from './finding.ts';

const second = 1000;
const minute = 60 * second;
const noticed = 30 * second;
/** What X's signatures bear. */
const refused = 5 * minute;

/** What an answer says of this machine's clock. */
export interface Skew {
  /** Whose clock it was held against. */
  title: string;
  /** How far this machine is behind; negative where it is ahead. Milliseconds. */
  behind: number;
}

/**
 * @param date - the answer's Date header
 * @param asked - this machine's time in the middle of the exchange
 * @returns undefined where the answer does not tell the time
 */
export function skewOf(title: string, date: string | undefined, asked: number): Skew | undefined {
  const told = Date.parse(date ?? '');
  // The header has whole seconds, cut off.
  return Number.isNaN(told) ? undefined : { title, behind: told + second / 2 - asked };
}

/** Judges by the nearest clock: a proxy may hand out an old answer with its old date, but none from the future. */
export function examineClock(skews: readonly Skew[]): Finding {
  const about = thing('clock');
  const nearest = [...skews].sort((a, b) => Math.abs(a.behind) - Math.abs(b.behind))[0];
  if (!nearest) return about.skipped('clock', 'no answer told the time');
  const { title, behind } = nearest;
  const size = Math.abs(behind);
  if (size < noticed) return about.ok('clock', `within 30 s of ${title}`);
  const message = `this machine is ${inWords(size)} ${behind > 0 ? 'behind' : 'ahead of'} ${title}`;
  return about[size < refused ? 'warn' : 'bad']('clock', message, 'timedatectl set-ntp true');
}

const inWords = (ms: number): string =>
  ms < 2 * minute ? `${Math.round(ms / second)} s` : `${Math.round(ms / minute)} min`;

import pino from 'pino';
import type { BotName } from '../../src/flock/bot.ts';
import type { Bot } from '../../src/flock/load-flock.ts';
import { parseFlockFile } from '../../src/flock/flock-file.ts';
import type { BotKey } from '../../src/keys/key-bundle.ts';
import { TokenPair } from '../../src/keys/token-pair.ts';
import { openPurse } from '../../src/posting/budget.ts';
import { Closures } from '../../src/posting/closures.ts';
import { Caps } from '../../src/posting/price-post.ts';
import type { StepOptions } from '../../src/posting/step.ts';
import type { Random } from './random.ts';

export const deadline = 10_000;
export const log = pino({ enabled: false });
/** When histories begin; the same for all, so that the slots of a schedule are found once. */
export const begin = Date.parse('2026-03-28T09:00:30Z');

/** What is not a fault: who posts what, and what happens around them. Instants are milliseconds of true time since the start. */
export interface Scenario {
  bots: Bot[];
  poems: Map<string, string[]>;
  manyLines: number;
  duplicateWindow: number;
  checksClock: boolean;
  failedSyncLoses: boolean;
  /** Posts a day that the whole flock may make, where it has a budget. */
  budget?: number;
  /** Deaths, sudden settings of the clock, edits of poems, exports of the ledger and their restores. */
  happenings: Happening[];
  /** How long the machine is down after each death; then the last again. */
  downs: [number, ...number[]];
}

export type Happening = { at: number } & (
  | { what: 'kill' | 'power cut' | 'export' | 'restore' }
  | { what: 'clock'; ahead: number }
  | { what: 'append'; bot: string; line: string }
  | { what: 'fix'; bot: string; which: number; posted: boolean }
);

type Own = Pick<Bot['settings'], 'refrain' | 'missed' | 'spread'> & Partial<Pick<Bot['settings'], 'atEnd'>>;

const settingsOf = parseFlockFile(
  JSON.stringify({ schedule: '* * * * *', timezone: 'UTC', atEnd: 'stop' }),
  'flock.json',
).settingsOf;
/** As it is by default: the promise rests on it. */
export const { settle } = settingsOf('any' as BotName);

const keys = new Map<string, BotKey>();

function keyOf(name: string, knowsItself: boolean): BotKey {
  const mark = `${name} ${knowsItself}`;
  const key = keys.get(mark) ?? {
    appKeys: new TokenPair('app', 'app secret'),
    accessToken: new TokenPair(`token of ${name}`, 'secret'),
    userId: knowsItself ? `user-${name}` : undefined,
    screenName: name,
  };
  keys.set(mark, key);
  return key;
}

export function botOf(name: string, own: Own, knowsItself: boolean): Bot {
  return {
    name: name as BotName,
    bundle: keyOf(name, knowsItself),
    poemFile: name,
    settings: { ...settingsOf(name as BotName), ...own },
  };
}

const words = ['rain', 'rose', 'stone', 'a rose is a rose', 'sea'] as const;
const minute = 60_000;

/** A poem with refrains, some of them neighbours. */
function poemOf(random: Random): string[] {
  const variety = 1 + random.int(words.length);
  return Array.from({ length: 2 + random.int(4) }, () => words[random.int(variety)] ?? words[0]);
}

export function randomScenario(random: Random): Scenario {
  const names = random.chance(0.5) ? ['ada'] : ['ada', 'bea'];
  const poems = new Map(names.map((name) => [name, poemOf(random)]));
  const bots = names.map((name) =>
    botOf(
      name,
      {
        refrain: random.pick(['join', 'defer', 'skip']),
        missed: random.pick(['skip', 'one', 'all']),
        spread: random.pick([0, 0, 20_000]),
        atEnd: random.chance(0.1) ? 'loop' : 'stop',
      },
      random.chance(0.8),
    ),
  );
  return {
    bots,
    poems,
    manyLines: random.pick([3, 5, 9, 10_000]),
    duplicateWindow: random.chance(0.15) ? random.pick([minute, 10 * minute, 60 * minute]) : 0,
    checksClock: true,
    failedSyncLoses: random.chance(0.5),
    happenings: happeningsAmong(names, random),
    downs: [random.pick([0, 1000, 40_000, 5 * minute, 120 * minute]), random.pick([0, 5000, 10 * minute])],
  };
}

const hour = 60 * minute;
const year = 365 * 24 * hour;

function happeningsAmong(names: string[], random: Random): Happening[] {
  const happenings: Happening[] = [];
  const sometime = (): number => random.int(8 * minute);
  const whose = (): string => names[random.int(names.length)] ?? '';
  while (random.chance(0.25)) happenings.push({ at: sometime(), what: random.pick(['kill', 'power cut']) });
  if (random.chance(0.15)) {
    const ahead = random.pick([-4 * minute, 4 * minute, hour, -hour, 30 * hour, -30 * hour, year, -year]);
    const at = sometime();
    happenings.push({ at, what: 'clock', ahead });
    if (random.chance(0.9) || Math.abs(ahead) > 5 * minute)
      happenings.push({ at: at + random.pick([sometime(), random.int(20_000)]), what: 'clock', ahead: 0 });
  }
  if (random.chance(0.15)) {
    const at = sometime();
    happenings.push({ at, what: 'export' });
    let later = at;
    // An export may be restored more than once.
    do
      happenings.push({
        at: (later += random.pick([sometime(), sometime(), random.int(20_000)])),
        what: 'restore',
      });
    while (random.chance(0.2));
  }
  // One edit at a time: where two come between two looks, nobody could say which line became which.
  const edit = random.int(10);
  if (edit === 0) happenings.push({ at: sometime(), what: 'append', bot: whose(), line: random.pick(words) });
  if (edit === 1)
    happenings.push({ at: sometime(), what: 'fix', bot: whose(), which: random.int(5), posted: true });
  return happenings;
}

/** What keeps a bot from posting: what X said, the scenario's budget, and no stop switch. */
export function boundsOf({
  budget,
}: Scenario): Pick<StepOptions, 'closures' | 'caps' | 'purse' | 'isStopped'> {
  const purse = { ...openPurse, budget: { postsPerDay: budget } };
  return { closures: new Closures(), caps: new Caps(), purse: () => purse, isStopped: () => false };
}

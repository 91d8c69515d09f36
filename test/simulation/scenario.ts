import { EventLog } from '../../src/log.ts';
import { type Bot, parseFlockFile } from '../../src/config/flock-file.ts';
import { networks } from '../../src/networks/networks.ts';
import { type BotKey, TokenPair } from '../../src/oauth/signature.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { rulesOfX } from '../../src/poems/tweet-text.ts';
import type { RunnerOptions } from '../../src/posting/bot-runner.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';
import type { Random } from './random.ts';
import { keyManners, type OtherNetwork, type Spell } from './simulated-network.ts';
import { type Tampering, tamperings } from './tampering.ts';

export const deadline = 10_000;
export const log = new EventLog();
/** When histories begin; the same for all, so that the slots of a schedule are found once. */
export const begin = Date.parse('2026-03-28T09:00:30Z');

/** What is not a fault: who posts what, and what happens around them. Instants are milliseconds of true time since the start. */
export interface Scenario {
  bots: Bot[];
  poems: Map<string, string[]>;
  manyLines: number;
  duplicateWindow: number;
  checksClock: boolean;
  /** The network, if it is not X. */
  other?: OtherNetwork;
  /** How far the wall clock is ahead when the machine boots, where it is wrong then, until something sets it. */
  aheadAtBoot?: number;
  /** How long after `settle` the timeline may show a post, where it breaks what is asked of it. */
  lag?: number;
  failedSyncLoses: boolean;
  /** X shows texts otherwise than they were sent, which no reader would see, and now and then more posts than it was asked for. */
  alters?: boolean;
  /** Posts a day that the whole flock may make, where it has a budget. */
  budget?: number;
  /** Dollars a month that it may spend, where it has such a budget. */
  usd?: number;
  /** Deaths, hands laid on the journal, sudden settings of the clock, edits of poems, exports of the ledger and their restores. */
  happenings: Happening[];
  /** How long the machine is down after each death; then the last again. */
  downs: [number, ...number[]];
}

export type Happening = { at: number } & (
  | { what: 'kill' | 'power cut' | 'export' | 'restore' | 'copy state' | 'put state back' | 'lose state' }
  | { what: 'spell'; spell: Spell; lasts: number }
  /** Its file is written anew: at each step, so many milliseconds after the one before, that share of it is there. */
  | { what: 'upload'; bot: string; steps: { after: number; share: number }[] }
  | { what: 'tamper'; how: Tampering }
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
    rules: rulesOfX,
  };
}

const words = ['rain', 'rose', 'stone', 'a rose is a rose', 'sea'] as const;
/** What X, or a look through something between, may show otherwise. No two are the same to people. */
const alteredWords = [
  'salt &amp; rain',
  'a rose & a thorn',
  'soft\u200bly \u2764\ufe0f',
  'caf\u00e9  "noir"',
  "it's <late>",
] as const;

const minute = 60_000;

/** A poem with refrains, some of them neighbours. */
function poemOf(random: Random, among: readonly [string, ...string[]]): string[] {
  const variety = 1 + random.int(among.length);
  return Array.from({ length: 2 + random.int(4) }, () => among[random.int(variety)] ?? among[0]);
}

export function randomScenario(random: Random): Scenario {
  const names = random.chance(0.5) ? ['ada'] : ['ada', 'bea'];
  const alters = random.chance(0.2);
  const poems = new Map(names.map((name) => [name, poemOf(random, alters ? alteredWords : words)]));
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
  const aheadAtBoot = random.chance(0.07) ? random.pick(wrongBoots) : undefined;
  return {
    bots,
    poems,
    ...(aheadAtBoot !== undefined && { aheadAtBoot }),
    manyLines: random.pick([3, 5, 9, 10_000]),
    duplicateWindow: random.chance(0.15) ? random.pick([minute, 10 * minute, 60 * minute]) : 0,
    checksClock: true,
    failedSyncLoses: random.chance(0.5),
    alters,
    happenings: [
      ...happeningsAmong(names, random).filter(({ what }, _, all) => !(alters && isFixed(what, all))),
      ...(aheadAtBoot === undefined
        ? []
        : [{ at: 10_000 + random.int(4 * minute), what: 'clock' as const, ahead: 0 }]),
    ],
    downs: [random.pick([0, 1000, 40_000, 5 * minute, 120 * minute]), random.pick([0, 5000, 10 * minute])],
  };
}

/**
 * Of a line that was corrected since an export nothing but its fingerprint is left, by which a restored bot cannot find what X has
 * altered.
 */
const isFixed = (what: Happening['what'], all: readonly Happening[]): boolean =>
  what === 'fix' && all.some((other) => other.what === 'restore');

const hour = 60 * minute;
const year = 365 * 24 * hour;
/** A machine without a clock of its own begins in 1970, or where it was when it was shut down. */
const wrongBoots = [
  -56 * year,
  -year,
  -30 * hour,
  -hour,
  -10 * minute,
  10 * minute,
  30 * hour,
  year,
] as const;

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
  happenings.push(...spellsAmong(random, sometime));
  if (random.chance(0.1))
    happenings.push({ at: sometime(), what: 'upload', bot: whose(), steps: stepsOf(random) });
  if (random.chance(0.15)) happenings.push({ at: sometime(), what: 'tamper', how: random.pick(tamperings) });
  if (random.chance(0.1)) return [...happenings, ...lossesOf(random, sometime)];
  // One edit at a time: where two come between two looks, nobody could say which line became which.
  const edit = random.int(10);
  if (edit === 0) happenings.push({ at: sometime(), what: 'append', bot: whose(), line: random.pick(words) });
  if (edit === 1)
    happenings.push({ at: sometime(), what: 'fix', bot: whose(), which: random.int(5), posted: true });
  return happenings;
}

/** An upload goes on every few seconds, and ends with all of it. */
function stepsOf(random: Random): { after: number; share: number }[] {
  const steps = Array.from({ length: 1 + random.int(4) }, () => random.int(1000) / 1000).sort(
    (a, b) => a - b,
  );
  return [...steps, 1].map((share) => ({ after: random.int(4500), share }));
}

/** An old copy of the ledger is put back by hand, or there is none any more. */
function lossesOf(random: Random, sometime: () => number): Happening[] {
  const at = sometime();
  return random.chance(0.3)
    ? [{ at, what: 'lose state' }]
    : [
        { at, what: 'copy state' },
        { at: at + sometime(), what: 'put state back' },
      ];
}

/** X serves nobody for a while; a flock of two bots that get 401 for longer than an hour would rightly be parked. */
function spellsAmong(random: Random, sometime: () => number): Happening[] {
  if (!random.chance(0.15)) return [];
  const spell = random.pick(['front', 'outage', 'app refused', 'no credit', 'down'] as const);
  return [{ at: sometime(), what: 'spell', spell, lasts: random.pick([6000, 2 * minute, 40 * minute]) }];
}

/** The same at another network, which charges nothing, refuses no repetition and checks no signature. */
export const atNetwork =
  (other: OtherNetwork) =>
  (scenario: Scenario): Scenario => ({
    ...scenario,
    other,
    duplicateWindow: 0,
    checksClock: false,
    bots: scenario.bots.map((bot) => {
      const server = 'https://elsewhere.example';
      const bundle = { ...bot.bundle, userId: `user-${bot.name}`, provider: other.name, server };
      return { ...bot, bundle, rules: networks[other.name].rulesFor(bundle, undefined) };
    }),
  });

/** The manner of a network's servers, by a seed. */
export const otherOf = (name: OtherNetwork['name'], seed: number): OtherNetwork =>
  name === 'bluesky' ? { name } : { name, key: keyManners[seed % keyManners.length] ?? 'ignores' };

/** What keeps a bot from posting: the scenario's budget, and no stop switch. */
export function boundsOf({
  budget,
  usd,
  bots,
}: Scenario): Pick<RunnerOptions, 'flockBudget' | 'isStopped' | 'bots' | 'brake'> {
  const flockBudget = { ...unlimitedBudget, budget: { postsPerDay: budget, usdPerMonth: usd } };
  return {
    flockBudget: () => flockBudget,
    isStopped: () => false,
    bots: () => bots,
    brake: (why) => Promise.reject(new Error(why)),
  };
}

import { parseFlockFile } from '../../src/config/flock-file.ts';
import type { LedgerEvent } from '../../src/ledger/events.ts';
import type { JournalContents } from '../../src/ledger/journal.ts';
import { FlockHistory } from '../../src/ledger/history.ts';
import { applyEvent, fingerprints } from '../../src/ledger/state.ts';
import { type BotPlan, FlockPlan } from '../../src/plan/plan.ts';
import type { PredictedPost } from '../../src/plan/predict.ts';
import { notesOf, notesOfFlock } from '../../src/plan/render.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { splitPoem } from '../../src/poems/poem.ts';
import { networkFor, networks } from '../../src/networks/networks.ts';
import { type BotKey, TokenPair } from '../../src/oauth/signature.ts';
import { unlimitedBudget } from '../../src/posting/budget.ts';

const day = 86_400_000;

/** The first of a short month, in the middle of a night. */
export const from = Date.parse('2026-06-01T00:00:00Z');

export interface SmallFlock {
  /** The rows of each bot's poem. */
  poems: Record<string, readonly string[]>;
  /** The content of `flock.json`. */
  settings?: Record<string, unknown>;
  /** What happened to each bot, after it began a day before. */
  events?: Record<string, readonly LedgerEvent[]>;
  /** What the ledger says, in the place of events. */
  begun?: Pick<JournalContents, 'states' | 'history'>;
  from?: number;
  days?: number;
  chosen?: readonly string[];
  /** Each bot's app, at X. */
  apps?: Record<string, string>;
  /** What each bot's key says of its network, where that is not X. */
  keys?: Record<string, Pick<BotKey, 'provider' | 'server' | 'screenName' | 'textLimits'>>;
}

export interface Planned {
  plan: FlockPlan;
  posts: PredictedPost[];
  bots: Record<string, BotPlan>;
}

/** Plans a flock, and takes its posts. */
export function planned(flock: SmallFlock): Planned {
  const plan = planOf(flock);
  const posts = [...plan.posts()];
  return { plan, posts, bots: Object.fromEntries(plan.bots().map((bot) => [bot.bot.name, bot])) };
}

/** A plan for a flock that is on no disk. */
export function planOf({
  poems,
  settings = {},
  events = {},
  begun,
  from: begins = from,
  days = 30,
  chosen,
  apps = {},
  keys = {},
}: SmallFlock): FlockPlan {
  const { settingsOf, timezone, budget } = parseFlockFile(JSON.stringify(settings), 'flock.json');
  const history = begun?.history ?? new FlockHistory();
  const bots = Object.entries(poems).map(([name, rows]) => {
    const own = settingsOf(name as BotName);
    const bundle = {
      appKeys: new TokenPair('app', ''),
      accessToken: new TokenPair(name, ''),
      userId: undefined,
      screenName: undefined,
      ...keys[name],
    };
    const network = networkFor(bundle);
    const rules = network.rulesFor(bundle, own.contentWarning);
    const lines = splitPoem(rows.join('\n'), { unit: own.unit, rules });
    const happened = events[name];
    const first = { event: 'begun', bot: name, at: from - day, poem: fingerprints(lines) } as const;
    let state = begun?.states.get(name);
    for (const event of happened ? [first, ...happened] : []) {
      history.apply(event, state);
      state = applyEvent(state, event);
    }
    return {
      name: name as BotName,
      poemFile: `poems/${name}.txt`,
      bundle,
      network,
      rules,
      file: `poems/${name}.txt`,
      text: rows.join('\n'),
      lines,
      settings: own,
      state,
      account: bundle.screenName,
      key: begun ? (state?.parked?.key ?? '') : 'key',
      app: network === networks.x ? (apps[name] ?? 'app') : undefined,
    };
  });
  return new FlockPlan({
    bots,
    chosen: (bot) => chosen?.includes(bot) ?? true,
    span: { from: begins, until: begins + days * day },
    flockBudget: { ...unlimitedBudget, timezone, budget },
    history,
    deadline: 10_000,
  });
}

/** `howl 06-02 09:00 text`, in UTC, for each post. */
export const shownPosts = ({ posts }: Planned): string[] =>
  posts.map(({ bot, at, text }) => {
    const iso = new Date(at).toISOString();
    return `${bot} ${iso.slice(5, 10)} ${iso.slice(11, 16)} ${text}`;
  });

/** `howl: what there is to say`, for each note; those of the flock without a name. */
export const notesIn = ({ plan, bots }: Planned): string[] => [
  ...notesOfFlock(plan).map(({ text }) => text),
  ...Object.values(bots).flatMap((bot) =>
    notesOf(bot, plan.span).map(({ text }) => `${bot.bot.name}: ${text}`),
  ),
];

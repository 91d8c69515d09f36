import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { inUsd } from '../../cost.ts';
import { type BotStatus, type FlockStatus, states } from '../../flock/status.ts';
import type { Change } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import { keyCauses } from '../../posting/post.ts';
import { EventLoopYield } from '../../yield.ts';
import type { Check, LastReload } from './health.ts';

const outcomes = ['posted', 'refused', 'absent'] as const;

type Counts = Record<(typeof outcomes)[number], number>;

/** What is known of one bot when its metrics are read. */
interface BotFacts {
  status: Pick<BotStatus, 'bot' | 'state' | 'done' | 'of' | 'last' | 'next' | 'spent' | 'budget'>;
  /** What the ledger says of it. */
  state: BotState | undefined;
}

/** What is measured, at one moment, besides what {@link Metrics} counts itself. */
export interface ScrapeFacts {
  version: string;
  bots: readonly BotFacts[];
  flock: Pick<FlockStatus, 'stopped' | 'spent' | 'budget'>;
  /** For how long the scheduler is overdue. Milliseconds. */
  overdue: number;
  checks: readonly Check[];
  reload: LastReload;
}

interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

type Measured = number | undefined | readonly Sample[];

interface Row {
  name: string;
  help: string;
  /** A gauge, if not given. */
  type?: 'counter';
  labels?: readonly string[];
  /** The value of the whole flock, or that of each bot with the label `bot`. */
  ofFlock?: (facts: ScrapeFacts) => Measured;
  ofBot?: (bot: BotFacts, settled: Readonly<Counts>) => Measured;
  /** Makes one value of two bots' values; missing where that has no meaning. */
  join?: (a: number, b: number) => number;
}

/**
 * With more bots than this, a metric has one series for all bots, without the label `bot`, so that a scrape stays small and
 * holds up no post.
 */
export const maxBots = 2000;

const sum = (a: number, b: number): number => a + b;

/** @param settled - the outcomes of a bot's posts since the process began */
function samplesOf(
  { ofFlock, ofBot, join }: Row,
  facts: ScrapeFacts,
  settled: (bot: string) => Counts,
): readonly Sample[] {
  if (ofFlock) return asSamples(ofFlock(facts));
  if (!ofBot) return [];
  const isEach = facts.bots.length <= maxBots;
  if (!isEach && !join) return [];
  const all = facts.bots.flatMap((one) => {
    const { bot } = one.status;
    const samples = asSamples(ofBot(one, settled(bot)));
    return isEach ? samples.map(({ labels, value }) => ({ labels: { bot, ...labels }, value })) : samples;
  });
  return isEach || !join ? all : joined(all, join);
}

function joined(samples: readonly Sample[], join: NonNullable<Row['join']>): readonly Sample[] {
  const all = new Map<string, Sample>();
  for (const { labels, value } of samples) {
    const key = Object.values(labels).join();
    const known = all.get(key);
    all.set(key, { labels, value: known ? join(known.value, value) : value });
  }
  return [...all.values()];
}

function asSamples(measured: Measured): readonly Sample[] {
  if (measured === undefined) return [];
  return typeof measured === 'number' ? [{ labels: {}, value: measured }] : measured;
}

/*
 * Prometheus wants base units (seconds, dollars) and instants as seconds since 1970. No label has a text of a poem or an
 * account: bots are known by their names.
 */

/** `new, fine (posting): it posts on its schedule` for each of the states that people see. */
const stateHelp = states
  .map(({ name, conditions, meaning, action }) => `${conditions.join(', ')} (${name}): ${meaning}; ${action}`)
  .join('. ');

/** Everything that is read from the facts at each scrape. Pure. */
const rows: readonly Row[] = [
  {
    name: 'flockd_posts_total',
    help: 'Posts since flockd began to run, by what came of them.',
    type: 'counter',
    labels: ['outcome'],
    join: sum,
    ofBot: (_, settled) => outcomes.map((outcome) => ({ labels: { outcome }, value: settled[outcome] })),
  },
  {
    name: 'flockd_last_success_timestamp_seconds',
    help: 'When the last post was confirmed.',
    join: Math.max,
    ofBot: ({ status }) => seconds(status.last?.at),
  },
  {
    name: 'flockd_next_due_timestamp_seconds',
    help: 'When the next post is due. Missing while none is: the bot needs you, is checking or is paused.',
    join: Math.min,
    ofBot: ({ status }) => seconds(status.next),
  },
  {
    name: 'flockd_owed_since_timestamp_seconds',
    help: 'The slot of the post that was refused and waits for another try. Missing while there is none.',
    join: Math.min,
    ofBot: ({ status, state }) => seconds(status.state === 'waiting' ? state?.owed?.slot : undefined),
  },
  {
    name: 'flockd_in_doubt_since_timestamp_seconds',
    help: 'When the post in doubt was sent. Missing while there is none.',
    join: Math.min,
    ofBot: (bot) => seconds(postInDoubt(bot)?.at),
  },
  {
    name: 'flockd_lines_remaining',
    help: 'Lines until the end of the poem.',
    join: sum,
    ofBot: ({ status }) => status.of - status.done,
  },
  {
    name: 'flockd_key_valid',
    help: '0 if the bot needs you because of its key, bundle or poem; otherwise 1.',
    join: Math.min,
    ofBot: (bot) => (isKeyGood(bot) ? 1 : 0),
  },
  {
    name: 'flockd_bot_state',
    help: `The condition of the bot, one at a time. ${stateHelp}.`,
    labels: ['state'],
    join: sum,
    ofBot: ({ status }) => [{ labels: { state: status.state }, value: 1 }],
  },

  {
    name: 'flockd_spend_dollars_total',
    help: 'What X charged since the bot began its poem, as far as the ledger knows; posts in doubt are not in it.',
    type: 'counter',
    join: sum,
    // What is reserved for a post that is then refused would let a counter go back.
    ofBot: ({ state }) => inUsd((state?.tally?.total ?? 0) - (state?.open?.cost ?? 0)),
  },
  {
    name: 'flockd_bot_day_posts',
    help: 'Posts in the day of the bot, those in doubt included.',
    join: sum,
    ofBot: ({ status }) => status.spent.postsToday,
  },
  {
    name: 'flockd_bot_day_posts_limit',
    help: 'postsPerDay of the bot; missing where it has none.',
    ofBot: ({ status }) => status.budget.postsPerDay,
  },
  {
    name: 'flockd_bot_month_dollars',
    help: 'What the bot spent in its month, posts in doubt included.',
    join: sum,
    ofBot: ({ status }) => status.spent.usdMonth,
  },
  {
    name: 'flockd_bot_month_dollars_limit',
    help: 'usdPerMonth of the bot; missing where it has none.',
    ofBot: ({ status }) => status.budget.usdPerMonth,
  },
  {
    name: 'flockd_day_posts',
    help: 'Posts in the day of the flock, those in doubt included.',
    ofFlock: ({ flock }) => flock.spent.postsToday,
  },
  {
    name: 'flockd_day_posts_limit',
    help: 'postsPerDay of the flock; missing where it has none.',
    ofFlock: ({ flock }) => flock.budget.postsPerDay,
  },
  {
    name: 'flockd_month_dollars',
    help: 'What the flock spent in its month, posts in doubt included.',
    ofFlock: ({ flock }) => flock.spent.usdMonth,
  },
  {
    name: 'flockd_month_dollars_limit',
    help: 'usdPerMonth of the flock; missing where it has none.',
    ofFlock: ({ flock }) => flock.budget.usdPerMonth,
  },

  {
    name: 'flockd_bots',
    help: `Bots of the flock. With more than ${maxBots}, each metric of bots has one series for all, without the label bot.`,
    ofFlock: ({ bots }) => bots.length,
  },
  {
    name: 'flockd_unknown_outcomes',
    help: 'Posts in doubt.',
    ofFlock: ({ bots }) => bots.filter((bot) => postInDoubt(bot)).length,
  },
  {
    name: 'flockd_stopped',
    help: '1 while the whole flock is paused, by flockd pause or state/stop.',
    ofFlock: ({ flock }) => (flock.stopped ? 1 : 0),
  },
  {
    name: 'flockd_scheduler_overdue_seconds',
    help: 'For how long a due step has not begun, or a step has not ended.',
    ofFlock: ({ overdue }) => overdue / 1000,
  },
  {
    name: 'flockd_ready',
    help: 'The result of each check of /readyz: 1 if it is good.',
    labels: ['check'],
    ofFlock: ({ checks }) => checks.map(({ check, ok }) => ({ labels: { check }, value: ok ? 1 : 0 })),
  },
  {
    name: 'flockd_config_last_reload_successful',
    help: '1 if the files of the flock were good when they were last read, otherwise 0.',
    ofFlock: ({ reload }) => (reload.good ? 1 : 0),
  },
  {
    name: 'flockd_config_last_reload_success_timestamp_seconds',
    help: 'When the files of the flock were last read and good.',
    ofFlock: ({ reload }) => seconds(reload.goodAt),
  },
  {
    name: 'flockd_build_info',
    help: 'Always 1; the version of flockd.',
    labels: ['version'],
    ofFlock: ({ version }) => [{ labels: { version }, value: 1 }],
  },
];

/** @param instant - ISO 8601, or milliseconds since 1970 */
const seconds = (instant: string | number | undefined): number | undefined =>
  instant === undefined ? undefined : new Date(instant).getTime() / 1000;

/** The post that it has sent and that has no outcome, unless it only looks for one. */
const postInDoubt = ({ state }: BotFacts) => (state?.open?.look === true ? undefined : state?.open);

const isKeyGood = ({ status, state }: BotFacts): boolean =>
  status.state !== 'unfit' &&
  !(state?.parked && (keyCauses.has(state.owed?.why ?? '') || state.owed?.why === 'suspended'));

/** From a second to a day. */
const latenessBuckets = [1, 10, 60, 300, 900, 3600, 6 * 3600, 24 * 3600];

/** How often the event loop is measured; a daemon that mostly sleeps should not be woken more often. Milliseconds. */
const precision = 100;

/** The metrics of a running flockd. */
export class Metrics {
  readonly #register = new Registry();
  readonly #rows = rows.map((row) => ({ row, metric: metricFor(row, this.#register) }));
  readonly #lateness = new Histogram({
    name: 'flockd_post_lateness_seconds',
    help: 'How long after its slot a post was sent that arrived, its spread included.',
    buckets: latenessBuckets,
    registers: [this.#register],
  });
  readonly #counts = new Map<string, Counts>();
  #last: Promise<unknown> = Promise.resolve();
  readonly contentType = this.#register.contentType;

  constructor() {
    collectDefaultMetrics({ register: this.#register, eventLoopMonitoringPrecision: precision });
    // These are gauges, and prom-client names them as if they were counters.
    for (const active of ['resources', 'handles', 'requests'])
      this.#register.removeSingleMetric(`nodejs_active_${active}_total`);
  }

  /** Counts what a change of the ledger says of a post. */
  count({ event, before }: Change): void {
    const outcome = outcomes.find((name) => name === event.event);
    const open = before?.open;
    // A restored bot that looked for what it had posted has sent nothing.
    if (outcome === undefined || !open || open.look === true) return;
    const counts = this.#countsOf(event.bot);
    counts[outcome]++;
    this.#counts.set(event.bot, counts);
    if (outcome === 'posted') this.#lateness.observe(Math.max(0, open.at - open.slot) / 1000);
  }

  /** Everything that is measured, as Prometheus reads it. Scrapes wait for each other, as they fill the same metrics. */
  scrape(facts: ScrapeFacts): Promise<string> {
    const next = this.#last.then(() => this.#write(facts));
    this.#last = next.catch(() => undefined);
    return next;
  }

  #countsOf(bot: string): Counts {
    return this.#counts.get(bot) ?? { posted: 0, refused: 0, absent: 0 };
  }

  async #write(facts: ScrapeFacts): Promise<string> {
    const turns = new EventLoopYield();
    for (const { row, metric } of this.#rows) {
      metric.reset();
      // Without labels it would now be 0, and not missing.
      metric.remove({});
      for (const { labels, value } of samplesOf(row, facts, (bot) => this.#countsOf(bot))) {
        metric.inc({ ...labels }, value);
        if (turns.isOver) await turns.give();
      }
      if (turns.isOver) await turns.give();
    }
    // What register.metrics() returns, metric by metric.
    const texts: string[] = [];
    for (const { name } of this.#register.getMetricsAsArray()) {
      texts.push(await this.#register.getSingleMetricAsString(name));
      if (turns.isOver) await turns.give();
    }
    return `${texts.join('\n\n')}\n`;
  }
}

function metricFor({ name, help, type, labels = [], ofBot }: Row, register: Registry): Counter | Gauge {
  const labelNames = ofBot ? ['bot', ...labels] : labels;
  const configuration = { name, help, labelNames, registers: [register] };
  return type === 'counter' ? new Counter(configuration) : new Gauge(configuration);
}

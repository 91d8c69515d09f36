import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { inUsd } from '../../cost.ts';
import type { BotStatus, FlockStatus } from '../../flock/status.ts';
import type { Change, Ledger } from '../../ledger/journal.ts';
import type { BotState } from '../../ledger/state.ts';
import { keyCauses } from '../../posting/post.ts';
import { EventLoopYield } from '../../yield.ts';
import type { WebApp } from '../server.ts';
import type { AskChecks, Check, HealthParts, LastReload } from './health.ts';
import type { AskView } from './live-updates.ts';
import type { MonitorParts } from './snapshot.ts';

/** What can come of a post. */
const outcomes = ['posted', 'refused', 'absent'] as const;

type Outcome = (typeof outcomes)[number];

/** A post that has an outcome. */
interface SettledPost {
  bot: string;
  outcome: Outcome;
  /** How long after its slot it was sent. Milliseconds. */
  late: number;
}

/** The post that a change of the ledger has settled, or undefined where it has settled none. */
function settledBy({ event, before }: Change): SettledPost | undefined {
  const outcome = outcomes.find((name) => name === event.event);
  const open = before?.open;
  // Where a restored bot looked for what it had posted, nothing was sent.
  if (outcome === undefined || !open || open.look === true) return undefined;
  return { bot: event.bot, outcome, late: open.at - open.slot };
}

/** What is known of one bot when its metrics are read. */
interface BotFacts {
  status: Pick<BotStatus, 'bot' | 'state' | 'done' | 'of' | 'last' | 'next' | 'spent' | 'budget'>;
  /** What the ledger says of it. */
  state: BotState | undefined;
  /** What came of its posts since the process began. */
  settled: Readonly<Record<Outcome, number>>;
}

/** Everything that is measured, at one moment. */
interface Facts {
  version: string;
  bots: readonly BotFacts[];
  flock: Pick<FlockStatus, 'stopped' | 'spent' | 'budget'>;
  /** For how long the scheduler is overdue. Milliseconds. */
  overdue: number;
  checks: readonly Check[];
  reload: LastReload;
}

/** One value of a metric. */
interface Sample {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** A metric, and how its values are read from the facts. */
interface Row {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  labels: readonly string[];
  /** Now and then there is none: a good moment to let others have their turn. */
  samples: (facts: Facts) => Iterable<Sample | undefined>;
}

/**
 * With more bots than this no bot has series of its own, so that a scrape stays small and holds up no post: one series
 * without the label `bot` stands for all of them.
 */
export const maxBots = 2000;

/** How the values of all bots become one. */
const together = {
  sum: (a: number, b: number): number => a + b,
  least: Math.min,
  most: Math.max,
};

interface Shape extends Pick<Row, 'name' | 'help'> {
  type?: Row['type'];
  /** Besides `bot`. */
  labels?: readonly string[];
}

/** What is measured: one value, several with labels, or nothing. */
type Measured = number | undefined | readonly Sample[];

/** A metric of each bot. @param how - its values become one; undefined where that would mean nothing */
function ofBots(
  { name, help, type = 'gauge', labels = [] }: Shape,
  how: keyof typeof together | undefined,
  measure: (bot: BotFacts) => Measured,
): Row {
  const samples = ({ bots }: Facts): Iterable<Sample | undefined> => {
    if (bots.length > maxBots) return how === undefined ? [] : joined(bots, measure, together[how]);
    return bots.flatMap((bot) => named(bot.status.bot, samplesOf(measure(bot))));
  };
  return { name, help, type, labels: ['bot', ...labels], samples };
}

/** A metric of the whole flock. */
const ofFlock = (
  { name, help, type = 'gauge', labels = [] }: Shape,
  measure: (facts: Facts) => Measured,
): Row => ({ name, help, type, labels, samples: (facts) => samplesOf(measure(facts)) });

function samplesOf(measured: Measured): readonly Sample[] {
  if (measured === undefined) return [];
  return typeof measured === 'number' ? [{ labels: {}, value: measured }] : measured;
}

const named = (bot: string, samples: readonly Sample[]): Sample[] =>
  samples.map(({ labels, value }) => ({ labels: { bot, ...labels }, value }));

/** So many bots take no time. */
const minCompressed = 256;

/** One sample for all bots, or one for each set of labels. */
function* joined(
  bots: readonly BotFacts[],
  measure: (bot: BotFacts) => Measured,
  join: (a: number, b: number) => number,
): Generator<Sample | undefined> {
  const all = new Map<string, Sample>();
  for (const [index, bot] of bots.entries()) {
    if (index % minCompressed === 0) yield undefined;
    for (const { labels, value } of samplesOf(measure(bot))) {
      const key = Object.values(labels).join();
      const known = all.get(key);
      all.set(key, { labels, value: known ? join(known.value, value) : value });
    }
  }
  yield* all.values();
}

/*
 * What flockd measures. Prometheus wants base units (seconds, dollars) and instants as seconds since 1970. No label ever has a
 * text of a poem or an account: bots are known by their names alone.
 */

const botRows: Row[] = [
  ofBots(
    {
      name: 'flockd_posts_total',
      help: 'Posts since flockd began to run, by what came of them.',
      type: 'counter',
      labels: ['outcome'],
    },
    'sum',
    ({ settled }) => outcomes.map((outcome) => ({ labels: { outcome }, value: settled[outcome] })),
  ),
  ofBots(
    { name: 'flockd_last_success_timestamp_seconds', help: 'When the last post was confirmed.' },
    'most',
    ({ status }) => seconds(status.last?.at),
  ),
  ofBots(
    {
      name: 'flockd_next_due_timestamp_seconds',
      help: 'When the next post is due. Missing while none is: the bot is parked, in doubt, paused or finished.',
    },
    'least',
    ({ status }) => seconds(status.next),
  ),
  ofBots(
    {
      name: 'flockd_owed_since_timestamp_seconds',
      help: 'The slot of the post that was refused and waits to be tried again. Missing while there is none.',
    },
    'least',
    ({ status, state }) => (status.state === 'waiting' && state?.owed ? state.owed.slot / 1000 : undefined),
  ),
  ofBots(
    {
      name: 'flockd_in_doubt_since_timestamp_seconds',
      help: 'When the post was sent of which nobody knows yet whether it arrived. Missing while there is none.',
    },
    'least',
    (bot) => (isUnknown(bot) ? bot.state.open.at / 1000 : undefined),
  ),
  ofBots(
    { name: 'flockd_lines_remaining', help: 'Lines until the end of the poem.' },
    'sum',
    ({ status }) => status.of - status.done,
  ),
  ofBots(
    {
      name: 'flockd_key_valid',
      help: '0 where the bot is parked because of its key, or its bundle or poem is not good; else 1.',
    },
    'least',
    (bot) => (isKeyGood(bot) ? 1 : 0),
  ),
  ofBots(
    {
      name: 'flockd_bot_state',
      help: 'The state that flockd status shows; the bot has one at a time.',
      labels: ['state'],
    },
    'sum',
    ({ status }) => [{ labels: { state: status.state }, value: 1 }],
  ),
];

const spendingRows: Row[] = [
  ofBots(
    {
      name: 'flockd_spend_dollars_total',
      help: 'What X charged since the bot began its poem, as far as the ledger knows; posts in doubt are not in it.',
      type: 'counter',
    },
    'sum',
    // What is reserved for a post that is then refused would let a counter go back.
    ({ state }) => inUsd((state?.tally?.total ?? 0) - (state?.open?.cost ?? 0)),
  ),
  ofBots(
    { name: 'flockd_bot_day_posts', help: 'Posts in the day of the bot, those in doubt included.' },
    'sum',
    ({ status }) => status.spent.postsToday,
  ),
  ofBots(
    { name: 'flockd_bot_day_posts_limit', help: 'postsPerDay of the bot; missing where it has none.' },
    undefined,
    ({ status }) => status.budget.postsPerDay,
  ),
  ofBots(
    {
      name: 'flockd_bot_month_dollars',
      help: 'What the bot spent in its month, posts in doubt included.',
    },
    'sum',
    ({ status }) => status.spent.usdMonth,
  ),
  ofBots(
    { name: 'flockd_bot_month_dollars_limit', help: 'usdPerMonth of the bot; missing where it has none.' },
    undefined,
    ({ status }) => status.budget.usdPerMonth,
  ),
  ofFlock(
    { name: 'flockd_day_posts', help: 'Posts in the day of the flock, those in doubt included.' },
    ({ flock }) => flock.spent.postsToday,
  ),
  ofFlock(
    { name: 'flockd_day_posts_limit', help: 'postsPerDay of the flock; missing where it has none.' },
    ({ flock }) => flock.budget.postsPerDay,
  ),
  ofFlock(
    {
      name: 'flockd_month_dollars',
      help: 'What the flock spent in its month, posts in doubt included.',
    },
    ({ flock }) => flock.spent.usdMonth,
  ),
  ofFlock(
    { name: 'flockd_month_dollars_limit', help: 'usdPerMonth of the flock; missing where it has none.' },
    ({ flock }) => flock.budget.usdPerMonth,
  ),
];

const flockRows: Row[] = [
  ofFlock(
    {
      name: 'flockd_bots',
      help: `Bots of the flock. With more than ${maxBots} none has series of its own: one without a bot is for all.`,
    },
    ({ bots }) => bots.length,
  ),
  ofFlock(
    { name: 'flockd_unknown_outcomes', help: 'Posts of which nobody knows whether they arrived.' },
    ({ bots }) => bots.filter(isUnknown).length,
  ),
  ofFlock(
    { name: 'flockd_stopped', help: '1 while the whole flock is stopped, by flockd pause or state/stop.' },
    ({ flock }) => (flock.stopped ? 1 : 0),
  ),
  ofFlock(
    {
      name: 'flockd_scheduler_overdue_seconds',
      help: 'For how long something is due that nobody has begun.',
    },
    ({ overdue }) => overdue / 1000,
  ),
  ofFlock(
    { name: 'flockd_ready', help: 'What /readyz says of each check.', labels: ['check'] },
    ({ checks }) => checks.map(({ check, ok }) => ({ labels: { check }, value: ok ? 1 : 0 })),
  ),
  ofFlock(
    {
      name: 'flockd_config_last_reload_successful',
      help: 'Whether the files of the flock were good when they were read last.',
    },
    ({ reload }) => (reload.good ? 1 : 0),
  ),
  ofFlock(
    {
      name: 'flockd_config_last_reload_success_timestamp_seconds',
      help: 'When the files of the flock were last read and good.',
    },
    ({ reload }) => reload.goodAt / 1000,
  ),
  ofFlock(
    { name: 'flockd_build_info', help: 'Always 1; the version of flockd.', labels: ['version'] },
    ({ version }) => [{ labels: { version }, value: 1 }],
  ),
];

/** Everything that is read from the facts at each scrape. Pure. */
const rows: readonly Row[] = [...botRows, ...spendingRows, ...flockRows];

/** @param instant - ISO 8601 */
const seconds = (instant: string | undefined): number | undefined =>
  instant === undefined ? undefined : Date.parse(instant) / 1000;

type Unknown = BotFacts & { state: { open: { at: number } } };

/** Whether it has sent a post that has no outcome, and not only looked for one. */
const isUnknown = (bot: BotFacts): bot is Unknown =>
  bot.state?.open !== undefined && bot.state.open.look !== true;

const isKeyGood = ({ status, state }: BotFacts): boolean =>
  status.state !== 'unfit' &&
  !(state?.parked && (keyCauses.has(state.owed?.why ?? '') || state.owed?.why === 'suspended'));

/** The facts of a scrape without what is counted here. */
export interface ScrapeFacts extends Omit<Facts, 'bots'> {
  bots: Iterable<Omit<BotFacts, 'settled'>>;
}

/** What Prometheus is told of a running flockd. */
export interface Metrics {
  /** Counts what a change of the ledger says of posts: subscribe it to the journal. */
  count: (change: Change) => void;
  /** Everything that is measured, as Prometheus reads it. */
  scrape: (facts: ScrapeFacts) => Promise<string>;
  contentType: string;
}

const second = 1;
const minute = 60;
const hour = 3600;

/** Gauges that prom-client names as if they were counters. */
const misnamed = [
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
];

/** A daemon that mostly sleeps is not to be woken a hundred times a second to be measured. Milliseconds. */
const precision = 100;

export function openMetrics(): Metrics {
  const register = new Registry();
  const tables = rows.map((row) => [row, metricFor(row, register)] as const);
  const lateness = new Histogram({
    name: 'flockd_post_lateness_seconds',
    help: 'How long after its slot a post was sent that arrived, its spread included.',
    buckets: [second, 10 * second, minute, 5 * minute, 15 * minute, hour, 6 * hour, 24 * hour],
    registers: [register],
  });
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: precision });
  for (const name of misnamed) register.removeSingleMetric(name);
  const counts = new Map<string, Record<Outcome, number>>();
  const countsOf = (bot: string): Record<Outcome, number> => {
    const known = counts.get(bot) ?? { posted: 0, refused: 0, absent: 0 };
    counts.set(bot, known);
    return known;
  };
  function* withCounts(bots: ScrapeFacts['bots']): Generator<BotFacts> {
    for (const { status, state } of bots) yield { status, state, settled: countsOf(status.bot) };
  }
  const write = async ({ bots, ...facts }: ScrapeFacts): Promise<string> => {
    const turns = new EventLoopYield();
    const all = { ...facts, bots: await turns.all(withCounts(bots)) };
    for (const [row, metric] of tables) await fill(metric, row, all, turns);
    return textOf(register, turns);
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    count(change) {
      const settled = settledBy(change);
      if (!settled) return;
      countsOf(settled.bot)[settled.outcome]++;
      if (settled.outcome === 'posted') lateness.observe(Math.max(0, settled.late) / 1000);
    },
    scrape(facts) {
      // One at a time: they fill the same metrics.
      const next = last.then(() => write(facts));
      last = next.catch(() => undefined);
      return next;
    },
    contentType: register.contentType,
  };
}

function metricFor({ name, help, type, labels }: Row, register: Registry): Counter | Gauge {
  const configuration = { name, help, labelNames: labels, registers: [register] };
  return type === 'counter' ? new Counter(configuration) : new Gauge(configuration);
}

/** Puts what holds now in the place of what held before. */
async function fill(metric: Counter | Gauge, row: Row, facts: Facts, turns: EventLoopYield): Promise<void> {
  metric.reset();
  // Without labels it would now be 0, and not missing.
  metric.remove({});
  for (const sample of row.samples(facts)) {
    if (sample) metric.inc({ ...sample.labels }, sample.value);
    if (turns.isOver) await turns.give();
  }
}

/** What `register.metrics()` gives, metric by metric. */
async function textOf(register: Registry, turns: EventLoopYield): Promise<string> {
  const texts: string[] = [];
  for (const { name } of register.getMetricsAsArray()) {
    texts.push(await register.getSingleMetricAsString(name));
    if (turns.isOver) await turns.give();
  }
  return `${texts.join('\n\n')}\n`;
}

interface MetricsParts extends Pick<MonitorParts, 'ledger' | 'version'>, HealthParts {
  metrics: Metrics;
  view: AskView;
  checks: AskChecks;
}

/** `/metrics` for Prometheus: what is true at the moment it asks. */
export function addMetrics(
  app: WebApp,
  { ledger, version, daemon, reload, metrics, view, checks }: MetricsParts,
): void {
  app.get('/metrics', async (c) => {
    const { flock, bots } = await view();
    const body = await metrics.scrape({
      version,
      flock,
      bots: factsOf(bots, ledger),
      overdue: daemon.overdue(),
      checks: await checks(),
      reload: reload(),
    });
    return c.body(body, 200, { 'content-type': metrics.contentType });
  });
}

function* factsOf(bots: readonly BotStatus[], ledger: Ledger): Generator<Omit<BotFacts, 'settled'>> {
  for (const status of bots) yield { status, state: ledger.state(status.bot) };
}

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Ledger } from '../ledger/journal.ts';
import { Turns } from '../yield.ts';
import { metered, type Outcome, type SettledPost } from './metrics-ledger.ts';
import type { BotFacts, Facts, Row } from './metrics-rows.ts';
import { rows } from './metrics-table.ts';

/** The facts of a scrape without what is counted here. */
export interface ScrapeFacts extends Omit<Facts, 'bots'> {
  bots: Iterable<Omit<BotFacts, 'settled'>>;
}

/** What Prometheus is told of a running flockd. */
export interface Metrics {
  /** A ledger whose posts are counted from now on. */
  meter: (ledger: Ledger) => Ledger;
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
  const settled = ({ bot, outcome, late }: SettledPost): void => {
    countsOf(bot)[outcome]++;
    if (outcome === 'posted') lateness.observe(Math.max(0, late) / 1000);
  };
  function* withCounts(bots: ScrapeFacts['bots']): Generator<BotFacts> {
    for (const { status, state } of bots) yield { status, state, settled: countsOf(status.bot) };
  }
  const write = async ({ bots, ...facts }: ScrapeFacts): Promise<string> => {
    const turns = new Turns();
    const all = { ...facts, bots: await turns.all(withCounts(bots)) };
    for (const [row, metric] of tables) await fill(metric, row, all, turns);
    return textOf(register, turns);
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    meter: (ledger) => metered(ledger, settled),
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
async function fill(metric: Counter | Gauge, row: Row, facts: Facts, turns: Turns): Promise<void> {
  metric.reset();
  // Without labels it would now be 0, and not missing.
  metric.remove({});
  for (const sample of row.samples(facts)) {
    if (sample) metric.inc({ ...sample.labels }, sample.value);
    if (turns.isOver) await turns.give();
  }
}

/** What `register.metrics()` gives, metric by metric. */
async function textOf(register: Registry, turns: Turns): Promise<string> {
  const texts: string[] = [];
  for (const { name } of register.getMetricsAsArray()) {
    texts.push(await register.getSingleMetricAsString(name));
    if (turns.isOver) await turns.give();
  }
  return `${texts.join('\n\n')}\n`;
}

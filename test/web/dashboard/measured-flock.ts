import { type BotFiles, statusOf, statusOfAll } from '../../../src/flock/status.ts';
import { fingerprints } from '../../../src/ledger/state.ts';
import type { LedgerEvent } from '../../../src/ledger/events.ts';
import { networkFor } from '../../../src/networks/networks.ts';
import { checksOf } from '../../../src/web/dashboard/health.ts';
import { Metrics, type ScrapeFacts } from '../../../src/web/dashboard/metrics.ts';
import { HeldFlock } from '../../support/held-flock.ts';
import { seriesOf } from './prometheus.ts';

export const now = Date.parse('2026-08-22T10:00:00Z');
export const hour = 3_600_000;
const lines = ['one', 'two', 'three', 'four', 'five'];
export const poem = fingerprints(lines.map((text) => ({ text })));

export const begun = (bot: string): LedgerEvent => ({ event: 'begun', bot, at: now - 10 * hour, poem });
const ends = { dayEnds: Date.parse('2026-08-23T00:00:00Z'), monthEnds: Date.parse('2026-09-01T00:00:00Z') };
export const intent = (bot: string, change: object = {}): LedgerEvent => ({
  event: 'intent',
  bot,
  at: now,
  slot: now - 90_000,
  until: now - 90_000,
  line: 0,
  lines: 1,
  print: 'printprt',
  cost: 15_000,
  ...ends,
  ...change,
});
export const posted = (bot: string, change: object = {}): LedgerEvent => ({
  event: 'posted',
  bot,
  at: now,
  id: '77',
  by: 'answer',
  ...change,
});
export const refused = (bot: string, why = 'wait'): LedgerEvent => {
  return { event: 'refused', bot, at: now, why, reason: 'X has a limit', retryAt: now + hour };
};
export const absent = (bot: string, cost?: number): LedgerEvent => {
  return { event: 'absent', bot, at: now, by: 'timeline', ...(cost !== undefined && { cost }) };
};
export const parked = (bot: string, why: string): LedgerEvent => {
  return { event: 'parked', bot, at: now, why, hint: 'mend it', key: 'k' };
};

/** A flock that is measured as it would be when it runs: its ledger, its files and what the daemon says. */
export class MeasuredFlock extends HeldFlock {
  readonly metrics = new Metrics();

  constructor(bots: readonly string[], settings: Record<string, unknown> = {}) {
    super(new Date(now).toISOString(), settings);
    for (const bot of bots) this.add(bot, lines, {}, { account: `${bot}_bot` });
    this.ledger.subscribe((change) => {
      this.metrics.count(change);
    });
  }

  /** Keeps events one after the other, as they come. */
  async happened(...events: LedgerEvent[]): Promise<void> {
    for (const event of events) await this.ledger.record(event);
  }

  async scrape(change: Partial<ScrapeFacts> & { unfit?: string } = {}): Promise<string> {
    const { unfit, ...facts } = change;
    const { bots, flockBudget } = this.flock();
    const flock = { history: this.ledger.history(), flockBudget, isStopped: this.stopped, now };
    const states = Array.from(this.ledger.states(), ([, state]) => state);
    const measured = bots.map(({ name, bundle, settings }) => {
      const files: BotFiles = {
        bot: name,
        account: bundle.screenName ?? '',
        network: networkFor(bundle),
        lines: lines.length,
        linked: new Set(),
        settings,
        unfit: unfit === name ? { why: 'its bundle is bad', hint: undefined } : undefined,
      };
      const state = this.ledger.state(name);
      return { status: statusOf(files, state, flock), state };
    });
    const reload = { good: true, goodAt: now - hour };
    const checks = checksOf({ unwritable: undefined, bots: bots.length, overdue: 0, reload });
    const version = '1.2.3';
    const all = statusOfAll(states, flock);
    return this.metrics.scrape({ version, bots: measured, flock: all, overdue: 0, checks, reload, ...facts });
  }

  async series(change: Parameters<MeasuredFlock['scrape']>[0] = {}): Promise<Map<string, number>> {
    return seriesOf(await this.scrape(change));
  }
}

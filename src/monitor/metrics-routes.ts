import type { BotStatus } from '../flock/status.ts';
import type { Ledger } from '../ledger/journal.ts';
import type { HealthDesk, HealthParts } from './health-routes.ts';
import type { BotFacts } from './metrics-rows.ts';
import type { Metrics } from './metrics.ts';
import type { MonitorParts } from './monitor-parts.ts';
import type { Routes } from './routes.ts';

export interface MetricsParts extends Pick<MonitorParts, 'ledger' | 'version'>, HealthParts {
  metrics: Metrics;
}

/** `/metrics` for Prometheus: what is true at the moment it asks. */
export const metricsRoutes = (
  { ledger, version, daemon, reload, metrics }: MetricsParts,
  { checks }: Pick<HealthDesk, 'checks'>,
): Routes => ({
  'GET /metrics': async (view) => {
    const { flock, bots } = await view();
    const body = await metrics.scrape({
      version,
      flock,
      bots: factsOf(bots, ledger),
      overdue: daemon.overdue(),
      checks: await checks(),
      reload: reload(),
    });
    return { status: 200, headers: { 'content-type': metrics.contentType }, body };
  },
});

function* factsOf(bots: readonly BotStatus[], ledger: Ledger): Generator<Omit<BotFacts, 'settled'>> {
  for (const status of bots) yield { status, state: ledger.state(status.bot) };
}

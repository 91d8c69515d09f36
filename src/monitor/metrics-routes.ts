import type { HealthDesk, HealthParts } from './health-routes.ts';
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
      bots: bots.map((status) => ({ status, state: ledger.state(status.bot) })),
      overdue: daemon.overdue(),
      checks: await checks(),
      reload: reload(),
    });
    return { status: 200, headers: { 'content-type': metrics.contentType }, body };
  },
});

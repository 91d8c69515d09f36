import { checksOf, healthAnswer, readyAnswer, type Check, type LastReload } from './health.ts';
import { openProbe } from './health-probe.ts';
import type { MonitorParts } from './monitor-parts.ts';
import type { Routes } from './routes.ts';

export interface HealthParts extends Pick<MonitorParts, 'daemon' | 'clock' | 'state'> {
  reload: () => LastReload;
}

export interface HealthDesk {
  /** What flockd needs to be ready, and whether it has it now. */
  checks: () => Promise<Check[]>;
  routes: Routes;
}

/** `/healthz` for who would start a stuck flockd again, `/readyz` for who wants to know whether it can post. */
export function openHealth({ daemon, clock, state, reload }: HealthParts): HealthDesk {
  const probe = openProbe({ folder: state, clock });
  const checks = async (): Promise<Check[]> => {
    const unwritable = await probe();
    const { bots } = daemon.glance();
    return checksOf({ unwritable, bots, overdue: daemon.overdue(), reload: reload() });
  };
  return {
    checks,
    routes: {
      'GET /healthz': () => healthAnswer(daemon.overdue()),
      'GET /readyz': async () => readyAnswer(await checks()),
    },
  };
}

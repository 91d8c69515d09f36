import { plain, type LocalAnswer } from '../web/local-exchange.ts';

/** What flockd must have to be ready: a state folder it can write, a key, a scheduler that gets on, settings that are good. */
export type CheckName = 'state' | 'keys' | 'scheduler' | 'reload';

export interface Check {
  check: CheckName;
  ok: boolean;
  /** What is wrong, and the repair, where it is not. Neither secrets nor paths: strangers may read it. */
  why?: string;
}

/** How the reading of the flock's files ended last. */
export interface LastReload {
  good: boolean;
  /** When they were last read without fault. Milliseconds since 1970. */
  goodAt: number;
}

export interface Health {
  /** Why the state folder cannot be written, or undefined where it can. */
  unwritable: string | undefined;
  /** Bots in the daemon's hands. */
  bots: number;
  /** For how long the scheduler is overdue. Milliseconds. */
  overdue: number;
  reload: LastReload;
}

/**
 * A scheduler that is less late than this is not late: a machine that slept, or whose clock was set forward, wakes it
 * within half a minute. Milliseconds.
 */
export const mostOverdue = 60_000;

/** Every check, in order. Pure. */
export const checksOf = ({ unwritable, bots, overdue, reload }: Health): Check[] => [
  judged('state', unwritable === undefined, `the state folder cannot be written: ${unwritable ?? ''}`),
  judged('keys', bots > 0, 'no bot can post; flockd status says why'),
  judged('scheduler', overdue < mostOverdue, lateness(overdue)),
  judged('reload', reload.good, 'the last reload failed; the log says why'),
];

const judged = (check: CheckName, ok: boolean, why: string): Check =>
  ok ? { check, ok } : { check, ok, why };

const lateness = (overdue: number): string =>
  `the scheduler is ${Math.floor(overdue / 1000)} s late; start flockd again`;

export const isReady = (checks: readonly Check[]): boolean => checks.every(({ ok }) => ok);

/** The answer of `/healthz`: whoever gets it knows that the event loop turns. @param overdue - milliseconds */
export const healthAnswer = (overdue: number): LocalAnswer =>
  overdue < mostOverdue ? plain(200, 'ok') : plain(503, lateness(overdue));

/** The answer of `/readyz`. */
export function readyAnswer(checks: readonly Check[]): LocalAnswer {
  const ready = isReady(checks);
  return {
    status: ready ? 200 : 503,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${JSON.stringify({ ready, checks })}\n`,
  };
}

import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import type { Daemon } from '../../daemon/daemon.ts';
import { FlockError, systemCode } from '../../errors.ts';
import { reasonOf, replaceFile } from '../../fs.ts';
import { readBody } from '../../http/exchange.ts';
import { parseJson } from '../../text.ts';
import { parseListenAddress, type WebApp } from '../server.ts';

export interface Check {
  /** A state folder that can be written, a bot with a key, a scheduler that is on time, settings that are good. */
  check: 'state' | 'keys' | 'scheduler' | 'reload';
  ok: boolean;
  /** What is wrong, and the repair. Neither secrets nor paths: strangers may read it. */
  why?: string;
}

/** The result of reading the flock's files last. */
export interface LastReload {
  good: boolean;
  /** When they were last good. Milliseconds since 1970. */
  goodAt: number;
}

interface Health {
  /** Why the state folder cannot be written, or undefined where it can. */
  unwritable: string | undefined;
  /** Bots that the daemon runs. */
  bots: number;
  /** For how long the scheduler is overdue. Milliseconds. */
  overdue: number;
  reload: LastReload;
}

/** After the machine slept or its clock was set forward, the scheduler is late by up to half a minute. Milliseconds. */
const maxOverdue = 60_000;

/** Every check, in order. Pure. */
export const checksOf = ({ unwritable, bots, overdue, reload }: Health): Check[] => [
  judged('state', unwritable === undefined, `the state folder cannot be written: ${unwritable ?? ''}`),
  judged('keys', bots > 0, 'no bot can post; flockd status says why'),
  judged('scheduler', overdue < maxOverdue, lateness(overdue)),
  judged('reload', reload.good, 'the last reload failed; the log says why'),
];

const judged = (check: Check['check'], ok: boolean, why: string): Check =>
  ok ? { check, ok } : { check, ok, why };

const lateness = (overdue: number): string =>
  `the scheduler is ${Math.floor(overdue / 1000)} s late; start flockd again`;

/** For how long a result holds, and how long a write may take. Milliseconds. */
const freshFor = 5_000;
const maxWrite = 2_000;

/**
 * Checks whether a folder can be written, by writing to it: one write at a time and at most one in five seconds, so that no
 * post has to wait for it.
 *
 * @returns resolves with why it cannot be written, or with undefined where it can
 */
export function openProbe(
  folder: string,
  clock: Clock,
  write = writeProbe,
): () => Promise<string | undefined> {
  let last: { began: number; result: Promise<string | undefined>; ended?: number } | undefined;
  return async () => {
    const now = clock.elapsed();
    if (!last || (last.ended !== undefined && now - last.ended >= freshFor)) {
      const begun: typeof last = { began: now, result: write(folder).then(() => undefined, reasonOf) };
      void begun.result.then(() => (begun.ended = clock.elapsed()));
      last = begun;
    }
    const { result, ended, began } = last;
    if (ended !== undefined) return result;
    return new Promise((resolve) => {
      const cancel = clock.at(clock.now() + began + maxWrite - now, () => {
        resolve(`it takes longer than ${maxWrite / 1000} seconds`);
      });
      void result.then((reason) => {
        cancel();
        resolve(reason);
      });
    });
  };
}

/** A new file, because an old one may have room where the disk has none. */
async function writeProbe(folder: string): Promise<void> {
  const file = path.join(folder, 'probe');
  await replaceFile(file, 'flockd can write here\n');
  await rm(file);
}

/**
 * @param state - the state folder
 * @returns resolves with every check as it stands now
 */
export function openChecks(
  daemon: Pick<Daemon, 'stats' | 'overdue'>,
  clock: Clock,
  state: string,
  reload: () => LastReload,
): () => Promise<Check[]> {
  const probe = openProbe(state, clock);
  return async () => {
    const unwritable = await probe();
    const { bots } = daemon.stats();
    return checksOf({ unwritable, bots, overdue: daemon.overdue(), reload: reload() });
  };
}

/** Serves `/healthz`, for a supervisor that restarts a stuck flockd, and `/readyz`, which says whether it can post. */
export function addHealth(
  app: WebApp,
  daemon: Pick<Daemon, 'overdue'>,
  checks: () => Promise<Check[]>,
): void {
  app.get('/healthz', (c) => {
    const overdue = daemon.overdue();
    return overdue < maxOverdue ? c.text('ok\n') : c.text(`${lateness(overdue)}\n`, 503);
  });
  app.get('/readyz', async (c) => {
    const all = await checks();
    const ready = all.every(({ ok }) => ok);
    return c.body(`${JSON.stringify({ ready, checks: all })}\n`, ready ? 200 : 503, {
      'content-type': 'application/json; charset=utf-8',
    });
  });
}

const readiness = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), why: z.string().optional() })),
});

const maxBody = 64 * 1024;

/**
 * Asks the flockd that listens at an address whether it is ready.
 *
 * @param deadline - milliseconds
 * @throws {FlockError} `unavailable` if nothing answers, or something that is not flockd; `usage` for an address that only a
 * listener can have
 */
export async function askReady(address: string, deadline = 5_000): Promise<z.infer<typeof readiness>> {
  const target = targetOf(address);
  let text: string;
  try {
    text = await new Promise<string>((resolve, reject) => {
      const signal = AbortSignal.timeout(deadline);
      const asked = request({ ...target, path: '/readyz', agent: false, signal });
      asked
        .on('error', reject)
        .on('response', (response) => void readBody(response).then(resolve, reject))
        .end();
    });
  } catch (cause) {
    throw new FlockError('unavailable', `no flockd answers at ${address}: ${whyOf(cause, deadline)}`, {
      hint: `start it there: flockd run --listen ${address}`,
      cause,
    });
  }
  const answer = readiness.safeParse(text.length > maxBody ? undefined : parseJson(text));
  if (answer.success) return answer.data;
  throw new FlockError('unavailable', `what answers at ${address} is not flockd`, {
    hint: 'is it the address that flockd run --listen was given?',
  });
}

function targetOf(text: string): { host: string; port: number } | { socketPath: string } {
  const address = parseListenAddress(text);
  if (address.kind === 'socket') return { socketPath: address.path };
  if (address.kind === 'port' && address.port !== 0) return { host: address.host, port: address.port };
  throw new FlockError('usage', '--listen: nothing can be asked at this address', {
    hint: 'give the one of its socket, such as 127.0.0.1:8787 or unix:/run/flockd/flockd.sock',
  });
}

function whyOf(cause: unknown, deadline: number): string {
  const code = systemCode(cause);
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  return code === 'ABORT_ERR' ? `not within ${deadline / 1000} seconds` : reasonOf(cause);
}

import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import * as z from 'zod';
import type { Clock } from '../../clock.ts';
import { FlockError, systemCode } from '../../errors.ts';
import { reasonOf, replaceFile } from '../../fs.ts';
import type { ListenAddress, WebApp } from '../server.ts';
import type { MonitorParts } from './snapshot.ts';

/** What flockd must have to be ready: a state folder it can write, a key, a scheduler that gets on, settings that are good. */
type CheckName = 'state' | 'keys' | 'scheduler' | 'reload';

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
const maxOverdue = 60_000;

/** Every check, in order. Pure. */
export const checksOf = ({ unwritable, bots, overdue, reload }: Health): Check[] => [
  judged('state', unwritable === undefined, `the state folder cannot be written: ${unwritable ?? ''}`),
  judged('keys', bots > 0, 'no bot can post; flockd status says why'),
  judged('scheduler', overdue < maxOverdue, lateness(overdue)),
  judged('reload', reload.good, 'the last reload failed; the log says why'),
];

const judged = (check: CheckName, ok: boolean, why: string): Check =>
  ok ? { check, ok } : { check, ok, why };

const lateness = (overdue: number): string =>
  `the scheduler is ${Math.floor(overdue / 1000)} s late; start flockd again`;

export const isReady = (checks: readonly Check[]): boolean => checks.every(({ ok }) => ok);

interface ProbeOptions {
  /** The state folder. */
  folder: string;
  clock: Clock;
  /** Writes a file and takes it away again. */
  write?: (folder: string) => Promise<void>;
}

/** Why a folder cannot be written, or undefined where it can. */
type Answer = string | undefined;

/** For how long an answer holds, and how long a write may take. Milliseconds. */
const holds = 5_000;
const maxWrite = 2_000;

/**
 * Asks whether a folder can be written, by writing to it: one write at a time and one in five seconds at most, however often
 * it is asked, so that no post has to wait for it.
 *
 * @returns the way to ask
 */
export function openProbe({ folder, clock, write = writeProbe }: ProbeOptions): () => Promise<Answer> {
  let last: { began: number; written: Promise<Answer>; ended?: number } | undefined;
  const begin = (): NonNullable<typeof last> => {
    const written = write(folder).then(() => undefined, reasonOf);
    const begun: NonNullable<typeof last> = { began: clock.elapsed(), written };
    void written.then(() => (begun.ended = clock.elapsed()));
    return begun;
  };
  return () => {
    const now = clock.elapsed();
    if (!last || (last.ended !== undefined && now - last.ended >= holds)) last = begin();
    if (last.ended !== undefined) return last.written;
    return within(clock, last.began + maxWrite - now, last.written);
  };
}

/** @param left - milliseconds */
function within(clock: Clock, left: number, written: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const cancel = clock.at(clock.now() + left, () => {
      resolve(`it takes longer than ${maxWrite / 1000} seconds`);
    });
    void written.then((answer) => {
      cancel();
      resolve(answer);
    });
  });
}

/** A new file, because an old one may have room where the disk has none. */
async function writeProbe(folder: string): Promise<void> {
  const file = path.join(folder, 'probe');
  await replaceFile(file, 'flockd can write here\n');
  await rm(file);
}

export interface HealthParts extends Pick<MonitorParts, 'daemon' | 'clock' | 'state'> {
  reload: () => LastReload;
}

/** Asks what flockd needs to be ready, and whether it has it now. */
export type AskChecks = () => Promise<Check[]>;

export function openChecks({ daemon, clock, state, reload }: HealthParts): AskChecks {
  const probe = openProbe({ folder: state, clock });
  return async (): Promise<Check[]> => {
    const unwritable = await probe();
    const { bots } = daemon.stats();
    return checksOf({ unwritable, bots, overdue: daemon.overdue(), reload: reload() });
  };
}

/** `/healthz` for who would start a stuck flockd again, `/readyz` for who wants to know whether it can post. */
export function addHealth(app: WebApp, daemon: Pick<HealthParts['daemon'], 'overdue'>, ask: AskChecks): void {
  app.get('/healthz', (c) => {
    const overdue = daemon.overdue();
    return overdue < maxOverdue ? c.text('ok\n') : c.text(`${lateness(overdue)}\n`, 503);
  });
  app.get('/readyz', async (c) => {
    const checks = await ask();
    const ready = isReady(checks);
    return c.body(`${JSON.stringify({ ready, checks })}\n`, ready ? 200 : 503, {
      'content-type': 'application/json; charset=utf-8',
    });
  });
}

const answer = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), why: z.string().optional() })),
});

/** What a running flockd says of itself at `/readyz`. */
type Readiness = z.infer<typeof answer>;

/** How long the whole question may take, and the longest answer. Milliseconds and bytes. */
const usualDeadline = 5_000;
const maxBody = 64 * 1024;

/**
 * Asks the flockd that listens at an address whether it is ready.
 *
 * @param shown - the address as the person gave it
 * @param deadline - milliseconds
 * @throws {FlockError} `unavailable` where nobody answers, or somebody who is not flockd; `usage` for an address that only
 * a listener can have
 */
export async function askReady(
  address: ListenAddress,
  shown: string,
  deadline = usualDeadline,
): Promise<Readiness> {
  const place = placeOf(address);
  let text: string | undefined;
  try {
    text = await get(place, deadline);
  } catch (cause) {
    throw new FlockError('unavailable', `no flockd answers at ${shown}: ${whyOf(cause, deadline)}`, {
      hint: `start it there: flockd run --listen ${shown}`,
      cause,
    });
  }
  const said = answer.safeParse(parsed(text));
  if (said.success) return said.data;
  throw new FlockError('unavailable', `what answers at ${shown} is not flockd`, {
    hint: 'is it the address that flockd run --listen was given?',
  });
}

type Place = { host: string; port: number } | { socketPath: string };

function placeOf(address: ListenAddress): Place {
  if (address.kind === 'socket') return { socketPath: address.path };
  if (address.kind === 'port' && address.port !== 0) return { host: address.host, port: address.port };
  throw new FlockError('usage', '--listen: nobody can be asked at this address', {
    hint: 'give the one of its socket, such as 127.0.0.1:8787 or unix:/run/flockd/flockd.sock',
  });
}

/** @returns the body, or undefined where it is too long */
function get(place: Place, deadline: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...place, path: '/readyz', agent: false, signal: AbortSignal.timeout(deadline) });
    asked.on('error', reject);
    asked.on('response', (response) => {
      readBody(response).then(resolve, reject);
    });
    asked.end();
  });
}

async function readBody(response: AsyncIterable<Buffer>): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    length += part.length;
    if (length > maxBody) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

function whyOf(cause: unknown, deadline: number): string {
  const code = systemCode(cause);
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  return code === 'ABORT_ERR' ? `not within ${deadline / 1000} seconds` : reasonOf(cause);
}

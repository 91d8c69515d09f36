import { request } from 'node:http';
import * as z from 'zod';
import { FlockError, systemCode } from '../errors.ts';
import { reasonOf } from '../fs.ts';
import { readBody } from '../web/listen.ts';
import type { ListenAddress } from './listen-address.ts';

const answer = z.object({
  ready: z.boolean(),
  checks: z.array(z.object({ check: z.string(), ok: z.boolean(), why: z.string().optional() })),
});

/** What a running flockd says of itself at `/readyz`. */
export type Readiness = z.infer<typeof answer>;

/** How long the whole question may take, and the longest answer. Milliseconds and bytes. */
const usualDeadline = 5_000;
const longest = 64 * 1024;

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
      readBody(response, longest).then(resolve, reject);
    });
    asked.end();
  });
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

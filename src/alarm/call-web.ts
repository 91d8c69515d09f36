import type { Clock } from '../clock.ts';
import { systemCode } from '../errors.ts';
import { type HttpRequest, NoAnswer, type Send } from '../http/exchange.ts';
import type { Trouble } from './trouble.ts';

export interface WebOptions {
  send: Send;
  clock: Clock;
  /** Milliseconds. */
  timeout: number;
}

/** Sends one request, of which only matters whether it was taken. Never throws. */
export async function callWeb(
  request: HttpRequest,
  { send, clock, timeout }: WebOptions,
): Promise<Trouble | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<Trouble>((resolve) => {
    const why = `it gave no whole answer within ${timeout / 1000} s`;
    cancel = clock.at(clock.now() + timeout, () => resolve({ why, passes: true }));
  });
  try {
    return await Promise.race([send(request).then(({ status }) => judge(status), unanswered), late]);
  } finally {
    cancel();
  }
}

/** Statuses that say "not now". */
const passing = new Set([408, 425, 429]);

function judge(status: number): Trouble | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status >= 300 && status < 400)
    return { why: `it answered ${status}: a redirect, which is not followed`, passes: false };
  return { why: `it answered ${status}`, passes: status >= 500 || passing.has(status) };
}

/** The error's own message names the host, which may be the secret part of the address. */
function unanswered(error: unknown): Trouble {
  const cause = error instanceof NoAnswer ? error.cause : error;
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = systemCode(cause) ?? systemCode(first) ?? 'no answer';
  return { why: `it cannot be reached, or broke off (${code})`, passes: true };
}

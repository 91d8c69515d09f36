import { type Clock, sleepUntil } from '../clock.ts';
import { type HttpAnswer, type HttpRequest, NoAnswer, type Send } from '../http/exchange.ts';
import type { Delivery, SandboxAnswer, SandboxRequest } from './answer.ts';

export interface InProcessOptions {
  clock: Clock;
  /** The most a request may take before it counts as unanswered. Milliseconds. */
  deadline: number;
}

/**
 * A transport that ends in a sandbox of the same process: no socket, and faults take their time on the clock
 * that is given, so that a rehearsal meets them as the daemon would.
 */
export function sendInProcess(
  handle: (request: SandboxRequest) => SandboxAnswer,
  { clock, deadline }: InProcessOptions,
): Send {
  return async (request) => {
    const until = clock.now() + deadline;
    const { fault, ...answer } = handle(toSandbox(request));
    const took = timeTaken(fault, answer.body.length);
    if (clock.now() + took > until) {
      await sleepUntil(clock, until);
      throw new NoAnswer(`no whole answer within ${deadline / 1000} s`, true);
    }
    if (took > 0) await sleepUntil(clock, clock.now() + took);
    return received(answer, fault);
  };
}

function toSandbox({ method, url, headers, body = '' }: HttpRequest): SandboxRequest {
  const { host, pathname, search } = new URL(url);
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method,
    url: pathname + search,
    host,
    headers: Object.fromEntries(lower) as Record<string, string>,
    body,
  };
}

function timeTaken(fault: Delivery | undefined, length: number): number {
  if (fault?.kind === 'hang') return Infinity;
  if (fault?.kind === 'delay') return fault.ms;
  return fault?.kind === 'trickle' ? fault.ms * length : 0;
}

/** What is left of the answer after its fault, as a client that asked for no compression sees it. */
function received(answer: HttpAnswer, fault: Delivery | undefined): HttpAnswer {
  switch (fault?.kind) {
    case 'drop':
    case 'cut':
      throw new NoAnswer('the connection broke', true);
    case 'gzip-cut':
      return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body: '\u001F\uFFFD' };
    case 'gzip-corrupt':
      return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' } };
    case 'delay':
    case 'trickle':
    case 'hang':
    case undefined:
      return answer;
  }
}

import { NoAnswer, type Send } from '../../src/http/exchange.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** Sends requests to a sandbox in this process. */
export function sendTo(sandbox: Sandbox): Send {
  return ({ method, url, headers, body = '' }) => {
    const { host, pathname, search } = new URL(url);
    const { fault, ...answer } = sandbox.handle({ method, url: pathname + search, host, headers, body });
    if (fault?.kind === 'drop' || fault?.kind === 'hang' || fault?.kind === 'cut')
      return Promise.reject(new NoAnswer(`the connection to ${host} broke`, { sent: true }));
    return Promise.resolve(answer);
  };
}

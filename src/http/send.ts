import { asNoAnswer, type Send } from './exchange.ts';
import type { UndiciClient } from './undici.ts';

export interface SenderOptions {
  /** The longest that a request may take, from its start to the last byte of the response. Milliseconds. */
  deadline: number;
  /** The maximum number of open sockets to a server. */
  sockets: number;
}

export interface Sender extends AsyncDisposable {
  send: Send;
  /** Loads the HTTP client now. A long-lived process calls it at start: an upgrade may replace the program's files later. */
  load: () => Promise<void>;
}

/**
 * The transport to the network: keep-alive, a total deadline on every request, no redirects, no retries, and no compression
 * (a truncated gzip body is found out too late).
 */
export function openSender({ deadline, sockets }: SenderOptions): Sender {
  let opened: Promise<UndiciClient> | undefined;
  const client = (): Promise<UndiciClient> => (opened ??= openClient({ deadline, sockets }));
  return {
    load: async () => {
      await client();
    },
    async send(request) {
      const { exchange, isBeforeSending } = await client();
      try {
        return await exchange(request);
      } catch (error) {
        throw asNoAnswer(error, { url: request.url, deadline, beforeSending: isBeforeSending(error) });
      }
    },
    [Symbol.asyncDispose]: async () => (await opened)?.destroy(),
  };
}

/** Loads undici on first use: loading it is slow, and impossible without WebAssembly. */
async function openClient(options: SenderOptions): Promise<UndiciClient> {
  const { openUndici } = await import('./undici.ts');
  return openUndici(options);
}

import { asNoAnswer, type Send } from './exchange.ts';
import type { UndiciClient } from './undici.ts';

export interface SenderOptions {
  /** The most a request may take, from the first byte sent to the last byte read. Milliseconds. */
  deadline: number;
  /** Sockets kept open to the server at most. */
  sockets: number;
}

export interface Sender extends AsyncDisposable {
  send: Send;
  /** Loads all that sending needs, for a process that outlives its own files: an upgrade may replace them. */
  load: () => Promise<void>;
}

/**
 * The one transport to the network: kept-alive sockets, a total deadline on every request, no redirects followed,
 * no compression (a cut or corrupt gzip body cannot be told from a whole one in time), nothing sent twice.
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

/** undici is loaded only when something is sent: it takes its time, and cannot be loaded where code cannot be made. */
async function openClient(options: SenderOptions): Promise<UndiciClient> {
  const { openUndici } = await import('./undici.ts');
  return openUndici(options);
}

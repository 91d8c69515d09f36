import type { Service } from '../config/hooks.ts';
import type { HttpRequest } from '../http/exchange.ts';
import { iso } from '../text.ts';

/*
 * An alarm, and the forms of it that services take. Texts come from poems and networks, so nothing in them may be markup or a mention.
 */

/** What a hook receives. Unknown values are null. */
export interface Alarm {
  /** An alarm's name, or `test`. */
  event: string;
  bot: string | null;
  /** ISO 8601. */
  at: string;
  why: string;
  /** The repair. */
  hint: string | null;
  /** The line of the poem, counted from 1. */
  line: number | null;
  /** The whole alarm in one line, for people. */
  text: string;
}

/** The alarm with which a person tests a hook. */
export const sampleAlarm = (now: number): Alarm => ({
  event: 'test',
  bot: 'test',
  at: iso(now),
  why: 'a person tries the hooks',
  hint: 'nothing is wrong',
  line: 1,
  text: 'a person tries the hooks; nothing is wrong',
});

const headers = { 'content-type': 'application/json' };

/** The alarms that say that all is well again, or that nothing is wrong. */
const calm: readonly string[] = ['finished', 'test'];

const titleOf = ({ event, bot }: Alarm): string => `flockd: ${bot === null ? event : `${bot}: ${event}`}`;

/** The request that notifies people by a web service. */
export function requestTo(service: Exclude<Service, { to: 'email' }>, alarm: Alarm): HttpRequest {
  const url = service.url.reveal();
  const post = (body: object, to = url): HttpRequest => ({
    method: 'POST',
    url: to,
    headers,
    body: JSON.stringify(body),
  });
  switch (service.to) {
    case 'ntfy': {
      // As JSON, since HTTP headers take no names beyond ASCII. docs.ntfy.sh/publish: Publish as JSON
      const { origin, pathname } = new URL(url);
      const [topic = '', ...folders] = pathname.split('/').filter(Boolean).reverse();
      const priority = calm.includes(alarm.event) ? 3 : 4;
      const message = { topic, title: titleOf(alarm), message: alarm.text, priority };
      return post(message, `${origin}/${folders.reverse().join('/')}`);
    }
    case 'slack':
      // docs.slack.dev/messaging/formatting-message-text: these three are to be escaped.
      return post({ text: `*${asSlack(titleOf(alarm))}*\n${asSlack(alarm.text)}` });
    case 'discord':
      return post({
        content: `${titleOf(alarm)}\n${alarm.text}`.slice(0, 2000),
        allowed_mentions: { parse: [] },
      });
    case 'telegram':
      return post({ chat_id: service.chat, text: `${titleOf(alarm)}\n${alarm.text}`.slice(0, 4096) });
  }
}

const asSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/**
 * Sends an alarm by e-mail: by the server of the hook, or by sendmail of this machine.
 *
 * @param timeout - milliseconds
 * @throws {Error} of nodemailer, whose message may name the server
 */
export async function mail(
  { address, from, smtp }: Extract<Service, { to: 'email' }>,
  alarm: Alarm,
  timeout: number,
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const limits = { connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout };
  const message = { from, to: address, subject: titleOf(alarm), text: `${alarm.text}\n` };
  if (smtp === undefined) {
    await createTransport({ sendmail: true, newline: 'unix' }).sendMail(message);
    return;
  }
  const url = new URL(smtp.reveal());
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const transport = createTransport({
    url: url.href,
    requireTLS: url.protocol === 'smtp:' && !isLocal,
    ...limits,
  });
  try {
    await transport.sendMail(message);
  } finally {
    transport.close();
  }
}

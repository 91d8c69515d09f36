import path from 'node:path';
import type { Service } from '../config/hooks.ts';
import { type HttpRequest, isPrivateConnection } from '../http/exchange.ts';
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

/** What a command or a webhook reads: one line of JSON. @param flock - its folder */
export const bodyOf = (alarm: Alarm, flock: string): string => JSON.stringify({ ...alarm, flock });

/** The alarms that say that all is well, or that nothing is wrong. */
const calm: readonly string[] = ['finished', 'test'];

const titleOf = ({ event, bot }: Alarm): string => `flockd: ${bot === null ? event : `${bot}: ${event}`}`;

/** The request that notifies people by a web service. @param flock - its folder */
export function requestTo(
  service: Exclude<Service, { to: 'email' }>,
  alarm: Alarm,
  flock: string,
): HttpRequest {
  const headers = { 'content-type': 'application/json' };
  const url = service.url.reveal();
  const title = titleOf(alarm);
  const request = (body: object): HttpRequest => {
    return { method: 'POST', url, headers, body: JSON.stringify(body) };
  };
  switch (service.to) {
    case 'webhook':
      return { method: 'POST', url, headers, body: bodyOf(alarm, flock) };
    case 'ntfy': {
      // As JSON, since HTTP headers take no names beyond ASCII. docs.ntfy.sh/publish: Publish as JSON
      const server = new URL(url);
      const { dir, base: topic } = path.posix.parse(server.pathname);
      server.pathname = dir;
      const priority = calm.includes(alarm.event) ? 3 : 4;
      return { ...request({ topic, title, message: alarm.text, priority }), url: server.href };
    }
    case 'slack':
      // docs.slack.dev/messaging/formatting-message-text: these three are to be escaped.
      return request({ text: `*${asSlack(title)}*\n${asSlack(alarm.text)}` });
    case 'discord':
      return request({ content: cut(`${title}\n${alarm.text}`, 2000), allowed_mentions: { parse: [] } });
    case 'telegram':
      return request({ chat_id: service.chat, text: cut(`${title}\n${alarm.text}`, 4096) });
  }
}

const asSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A text of at most so many UTF-16 units, without half a character at its end. */
const cut = (text: string, max: number): string => text.slice(0, max).replace(/[\ud800-\udbff]$/, '');

type Email = Extract<Service, { to: 'email' }>;

const messageOf = ({ address, from }: Email, alarm: Alarm) => {
  return { from, to: address, subject: titleOf(alarm), text: `${alarm.text}\n` };
};

/** An alarm as a mail that sendmail takes. */
export async function mailFor(service: Email, alarm: Alarm): Promise<string> {
  const { createTransport } = await import('nodemailer');
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  const { message } = await composer.sendMail(messageOf(service, alarm));
  if (!Buffer.isBuffer(message)) throw new TypeError('nodemailer made a stream of a mail');
  return message.toString('utf8');
}

/**
 * Sends an alarm by a mail server. Without TLS from the start, STARTTLS is required, but for this machine itself.
 *
 * @param timeout - milliseconds
 * @throws {Error} of nodemailer, whose message may name the server
 */
export async function sendMail(service: Email, smtp: string, alarm: Alarm, timeout: number): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const requireTLS = !isPrivateConnection(new URL(smtp.replace(/^smtp/, 'http')));
  const limits = { connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout };
  const transport = createTransport({ url: smtp, requireTLS, ...limits });
  try {
    await transport.sendMail(messageOf(service, alarm));
  } finally {
    transport.close();
  }
}

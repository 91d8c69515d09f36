import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { type Clock, sleepUntil } from '../clock.ts';
import { plainEnvironment } from '../config/environment.ts';
import type { Address, AlarmSettings, Hook, Service } from '../config/hooks.ts';
import { systemCode } from '../errors.ts';
import { type HttpRequest, isPrivateConnection, NoAnswer, type Send } from '../http/exchange.ts';
import { iso } from '../text.ts';

/*
 * One call of a hook or of the ping: a command that gets the alarm on its standard input, or a request. Nothing here throws: what
 * goes wrong is returned as a {@link Trouble}.
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

/** Why an alarm or a ping did not arrive. */
export interface Trouble {
  /** The same text for the same cause, without an address. */
  why: string;
  hint?: string;
  /** Whether a later attempt may succeed. */
  passes: boolean;
}

/**
 * Tries again until an attempt succeeds or its trouble will not pass.
 *
 * @param waits - the time after each failed attempt before the next one. Milliseconds
 * @param signal - ends the waiting, and with it the attempts
 * @returns the trouble of the last attempt
 */
export async function tryAgain(
  attempt: () => Promise<Trouble | undefined>,
  { clock, waits, signal }: { clock: Clock; waits: readonly number[]; signal: AbortSignal },
): Promise<Trouble | undefined> {
  let trouble = await attempt();
  for (const wait of waits) {
    if (trouble?.passes !== true) break;
    try {
      await sleepUntil(clock, clock.now() + wait, signal);
    } catch {
      break;
    }
    trouble = await attempt();
  }
  return trouble;
}

/** How a hook is named for people: by its program or service. An address, its host included, may be a secret. */
export function shownHook(hook: Hook): string {
  if ('run' in hook) return hook.run[0] ?? '';
  return hook.to === 'webhook' ? 'a webhook' : hook.to;
}

interface CallOptions {
  clock: Clock;
  send: Send;
  /** The flock's folder. */
  root: string;
  /** Kills a command before its time. */
  signal: AbortSignal;
  /** Where the output of a command goes. */
  output: 'nowhere' | 'stderr';
}

/** Sends an alarm to a hook, once. */
export async function callHook(hook: Hook, alarm: Alarm, options: CallOptions): Promise<Trouble | undefined> {
  const { timeout } = hook;
  const within = { ...options, timeout };
  if ('run' in hook) return runCommand(hook.run, `${bodyOf(alarm, options.root)}\n`, within);
  if (hook.to !== 'email') return callWeb(requestTo(hook, alarm, options.root), within);
  const { smtp, from, address } = hook;
  if (smtp) {
    const sent = sendMail(hook, smtp.reveal(), alarm, timeout);
    return inTime(
      sent.then(() => undefined, unmailed),
      within,
    );
  }
  const sendmail = (await notIn(['sendmail'], options.root)) ? '/usr/sbin/sendmail' : 'sendmail';
  const trouble = await runCommand([sendmail, '-i', '-f', from, address], await mailFor(hook, alarm), within);
  return trouble === missing ? noSendmail : trouble;
}

/** The time limit of a ping. Milliseconds. */
const pingTimeout = 10_000;

type WebOptions = Pick<CallOptions, 'send' | 'clock'>;

export const ping = (address: Address, options: WebOptions): Promise<Trouble | undefined> =>
  callWeb({ method: 'GET', url: address.reveal(), headers: {} }, { ...options, timeout: pingTimeout });

/** A trial of a hook or of the ping. */
export interface Trial {
  /** Its path in flock.json: `hooks.0`, `ping`. */
  name: string;
  /** What it is, for people; never its address. */
  kind: string;
  /** Sends a test alarm, once. @returns the trouble if it does not arrive */
  call: () => Promise<Trouble | undefined>;
}

/** A trial of every hook, then of the ping, in the order of flock.json. */
export function trialsOf({ hooks, ping: address }: AlarmSettings, options: CallOptions): Trial[] {
  const trials = hooks.map((hook, index) => ({
    name: `hooks.${index}`,
    kind: shownHook(hook),
    call: () => callHook(hook, sampleAlarm(options.clock.now()), options),
  }));
  if (!address) return trials;
  return [...trials, { name: 'ping', kind: 'ping', call: () => ping(address, options) }];
}

function callWeb(
  request: HttpRequest,
  options: WebOptions & { timeout: number },
): Promise<Trouble | undefined> {
  return inTime(
    options.send(request).then(({ status }) => judge(status), unanswered),
    options,
  );
}

async function inTime(
  call: Promise<Trouble | undefined>,
  { clock, timeout }: Pick<CallOptions, 'clock'> & { timeout: number },
): Promise<Trouble | undefined> {
  let cancel = (): void => undefined;
  const late = new Promise<Trouble>((resolve) => {
    const why = `it gave no whole answer within ${timeout / 1000} s`;
    cancel = clock.at(clock.now() + timeout, () => resolve({ why, passes: true }));
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    cancel();
  }
}

/** The error's own message may name the server and the user, which are secrets. */
function unmailed(error: unknown): Trouble {
  const { code, responseCode } = mailError.parse(error);
  if (code === 'EAUTH') return { why: 'the mail server refuses the user or the password', passes: false };
  const answer = responseCode === undefined ? (code ?? 'no answer') : `it answered ${responseCode}`;
  return {
    why: `the mail was not taken (${answer})`,
    passes: responseCode === undefined || responseCode < 500,
  };
}

const mailError = z.object({ code: z.string().optional(), responseCode: z.int().optional() }).catch({});

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

function notStarted(error: unknown): Trouble {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
  if (code === 'EACCES' || code === 'EPERM') return forbidden;
  return { why: `it cannot be started (${code ?? 'unknown'})`, passes: false };
}

const missing: Trouble = { why: 'there is no such command', passes: false };

const noSendmail: Trouble = {
  why: 'this machine has no sendmail',
  hint: 'install one, or give "smtp"',
  passes: false,
};

const forbidden: Trouble = {
  why: 'flockd may not run it',
  hint: 'chmod +x it; under systemd, ExecPaths= in a drop-in must name it and what it runs',
  passes: false,
};

const stopped: Trouble = { why: 'flockd stopped before it ended', passes: false };

/** Why the command of a hook could not be started, as far as that can be found out without starting it. */
export const whyNotRunnable = async (hook: Hook, root: string): Promise<Trouble | undefined> =>
  'run' in hook ? notIn(hook.run, root) : undefined;

async function notIn([program = '']: readonly string[], root: string): Promise<Trouble | undefined> {
  const folders = (plainEnvironment()['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  const places = program.includes('/')
    ? [path.resolve(root, program)]
    : folders.map((folder) => path.join(folder, program));
  let trouble = missing;
  for (const place of places) {
    try {
      await access(place, constants.X_OK);
      return undefined;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') trouble = notStarted(error);
    }
  }
  return trouble;
}

/**
 * Runs a command to its end, without a shell, with a text on its standard input. The command leads its own process group,
 * which is killed afterwards whether the command ended or was killed.
 */
async function runCommand(
  command: readonly string[],
  input: string,
  { root, clock, timeout, signal, output }: Omit<CallOptions, 'send'> & { timeout: number },
): Promise<Trouble | undefined> {
  if (signal.aborted) return stopped;
  let child: ChildProcess;
  try {
    child = start(command, root, output);
  } catch (error) {
    return notStarted(error);
  }
  let killed: Trouble | undefined;
  const kill = (why: Trouble): void => {
    killed ??= why;
    killGroup(child);
  };
  const abort = (): void => kill(stopped);
  signal.addEventListener('abort', abort);
  const late = { why: `it did not end within ${timeout / 1000} s and was killed`, passes: false };
  const cancel = clock.at(clock.now() + timeout, () => kill(late));
  try {
    const ended = endOf(child);
    // A command need not read its input.
    child.stdin?.on('error', () => undefined).end(input);
    const trouble = await ended;
    return killed ?? trouble;
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
    killGroup(child);
  }
}

const stderr = 2;

/** @throws {Error} if the system refuses at once */
function start([program = '', ...args]: readonly string[], cwd: string, output: string): ChildProcess {
  const print = output === 'stderr' ? stderr : 'ignore';
  // No secret, and no way to speak to systemd in our name.
  const { NOTIFY_SOCKET: _, ...rest } = plainEnvironment();
  // Without SHLVL, bash takes a socket on its standard input for a network login, and reads ~/.bashrc first.
  const env = { ...rest, SHLVL: '1' };
  return spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', print, print] });
}

function endOf(child: ChildProcess): Promise<Trouble | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)));
    child.once('exit', (code, by) => {
      const why = code === null ? `it was ended by ${by ?? 'a signal'}` : `it ended with ${code}`;
      resolve(code === 0 ? undefined : { why, passes: false });
    });
  });
}

/** Kills a command and all its descendants that have not left its process group. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is empty.
  }
}

/*
 * Alarms in the forms that services take. Texts come from poems and networks, so nothing in them may be markup or a mention.
 */

/** The alarms that say that all is well, or that nothing is wrong. */
const calm: readonly string[] = ['finished', 'test'];

const titleOf = ({ event, bot }: Alarm): string => `flockd: ${bot === null ? event : `${bot}: ${event}`}`;

/** The request that notifies people by a web service. @param flock - its folder */
function requestTo(service: Exclude<Service, { to: 'email' }>, alarm: Alarm, flock: string): HttpRequest {
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

const contentOf = ({ address, from }: Email, alarm: Alarm) => {
  return { from, to: address, subject: titleOf(alarm), text: `${alarm.text}\n` };
};

/** An alarm as a mail that sendmail takes. */
async function mailFor(service: Email, alarm: Alarm): Promise<string> {
  const { createTransport } = await import('nodemailer');
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'unix' });
  const { message } = await composer.sendMail(contentOf(service, alarm));
  if (!Buffer.isBuffer(message)) throw new TypeError('nodemailer made a stream of a mail');
  return message.toString('utf8');
}

/**
 * Sends an alarm by a mail server. Without TLS from the start, STARTTLS is required, but for this machine itself.
 *
 * @param timeout - milliseconds
 * @throws {Error} of nodemailer, whose message may name the server
 */
async function sendMail(service: Email, smtp: string, alarm: Alarm, timeout: number): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const requireTLS = !isPrivateConnection(new URL(smtp.replace(/^smtp/, 'http')));
  const limits = { connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout };
  const transport = createTransport({ url: smtp, requireTLS, ...limits });
  try {
    await transport.sendMail(contentOf(service, alarm));
  } finally {
    transport.close();
  }
}

import type { FlockError } from '../errors.ts';

export type Result = 'ok' | 'warn' | 'bad' | 'skipped';

/** What one check found. */
export interface Finding {
  /** The check's id, for programs. */
  check: string;
  /** The bot, file or provider it is about. */
  subject: string;
  /** A bot may have the name of a file or a provider. */
  about: 'bot' | 'flock';
  result: Result;
  message: string;
  /** The repair. */
  hint?: string | undefined;
  /** What the check cost, or would have cost, on X. Dollars. */
  cost: number;
}

/** Makes the findings about one subject. */
export interface Subject {
  ok(check: string, message: string): Finding;
  warn(check: string, message: string, hint?: string): Finding;
  bad(check: string, message: string, hint?: string): Finding;
  skipped(check: string, message: string): Finding;
  /** What was thrown, as a finding. */
  thrown(check: string, error: FlockError): Finding;
}

export const bot = (name: string): Subject => subject(name, 'bot');
/** @param name - of a file or a provider */
export const thing = (name: string): Subject => subject(name, 'flock');

/** What an error says of a provider, whose name stands before the finding already. */
export const withoutTitle = (message: string, { title }: { title: string }): string =>
  message.startsWith(`${title} `) ? message.slice(title.length + 1) : message;

function subject(name: string, about: Finding['about']): Subject {
  const found = (result: Result) => (check: string, message: string, hint?: string) => ({
    check,
    subject: name,
    about,
    result,
    message,
    hint,
    cost: 0,
  });
  const bad = found('bad');
  return {
    ok: found('ok'),
    warn: found('warn'),
    bad,
    skipped: found('skipped'),
    thrown: (check, { message, hint }) => bad(check, message, hint),
  };
}

import type { SandboxAnswer } from './answer.ts';
import type { Refuse } from './problems.ts';
import type { Access, Account, DialectId } from './state.ts';

/** How one service speaks OAuth 1.0a: the steps are the same everywhere, the words are not. */
export interface Dialect {
  id: DialectId;
  /** The name people know it by. */
  title: string;
  /** The folder of its three OAuth addresses. */
  base: string;
  /** Whether `/authenticate` is there too, and passes who approved before. */
  authenticate: boolean;
  /** Whether it takes X's own parameters: xAuth, and `x_auth_access_type`. */
  xAuth: boolean;
  /** How it writes a PIN, each digit as `#`; undefined where it knows only callbacks. */
  pin: string | undefined;
  /** The parameter of the authorize link that asks for a permission; undefined where none does. */
  permission: string | undefined;
  /** What its page says the app may do. */
  rights: Record<Access, Right[]>;
  /** The fields of the access token answer, in its own order. */
  tokenFields: (granted: { token: string; secret: string }, account: Account) => Record<string, string>;
  /** Where a person is sent who said no, or undefined for nowhere. */
  deniedUrl: (callback: string, token: string) => string | undefined;
  /** What it hangs on the address a person who said yes is sent back to; empty for nothing. */
  fragment: string;
  refuse: Refuse;
  callbackRefused: (callback: string) => SandboxAnswer;
  /** The answer to a request token that is unknown, spent or expired. */
  tokenRefused: () => SandboxAnswer;
  verifierRefused: () => SandboxAnswer;
}

/** A line of the authorize page; `granted` is false for what the app may not do. */
export interface Right {
  text: string;
  granted: boolean;
}

/** The lines of a page where the app may do the first so many of all there is. */
export const firstOf = (granted: number, texts: string[]): Right[] =>
  texts.map((text, n) => ({ text, granted: n < granted }));

import type { BotSettings } from '../config/flock-file.ts';
import type { FlockHistory } from '../ledger/history.ts';
import type { BotState } from '../ledger/state.ts';
import type { Line } from '../poems/poem.ts';
import type { Cap, Purse } from '../posting/budget.ts';
import type { Decision, PlannedPost } from '../posting/decide.ts';

/** What is known of a bot before it is planned. */
export interface BotToPredict {
  name: string;
  /** Its poem, in order; at least one line. */
  lines: readonly Line[];
  /** What its lines say. */
  texts: readonly string[];
  settings: BotSettings;
  /** What the ledger says of it. */
  state: BotState | undefined;
  /** Tells its key from the one it was parked with. */
  key: string;
}

/** What all bots of a flock share. */
export interface Shared {
  purse: Purse;
  /** What the flock did; the prediction goes on in it. */
  history: FlockHistory;
  /** The most one request takes. Milliseconds. */
  deadline: number;
  /** Called where a post was paid for that was not made. */
  gaveBack?: () => void;
}

/** A post as it will be. Instants in milliseconds since 1970. */
export interface PredictedPost extends PlannedPost {
  bot: string;
  at: number;
  slot: number;
  /** What it costs. */
  micros: number;
}

/** How often budgets have held a bot, and which one did first. */
export interface Held {
  first: { cap: Cap; at: number };
  /** The end of the last time. */
  until: number | undefined;
  times: number;
}

/** Why a bot is parked, and at which line, counted from 1. */
export type Parked = NonNullable<BotState['parked']> & { line: number };

/** Why a bot posts nothing more, or nothing for now. */
export type Rest = Extract<Decision, { do: 'rest' }>['because'] | 'finished' | 'budget';

/** What a bot does after a step. */
export type Next =
  /** It takes its next step at an instant. */
  | { at: number }
  | { rest: Rest }
  /** The flock has nothing to spend until an instant; so often it looks whether something was given back. Milliseconds. */
  | { poorUntil: number; looksEvery: number }
  /** It has sent a post; X's answer comes when all others of this instant have sent theirs. The next step follows at once. */
  | { answer: () => PredictedPost | undefined };

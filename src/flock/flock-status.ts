import type { BotState } from '../posting/bot-state.ts';
import { isFinished, lengthOf } from '../posting/place.ts';

export type Condition = 'new' | 'fine' | 'waiting' | 'in doubt' | 'parked' | 'paused' | 'finished' | 'unfit';

/** How one bot stands. Instants are ISO 8601. */
export interface BotStatus {
  bot: string;
  /** Its screen name. */
  account: string | undefined;
  state: Condition;
  /** Lines done in this pass, of how many. */
  done: number;
  of: number;
  pass: number;
  posts: number;
  last: { id: string | undefined; at: string; line: number } | undefined;
  next: string | undefined;
  /** Why it does not post, and the repair, where it does not. */
  why: string | undefined;
  hint: string | undefined;
}

/** What is known of a bot from the disk alone. */
export interface StatusInput {
  bot: string;
  account: string | undefined;
  state: BotState | undefined;
  /** How many lines its poem has now, where it can be read. */
  lines: number;
  paused: boolean;
  atEnd: 'loop' | 'stop';
  next: number | undefined;
  now: number;
  /** Why it is not in the flock, where it is not. */
  unfit: { why: string; hint: string | undefined } | undefined;
}

export function statusOf(input: StatusInput): BotStatus {
  const { bot, account, state, next } = input;
  const { condition, why, hint } = conditionOf(input);
  return {
    bot,
    account,
    state: condition,
    done: state?.place.next ?? 0,
    of: state ? lengthOf(state.place) : input.lines,
    pass: state?.pass ?? 1,
    posts: state?.posts ?? 0,
    last: state?.last && { id: state.last.id, at: iso(state.last.at), line: state.last.line + 1 },
    next: ['fine', 'new', 'waiting'].includes(condition) && next !== undefined ? iso(next) : undefined,
    why,
    hint,
  };
}

function conditionOf(input: StatusInput): { condition: Condition; why?: string; hint?: string | undefined } {
  const { bot, state, paused, atEnd, unfit, now } = input;
  if (unfit) return { condition: 'unfit', ...unfit };
  if (!state) return { condition: 'new' };
  if (state.open) {
    const why = `line ${state.open.line + 1} was sent at ${iso(state.open.at)}, and nobody knows whether it arrived`;
    return {
      condition: 'in doubt',
      why,
      hint: `flockd looks by itself; or settle it: flockd resolve ${bot} --posted | --not-posted`,
    };
  }
  if (state.parked) return { condition: 'parked', why: state.parked.why, hint: state.parked.hint };
  if (paused) return { condition: 'paused', why: 'flock.json says so' };
  if (state.owed && state.owed.retryAt > now) {
    return { condition: 'waiting', why: `${state.owed.reason}; again at ${iso(state.owed.retryAt)}` };
  }
  return { condition: isFinished(state.place) && atEnd === 'stop' ? 'finished' : 'fine' };
}

const iso = (instant: number): string => new Date(instant).toISOString();

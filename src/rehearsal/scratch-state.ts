import type { BotState } from '../ledger/state.ts';

/** What a bot is in the scratch, where its real account and posts are not. */
export interface Understudy {
  /** Its account's id in the sandbox. */
  account: string;
  /** Tells the key it has in the sandbox. */
  key: string;
  /** The mark of its real key, where it has one. */
  realKey: string | undefined;
}

/**
 * A bot's real state as it can go on in the sandbox: its place, what is served, owed and spent stay. Real posts are not on the
 * sandbox's timeline, so nothing is looked for after them; a bot that is parked stays so, unless its key was replaced since.
 */
export function inScratch(state: BotState, { account, key, realKey }: Understudy): BotState {
  const { last, open, parked, ...rest } = state;
  const isReplaced = realKey !== undefined && realKey !== parked?.key;
  return {
    ...rest,
    account,
    ...(last && { last: without(last, 'id') }),
    ...(open && { open: without(open, 'since') }),
    ...(parked && { parked: isReplaced ? parked : { ...parked, key } }),
  };
}

function without<T extends object, Name extends keyof T>(whole: T, name: Name): Omit<T, Name> {
  const { [name]: _, ...rest } = whole;
  return rest;
}

import type { BotName } from '../flock/bot.ts';
import { accountKey } from '../keys/bundle.ts';
import { names } from './app-pairs.ts';
import type { Held } from './checkup.ts';

/** The bots that share their account with others, and whose names those are. */
export function twins(held: readonly Held[]): Map<BotName, string> {
  const byAccount = new Map<string, Held[]>();
  for (const one of held) {
    const { userId, provider, accessToken } = one.bundle;
    const account = accountKey(userId ?? accessToken.reveal().token, provider);
    byAccount.set(account, [...(byAccount.get(account) ?? []), one]);
  }
  const shared = [...byAccount.values()].filter((group) => group.length > 1);
  return new Map(
    shared.flatMap((group) =>
      group.map(({ bot }) => [bot, names(group.filter((other) => other.bot !== bot))] as const),
    ),
  );
}

import { asKept, withoutControls } from './tweet-text.ts';
import type { LintOfBot } from './lint.ts';
import type { Line } from './split-poem.ts';

/** The poem of one bot, as one of many. */
export interface PoemOf {
  bot: string;
  /** Its file, as it is to be shown. */
  file: string;
  lines: readonly Line[];
}

/** The bot that has a text first, and where. */
interface Holder {
  poem: PoemOf;
  at: number;
}

/**
 * Texts that two bots carry, which X forbids: once for each pair of bots, with the first place and how many there are.
 * A text that many bots carry counts against the first of them alone, so that there are never more pairs than lines.
 */
export function findSharedTexts(poems: Iterable<PoemOf>): LintOfBot[] {
  const holders = new Map<string, Holder>();
  const pairs = new Map<string, { first: Holder; poem: PoemOf; at: number; texts: Set<string> }>();
  for (const poem of poems) {
    for (const { text, at } of poem.lines) {
      const kept = asKept(withoutControls(text));
      const first = holders.get(kept);
      if (!first) holders.set(kept, { poem, at });
      else if (first.poem.bot !== poem.bot) {
        const key = `${first.poem.bot}\n${poem.bot}`;
        const pair = pairs.get(key) ?? { first, poem, at, texts: new Set() };
        pairs.set(key, pair);
        pair.texts.add(kept);
      }
    }
  }
  return Array.from(pairs.values(), ({ first, poem: { bot, file }, at, texts }) => {
    const others = texts.size > 1 ? `, and ${texts.size - 1} more of this poem` : '';
    const place = `${first.poem.file}:${first.at}`;
    const message = `${first.poem.bot} has this text too (${place})${others}: X forbids one text on two accounts`;
    return { code: 'shared-text', bot, file, line: at, message };
  });
}

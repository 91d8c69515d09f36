import { hasLink } from '../poems/tweet-text.ts';
import { inMicros } from './money.ts';
import type { PriceTable } from './price-table.ts';

/** What X charges for one post with this text, in micros. What looks like a link is priced as one: `night.It` is one. */
export const costOf = (text: string, { post, linkPost }: PriceTable): number =>
  inMicros(hasLink(text) ? linkPost : post);

/** What X charges for reading, in micros. */
export const readingCost = (
  { posts = 0, accounts = 0 }: { posts?: number; accounts?: number },
  { postRead, userRead }: PriceTable,
): number => posts * inMicros(postRead) + accounts * inMicros(userRead);

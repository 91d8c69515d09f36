import { inMicros, inUsd, type PriceTable, readingCost, usualPrices } from '../cost.ts';
import type { Usage } from './state.ts';

/** What X would charge for that much use, in US dollars. */
export function billFor(
  { posts, linkPosts, postReads, accountReads }: Usage,
  prices: PriceTable = usualPrices,
): number {
  const posting = (posts - linkPosts) * inMicros(prices.post) + linkPosts * inMicros(prices.linkPost);
  return inUsd(posting + readingCost({ posts: postReads, accounts: accountReads }, prices));
}

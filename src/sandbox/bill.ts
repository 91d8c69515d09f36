import type { Usage } from './state.ts';

/** US dollars for one resource, from X's price list of November 2026. */
const prices = { post: 0.015, linkPost: 0.2, postRead: 0.005, accountRead: 0.01 };

/** What X would charge for that much use, in US dollars. */
export function billFor({ posts, linkPosts, postReads, accountReads }: Usage): number {
  const usd =
    (posts - linkPosts) * prices.post +
    linkPosts * prices.linkPost +
    postReads * prices.postRead +
    accountReads * prices.accountRead;
  return Math.round(usd * 1000) / 1000;
}

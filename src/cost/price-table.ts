import * as z from 'zod';

/** The version of price tables this program understands. */
const version = 1;

const usd = z
  .number('should be a number of dollars')
  .nonnegative('should not be negative')
  .max(1000, 'should be the price of one, in dollars');

/** What X charges, in US dollars. Failed requests cost nothing. */
export const priceTable = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(version, `is not ${version}, the one this program understands`),
  /** When these prices were read: `2026-08-22`. */
  date: z.iso.date('should be a date such as "2026-08-22"'),
  /** One post, and one with a link. */
  post: usd,
  linkPost: usd,
  /** One post or account that is read. */
  postRead: usd,
  userRead: usd,
});

export type PriceTable = Readonly<z.infer<typeof priceTable>>;

/** X's prices for pay-per-use. @see docs.x.com, pricing */
export const usualPrices: PriceTable = {
  version,
  date: '2026-08-22',
  post: 0.015,
  linkPost: 0.2,
  postRead: 0.005,
  userRead: 0.01,
};

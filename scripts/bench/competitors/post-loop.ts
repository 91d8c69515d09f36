import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { answerQuestions } from '../questions.ts';

/** One measurement of a competitor. */
const turn = z.object({ base: z.string(), bots: z.number(), inFlight: z.number(), window: z.number() });
export type Turn = z.infer<typeof turn>;

/** A competitor. */
export interface Poster {
  /** Posts as one of the bots. Rejects if it was not posted. */
  post: (bot: number) => Promise<unknown>;
  close: () => Promise<void>;
}

export const keysOf = (bot: number) => ({
  appKey: 'kYq3vT8mZs2LwXc9RbNf4HdJp',
  appSecret: 'u7GxQe1TzVw5KoMn8CyBs3AhRf6LjDp2XiNv9EtUq4WmZk0YbS',
  accessToken: `${1_000_000_000 + bot}-Jx4VbQ7nLr2TzKw9MpYc5GdHs8FqAe3RtNu6`,
  accessSecret: 'Zp8WcRn3XkTq6VbLy1MsGd9JhFa4EuKo7QiTz2BvNxYr5',
});

export const textOf = (bot: number): string =>
  `Line of bot ${bot}: praise the salt, that asks for nothing & everything!`;

/** Answers each question with a measurement, in which the competitor posts as often as it can. */
export function competeIn(open: (turn: Turn) => Promise<Poster> | Poster): void {
  answerQuestions(async (question) => {
    const asked = turn.parse(question);
    const poster = await open(asked);
    try {
      return await measure(poster, asked);
    } finally {
      await poster.close();
    }
  });
}

/** Posts before the measurement, so that V8 has optimized the code, as it has in a daemon that runs for years. */
const warmUp = (inFlight: number): number => 8 * inFlight;

/** @returns the posts in the window, its length in seconds, and its processor time in microseconds */
async function measure({ post }: Poster, { bots, inFlight, window }: Turn): Promise<object> {
  let posts = 0;
  let goesOn = true;
  let warm: () => void = () => undefined;
  const isWarm = new Promise<void>((resolve) => (warm = resolve));
  const lane = async (first: number): Promise<void> => {
    for (let bot = first; goesOn; bot = bot + inFlight < bots ? bot + inFlight : first) {
      await post(bot);
      if (++posts === warmUp(inFlight)) warm();
    }
  };
  const lanes = Promise.all(Array.from({ length: inFlight }, (_, index) => lane(index)));
  try {
    await Promise.race([isWarm, lanes]);
    const before = { posts, at: performance.now(), cpu: process.cpuUsage() };
    await Promise.race([sleep(window), lanes]);
    const { user, system } = process.cpuUsage(before.cpu);
    return {
      posts: posts - before.posts,
      seconds: (performance.now() - before.at) / 1000,
      cpu: user + system,
    };
  } finally {
    goesOn = false;
    await lanes;
  }
}

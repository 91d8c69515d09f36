import { z } from 'zod';
import { answerQuestions } from '../bench/questions.ts';
import { processState } from './process-state.js';
import { SimulatedYear, type YearOptions } from './simulated-year.ts';

const question = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('begin'), folder: z.string(), bots: z.int() }),
  z.object({ ask: z.literal('go on'), days: z.int() }),
]);

/** Runs the days of each request, and answers with the number of posts and the state of this process. */
export function answerAsYear(openX: YearOptions['openX']): void {
  let year: SimulatedYear | undefined;
  answerQuestions(async (asked) => {
    const what = question.parse(asked);
    if (what.ask === 'begin') {
      year = await SimulatedYear.open({ ...what, openX });
      return { state: year.state };
    }
    await year?.run(what.days);
    return { posts: year?.posts, ...processState() };
  });
}

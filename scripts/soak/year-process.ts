/** The process in which the year goes by. */
import { answerAsYear } from './answer-as-year.ts';
import { HeldX } from './held-x.ts';

answerAsYear((clock) => new HeldX(clock));

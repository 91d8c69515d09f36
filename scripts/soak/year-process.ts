/** The process that runs the simulated year. */
import { answerAsYear } from './answer-as-year.ts';
import { HeldX } from './held-x.ts';

answerAsYear((clock) => new HeldX(clock));

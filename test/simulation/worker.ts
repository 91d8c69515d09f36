import { doWork, type Work } from './work.ts';

/** A process that does the work it is told and prints what came of it. */
void doWork(JSON.parse(process.argv[2] ?? '') as Work).then((done) => console.log(JSON.stringify(done)));

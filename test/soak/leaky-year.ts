/** A year like that of the soak, in a process that keeps everything that X hears. */
import { answerAsYear } from '../../scripts/soak/answer-as-year.ts';
import { HeldX } from '../../scripts/soak/held-x.ts';

/** A page each, as a socket would take that nobody closes. Bytes. */
const page = 8192;
const heard: Buffer[] = [];

answerAsYear((clock) => {
  const x = new HeldX(clock);
  return {
    get posts() {
      return x.posts;
    },
    send(request) {
      heard.push(Buffer.alloc(page, JSON.stringify(request)));
      return x.send(request);
    },
  };
});

import * as z from 'zod';
import type { Clock } from '../clock.ts';
import { asKept } from '../poems/tweet-text.ts';
import type { SandboxAnswer, SandboxRequest } from '../sandbox/answer.ts';
import { claimedToken } from '../sandbox/faults.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Said } from './check-posts.ts';
import type { FaultMix } from './fault-mix.ts';

const post = z.object({ text: z.string() });

/** The way from the daemon to the sandbox: spoils some requests, and notes what X refuses as a repetition. */
export class Wire {
  readonly #sandbox: Sandbox;
  readonly #mix: FaultMix;
  readonly #clock: Clock;
  readonly #repeats = new Map<string, Said[]>();
  /** The posts that spoiled looks at a timeline may have shown: X may charge for them or not, and no ledger can know. */
  unsureReads = 0;

  constructor(sandbox: Sandbox, mix: FaultMix, clock: Clock) {
    this.#sandbox = sandbox;
    this.#mix = mix;
    this.#clock = clock;
  }

  handle(request: SandboxRequest): SandboxAnswer {
    const fault = this.#mix.draw();
    if (fault) {
      this.#sandbox.faults.add({ fault, times: 1 });
      this.unsureReads += pageSizeOf(request);
    }
    const answer = this.#sandbox.handle(request);
    if (answer.status === 403 && answer.body.includes('duplicate content')) this.#note(request);
    return answer;
  }

  /** What an account with this access token was refused as a repetition, oldest first. */
  repeatsOf(token: string): readonly Said[] {
    return this.#repeats.get(token) ?? [];
  }

  #note(request: SandboxRequest): void {
    const token = claimedToken(request) ?? '';
    const { text } = post.parse(JSON.parse(request.body));
    const said = { text: asKept(text), instant: this.#clock.now() };
    const known = this.#repeats.get(token);
    if (known) known.push(said);
    else this.#repeats.set(token, [said]);
  }
}

/** How many posts a request asks for; none where it does not read. */
const pageSizeOf = ({ url }: SandboxRequest): number =>
  Number(new URLSearchParams(url.split('?')[1]).get('max_results') ?? 0);

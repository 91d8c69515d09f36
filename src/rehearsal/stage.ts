import pino from 'pino';
import { HeldClock } from '../clock.ts';
import { Daemon } from '../daemon/daemon.ts';
import type { Bot, PlannedBot } from '../flock/load.ts';
import { usualSockets } from '../http/exchange.ts';
import { TokenPair } from '../keys/bundle.ts';
import { formatSnapshot, type JournalContents } from '../ledger/format.ts';
import { Journal, type Ledger } from '../ledger/journal.ts';
import { openX } from '../networks/x/client.ts';
import { keyMark } from '../posting/bot-runner.ts';
import type { Purse } from '../posting/budget.ts';
import { sendInProcess } from '../sandbox/in-process.ts';
import { Sandbox } from '../sandbox/sandbox.ts';
import { DaemonLog } from './daemon-log.ts';
import { FaultMix } from './fault-mix.ts';
import type { ScratchFolder } from './scratch-folder.ts';
import { inScratch } from './scratch-state.ts';
import { Wire } from './wire.ts';

/** What a rehearsal is played with. */
export interface Setting {
  bots: readonly PlannedBot[];
  purse: Purse;
  /** The texts of the poems, by their files. */
  poems: ReadonlyMap<string, string>;
  /** What the real ledger says. */
  begun: Pick<JournalContents, 'states' | 'history'>;
  /** Milliseconds since 1970. */
  from: number;
  /** The share of requests that are spoiled. */
  faults: number;
  seed: string;
  /** Hears or changes what the daemon tells its ledger. */
  through: (ledger: Ledger) => Ledger;
}

const app = { token: 'rehearsal-app', secret: 'rehearsal-app-secret' };

/** As `flockd run` has it. Milliseconds. */
const deadline = 10_000;

/** The real daemon, ledger, posting code and signatures, with a clock that is held and X in a box. No socket is needed. */
export class Stage implements AsyncDisposable {
  readonly clock: HeldClock;
  readonly sandbox: Sandbox;
  readonly mix: FaultMix;
  readonly wire: Wire;
  readonly log = new DaemonLog();
  readonly ledger: Ledger;
  /** The bots with keys of the sandbox. */
  readonly bots: readonly Bot[];
  readonly #daemon: Daemon;
  readonly #purse: Purse;
  #failure: { cause: unknown } | undefined;

  private constructor(setting: Setting, { clock, sandbox, bots, ledger }: Props) {
    this.clock = clock;
    this.sandbox = sandbox;
    this.bots = bots;
    this.ledger = ledger;
    this.#purse = setting.purse;
    this.mix = new FaultMix(setting.faults, setting.seed);
    this.wire = new Wire(sandbox, this.mix, clock);
    const send = sendInProcess((request) => this.wire.handle(request), { clock, deadline });
    this.#daemon = new Daemon({
      ledger,
      clock,
      log: pino({ level: 'warn', base: null }, this.log),
      openX: openX('http://127.0.0.1:1', send, clock),
      // On a clock that is held there is none but it.
      askTime: () => Promise.resolve({ ahead: 0, isOfX: true }),
      deadline,
      readPoem: (file) => Promise.resolve(setting.poems.get(file) ?? ''),
      sockets: usualSockets,
      writtenAt: () => undefined,
      isStopped: () => false,
      brake: () => Promise.resolve(),
      failed: (cause) => (this.#failure ??= { cause }),
    });
  }

  /** Sets everything up in a scratch folder; nobody posts yet. */
  static async open(setting: Setting, folder: ScratchFolder): Promise<Stage> {
    const clock = new HeldClock(setting.from);
    const sandbox = new Sandbox({ clock, appKeys: [app], seed: setting.seed });
    const bots = setting.bots.map((bot, index) => withSandboxKey(bot, sandbox, `bot_${index + 1}`));
    const states = new Map(
      bots.flatMap((bot, index) => stateOf(bot, setting.bots[index]?.bundle, setting.begun)),
    );
    const records = states.size + 1;
    await folder.append('journal.jsonl', formatSnapshot(records, { ...setting.begun, states }));
    const ledger = setting.through(await Journal.open(folder));
    return new Stage(setting, { clock, sandbox, bots, ledger });
  }

  /** Lets the flock post. */
  begin(): void {
    this.#daemon.takeUp({ bots: [...this.bots], misfits: [], purse: this.#purse });
  }

  /** Lets the flock rest; what is in doubt is still settled. */
  rest(): void {
    const resting = this.bots.map((bot) => ({ ...bot, settings: { ...bot.settings, paused: true } }));
    this.#daemon.takeUp({ bots: resting, misfits: [], purse: this.#purse });
  }

  /** Lets the time run. @throws what made the daemon give up */
  async until(instant: number): Promise<void> {
    await this.clock.runUntil(instant);
    if (this.#failure) throw this.#failure.cause;
  }

  /** Whether any bot has a post in doubt. */
  inDoubt(): boolean {
    return this.bots.some(({ name }) => this.ledger.state(name)?.open !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Steps that wait for an answer would wait for a clock that nobody lets run any more; nothing is lost with them.
    void this.#daemon.stop();
    await this.ledger[Symbol.asyncDispose]();
  }
}

interface Props {
  clock: HeldClock;
  sandbox: Sandbox;
  bots: readonly Bot[];
  ledger: Ledger;
}

function withSandboxKey(bot: PlannedBot, sandbox: Sandbox, account: string): Bot {
  const { token, secret, userId, screenName } = sandbox.grant(app.token, account);
  const bundle = {
    appKeys: new TokenPair(app.token, app.secret),
    accessToken: new TokenPair(token, secret),
    userId,
    screenName,
    poemFile: bot.poemFile,
  };
  return { ...bot, bundle };
}

/** What the scratch's ledger says of a bot, where the real one says anything. */
function stateOf(
  bot: Bot,
  realBundle: PlannedBot['bundle'],
  { states }: Setting['begun'],
): [string, ReturnType<typeof inScratch>][] {
  const state = states.get(bot.name);
  if (!state) return [];
  const realKey = realBundle && keyMark({ ...bot, bundle: realBundle });
  const account = bot.bundle.userId ?? '';
  return [[bot.name, inScratch(state, { account, key: keyMark(bot), realKey })]];
}

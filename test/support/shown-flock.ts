import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import type { Trial } from '../../src/alarms/call.ts';
import { isStopped } from '../../src/daemon/stop-switch.ts';
import { FlockError } from '../../src/errors.ts';
import { postPages, type PostPages } from '../../src/flock/status.ts';
import { EventLog } from '../../src/log.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { Monitor, type MonitorOptions } from '../../src/web/dashboard/monitor.ts';
import { type FlockView, SnapshotCache } from '../../src/web/dashboard/snapshot.ts';
import { HeldFlock } from './held-flock.ts';

/** A flock that runs on a held clock in a folder of its own, and the monitor that shows it. */
export class ShownFlock extends HeldFlock {
  /** What was logged. */
  readonly log: Record<string, unknown>[] = [];
  /** Where its posts are seen. */
  pages: PostPages = postPages('https://api.x.com');
  /** Its hooks, as a person tries them. */
  trials: Trial[] = [];
  /** When the bundle of any of its bots was written. */
  keyChanged = (): Promise<number | undefined> => Promise.resolve(Date.parse('2026-08-19T12:00:00Z'));
  readonly #monitors: Monitor[] = [];
  readonly #snapshots: SnapshotCache[] = [];
  readonly #log = new EventLog(
    pino(
      { base: null },
      { write: (line: string) => void this.log.push(JSON.parse(line) as Record<string, unknown>) },
    ),
  );

  constructor(now: string, settings: Record<string, unknown> = {}) {
    super(now, settings, { root: mkdtempSync(path.join(tmpdir(), 'shown-')), seed: 'shown' });
    for (const folder of ['poems', 'state']) mkdirSync(path.join(this.root, folder));
    this.start();
  }

  override add(
    name: string,
    text: string,
    settings: HeldFlock['settings'] = {},
    key = { account: name.replaceAll('-', '_').slice(0, 15) },
  ): void {
    writeFileSync(path.join(this.root, 'poems', `${name}.txt`), text);
    super.add(name, text, settings, key);
  }

  /** Adds a bot that cannot post. */
  addInvalid(name: string, message: string, hint: string): void {
    this.invalidBots.push({ bot: name as BotName, error: new FlockError('data', message, { hint }) });
  }

  override update(): void {
    super.update();
    for (const snapshots of this.#snapshots) snapshots.update(this.flock());
  }

  /** Views of the flock, which follow it. */
  snapshots(): SnapshotCache {
    const { ledger, clock, pages } = this;
    const isStopped = (): boolean => this.stopped;
    const log = this.#log;
    const snapshots = new SnapshotCache({ ledger, clock, log, isStopped, pages, version: '1.0.0' });
    this.#snapshots.push(snapshots);
    ledger.subscribe(snapshots.changed);
    snapshots.update(this.flock());
    return snapshots;
  }

  view(): Promise<FlockView> {
    return this.snapshots().view();
  }

  /** Opens the monitor. @returns where it listens */
  async listen(options: Partial<MonitorOptions> = {}): Promise<string> {
    const listen = { kind: 'port', host: '127.0.0.1', port: 0 } as const;
    const monitor = new Monitor({ listen, names: [], allowControl: false, ...options });
    this.#monitors.push(monitor);
    const { ledger, daemon, clock } = this;
    const state = path.join(this.root, 'state');
    const snapshots = this.snapshots();
    const { keyChanged } = this;
    const alarms = { trials: () => this.trials };
    const parts = { snapshots, ledger, daemon, alarms, keyChanged, clock, log: this.#log };
    await monitor.open({ ...parts, state, version: '1.0.0' });
    return String(this.log.findLast(({ event }) => event === 'listening')?.['address']);
  }

  /** Ends what {@link listen} began. */
  async endListening(): Promise<void> {
    for (const monitor of this.#monitors.splice(0)) await monitor[Symbol.asyncDispose]();
  }

  /** Whether somebody has thrown the stop switch, which is not this flock's own. */
  get switched(): boolean {
    return isStopped(path.join(this.root, 'state'));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.endListening();
    await super[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}

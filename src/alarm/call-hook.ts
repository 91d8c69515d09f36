import type { Clock } from '../clock.ts';
import { type Alarm, bodyOf, type Hook } from '../config/hooks.ts';
import type { Send } from '../http/exchange.ts';
import { callWeb } from './call-web.ts';
import { runCommand } from './run-command.ts';
import type { Trouble } from './trouble.ts';

export interface CallOptions {
  clock: Clock;
  send: Send;
  /** The flock's folder. */
  root: string;
  /** Ends a command before its time. */
  signal: AbortSignal;
  /** Where what a command prints goes. */
  output: 'nowhere' | 'stderr';
}

/** Tells a hook of an alarm, once. Never throws. */
export function callHook(hook: Hook, alarm: Alarm, options: CallOptions): Promise<Trouble | undefined> {
  const { root, send, clock, signal, output } = options;
  const body = bodyOf(alarm, root);
  const { timeout } = hook;
  if ('run' in hook) return runCommand(hook.run, body, { cwd: root, clock, timeout, signal, output });
  const headers = { 'content-type': 'application/json' };
  return callWeb({ method: 'POST', url: hook.post.reveal(), headers, body }, { send, clock, timeout });
}

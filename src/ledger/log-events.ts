import type { Logger } from '../log.ts';
import { iso, linesInWords } from '../text.ts';
import type { LedgerEvent } from './events.ts';
import type { Change } from './journal.ts';
import { advance, type BotState, isFinished, lengthOf } from './state.ts';

/** A subscriber of the journal that writes what the ledger has kept to the log. */
export const logChanges =
  (log: Logger) =>
  ({ event, before }: Pick<Change, 'event' | 'before'>): void => {
    const { bot } = event;
    const entry = describeChange(event, before);
    if (entry) log[entry.level]({ event: event.event, bot, ...entry.fields }, entry.message);
    const isLast =
      event.event === 'posted' && before?.open && isFinished(advance(before.place, before.open.lines));
    if (isLast === true) log.info({ event: 'finished', bot }, 'has come to the end of its poem');
  };

interface Entry {
  level: 'info' | 'warn' | 'error';
  fields: Record<string, string | number>;
  message: string;
}

/** An event as the log has it. @param before - what the ledger said of the bot before it */
export function describeChange(event: LedgerEvent, before: BotState | undefined): Entry | undefined {
  const line = (before?.open?.line ?? before?.place.next ?? 0) + 1;
  const of = before ? lengthOf(before.place) : lengthOf({ poem: 'poem' in event ? event.poem : '' });
  const info = (message: string, fields: Entry['fields'] = {}): Entry => ({ level: 'info', fields, message });
  switch (event.event) {
    case 'intent':
    case 'looked':
      return undefined;
    case 'begun':
      return info(`begins its poem of ${of} lines`, { of });
    case 'edited': {
      const next = event.next + 1;
      if (event.by === 'timeline' && event.next >= of)
        return info('finds on its timeline that it has posted all of its poem', { line: of });
      const how = waysOfEdit[event.by ?? 'poem'];
      return info(`${how} line ${next}`, { line: next });
    }
    case 'again':
      return info('begins its poem again', { pass: (before?.pass ?? 0) + 1 });
    case 'posted': {
      const slot = before?.open?.slot ?? event.at;
      const how = waysOfPost[event.by];
      const lines = linesInWords(line, before?.open?.lines ?? 1);
      const fields = { line, of, id: event.id ?? '', by: event.by, slot: iso(slot), late: event.at - slot };
      return info(`${how} ${lines} of ${of}`, fields);
    }
    case 'refused':
    case 'held': {
      const { why, reason, retryAt, at } = event;
      const isHeld = event.event === 'held';
      const until = iso(retryAt);
      const when = isHeld || retryAt > at ? `at ${until}` : 'at once';
      const message = `line ${line} ${isHeld ? 'is not posted yet' : 'was not posted'}: ${reason}; tries again ${when}`;
      return { level: 'warn', fields: { line, why, reason, until }, message };
    }
    case 'absent':
      if (before?.open?.look === true) return info('has posted nothing that it did not know of');
      return info(`line ${line} was in doubt and is not there; it is posted again`, { line });
    case 'skipped':
      return info(`skips line ${line}, a refrain that X refuses`, { line });
    case 'missed':
      return info(`skips its slots up to ${iso(event.until)}`, { until: iso(event.until) });
    case 'parked': {
      const { why, hint } = event;
      const message = `needs you at line ${line}: ${why}; ${hint}`;
      return { level: 'error', fields: { line, why, hint }, message };
    }
    case 'freed':
      return info(`was repaired and goes on at line ${line}`, { line });
    case 'asked':
      return info(`is asked to post line ${line} now`, { line });
    case 'paused':
      return info('is paused');
    case 'resumed':
      return info(`goes on at line ${line}`, { line });
    case 'restored':
      return info('was restored, and looks for what it has posted since');
    case 'checked':
      return info('has found all that it has posted');
    case 'renamed':
      return info(`was ${event.from} until now, and goes on at line ${line}`, { from: event.from });
  }
}

const waysOfEdit = {
  person: 'is sent to',
  timeline: 'finds on its timeline how far it has come, and goes on at',
  poem: 'follows an edit of its poem and goes on at',
};

const waysOfPost: Record<Extract<LedgerEvent, { event: 'posted' }>['by'], string> = {
  answer: 'posted',
  timeline: 'was in doubt about, and finds posted,',
  person: 'was in doubt about, and finds posted,',
  repetition: 'was in doubt about, and X says that it has,',
};

const weekdays = [
  'Sundays',
  'Mondays',
  'Tuesdays',
  'Wednesdays',
  'Thursdays',
  'Fridays',
  'Saturdays',
  'Sundays',
];

/** More times a day than these are not listed. */
const mostTimes = 4;

/** A schedule as a person would say it, where that is short, or else as it is written: `daily at 09:00 and 21:00`. */
export function scheduleInWords(expression: string): string {
  const fields = expression.trim().split(/\s+/);
  const [minute = '', hour = '', dayOfMonth, month, dayOfWeek = ''] = fields;
  if (fields.length !== 5 || month !== '*') return expression;
  const days = dayOfMonth === '*' ? daysInWords(dayOfWeek) : undefined;
  if (days === undefined) return expression;
  const times = timesInWords(minute, hour);
  if (times !== undefined) return `${days} at ${times}`;
  const often = oftenInWords(minute, hour);
  if (often === undefined) return expression;
  return days === 'daily' ? often : `${often}, ${days}`;
}

function daysInWords(dayOfWeek: string): string | undefined {
  if (dayOfWeek === '*') return 'daily';
  if (dayOfWeek === '1-5') return 'Mondays to Fridays';
  const names = dayOfWeek.split(',').map((day) => (/^[0-7]$/.test(day) ? weekdays[Number(day)] : undefined));
  const known = names.filter((name) => name !== undefined);
  return known.length === names.length && known.length <= 3 ? listed(known) : undefined;
}

function timesInWords(minute: string, hour: string): string | undefined {
  const [minutes, hours] = [numbers(minute, 59), numbers(hour, 23)];
  if (!minutes || !hours || minutes.length * hours.length > mostTimes) return undefined;
  const times = hours.flatMap((h) => minutes.map((m) => `${two(h)}:${two(m)}`));
  return listed(times.sort());
}

function oftenInWords(minute: string, hour: string): string | undefined {
  const [first, ...others] = numbers(minute, 59) ?? [];
  const at = first === undefined || others.length > 0 ? undefined : `:${two(first)}`;
  if (hour === '*') {
    if (minute === '*' || minute === '*/1') return 'every minute';
    const step = stepOf(minute, 60);
    if (step !== undefined) return `every ${step} minutes`;
    return at === undefined ? undefined : `hourly at ${at}`;
  }
  const step = stepOf(hour, 24);
  return step === undefined || at === undefined ? undefined : `every ${step} hours at ${at}`;
}

/** The 5 in a field of every fifth, where the same steps fit into every whole. */
function stepOf(field: string, whole: number): number | undefined {
  const step = Number(/^\*\/(\d{1,2})$/.exec(field)?.[1] ?? 0);
  return step > 1 && step < whole && whole % step === 0 ? step : undefined;
}

/** The numbers in a list such as `9,21`, or undefined where it is anything else. */
function numbers(field: string, most: number): number[] | undefined {
  if (!/^\d{1,2}(,\d{1,2})*$/.test(field)) return undefined;
  const found = [...new Set(field.split(',').map(Number))].sort((a, b) => a - b);
  return found.every((number) => number <= most) ? found : undefined;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** `a`, `a and b`, `a, b and c` */
function listed(things: readonly string[]): string {
  const last = things.at(-1) ?? '';
  return things.length < 2 ? last : `${things.slice(0, -1).join(', ')} and ${last}`;
}

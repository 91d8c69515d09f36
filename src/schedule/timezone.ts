import { Temporal } from 'temporal-polyfill';
import { nearest, quoted } from '../text.ts';

/** What is wrong with the name of a time zone, and what was probably meant. */
export interface TimezoneFault {
  message: string;
  hint: string;
}

/** Undefined for a time zone of the IANA database that slots can be found in and times be shown in. */
export function timezoneFault(name: string): TimezoneFault | undefined {
  if (isTimezone(name)) return undefined;
  const meant = suggestions(name).map((zone) => JSON.stringify(zone));
  const last = meant.pop();
  const named = meant.length === 0 ? last : `${meant.join(', ')} or ${last ?? ''}`;
  return {
    message: `${quoted(name)} is not an IANA time zone such as "Europe/Berlin"`,
    hint:
      named === undefined
        ? 'name a city of the zone: its clock changes to summer time by itself'
        : `did you mean ${named}?`,
  };
}

/** Zones that were found good: each bot may name one. */
const good = new Set<string>();

/** Both engines must know it: Temporal finds the slots, Intl shows them, and each takes names that the other does not. */
function isTimezone(name: string): boolean {
  if (good.has(name)) return true;
  try {
    const date = Temporal.PlainDate.from('2000-01-01').toZonedDateTime(name);
    date.getTimeZoneTransition('next');
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0);
    // Both take a distance from UTC, too, which is no zone: its clock never changes.
    if (/^[A-Za-z]/.test(name)) good.add(name);
    return good.has(name);
  } catch {
    return false;
  }
}

function suggestions(name: string): readonly string[] {
  const known = abbreviations[name.trim().toUpperCase()];
  if (known) return known;
  const city = name
    .trim()
    .split(/[\s_]+/)
    .map(capital)
    .join('_');
  const inRegion = regions.map((region) => `${region}/${city}`).filter(isTimezone);
  if (inRegion.length > 0) return inRegion;
  const meant = nearest(name, Intl.supportedValuesOf('timeZone'));
  return meant === undefined ? [] : [meant];
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

const regions = ['Africa', 'America', 'Asia', 'Atlantic', 'Australia', 'Europe', 'Indian', 'Pacific'];

/** What people write for a zone, and where its clock is read; several where the letters mean several clocks. */
const abbreviations: Record<string, readonly string[]> = {
  ACDT: ['Australia/Adelaide'],
  ACST: ['Australia/Adelaide', 'Australia/Darwin'],
  ADT: ['America/Halifax'],
  AEDT: ['Australia/Sydney'],
  AEST: ['Australia/Sydney', 'Australia/Brisbane'],
  AET: ['Australia/Sydney'],
  AKDT: ['America/Anchorage'],
  AKST: ['America/Anchorage'],
  ART: ['America/Argentina/Buenos_Aires'],
  AST: ['America/Halifax', 'Asia/Riyadh'],
  AWST: ['Australia/Perth'],
  BRT: ['America/Sao_Paulo'],
  BST: ['Europe/London'],
  CAT: ['Africa/Maputo'],
  CDT: ['America/Chicago'],
  CEST: ['Europe/Berlin'],
  CLT: ['America/Santiago'],
  COT: ['America/Bogota'],
  CST: ['America/Chicago', 'Asia/Shanghai'],
  CT: ['America/Chicago'],
  EAT: ['Africa/Nairobi'],
  EDT: ['America/New_York'],
  EEST: ['Europe/Athens'],
  ET: ['America/New_York'],
  GST: ['Asia/Dubai'],
  HKT: ['Asia/Hong_Kong'],
  ICT: ['Asia/Bangkok'],
  IDT: ['Asia/Jerusalem'],
  IST: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  JST: ['Asia/Tokyo'],
  KST: ['Asia/Seoul'],
  MDT: ['America/Denver'],
  MEST: ['Europe/Berlin'],
  MESZ: ['Europe/Berlin'],
  MEZ: ['Europe/Berlin'],
  MSK: ['Europe/Moscow'],
  MT: ['America/Denver'],
  NDT: ['America/St_Johns'],
  NST: ['America/St_Johns'],
  NPT: ['Asia/Kathmandu'],
  NZDT: ['Pacific/Auckland'],
  NZST: ['Pacific/Auckland'],
  PDT: ['America/Los_Angeles'],
  PHT: ['Asia/Manila'],
  PKT: ['Asia/Karachi'],
  PST: ['America/Los_Angeles'],
  PT: ['America/Los_Angeles'],
  SAST: ['Africa/Johannesburg'],
  SGT: ['Asia/Singapore'],
  SST: ['Pacific/Pago_Pago'],
  TRT: ['Europe/Istanbul'],
  WAT: ['Africa/Lagos'],
  WEST: ['Europe/Lisbon'],
  WIB: ['Asia/Jakarta'],
  Z: ['UTC'],
};

/** Describes an event of the system's own log; `frontend/system_words.py` does the same. */

import type { EventData, JobEvent } from '../client';

const GIVEN: Readonly<Record<string, string>> = { team: 'place in team', right: 'right to' };

/** Describe an event of the system's own log; an unknown type is its own name. */
export function systemWords(event: JobEvent): string {
  switch (event.type) {
    case 'system.signed_in':
      return `${event.data.user} signed in${fromWords(event.data)}`;
    case 'system.sign_in_failed':
      return failedWords(event.data);
    case 'system.signed_out':
      return `${event.data.user} signed out${event.data.reason ? `: ${event.data.reason}` : ''}`;
    case 'system.added':
      return `Added ${event.data.object} ${event.data.name}`;
    case 'system.changed':
      return changedWords(event.data);
    case 'system.removed':
      return `Removed ${event.data.object} ${event.data.name}`;
    case 'system.granted':
      return `Gave ${event.data.object} ${event.data.name} the ${givenWords(event.data)}`;
    case 'system.withdrawn':
      return `Took the ${givenWords(event.data)} from ${event.data.object} ${event.data.name}`;
    case 'system.configured':
      return configuredWords(event.data);
    case 'system.maintained':
      return event.data.words;
    case 'system.closed':
      return event.data.message;
    default:
      return event.type;
  }
}

function fromWords({ address }: { readonly address: string }): string {
  return address ? ` from ${address}` : '';
}

function failedWords(data: EventData['system.sign_in_failed']): string {
  const tail = data.wait_seconds ? `; the next attempt has to wait ${data.wait_seconds} s` : '';
  const what = data.proof ? '; the second factor was wrong' : '';
  return `Could not sign in as ${data.user}${fromWords(data)}${what}${tail}`;
}

function changedWords({
  object,
  name,
  before,
  after,
  hidden,
}: EventData['system.changed']): string {
  const shown = Object.entries(after).map(
    ([field, value]) =>
      `${field} ${JSON.stringify(before[field] ?? null)} → ${JSON.stringify(value)}`,
  );
  return `Changed ${object} ${name}: ${[...shown, ...hidden].join(', ')}`;
}

function givenWords({ what, value }: EventData['system.granted']): string {
  return `${GIVEN[what] ?? what} ${value}`;
}

function configuredWords({ process, changed }: EventData['system.configured']): string {
  return `The ${process} started with ${changed.join(', ') || 'settings not recorded before'}`;
}

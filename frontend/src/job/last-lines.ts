/** The last line that each step has printed, as far as its events are here. */

import { type JobEvent, plainText } from '../client';
import { placeOf } from './log-rows';

/** More of an event's text is not looked at. */
const MOST = 2000;

/** Gathers from events; `of` is another function when it would answer otherwise. */
export class LastLines {
  /** Return the last line of a step on a target; '' if none is known. */
  of = this.reader();
  private readonly texts = new Map<string, string>();

  /** Add events that are newer than all others, in order. */
  add(events: readonly JobEvent[]): void {
    for (const event of events) this.note(event, true);
  }

  /** Add events that are older than all others, in order. */
  addOlder(events: readonly JobEvent[]): void {
    for (const event of [...events].reverse()) this.note(event, false);
  }

  private note(event: JobEvent, isNewer: boolean): void {
    if (event.type !== 'step.output' || !event.data.text.trim()) return;
    const place = placeOf({ step: event.step ?? '', target: event.target ?? '' });
    if (!isNewer && this.texts.has(place)) return;
    this.texts.set(place, event.data.text.slice(-MOST));
    this.of = this.reader();
  }

  private reader(): (target: string, step: string) => string {
    return (target, step) => {
      const text = this.texts.get(placeOf({ step, target })) ?? '';
      return plainText(text).trimEnd().split('\n').at(-1) ?? '';
    };
  }
}

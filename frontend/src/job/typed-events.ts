/** The events of some types, gathered from the history as far as the reader has come. */

import type { EventType, JobEvent } from '../client';
import { callApi } from '../elements/api';
import { type HistoryPages, pageOf } from './history-pages';

interface TypedAnswer {
  readonly events: readonly JobEvent[];
  /** The cursor up to which the history was looked at. */
  readonly next: string;
}

const RETRY_MS = 2000;

/** Events of these types from the first on; `events` grows in place. */
export class TypedEvents {
  readonly events: JobEvent[] = [];
  /** The events up to this one were looked at. */
  private seq = 0;
  private isReading = false;
  private answered: Promise<void> = Promise.resolve();
  private readonly types: ReadonlySet<string>;

  constructor(
    private readonly job: string,
    private readonly history: HistoryPages,
    types: readonly EventType[],
    private readonly onChange: () => void,
  ) {
    this.types = new Set(types);
  }

  /** Whether everything up to the head has been looked at. */
  get isComplete(): boolean {
    return this.seq >= this.history.head;
  }

  /** Go on: through the pages that are here, else by one answer of the server. */
  readMore(): void {
    while (!this.isComplete && !this.isReading) {
      const events = this.history.peek(pageOf(this.seq + 1));
      if (!events) {
        void this.ask();
        return;
      }
      this.take(events, events.at(-1)?.seq ?? this.history.head);
    }
  }

  /** Read everything up to the head. */
  async readAll(): Promise<void> {
    for (this.readMore(); !this.isComplete; this.readMore()) await this.answered;
  }

  private async ask(): Promise<void> {
    this.isReading = true;
    this.answered = this.fetchMore().catch(() => pause(RETRY_MS));
    await this.answered;
    this.isReading = false;
    this.onChange();
  }

  private async fetchMore(): Promise<void> {
    const types = [...this.types].join();
    const path = `/api/jobs/${this.job}/events?after=${this.seq}&types=${types}&limit=1000`;
    const { events, next } = await callApi<TypedAnswer>(path);
    this.take(events, Number.parseInt(next, 10));
  }

  private take(events: readonly JobEvent[], until: number): void {
    for (const event of events) {
      if (event.seq > this.seq && this.types.has(event.type)) this.events.push(event);
    }
    this.seq = Math.max(this.seq, until);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

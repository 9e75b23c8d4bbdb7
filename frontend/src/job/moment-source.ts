/** Reads the moments of a job from the API. */

import type { JobEvent } from '../client';
import { callApi } from '../elements/api';
import { fetchState } from './job-state';
import type { MomentSource } from './moment-player';

const FAILURES = 'step.failed,job.failed';

interface EventsAnswer {
  readonly events: readonly JobEvent[];
  readonly next: string;
  readonly head: number;
}

/** Return the moments of a job. */
export function momentSource(job: string): MomentSource {
  const read = (query: string) => callApi<EventsAnswer>(`/api/jobs/${job}/events?${query}`);
  return {
    stateAt: (seq) => fetchState(job, seq),
    eventsAfter: async (seq, limit) => (await read(`after=${seq}&limit=${limit}`)).events,
    async nextFailure(seq) {
      for (let after = String(seq); ; ) {
        const answer = await read(`after=${after}&limit=1&types=${FAILURES}`);
        const [found] = answer.events;
        if (found) return found.seq;
        // An answer ends early where it has looked at many events.
        if (Number.parseInt(answer.next, 10) >= answer.head) return null;
        after = answer.next;
      }
    },
  };
}

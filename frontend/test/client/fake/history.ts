import { createHash } from 'node:crypto';
import type { JobEvent, JobStatus } from '../../../src/client';

/** The job that every test follows. */
export const JOB = '0192f3c1-7a2b-7c3d-8e4f-5a6b7c8d9e0f';

/** What a test says of an event; the rest is filled in. */
export interface Draft {
  readonly type: string;
  readonly data?: unknown;
  readonly step?: string;
  readonly target?: string;
  readonly attempt?: number;
  readonly actor?: string;
}

const TERMINAL: Readonly<Record<string, JobStatus>> = {
  'job.succeeded': 'succeeded',
  'job.failed': 'failed',
  'job.cancelled': 'cancelled',
};

/** A job's log as the server would keep it: exact texts, chained by their hashes. */
export class History {
  readonly texts: string[] = [];
  readonly #hashes: string[] = [];
  status: JobStatus = 'running';
  #hash = createHash('sha256')
    .update(Buffer.from(JOB.replaceAll('-', ''), 'hex'))
    .digest();

  constructor(drafts: readonly Draft[] = []) {
    for (const draft of drafts) this.append(draft);
  }

  /** Seq of the newest event. */
  get head(): number {
    return this.texts.length;
  }

  /** Whether the terminal event is there. */
  get over(): boolean {
    return Object.values(TERMINAL).includes(this.status);
  }

  append(draft: Draft): void {
    const { type, data = {}, step, target, attempt = 1, actor = 'system' } = draft;
    const at = `2026-11-22T09:00:00.${String(this.head).padStart(6, '0')}Z`;
    const members = { seq: this.head + 1, type, version: 1, at, actor, attempt };
    const body = JSON.stringify({ ...members, step, target, data });
    this.#hash = createHash('sha256').update(this.#hash).update(body).digest();
    this.#hashes.push(this.#hash.toString('hex'));
    this.texts.push(`${body.slice(0, -1)},"hash":"${this.#hash.toString('hex')}"}`);
    this.status = TERMINAL[type] ?? this.status;
  }

  /** The cursor of an event, `0` for none. */
  cursor(seq: number): string {
    return seq === 0 ? '0' : `${seq}-${this.#hashes[seq - 1]?.slice(0, 8)}`;
  }

  /** Every event, parsed. */
  get events(): JobEvent[] {
    return this.texts.map((text) => JSON.parse(text) as JobEvent);
  }
}

/** A history of `events` events in all, ended or not, with output of awkward characters. */
export function history(events: number, ended = true): History {
  const log = new History([
    { type: 'job.submitted', data: { kind: 'load', title: 'Zeile\u2028«ü»' } },
  ]);
  const output = { type: 'step.output', step: 'write', target: 'gs-001' };
  while (log.head < events - 1) {
    log.append({ ...output, data: { text: `${log.head} \u{1f680} "\\"\r\n`, stream: 'out' } });
  }
  const last = ended ? { type: 'job.succeeded', data: { message: 'done' } } : output;
  if (log.head < events) log.append(ended ? last : { ...output, data: { text: 'last\n' } });
  return log;
}

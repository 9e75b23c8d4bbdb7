/** A desktop notice when the run of this page ends, or waits for the reader. Asked for by a click only. */

import { keep, recall, TERMINAL } from '../client';
import { fetchJobRow, type Job } from './api';

const EVERY_MS = 5000;

/** Let the button with `data-notify` switch notices on and off, on a job's page. */
export function startRunNotices(): void {
  const job = /^\/jobs\/([0-9a-f-]{32,36})$/i.exec(location.pathname)?.[1];
  const button = document.querySelector<HTMLButtonElement>('[data-notify]');
  if (!job || !button || !('Notification' in globalThis)) return;
  button.hidden = false;
  const notices = new RunNotices(job, button);
  button.addEventListener('click', () => void notices.toggle());
  if (
    recall('sessionStorage', storageKey(job)) === 'yes' &&
    Notification.permission === 'granted'
  ) {
    notices.start();
  }
}

function storageKey(job: string): string {
  return `reprise:notify:${job}`;
}

class RunNotices {
  private timer: ReturnType<typeof setInterval> | undefined;
  private known: string | undefined;

  constructor(
    private readonly job: string,
    private readonly button: HTMLButtonElement,
  ) {}

  async toggle(): Promise<void> {
    if (this.timer !== undefined) this.stop();
    else if ((await Notification.requestPermission()) === 'granted') this.start();
    else this.button.textContent = 'Notices are blocked: allow them in the browser';
  }

  start(): void {
    this.mark(true);
    this.timer = setInterval(() => void this.look(), EVERY_MS);
    void this.look();
  }

  private stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.mark(false);
  }

  private mark(on: boolean): void {
    keep('sessionStorage', storageKey(this.job), on ? 'yes' : 'no');
    this.button.setAttribute('aria-pressed', String(on));
  }

  private async look(): Promise<void> {
    const row = await fetchJobRow(this.job).catch(() => null);
    if (!row || this.timer === undefined) return;
    const said = noticeOf(row);
    // What was so when the reader asked is no news.
    if (this.known !== undefined && said && said !== this.known) this.tell(row.title, said);
    this.known = said;
    if (TERMINAL.has(row.status)) this.stop();
  }

  private tell(title: string, body: string): void {
    const notice = new Notification(title, { body, tag: this.job });
    notice.addEventListener('click', () => globalThis.focus());
  }
}

/** What there is to say of a run, "" for nothing. */
export function noticeOf({
  status,
  can,
  message,
}: Pick<Job, 'status' | 'can' | 'message'>): string {
  if (TERMINAL.has(status)) return message ? `${status}: ${message}` : `The run ${status}.`;
  return can.includes('approve') ? 'The run waits for your answer.' : '';
}

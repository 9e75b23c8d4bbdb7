/** The form that starts a job: made from the kind's schema, with the plan in words beside it. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Plan } from '../client/index';
import { bootData, call, errorWords, type Job, type Kind, Problem, uuid } from '../elements/api';
import { glyph, Plain } from '../elements/light-element';
import { fieldView, idOf } from './field';
import {
  bodyText,
  type Entries,
  type Entry,
  errorsByField,
  type Field,
  fieldsOf,
  initial,
} from './form';
import { planView } from './plan-preview';
import { check } from './validation';

const PAUSE_MS = 250;

interface PlanAnswer {
  readonly plan: Plan;
  readonly title: string;
}

/**
 * `<reprise-new-job kind="…" from="…">`; boots from the JSON script `params`: by name the JSON text that
 * a field begins with, a default or a parameter of the job `from`.
 */
@customElement('reprise-new-job')
export class NewJob extends Plain {
  @property() kind = '';
  @property() from = '';
  @state() private fields: readonly Field[] | null = null;
  @state() private entries: Entries = new Map();
  @state() private finds: ReadonlyMap<string, string> = new Map();
  @state() private errors: ReadonlyMap<string, string> = new Map();
  @state() private touched: ReadonlySet<string> = new Set();
  @state() private tried = false;
  @state() private plan: PlanAnswer | null = null;
  @state() private notice = '';
  @state() private sending = false;

  /** Made when the form is opened: a double click, or a retry after a lost answer, makes one job. */
  private key = uuid();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  private async load(): Promise<void> {
    this.notice = '';
    try {
      const { kinds } = await call<{ kinds: readonly Kind[] }>('/api/kinds');
      const kind = kinds.find((one) => one.name === this.kind);
      this.fields = fieldsOf(kind?.schema ?? {}, bootData('params') ?? {});
      this.entries = initial(this.fields);
      void this.ask();
    } catch (error) {
      this.notice = errorWords(error);
    }
  }

  private change(field: Field, entry: Entry): void {
    const { way } = this.entries.get(field.name) ?? {};
    this.entries = new Map([...this.entries, [field.name, entry]]);
    this.touched = new Set([...this.touched, field.name]);
    if (way !== entry.way) void this.updateComplete.then(() => this.focusOn(field));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
  }

  /** Ask for the plan of what is typed so far; its errors show at the fields already touched. */
  private async ask(): Promise<void> {
    if (!this.fields) return;
    this.asking?.abort();
    this.errors = check(this.fields, this.entries);
    if (this.errors.size) {
      this.plan = null;
      return;
    }
    this.asking = new AbortController();
    const { signal } = this.asking;
    const text = bodyText(this.kind, this.fields, this.entries);
    try {
      this.plan = await call<PlanAnswer>('/api/plan', { method: 'POST', text, signal });
      this.errors = new Map();
    } catch (error) {
      if (signal.aborted) return;
      this.plan = null;
      if (error instanceof Problem) {
        this.errors = errorsByField(this.fields, error.errors, this.entries);
      }
    }
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.fields || this.sending) return;
    this.tried = true;
    this.notice = '';
    this.errors = check(this.fields, this.entries);
    if (this.errors.size) {
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.sending = true;
    const text = bodyText(this.kind, this.fields, this.entries);
    try {
      const headers = { 'Idempotency-Key': this.key };
      const job = await call<Job>('/api/jobs', { method: 'POST', text, headers });
      location.assign(`/jobs/${job.id}`);
    } catch (error) {
      this.sending = false;
      this.refused(error);
    }
  }

  private refused(error: unknown): void {
    if (error instanceof Problem && error.code === 'idempotency_conflict') {
      this.key = uuid();
      this.notice =
        'This form has already started a job, whose answer was lost on the way; you find it under Jobs. ' +
        'Since then something was changed here: press again to start a second one.';
      return;
    }
    if (error instanceof Problem && error.code === 'invalid_params') {
      this.errors = errorsByField(this.fields ?? [], error.errors, this.entries);
      this.notice = this.errors.get('') ?? '';
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.notice = `${errorWords(error)}${error instanceof Problem ? '' : ' Pressing again will not start it twice.'}`;
  }

  private focusFirstError(): void {
    const first = this.fields?.find((field) => this.errors.has(field.name));
    if (first) this.focusOn(first);
  }

  private focusOn(field: Field): void {
    this.querySelector<HTMLElement>(`#${CSS.escape(idOf(field))}`)?.focus();
  }

  override updated(changed: PropertyValues): void {
    if (changed.has('fields') && this.fields?.length) {
      const first = this.querySelector<HTMLElement>('.form-field :is(input, select, textarea)');
      // A ring round the first of many boxes would look like a choice.
      if (!first?.matches('[type="checkbox"]')) first?.focus({ preventScroll: true });
    }
  }

  override render(): TemplateResult {
    const notice = this.notice
      ? html`<div class="notice is-bad" role="alert">${glyph('warning')}<span>${this.notice}</span></div>`
      : nothing;
    if (!this.fields) {
      return html`${notice}${
        this.notice
          ? html`<button class="button" @click=${this.load}>Try again</button>`
          : html`<p class="loading muted">Loading the form…</p>`
      }`;
    }
    return html`<form class="new-job" novalidate @submit=${this.submit}>
      <div class="new-job-fields">
        ${notice} ${repeat(
          this.fields,
          (field) => field.name,
          (field) => this.field(field),
        )}
      </div>
      <aside class="new-job-plan" aria-live="polite">${planView(this.plan, this.problem())}</aside>
      <div class="form-acts">
        <button class="button is-main" aria-disabled=${this.sending ? 'true' : nothing}>
          ${this.sending ? 'Starting…' : 'Start job'}
        </button>
        <a class="button" href="/">Cancel</a>
      </div>
    </form>`;
  }

  private field(field: Field): TemplateResult {
    const shown = this.tried || this.touched.has(field.name);
    const entry = this.entries.get(field.name);
    if (!entry) return html``;
    return fieldView({
      field,
      entry,
      error: shown ? (this.errors.get(field.name) ?? '') : '',
      find: this.finds.get(field.name) ?? '',
      onEntry: (next) => this.change(field, next),
      onFind: (text) => {
        this.finds = new Map([...this.finds, [field.name, text]]);
      },
    });
  }

  /** Why there is no plan, said beside the form before anything was touched. */
  private problem(): string {
    const [name, detail] = [...this.errors][0] ?? [];
    const field = this.fields?.find((one) => one.name === name);
    return detail ? `${field ? `${field.label}: ` : ''}${detail}` : '';
  }
}

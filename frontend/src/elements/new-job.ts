/** The form that starts a job: made from the kind's schema, with the plan in words beside it. */

import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Plan } from '../client';
import { call, errorWords, type Job, jobRow, type Kind, Problem, uuid } from './api';
import { fieldView, id } from './field';
import {
  collect,
  errorsByField,
  type Field,
  fieldsOf,
  initial,
  type Value,
  type Values,
} from './form';
import { check } from './form-check';
import { glyph, Plain } from './plain';
import { planView } from './plan';

const PAUSE_MS = 250;

interface PlanAnswer {
  readonly plan: Plan;
  readonly title: string;
}

/** `<reprise-new-job kind="…" from="…">`; `from` is a job whose params the form begins with. */
@customElement('reprise-new-job')
export class NewJob extends Plain {
  @property() kind = '';
  @property() from = '';
  @state() private fields: readonly Field[] | null = null;
  @state() private values: Values = {};
  @state() private finds: Readonly<Record<string, string>> = {};
  @state() private errors: Readonly<Record<string, string>> = {};
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
      const [{ kinds }, model] = await Promise.all([
        call<{ kinds: readonly Kind[] }>('/api/kinds'),
        this.from ? jobRow(this.from) : null,
      ]);
      const kind = kinds.find((one) => one.name === this.kind);
      this.fields = fieldsOf(kind?.schema ?? {});
      this.values = initial(this.fields, model?.params);
      void this.ask();
    } catch (error) {
      this.notice = errorWords(error);
    }
  }

  private change(field: Field, value: Value): void {
    this.values = { ...this.values, [field.name]: value };
    this.touched = new Set([...this.touched, field.name]);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), PAUSE_MS);
  }

  /** Ask for the plan of what is typed so far; its errors show at the fields already touched. */
  private async ask(): Promise<void> {
    if (!this.fields) return;
    this.asking?.abort();
    this.errors = check(this.fields, this.values);
    if (Object.keys(this.errors).length) {
      this.plan = null;
      return;
    }
    this.asking = new AbortController();
    const { signal } = this.asking;
    const body = { kind: this.kind, params: collect(this.fields, this.values) };
    try {
      this.plan = await call<PlanAnswer>('/api/plan', { method: 'POST', body, signal });
      this.errors = {};
    } catch (error) {
      if (signal.aborted) return;
      this.plan = null;
      if (error instanceof Problem) this.errors = errorsByField(this.fields, error.errors);
    }
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.fields || this.sending) return;
    this.tried = true;
    this.notice = '';
    this.errors = check(this.fields, this.values);
    if (Object.keys(this.errors).length) {
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.sending = true;
    const body = { kind: this.kind, params: collect(this.fields, this.values) };
    try {
      const headers = { 'Idempotency-Key': this.key };
      const job = await call<Job>('/api/jobs', { method: 'POST', body, headers });
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
      this.errors = errorsByField(this.fields ?? [], error.errors);
      this.notice = this.errors[''] ?? '';
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.notice = `${errorWords(error)}${error instanceof Problem ? '' : ' Pressing again will not start it twice.'}`;
  }

  private focusFirstError(): void {
    const first = this.fields?.find((field) => this.errors[field.name]);
    if (first) this.querySelector<HTMLElement>(`#${CSS.escape(id(first))}`)?.focus();
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
    return fieldView({
      field,
      value: this.values[field.name] ?? '',
      error: shown ? (this.errors[field.name] ?? '') : '',
      find: this.finds[field.name] ?? '',
      onValue: (value) => this.change(field, value),
      onFind: (text) => {
        this.finds = { ...this.finds, [field.name]: text };
      },
    });
  }

  /** Why there is no plan, said beside the form before anything was touched. */
  private problem(): string {
    const [name, detail] = Object.entries(this.errors)[0] ?? [];
    const field = this.fields?.find((one) => one.name === name);
    return detail ? `${field ? `${field.label}: ` : ''}${detail}` : '';
  }
}

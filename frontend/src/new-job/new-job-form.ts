/** The form that starts a job, built from the kind's schema, with the plan next to it. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import {
  callApi,
  createKey,
  describeError,
  type Job,
  Problem,
  readBootData,
} from '../elements/api';
import { LightElement, noticeView } from '../elements/light-element';
import { html } from '../text/html';
import { fieldView } from './field';
import {
  buildFields,
  type Entries,
  type Entry,
  errorsByField,
  type Field,
  fieldId,
  initialEntries,
  requestBody,
} from './form';
import { loadKind } from './load-kind';
import { type PlanAnswer, planPreview } from './plan-preview';
import { validateForm } from './validation';

const TYPING_PAUSE_MS = 250;

/**
 * `<reprise-new-job kind="…">`: starts from the JSON script `params`, which has the initial JSON text of
 * each field by name: a default, or a parameter of an earlier job.
 */
@customElement('reprise-new-job')
export class NewJobForm extends LightElement {
  @property() kind = '';
  @state() private fields: readonly Field[] | null = null;
  @state() private entries: Entries = new Map();
  @state() private searches: ReadonlyMap<string, string> = new Map();
  @state() private errors: ReadonlyMap<string, string> = new Map();
  @state() private touched: ReadonlySet<string> = new Set();
  @state() private isSubmitted = false;
  @state() private plan: PlanAnswer | null = null;
  @state() private notice = '';
  @state() private isSending = false;

  /** Created with the form, so that a double click or a retry after a lost answer starts only one job. */
  private idempotencyKey = createKey();
  private planTimer: ReturnType<typeof setTimeout> | undefined;
  private planRequest: AbortController | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.loadForm();
  }

  private async loadForm(): Promise<void> {
    this.notice = '';
    try {
      const kind = await loadKind(this.kind);
      this.fields = buildFields(kind?.schema ?? {}, readBootData('params') ?? {});
      this.entries = initialEntries(this.fields);
      void this.requestPlan();
    } catch (error) {
      this.notice = describeError(error);
    }
  }

  private changeField(field: Field, entry: Entry): void {
    const { control } = this.entries.get(field.name) ?? {};
    this.entries = new Map([...this.entries, [field.name, entry]]);
    this.touched = new Set([...this.touched, field.name]);
    if (control !== entry.control) void this.updateComplete.then(() => this.focusOn(field));
    clearTimeout(this.planTimer);
    this.planTimer = setTimeout(() => void this.requestPlan(), TYPING_PAUSE_MS);
  }

  /** Request the plan for the current entries; errors are shown at fields already touched. */
  private async requestPlan(): Promise<void> {
    if (!this.fields) return;
    this.planRequest?.abort();
    this.errors = validateForm(this.fields, this.entries);
    if (this.errors.size) {
      this.plan = null;
      return;
    }
    this.planRequest = new AbortController();
    const { signal } = this.planRequest;
    const text = requestBody(this.kind, this.fields, this.entries);
    try {
      this.plan = await callApi<PlanAnswer>('/api/plan', { method: 'POST', text, signal });
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
    if (!this.fields || this.isSending) return;
    this.isSubmitted = true;
    this.notice = '';
    this.errors = validateForm(this.fields, this.entries);
    if (this.errors.size) {
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.isSending = true;
    const text = requestBody(this.kind, this.fields, this.entries);
    try {
      const headers = { 'Idempotency-Key': this.idempotencyKey };
      const job = await callApi<Job>('/api/jobs', { method: 'POST', text, headers });
      location.assign(`/jobs/${job.id}`);
    } catch (error) {
      this.isSending = false;
      this.showError(error);
    }
  }

  private showError(error: unknown): void {
    if (error instanceof Problem && error.code === 'idempotency_conflict') {
      this.idempotencyKey = createKey();
      this.notice =
        'This form has already started a job, but the answer was lost; you find the job under Jobs. ' +
        'Since then something was changed here: press again to start a second one.';
      return;
    }
    if (error instanceof Problem && error.code === 'invalid_params') {
      this.errors = errorsByField(this.fields ?? [], error.errors, this.entries);
      this.notice = this.errors.get('') ?? '';
      void this.updateComplete.then(() => this.focusFirstError());
      return;
    }
    this.notice = `${describeError(error)}${error instanceof Problem ? '' : ' Pressing again will not start it twice.'}`;
  }

  private focusFirstError(): void {
    const first = this.fields?.find((field) => this.errors.has(field.name));
    if (first) this.focusOn(first);
  }

  private focusOn(field: Field): void {
    this.querySelector<HTMLElement>(`#${CSS.escape(fieldId(field))}`)?.focus();
  }

  override updated(changed: PropertyValues): void {
    if (changed.has('fields') && this.fields?.length) {
      const first = this.querySelector<HTMLElement>('.form-field :is(input, select, textarea)');
      // A focus ring around the first of many checkboxes would look like a choice.
      if (!first?.matches('[type="checkbox"]')) first?.focus({ preventScroll: true });
    }
  }

  override render(): TemplateResult {
    const notice = this.notice ? noticeView('is-bad', this.notice) : nothing;
    if (!this.fields) {
      return html`${notice}${
        this.notice
          ? html`<button class="button" @click=${this.loadForm}>Try again</button>`
          : html`<p class="loading muted">Loading the form…</p>`
      }`;
    }
    return html`<form class="new-job" novalidate @submit=${this.submit}>
      <div class="new-job-fields">
        ${notice} ${repeat(
          this.fields,
          (field) => field.name,
          (field) => this.fieldFor(field),
        )}
      </div>
      <aside class="new-job-plan" aria-live="polite">${planPreview(this.plan, this.planProblem())}</aside>
      <div class="form-acts">
        <button class="button is-main" aria-disabled=${this.isSending ? 'true' : nothing}>
          ${this.isSending ? 'Starting…' : 'Start job'}
        </button>
        <a class="button" href="/">Cancel</a>
      </div>
    </form>`;
  }

  private fieldFor(field: Field): TemplateResult {
    const shown = this.isSubmitted || this.touched.has(field.name);
    const entry = this.entries.get(field.name);
    if (!entry) return html``;
    return fieldView({
      field,
      entry,
      error: shown ? (this.errors.get(field.name) ?? '') : '',
      search: this.searches.get(field.name) ?? '',
      onEntry: (next) => this.changeField(field, next),
      onSearch: (text) => {
        this.searches = new Map([...this.searches, [field.name, text]]);
      },
    });
  }

  /** Why there is no plan, also before any field was touched. */
  private planProblem(): string {
    const [name, detail] = [...this.errors][0] ?? [];
    const field = this.fields?.find((one) => one.name === name);
    return detail ? `${field ? `${field.label}: ` : ''}${detail}` : '';
  }
}

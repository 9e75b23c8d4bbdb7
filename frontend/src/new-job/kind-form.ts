/** The fields of a kind's parameters, with the plan that they make: what the forms about jobs share. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { callApi, describeError, Problem, readBootData } from '../elements/api';
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
 * Starts from the JSON script `params`, which has the initial JSON text of each field by name: a default,
 * or a parameter that is stored.
 */
export abstract class KindForm extends LightElement {
  @property() kind = '';
  @state() protected fields: readonly Field[] | null = null;
  @state() protected entries: Entries = new Map();
  @state() protected errors: ReadonlyMap<string, string> = new Map();
  @state() protected isSubmitted = false;
  @state() protected notice = '';
  @state() private searches: ReadonlyMap<string, string> = new Map();
  @state() private touched: ReadonlySet<string> = new Set();
  @state() private plan: PlanAnswer | null = null;

  private planTimer: ReturnType<typeof setTimeout> | undefined;
  private planRequest: AbortController | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.loadForm();
  }

  protected async loadForm(): Promise<void> {
    this.notice = '';
    try {
      const kind = await loadKind(this.kind);
      this.fields = buildFields(kind?.schema ?? {}, this.initialTexts());
      this.entries = initialEntries(this.fields);
      void this.requestPlan();
    } catch (error) {
      this.notice = describeError(error);
    }
  }

  /** The initial JSON text of each field. */
  protected initialTexts(): Readonly<Record<string, string>> {
    return readBootData('params') ?? {};
  }

  /** The session has ended, and the browser goes to sign in. */
  protected leave(): void {}

  /** Check the entries, and show at the fields what is wrong. Returns whether all is well. */
  protected checkEntries(): boolean {
    this.isSubmitted = true;
    this.errors = validateForm(this.fields ?? [], this.entries);
    if (this.errors.size) void this.updateComplete.then(() => this.focusFirstError());
    return this.errors.size === 0;
  }

  protected changeField(field: Field, entry: Entry): void {
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
        if (error.status === 401) this.leave();
        this.errors = errorsByField(this.fields, error.errors, this.entries);
      }
    }
  }

  protected focusFirstError(): void {
    const first = this.fields?.find((field) => this.errors.has(field.name));
    if (first) this.focusOn(first);
  }

  private focusOn(field: Field): void {
    this.querySelector<HTMLElement>(`#${CSS.escape(fieldId(field))}`)?.focus();
  }

  protected noticeView(): TemplateResult | typeof nothing {
    return this.notice ? noticeView('is-bad', this.notice) : nothing;
  }

  protected fieldViews(): unknown {
    return repeat(
      this.fields ?? [],
      (field) => field.name,
      (field) => this.fieldFor(field),
    );
  }

  protected planView(): TemplateResult {
    return html`<aside class="new-job-plan" aria-live="polite">${planPreview(this.plan, this.planProblem())}</aside>`;
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

  /** Focus the first field once the form is there. */
  protected focusFirstField(changed: PropertyValues): void {
    if (!changed.has('fields') || !this.fields?.length) return;
    const first = this.querySelector<HTMLElement>('.form-field :is(input, select, textarea)');
    // A focus ring around the first of many checkboxes would look like a choice.
    if (!first?.matches('[type="checkbox"]')) first?.focus({ preventScroll: true });
  }
}

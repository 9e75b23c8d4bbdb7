/** The form that starts a job, built from the kind's schema, with the plan next to it. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { callApi, createKey, describeError, type Job, Problem } from '../elements/api';
import { html } from '../text/html';
import { errorsByField, requestBody } from './form';
import { KindForm } from './kind-form';

/** `<reprise-new-job kind="…">` */
@customElement('reprise-new-job')
export class NewJobForm extends KindForm {
  @state() private isSending = false;

  /** Created with the form, so that a double click or a retry after a lost answer starts only one job. */
  private idempotencyKey = createKey();

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.fields || this.isSending) return;
    this.notice = '';
    if (!this.checkEntries()) return;
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

  override updated(changed: PropertyValues): void {
    this.focusFirstField(changed);
  }

  override render(): TemplateResult {
    if (!this.fields) {
      return html`${this.noticeView()}${
        this.notice
          ? html`<button class="button" @click=${this.loadForm}>Try again</button>`
          : html`<p class="loading muted">Loading the form…</p>`
      }`;
    }
    return html`<form class="new-job" novalidate @submit=${this.submit}>
      <div class="new-job-fields">${this.noticeView()} ${this.fieldViews()}</div>
      ${this.planView()}
      <div class="form-acts">
        <button class="button is-main" aria-disabled=${this.isSending ? 'true' : nothing}>
          ${this.isSending ? 'Starting…' : 'Start job'}
        </button>
        <a class="button" href="/">Cancel</a>
      </div>
    </form>`;
  }
}

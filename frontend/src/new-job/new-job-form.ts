/** The form that starts a job, built from the kind's schema, with the plan next to it. */

import { nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { callApi, createKey, describeError, type Job, Problem } from '../elements/api';
import { html } from '../text/html';
import { draftTexts, keepDraft, takeDraft } from './draft';
import { errorsByField, requestBody } from './form';
import { EXTRA_MEMBERS, extrasView, type JobExtras, NO_EXTRAS, withExtras } from './job-extras';
import { KindForm } from './kind-form';

/** `<reprise-new-job kind="…">`: what was typed when the session ended is there again after signing in. */
@customElement('reprise-new-job')
export class NewJobForm extends KindForm {
  @state() private isSending = false;
  @state() private extras: JobExtras = NO_EXTRAS;
  private hasDraft = false;

  /** Created with the form, so that a double click or a retry after a lost answer starts only one job. */
  private idempotencyKey = createKey();

  protected override initialTexts(): Readonly<Record<string, string>> {
    const draft = takeDraft(location.pathname + location.search);
    if (!draft) return super.initialTexts();
    this.hasDraft = true;
    this.idempotencyKey = draft.idempotencyKey;
    this.extras = draft.extras;
    this.notice =
      'Your session had ended: this is what you had typed. Secrets have to be typed again.';
    return { ...super.initialTexts(), ...draft.texts };
  }

  protected override leave(): void {
    const { idempotencyKey, extras } = this;
    const texts = draftTexts(this.fields ?? [], this.entries);
    keepDraft({ address: location.pathname + location.search, idempotencyKey, extras, texts });
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    if (!this.fields || this.isSending) return;
    this.notice = '';
    if (!this.checkEntries()) return;
    this.isSending = true;
    const text = withExtras(requestBody(this.kind, this.fields, this.entries), this.extras);
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
    if (error instanceof Problem && error.status === 401) {
      this.leave();
      return;
    }
    if (error instanceof Problem && error.code === 'idempotency_conflict') {
      this.idempotencyKey = createKey();
      this.notice =
        'This form has already started a job, but the answer was lost; you find the job under Jobs. ' +
        'Since then something was changed here: press again to start a second one.';
      return;
    }
    if (error instanceof Problem && error.code === 'invalid_params') {
      const ofExtras = error.errors.filter(({ pointer }) => isOfExtras(pointer));
      const others = error.errors.filter(({ pointer }) => !isOfExtras(pointer));
      this.errors = errorsByField(this.fields ?? [], others, this.entries);
      const said = ofExtras.map(({ pointer, detail }) => `${pointer.slice(1)}: ${detail}`);
      this.notice = [this.errors.get('') ?? '', ...said].filter(Boolean).join(' ');
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
      <div class="new-job-fields">
        ${this.noticeView()} ${this.fieldViews()}
        ${extrasView(this.extras, this.hasDraft, (extras) => {
          this.extras = extras;
        })}
      </div>
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

/** Whether an error is of a member besides the parameters, which may have one of the same name. */
function isOfExtras(pointer: string): boolean {
  return EXTRA_MEMBERS.includes(pointer.split('/')[1] ?? '');
}

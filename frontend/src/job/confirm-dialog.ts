/** The dialog that asks before something changes a run. */

import { nothing, type TemplateResult } from 'lit';
import { openDialog } from '../elements/dialog';
import { html } from '../text/html';

/** A question: what will happen, and the labels of the two buttons. */
export interface Question {
  readonly title: string;
  readonly consequences: readonly string[];
  /** What else the reader has to see before they answer. */
  readonly details?: TemplateResult;
  readonly confirm: string;
  readonly cancel: string;
  /** Whether the action cannot be undone. */
  readonly danger?: boolean;
  /** The label of the field for a reason; without it there is no field. */
  readonly reason?: string;
}

/** The service's limit. */
const MAX_REASON_LENGTH = 1000;

/** Ask; resolves to the reason (`''` for none) if the reader confirms, else to null. */
export function askToConfirm(question: Question): Promise<string | null> {
  const { danger = false, reason } = question;
  // Enter in the field presses the first submit button: only the confirming one may be a submit button.
  const dialog: HTMLDialogElement = openDialog(
    question.title,
    html`<ul class="consequences">${question.consequences.map((one) => html`<li>${one}</li>`)}</ul>
      ${question.details ?? nothing}
      ${
        reason
          ? html`<label class="dialog-reason"><span class="form-label">${reason}</span>
              <input class="field" name="reason" maxlength=${MAX_REASON_LENGTH} autocomplete="off" autofocus /></label>`
          : nothing
      }
      <div class="dialog-acts">
        <button class="button" type="button" ?autofocus=${!reason} @click=${() => dialog.close()}>${question.cancel}</button>
        <button class="button ${danger ? 'is-danger' : ''} is-main" value="act">${question.confirm}</button>
      </div>`,
  );
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const field = dialog.querySelector<HTMLInputElement>('input[name="reason"]');
      resolve(dialog.returnValue === 'act' ? (field?.value.trim() ?? '') : null);
    });
  });
}

/** Asking before something that changes a run. */

import { html, nothing, render } from 'lit';

/** What is asked, what will happen, and the names of the two acts. */
export interface Question {
  readonly title: string;
  readonly consequences: readonly string[];
  readonly confirm: string;
  readonly cancel: string;
  /** The act cannot be taken back. */
  readonly danger?: boolean;
  /** What the field for a reason is called; no field where there is none. */
  readonly reason?: string;
}

/** As long as the service takes. */
const MAX_REASON_LENGTH = 1000;

/** Ask; resolves to the reason (`''` for none) where the reader chose the act, else to null. */
export function askToConfirm(question: Question): Promise<string | null> {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'confirm-title');
  const { danger = false, reason } = question;
  // Enter in the field is the act: the first submit button's, so the other one must be none.
  render(
    html`<form method="dialog">
      <h2 id="confirm-title">${question.title}</h2>
      <ul class="consequences">${question.consequences.map((one) => html`<li>${one}</li>`)}</ul>
      ${
        reason
          ? html`<label class="dialog-reason"><span class="form-label">${reason}</span>
              <input class="field" name="reason" maxlength=${MAX_REASON_LENGTH} autocomplete="off" autofocus /></label>`
          : nothing
      }
      <div class="dialog-acts">
        <button class="button" type="button" ?autofocus=${!reason} @click=${() => dialog.close()}>${question.cancel}</button>
        <button class="button ${danger ? 'is-danger' : ''} is-main" value="act">${question.confirm}</button>
      </div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const field = dialog.querySelector<HTMLInputElement>('input[name="reason"]');
      dialog.remove();
      resolve(dialog.returnValue === 'act' ? (field?.value.trim() ?? '') : null);
    });
  });
}

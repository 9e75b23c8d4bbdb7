/** Asking before something that cannot be undone. */

import { html, render } from 'lit';

/** What is asked, what will happen, and the names of the two acts. */
export interface Question {
  readonly title: string;
  readonly consequences: readonly string[];
  readonly act: string;
  readonly keep: string;
}

/** Ask; resolves to whether the reader chose the act. */
export function confirmed(question: Question): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'confirm-title');
  render(
    html`<form method="dialog">
      <h2 id="confirm-title">${question.title}</h2>
      <ul class="consequences">${question.consequences.map((one) => html`<li>${one}</li>`)}</ul>
      <div class="dialog-acts">
        <button class="button" value="keep" autofocus>${question.keep}</button>
        <button class="button is-danger is-main" value="act">${question.act}</button>
      </div>
    </form>`,
    dialog,
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'act');
    });
  });
}

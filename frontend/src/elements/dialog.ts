/** Modal dialogs: a title, and a form that closes the dialog when it is submitted. */

import { render, type TemplateResult } from 'lit';
import { html } from '../text/html';

/** Show a dialog; it removes itself when it closes. */
export function openDialog(title: string, content: TemplateResult): HTMLDialogElement {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'dialog-title');
  const form = html`<form method="dialog"><h2 id="dialog-title">${title}</h2>${content}</form>`;
  render(form, dialog);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

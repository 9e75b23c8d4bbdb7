/** Asks the browser for a passkey where a form needs one; the server checks what comes back. */

const UNSUPPORTED = 'This browser cannot use passkeys here. Use a newer one, or a code.';
const FAILED = 'The browser did not give a passkey. Try again, or use a code.';

/** Make the buttons with `data-passkey` (`create` or `get`) work. */
export function startPasskeys(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-passkey]')) {
    button.addEventListener('click', () => void fillIn(button));
  }
}

/** Put the browser's answer into the button's form and send it; say so where there is none. */
async function fillIn(button: HTMLButtonElement): Promise<void> {
  const form = button.form;
  const field = form?.querySelector<HTMLInputElement>('input[name=credential]');
  if (!form || !field) return;
  button.disabled = true;
  try {
    const credential = await ask(button.dataset.passkey ?? '', button.dataset.options ?? '{}');
    field.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    const told = form.querySelector<HTMLElement>('[data-passkey-error]');
    if (told) {
      told.textContent = error instanceof TypeError ? UNSUPPORTED : FAILED;
      told.hidden = false;
    }
    button.disabled = false;
  }
}

async function ask(act: string, options: string): Promise<unknown> {
  const json = JSON.parse(options);
  const credential =
    act === 'create'
      ? await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json),
        })
      : await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json),
        });
  return (credential as PublicKeyCredential).toJSON();
}

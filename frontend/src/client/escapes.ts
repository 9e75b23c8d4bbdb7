/** What a terminal does with the text that a program writes, one call for each thing. */
export interface TerminalActions {
  /** Shows characters, none of which is a control. */
  print(text: string): void;
  /** Carries out a control character; every newline, vertical tab and form feed comes as `\n`. */
  control(character: string): void;
  /** Carries out an escape sequence: ESC and `final`. */
  escape(final: string): void;
  /** Carries out a control sequence: CSI, `parameters` of digits, `;` and `:`, and `final`. */
  sequence(final: string, parameters: string): void;
}

type State = 'text' | 'escape' | 'sequence' | 'title' | 'string';

const ESC = '\u001b';
const BEL = '\u0007';
const CANCELS: ReadonlySet<string> = new Set(['\u0018', '\u001a']);
const NEWLINES: ReadonlySet<string> = new Set(['\n', '\v', '\f']);
/** What ESC and this begin, and what an eight-bit control of its own begins. */
const BEGINS: Readonly<Record<string, State>> = {
  '[': 'sequence',
  ']': 'title',
  P: 'string',
  X: 'string',
  '^': 'string',
  _: 'string',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const PRINTED = /[^\u0000-\u001f\u007f-\u009f]+/y;
const PARAMETERS = /^[\d;:]*$/;
/** The first half of a character whose second half the next chunk may bring. */
const HALF = /[\ud800-\udbff]$/;
const SURROGATES = /[\ud800-\udfff]/;
const LONE = /\p{Surrogate}/gu;
/** No program writes more parameters; an endless sequence takes no more memory. */
const MAX_HELD = 256;

/**
 * Takes text apart as a terminal does (ECMA-48), however it is cut into chunks. A sequence or control
 * string that has no end hides what follows, at most to the end of its line; a real terminal would
 * hide the rest of the log.
 */
export class EscapeParser {
  #state: State = 'text';
  #held = '';
  #half = '';

  constructor(private readonly actions: TerminalActions) {}

  /** Take the next chunk. */
  write(chunk: string): void {
    const whole = this.#half + chunk;
    const end = whole.length - (HALF.test(whole) ? 1 : 0);
    this.#half = whole.slice(end);
    const text = whole.slice(0, end);
    for (let at = 0; at < text.length; ) {
      PRINTED.lastIndex = at;
      const run = PRINTED.exec(text)?.[0] ?? '';
      if (run) this.#printed(run);
      else this.#control(text.charAt(at));
      at += run.length || 1;
    }
  }

  /** The text has ended: what it left open is nothing. */
  end(): void {
    if (this.#half) this.#printed(this.#half);
    this.#half = '';
    this.#state = 'text';
  }

  #printed(run: string): void {
    let at = 0;
    while (at < run.length && (this.#state === 'escape' || this.#state === 'sequence')) {
      if (!this.#continued(run.charAt(at))) break;
      at += 1;
    }
    if (this.#state === 'text' && at < run.length) {
      const text = run.slice(at);
      this.actions.print(SURROGATES.test(text) ? text.replace(LONE, '\ufffd') : text);
    }
  }

  /** Take a character of an escape or control sequence; false where it is none, which ends that. */
  #continued(character: string): boolean {
    const first = this.#held === '';
    if (character >= ' ' && character <= (this.#state === 'escape' ? '/' : '?')) {
      this.#held = this.#held.length < MAX_HELD ? this.#held + character : '?';
      return true;
    }
    const state = this.#state;
    this.#state = 'text';
    if (character > '~') return false;
    if (state === 'escape' && first) this.#escape(character);
    else if (state === 'sequence' && PARAMETERS.test(this.#held)) {
      this.actions.sequence(character, this.#held);
    }
    return true;
  }

  #control(character: string): void {
    const code = character.charCodeAt(0);
    const hidden = this.#state === 'title' || this.#state === 'string';
    if (code >= 0x80) this.#escape(String.fromCharCode(code - 0x40));
    else if (character === ESC) this.#begin('escape');
    else if (CANCELS.has(character)) this.#state = 'text';
    else if (NEWLINES.has(character)) {
      this.#state = 'text';
      this.actions.control('\n');
    } else if (!hidden) this.actions.control(character);
    else if (character === BEL && this.#state === 'title') this.#state = 'text';
  }

  #escape(final: string): void {
    const begun = BEGINS[final];
    this.#begin(begun ?? 'text');
    if (!begun) this.actions.escape(final);
  }

  #begin(state: State): void {
    this.#state = state;
    this.#held = '';
  }
}

/** What the parser calls for each part of the text. */
export interface TerminalActions {
  /** Print characters without controls. */
  print(text: string): void;
  /** Execute a control character; newlines, vertical tabs and form feeds are all `\n`. */
  control(character: string): void;
  /** Execute an escape sequence: ESC and `final`. */
  escape(final: string): void;
  /** Execute a control sequence: CSI, `parameters` of digits, `;` and `:`, and `final`. */
  sequence(final: string, parameters: string): void;
}

type State = 'text' | 'escape' | 'sequence' | 'title' | 'string';

const ESC = '\u001b';
const BEL = '\u0007';
const CANCELS: ReadonlySet<string> = new Set(['\u0018', '\u001a']);
const NEWLINES: ReadonlySet<string> = new Set(['\n', '\v', '\f']);
/** The state after ESC and this character, or after the equivalent eight-bit control. */
const BEGINS: Readonly<Record<string, State>> = {
  '[': 'sequence',
  ']': 'title',
  P: 'string',
  X: 'string',
  '^': 'string',
  _: 'string',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what this matches
const PRINTED = /[^\u0000-\u001f\u007f-\u009f]+/y;
const PARAMETERS = /^[\d;:]*$/;
/** The first half of a surrogate pair, whose second half may be in the next chunk. */
const HALF = /[\ud800-\udbff]$/;
const SURROGATES = /[\ud800-\udfff]/;
const LONE = /\p{Surrogate}/gu;
/** Limits the memory for a sequence without an end; no program writes more parameters. */
const MAX_HELD = 256;

/**
 * Parses text like a terminal (ECMA-48), in chunks cut anywhere. An unfinished sequence or control
 * string hides the text after it, but only to the end of its line; a real terminal would hide the
 * rest of the log.
 */
export class EscapeParser {
  #state: State = 'text';
  #held = '';
  #half = '';

  constructor(private readonly actions: TerminalActions) {}

  /** Parse the next chunk. */
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

  /** End the text and discard an unfinished sequence. */
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

  /** Add a character to a sequence; return false, and end it, if the character cannot be part of one. */
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

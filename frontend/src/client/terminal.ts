/**
 * Text as a terminal shows it: lines that a program writes, and writes over, until they end. The package
 * `terminal` is its twin in Python; docs/reference/output.md says what they show.
 */

import { PLAIN, type Style, styled } from './ansi';
import { type Actions, Parser } from './escapes';
import { TerminalLine } from './terminal-line';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\p{Surrogate}/u;

/** Movements to the right end here, or at the end of a line that is longer. */
const WIDEST = 500;

interface Place {
  readonly row: number;
  readonly column: number;
  readonly style: Style;
}

/**
 * One stream of output. Lines are as long as what is written, and scroll away: a line that has been
 * left, by a newline or by a movement to another row, stays as it was. What is written on another row
 * is a new line.
 *
 * @param begun makes the line that begins now
 */
export class Terminal implements Actions {
  readonly #parser = new Parser(this);
  #line: TerminalLine | null = null;
  #column = 0;
  #style: Style = PLAIN;
  #row = 0;
  #saved: Place = { row: 0, column: 0, style: PLAIN };

  constructor(private readonly begun: () => TerminalLine) {}

  /** Take the next chunk of output, cut anywhere. */
  write(chunk: string): void {
    this.#parser.write(chunk);
  }

  /** The output has ended, and with it the line that no newline ended. */
  end(): void {
    this.#parser.end();
    this.#reset();
  }

  print(text: string): void {
    this.#column = this.#open().print(this.#column, text, this.#style);
  }

  control(character: string): void {
    if (character === '\n') this.#newline();
    else if (character === '\r') this.#column = 0;
    else if (character === '\b') this.#to(this.#column - 1);
    else if (character === '\t') this.#column = this.#open().tab(this.#column, this.#style);
  }

  escape(final: string): void {
    if (final === 'E') this.#newline();
    else if (final === 'D' || final === 'M') this.#leave();
    else if (final === '7') this.#save();
    else if (final === '8') this.#restore();
    else if (final === 'c') this.#reset();
  }

  sequence(final: string, parameters: string): void {
    if (final === 'm') {
      this.#style = styled(this.#style, parameters);
      return;
    }
    const [first = 0, second = 0] = parameters
      .split(';')
      .map((one) => Number.parseInt(one, 10) || 0);
    Terminal.#SEQUENCES[final]?.(this, first, second);
  }

  /** What the final character of a control sequence stands for; without parameters they are 0. */
  static readonly #SEQUENCES: Readonly<
    Record<string, (terminal: Terminal, first: number, second: number) => void>
  > = {
    A: (terminal) => terminal.#leave(),
    B: (terminal) => terminal.#leave(),
    C: (terminal, by) => terminal.#to(terminal.#column + (by || 1)),
    D: (terminal, by) => terminal.#to(terminal.#column - (by || 1)),
    E: (terminal) => terminal.#leave(0),
    F: (terminal) => terminal.#leave(0),
    G: (terminal, column) => terminal.#to(column - 1),
    H: (terminal, _row, column) => terminal.#leave(column - 1),
    J: (terminal, what) => terminal.#erase(what),
    K: (terminal, what) => terminal.#erase(what),
    X: (terminal, count) => terminal.#clear(terminal.#column, count || 1),
    a: (terminal, by) => terminal.#to(terminal.#column + (by || 1)),
    d: (terminal) => terminal.#leave(),
    e: (terminal) => terminal.#leave(),
    f: (terminal, _row, column) => terminal.#leave(column - 1),
    s: (terminal) => terminal.#save(),
    u: (terminal) => terminal.#restore(),
    '`': (terminal, column) => terminal.#to(column - 1),
  };

  #open(): TerminalLine {
    this.#line ??= this.begun();
    return this.#line;
  }

  #reset(): void {
    this.#leave(0);
    this.#style = PLAIN;
  }

  #newline(): void {
    this.#open();
    this.#leave(0);
  }

  /** The cursor goes to another row, in the same column or another: what is written there is a new line. */
  #leave(column = this.#column): void {
    this.#line?.end();
    this.#line = null;
    this.#row += 1;
    this.#to(column);
  }

  #to(column: number): void {
    const last = Math.max(WIDEST, this.#column, this.#line?.width ?? 0);
    this.#column = Math.min(last, Math.max(0, column));
  }

  /** Erase from the cursor to the line's end (0), from its beginning to the cursor (1), or all of it (2). */
  #erase(what: number): void {
    if (what === 0) this.#clear(this.#column);
    else if (what === 1) this.#clear(0, this.#column + 1);
    else if (what === 2) this.#clear(0);
  }

  #clear(from: number, count = Number.POSITIVE_INFINITY): void {
    this.#line?.erase(from, from + count);
  }

  #save(): void {
    this.#saved = { row: this.#row, column: this.#column, style: this.#style };
  }

  #restore(): void {
    const { row, column, style } = this.#saved;
    if (row !== this.#row) this.#leave();
    this.#to(column);
    this.#style = style;
  }
}

/** Return a whole text as a terminal shows it: lines without colours or controls, but tabs. */
export function plainText(text: string): string {
  if (!CONTROLS.test(text)) return text;
  const lines: TerminalLine[] = [];
  const terminal = new Terminal(() => {
    const line = new TerminalLine();
    lines.push(line);
    return line;
  });
  terminal.write(text);
  terminal.end();
  return lines.map((line) => line.text).join('\n');
}

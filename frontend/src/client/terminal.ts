/**
 * Turns output into the lines that a terminal shows. `core/terminal` does the same in Python;
 * docs/reference/output.md describes both.
 */

import { applySgr, PLAIN, type Style } from './ansi.js';
import { EscapeParser, type TerminalActions } from './escapes.js';
import { TerminalLine } from './terminal-line.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what this matches
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\p{Surrogate}/u;

/** The limit for movements to the right, unless the line is longer. */
const MAX_COLUMN = 500;

interface CursorState {
  readonly row: number;
  readonly column: number;
  readonly style: Style;
}

/**
 * One stream of output. Lines have no maximum length. A line ends with a newline or a movement to
 * another row, and never changes after that; text on another row begins a new line.
 */
export class Terminal implements TerminalActions {
  readonly #parser = new EscapeParser(this);
  #line: TerminalLine | null = null;
  #column = 0;
  #style: Style = PLAIN;
  #row = 0;
  #saved: CursorState = { row: 0, column: 0, style: PLAIN };

  /** @param createLine is called when a line begins */
  constructor(private readonly createLine: () => TerminalLine) {}

  /** Write the next chunk of output, cut anywhere. */
  write(chunk: string): void {
    this.#parser.write(chunk);
  }

  /** End the output, and with it an unfinished line. */
  end(): void {
    this.#parser.end();
    this.#reset();
  }

  /** End the line, as a newline would. */
  endLine(): void {
    this.#parser.end();
    this.#leaveLine(0);
  }

  /** End the colours, as a reset would. */
  endColour(): void {
    this.#style = PLAIN;
  }

  /** Forget the saved place, so that going back to it begins a new line. */
  forgetSaved(): void {
    this.#saved = { row: -1, column: 0, style: PLAIN };
  }

  print(text: string): void {
    this.#column = this.#openLine().print(this.#column, text, this.#style);
  }

  control(character: string): void {
    if (character === '\n') this.#newline();
    else if (character === '\r') this.#column = 0;
    else if (character === '\b') this.#moveTo(this.#column - 1);
    else if (character === '\t') this.#column = this.#openLine().tab(this.#column, this.#style);
  }

  escape(final: string): void {
    if (final === 'E') this.#newline();
    else if (final === 'D' || final === 'M') this.#leaveLine();
    else if (final === '7') this.#save();
    else if (final === '8') this.#restore();
    else if (final === 'c') this.#reset();
  }

  sequence(final: string, parameters: string): void {
    if (final === 'm') {
      this.#style = applySgr(this.#style, parameters);
      return;
    }
    const [first = 0, second = 0] = parameters
      .split(';')
      .map((one) => Number.parseInt(one, 10) || 0);
    Terminal.#SEQUENCES[final]?.(this, first, second);
  }

  /** Control sequences by their final character; missing parameters are 0. */
  static readonly #SEQUENCES: Readonly<
    Record<string, (terminal: Terminal, first: number, second: number) => void>
  > = {
    A: (terminal) => terminal.#leaveLine(),
    B: (terminal) => terminal.#leaveLine(),
    C: (terminal, by) => terminal.#moveTo(terminal.#column + (by || 1)),
    D: (terminal, by) => terminal.#moveTo(terminal.#column - (by || 1)),
    E: (terminal) => terminal.#leaveLine(0),
    F: (terminal) => terminal.#leaveLine(0),
    G: (terminal, column) => terminal.#moveTo(column - 1),
    H: (terminal, _row, column) => terminal.#leaveLine(column - 1),
    J: (terminal, what) => terminal.#erase(what),
    K: (terminal, what) => terminal.#erase(what),
    X: (terminal, count) => terminal.#clear(terminal.#column, count || 1),
    a: (terminal, by) => terminal.#moveTo(terminal.#column + (by || 1)),
    d: (terminal) => terminal.#leaveLine(),
    e: (terminal) => terminal.#leaveLine(),
    f: (terminal, _row, column) => terminal.#leaveLine(column - 1),
    s: (terminal) => terminal.#save(),
    u: (terminal) => terminal.#restore(),
    '`': (terminal, column) => terminal.#moveTo(column - 1),
  };

  #openLine(): TerminalLine {
    this.#line ??= this.createLine();
    return this.#line;
  }

  #reset(): void {
    this.#leaveLine(0);
    this.#style = PLAIN;
  }

  #newline(): void {
    this.#openLine();
    this.#leaveLine(0);
  }

  /** End the line, and move the cursor to a new one, in the same column or another. */
  #leaveLine(column = this.#column): void {
    this.#line?.end();
    this.#line = null;
    this.#row += 1;
    this.#moveTo(column);
  }

  #moveTo(column: number): void {
    const last = Math.max(MAX_COLUMN, this.#column, this.#line?.width ?? 0);
    this.#column = Math.min(last, Math.max(0, column));
  }

  /** Erase from the cursor to the end of the line (0), from its start to the cursor (1), or all of it (2). */
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
    if (row !== this.#row) this.#leaveLine();
    this.#moveTo(column);
    this.#style = style;
  }
}

/** Return a text as a terminal shows it, without colours and controls, but with tabs. */
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

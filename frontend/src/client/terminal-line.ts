/** A line of a terminal, which is written and overwritten at columns until it ends. */

import { eastAsianWidth } from 'get-east-asian-width';
import { classesOf, PLAIN, type Style } from './ansi.js';

/** Text in one style. `classes` is `''` or e.g. `ansi-red ansi-bg-blue ansi-bold`. */
export interface Segment {
  readonly text: string;
  readonly classes: string;
}

interface Run {
  readonly text: string;
  readonly style: Style;
}

const TAB = 8;
/** Runs of one-cell letters, and every other character by itself. */
const PIECES = /[ -\u02ff]+|./gsu;
const WIDER = '\u0300';
/** Longer runs are not appended to, because their text would be copied for each read. */
const LONGEST = 4096;
const JOINING = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const HALF = /[\ud800-\udbff]$/;
/** A cell that continues the character before it. */
const CONTINUATION: Run = { text: '', style: PLAIN };
const BLANK: Run = { text: ' ', style: PLAIN };

/**
 * Text at the end is appended; the line is split into cells only when something before the end is
 * overwritten. A character covers one or two cells, a tab those up to its stop. Overwriting a part of
 * it erases all of it, as in a terminal.
 */
export class TerminalLine {
  /** Grows with each change. */
  version = 0;
  #runs: Run[] = [];
  #cells: (Run | undefined)[] | null = null;
  #width = 0;
  #ended = false;

  /** Create an ended line from text without controls. */
  static of(text: string): TerminalLine {
    const line = new TerminalLine();
    line.print(0, text, PLAIN);
    line.end();
    return line;
  }

  /** Whether it no longer changes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The number of cells. */
  get width(): number {
    return this.#cells?.length ?? this.#width;
  }

  /** The text without colours. */
  get text(): string {
    return this.#currentRuns()
      .map((run) => run.text)
      .join('');
  }

  /** Return the first `most` characters as segments, and how many more there are. */
  segments(most = Number.POSITIVE_INFINITY): {
    readonly segments: Segment[];
    readonly more: number;
  } {
    const segments: { text: string; classes: string }[] = [];
    let room = most;
    let more = 0;
    for (const { text, style } of this.#currentRuns()) {
      const shown = text.length > room ? text.slice(0, room).replace(HALF, '') : text;
      more += text.length - shown.length;
      room = more ? 0 : room - shown.length;
      const classes = classesOf(style);
      const last = segments.at(-1);
      if (last && last.classes === classes) last.text += shown;
      else if (shown) segments.push({ text: shown, classes });
    }
    return { segments, more };
  }

  /** Write characters at a column; return the column after them. */
  print(from: number, text: string, style: Style): number {
    this.version += 1;
    let at = from;
    for (const piece of text.match(PIECES) ?? []) {
      if (piece < WIDER && this.#isAtEnd(at)) at = this.#append(piece, style, piece.length);
      else for (const character of piece) at = this.#write(at, character, style);
    }
    return at;
  }

  /** Write a tab at the end, or only move to its stop if there is text; return the column of the stop. */
  tab(from: number, style: Style): number {
    const stop = from - (from % TAB) + TAB;
    if (from < this.width) return stop;
    this.version += 1;
    return this.#putCharacter(from, '\t', style, stop - from);
  }

  /** Erase from one column up to another. */
  erase(from: number, to: number): void {
    if (from >= this.width) return;
    this.version += 1;
    this.#clear(from, to);
    this.#trim();
  }

  /** End the line; it no longer changes. */
  end(): void {
    this.#runs = this.#currentRuns();
    this.#width = this.width;
    this.#cells = null;
    this.#ended = true;
    this.version += 1;
  }

  #isAtEnd(at: number): boolean {
    return this.#cells === null && at === this.#width;
  }

  #write(at: number, character: string, style: Style): number {
    const width = widthOf(character);
    if (width) return this.#putCharacter(at, character, style, width);
    this.#addMark(at, character);
    return at;
  }

  #putCharacter(at: number, character: string, style: Style, width: number): number {
    if (this.#isAtEnd(at)) return this.#append(character, style, width);
    const cells = this.#toCells();
    if (
      width === 1 &&
      at <= cells.length &&
      cells[at] !== CONTINUATION &&
      cells[at + 1] !== CONTINUATION
    ) {
      cells[at] = { text: character, style };
      return at + 1;
    }
    this.#clear(at, at + width);
    while (cells.length < at) cells.push(undefined);
    cells[at] = { text: character, style };
    for (let tail = 1; tail < width; tail += 1) cells[at + tail] = CONTINUATION;
    this.#trim();
    return at + width;
  }

  #append(text: string, style: Style, width: number): number {
    const last = this.#runs.at(-1);
    if (last?.style === style && last.text.length < LONGEST) {
      this.#runs[this.#runs.length - 1] = { text: last.text + text, style };
    } else this.#runs.push({ text, style });
    this.#width += width;
    return this.#width;
  }

  /** Add a combining mark to the character before the cursor; without one it is dropped. */
  #addMark(at: number, mark: string): void {
    if (this.#isAtEnd(at)) {
      const last = this.#runs.at(-1);
      if (last) this.#runs[this.#runs.length - 1] = { ...last, text: last.text + mark };
      return;
    }
    const cells = this.#toCells();
    let before = at - 1;
    while (cells[before] === CONTINUATION) before -= 1;
    const cell = cells[before];
    if (cell) cells[before] = { ...cell, text: cell.text + mark };
  }

  #clear(from: number, to: number): void {
    const cells = this.#toCells();
    let [first, end] = [from, Math.min(to, cells.length)];
    while (cells[first] === CONTINUATION) first -= 1;
    while (cells[end] === CONTINUATION) end += 1;
    for (let at = first; at < end; at += 1) cells[at] = undefined;
  }

  #trim(): void {
    const cells = this.#toCells();
    while (cells.length && cells.at(-1) === undefined) cells.pop();
  }

  /** Split the line into cells. */
  #toCells(): (Run | undefined)[] {
    if (this.#cells) return this.#cells;
    const runs = this.#runs;
    this.#cells = [];
    let at = 0;
    for (const { text, style } of runs) {
      for (const character of text) {
        if (character === '\t') at = this.#putCharacter(at, character, style, TAB - (at % TAB));
        else at = this.#write(at, character, style);
      }
    }
    return this.#cells;
  }

  #currentRuns(): Run[] {
    if (this.#cells === null) return this.#runs;
    const runs: Run[] = [];
    for (const cell of this.#cells) {
      const { text, style } = cell ?? BLANK;
      const last = runs.at(-1);
      if (last?.style === style) runs[runs.length - 1] = { text: last.text + text, style };
      else if (text) runs.push({ text, style });
    }
    return runs;
  }
}

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (character < WIDER) return 1;
  return JOINING.test(character) ? 0 : eastAsianWidth(code);
}

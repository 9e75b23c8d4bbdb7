/** The cases that all parts which show output are held to: page, command, messages, history. */

import { readFileSync } from 'node:fs';
import type { JobEvent } from '../../src/client';
import { classesOf, PLAIN, type Style } from '../../src/client/ansi';

type Stretch = readonly [text: string, look: string];

/** Chunks of one stream of output, and the lines that a terminal shows of them. */
export interface Case {
  readonly name: string;
  readonly chunks: readonly string[];
  readonly lines: readonly (string | readonly Stretch[])[];
  /** Why an emulator is no measure here. */
  readonly differs?: string;
}

/** Events of several steps and streams; lines as their name, whose they are, and their text. */
export interface Interleaved {
  readonly name: string;
  readonly events: readonly (Record<'type' | 'step' | 'target' | 'stream' | 'text', string> & {
    readonly text?: string;
  })[];
  readonly lines: readonly (readonly [name: string, of: string, text: string])[];
}

const url = new URL('../../../tests/support/terminal/cases.json', import.meta.url);
const corpus = JSON.parse(readFileSync(url, 'utf8'));

export const cases: readonly Case[] = corpus.cases;
export const interleaved: readonly Interleaved[] = corpus.interleaved;

/** Return the text of each line. */
export function texts({ lines }: Case): string[] {
  return lines.map((line) =>
    stretches(line)
      .map(([text]) => text)
      .join(''),
  );
}

/** Return each line as `text|classes` of its stretches. */
export function looks({ lines }: Case): string[][] {
  return lines.map((line) =>
    stretches(line).map(([text, look]) => (look ? `${text}|${classesOf(style(look))}` : text)),
  );
}

/** Return events as they are on the wire. */
export function eventsOf(parts: Interleaved['events']): JobEvent[] {
  return parts.map(({ type, step, target, stream, text = '' }, i) => {
    const error = { type: 'CommandFailed', message: text };
    const data = { text, stream: stream ?? 'out', message: text, error, seconds: 0, try: 1 };
    const at = `2026-11-22T09:00:0${i % 10}.000000Z`;
    return { seq: i + 1, type, version: 1, at, actor: 'worker:w', attempt: 1, step, target, data };
  }) as unknown as JobEvent[];
}

function stretches(line: string | readonly Stretch[]): readonly Stretch[] {
  if (typeof line !== 'string') return line;
  return line ? [[line, '']] : [];
}

/** `fg:1 bg:#fafa0a bold` as a style. */
function style(look: string): Style {
  const marks = look.split(' ').map((word) => {
    const [name = '', colour] = word.split(':');
    if (colour === undefined) return [name, true];
    const rgb = colour.match(/[0-9a-f]{2}/g)?.map((hex) => Number.parseInt(hex, 16));
    return [name, colour.startsWith('#') ? rgb : Number(colour)];
  });
  return { ...PLAIN, ...Object.fromEntries(marks) };
}

/** The tabs of a job page and their addresses: `#log/812.3`, `#matrix/gs-003/health`. */

import type { TemplateResult } from 'lit';
import { titleFromName } from '../text/format';
import { html } from '../text/html';
import type { OpenStep } from './matrix';

export const TABS = ['matrix', 'timeline', 'log', 'events'] as const;
export type Tab = (typeof TABS)[number];

/** What an address shows. */
export interface PageAddress {
  readonly tab: Tab;
  /** The step whose output is open in the matrix. */
  readonly opened: OpenStep | null;
  /** The name of the marked lines of the log; `''` for none. */
  readonly marked: string;
}

/** Parse an address; an unknown one shows `first`. */
export function parseAddress(hash: string, first: Tab = 'matrix'): PageAddress {
  const [name, target, step] = hash.replace(/^#/, '').split('/').map(decodePart);
  const tab = TABS.find((one) => one === name) ?? first;
  const opened = tab === 'matrix' && target !== undefined && step ? { target, step } : null;
  return { tab, opened, marked: tab === 'log' ? (target ?? '') : '' };
}

/** The address of a tab, with the open step or the marked lines. */
export function formatAddress(tab: Tab, opened: OpenStep | null, marked = ''): string {
  if (opened) {
    return `#${tab}/${encodeURIComponent(opened.target)}/${encodeURIComponent(opened.step)}`;
  }
  return marked ? `#${tab}/${marked}` : `#${tab}`;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return part;
    throw error;
  }
}

/** The row of tabs; arrow keys move between them. */
export function tabList(
  current: Tab,
  counts: Partial<Record<Tab, string>>,
  onPick: (tab: Tab) => void,
): TemplateResult {
  const keyed = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = by && TABS[(TABS.indexOf(current) + by + TABS.length) % TABS.length];
    if (!next) return;
    event.preventDefault();
    onPick(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`<div class="tabs" role="tablist" aria-label="Views of the run" @keydown=${keyed}>
    ${TABS.map(
      (tab) => html`<button class="tab" role="tab" id="tab-${tab}" aria-selected=${tab === current}
        aria-controls="panel-${tab}" tabindex=${tab === current ? 0 : -1} @click=${() => onPick(tab)}
        >${titleFromName(tab)}${counts[tab] && counts[tab] !== '0' ? html` <span class="muted">${counts[tab]}</span>` : ''}</button>`,
    )}
  </div>`;
}

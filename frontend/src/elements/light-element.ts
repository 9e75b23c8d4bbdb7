/**
 * What all elements share. They render into the page instead of a shadow root, so that one stylesheet
 * applies to everything and a strict `style-src` has nothing to block.
 */

import { LitElement, type TemplateResult } from 'lit';
import { statusWord } from '../text/event-words';
import { html } from '../text/html';

/** A Lit element without a shadow root. */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** A glyph of `templates/frontend/glyphs.html`. It is decoration: a word next to it says the same. */
export function glyph(name: string): TemplateResult {
  return html`<svg class="glyph" aria-hidden="true"><use href="#g-${name}"></use></svg>`;
}

/** A status as a glyph and a word. */
export function statusView(name: string, word = statusWord(name)): TemplateResult {
  return html`<span class="status is-${name}">${glyph(name)}${word}</span>`;
}

/** A notice with a glyph; one that is `is-bad` is announced at once. */
export function noticeView(
  tone: 'is-bad' | 'is-warning',
  content: TemplateResult | string,
  sign = 'warning',
): TemplateResult {
  const role = tone === 'is-bad' ? 'alert' : 'status';
  return html`<div class="notice ${tone}" role=${role}>${glyph(sign)}<span>${content}</span></div>`;
}

/** Set a width through the CSSOM: the Content-Security-Policy forbids style attributes. */
export function setWidthPercent(element: Element | undefined, percent: number): void {
  if (element instanceof HTMLElement) element.style.width = `${percent}%`;
}

/** Whether the reader prefers reduced motion. */
export function prefersReducedMotion(): boolean {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

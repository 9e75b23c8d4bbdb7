import { nothing } from 'lit';
import { describe, expect, it } from 'vitest';
import { html } from '../../src/text/html';

const hidden = 'a\u202eb';

describe('a template', () => {
  it('writes out what is not visible in text', () => {
    const { values } =
      html`<p>${hidden}</p><p>${[hidden, 'plain']}</p><p>${'plain'}${nothing}${7}</p>`;
    expect(JSON.stringify(values[0])).toContain('U+202E');
    expect(JSON.stringify(values)).not.toContain('\u202e');
    expect(values.slice(2)).toEqual(['plain', nothing, 7]);
  });

  it('writes it out in attributes that people read', () => {
    const { values } = html`<i title=${hidden} aria-label="of ${hidden} and ${hidden}">x</i>`;
    expect(values).toEqual(['a<U+202E>b', 'a<U+202E>b', 'a<U+202E>b']);
  });

  it('leaves what identifies and what is sent', () => {
    const { values } =
      html`<input data-target=${hidden} .value=${hidden} value="${hidden}" href="/x?${hidden}" />`;
    expect(values).toEqual([hidden, hidden, hidden, hidden]);
  });
});

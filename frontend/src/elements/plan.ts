/** What a job would do, in words and in order, beside the form that starts it. */

import { html, nothing, type TemplateResult } from 'lit';
import type { Plan } from '../client';
import { plural } from '../text/format';
import { names, statusWord } from '../text/words';

/** Draw the plan, or why there is none yet. */
export function planView(
  answer: { readonly plan: Plan; readonly title: string } | null,
  problem: string,
): TemplateResult {
  return html`<h2>Plan</h2>
    ${
      answer
        ? planned(answer.plan, answer.title)
        : html`<p class="muted">${problem ? `There is no plan yet. ${problem}` : 'Fill in the form and the plan appears here.'}</p>`
    }`;
}

function planned(plan: Plan, title: string): TemplateResult {
  return html`<p class="plan-title">${title}</p>
    <p class="plan-words">${plan.words}</p>
    ${
      plan.groups.length
        ? html`<ol class="plan-groups">${plan.groups.map(
            (group) => html`<li>
              <span class="muted">${group.name}</span>
              <span class="mono" title=${group.targets.join(', ')}>${names(group.targets, 6)}</span>
            </li>`,
          )}</ol>`
        : nothing
    }
    ${
      plan.steps.length
        ? html`<p class="plan-steps muted">${plural(plan.steps.length, 'step')} on each:
            ${plan.steps.map(statusWord).join(', ')}.</p>`
        : nothing
    }`;
}

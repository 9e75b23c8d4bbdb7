/** The plan of a job, shown next to the form that starts it. */

import { nothing, type TemplateResult } from 'lit';
import type { Plan } from '../client';
import { listNames, statusWord } from '../text/event-words';
import { plural } from '../text/format';
import { html } from '../text/html';

/** A longer list helps nobody. */
const MAX_GROUPS = 100;

/** The service's answer to a planned job. */
export interface PlanAnswer {
  readonly plan: Plan;
  readonly title: string;
}

/** The plan, or what is still missing for it. */
export function planPreview(answer: PlanAnswer | null, problem: string): TemplateResult {
  return html`<h2>Plan</h2>
    ${
      answer
        ? planDetails(answer.plan, answer.title)
        : html`<p class="muted">${problem ? `There is no plan yet. ${problem}` : 'Fill in the form and the plan appears here.'}</p>`
    }`;
}

function planDetails(plan: Plan, title: string): TemplateResult {
  const left = plan.groups.length - MAX_GROUPS;
  return html`<p class="plan-title">${title}</p>
    <p class="plan-words">${plan.words}</p>
    ${
      plan.groups.length
        ? html`<ol class="plan-groups">${plan.groups.slice(0, MAX_GROUPS).map(
            (group) => html`<li>
              <span class="muted">${group.name}</span>
              <span class="mono" title=${group.targets.join(', ')}>${listNames(group.targets, 6)}</span>
            </li>`,
          )}</ol>
          ${left > 0 ? html`<p class="muted">And ${plural(left, 'more group')}.</p>` : nothing}`
        : nothing
    }
    ${
      plan.steps.length
        ? html`<p class="plan-steps muted">${plural(plan.steps.length, 'step')} on each:
            ${plan.steps.map(statusWord).join(', ')}.</p>`
        : nothing
    }`;
}

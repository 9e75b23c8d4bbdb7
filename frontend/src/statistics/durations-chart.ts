/** The durations of a kind's runs, day by day, drawn from the data in the page. */

import { LitElement } from 'lit';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { duration } from '../text/format';

interface Bucket {
  readonly start: string;
  readonly median: number | null;
  readonly p90: number | null;
}

const HEIGHT = 240;
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** Draws `median` and `p90` of the JSON in the element that `data` names, from `since` to `until`. */
class DurationsChart extends LitElement {
  private chart: uPlot | undefined;
  private readonly resizes = new ResizeObserver(() => this.resize());
  private readonly scheme = matchMedia('(prefers-color-scheme: dark)');
  private readonly redraw = () => this.draw();

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.draw();
    this.resizes.observe(this);
    this.scheme.addEventListener('change', this.redraw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resizes.disconnect();
    this.scheme.removeEventListener('change', this.redraw);
    this.chart?.destroy();
  }

  private draw(): void {
    this.chart?.destroy();
    const element = document.getElementById(this.getAttribute('data') ?? '');
    const buckets: readonly Bucket[] = JSON.parse(element?.textContent ?? '[]');
    const data: uPlot.AlignedData = [
      buckets.map((bucket) => Date.parse(bucket.start) / 1000),
      buckets.map((bucket) => bucket.median),
      buckets.map((bucket) => bucket.p90),
    ];
    this.chart = new uPlot(this.options(), data, this);
  }

  private options(): uPlot.Options {
    const colour = (name: string) => resolveColour(this, name);
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 } };
    const day = (at: number | null) => (at === null ? '' : DAY.format(at * 1000));
    const seconds = (value: number | null) => (value === null ? '' : duration(value));
    const line = (label: string, name: string): uPlot.Series => ({
      label,
      stroke: colour(name),
      width: 2,
      spanGaps: true,
      points: { size: 6 },
      value: (_chart, value) => seconds(value),
    });
    return {
      width: this.clientWidth,
      height: HEIGHT,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC'),
      scales: {
        x: { range: () => this.period() },
        y: { range: (_chart, _low, high) => [0, (high || 1) * 1.1] },
      },
      series: [
        { label: 'Day', value: (_chart, at) => day(at) },
        line('Median', '--accent'),
        line('90 of 100', '--wait'),
      ],
      axes: [
        { ...axis, values: (_chart, values) => values.map(day) },
        { ...axis, size: 72, values: (_chart, values) => values.map(seconds) },
      ],
    };
  }

  /** The period that is shown, in seconds, whether there are runs in all of it or not. */
  private period(): [number, number] {
    const [since = 0, until = 0] = ['since', 'until'].map(
      (name) => Date.parse(this.getAttribute(name) ?? '') / 1000,
    );
    return [since, until];
  }

  private resize(): void {
    if (this.chart && this.chart.width !== this.clientWidth) {
      this.chart.setSize({ width: this.clientWidth, height: HEIGHT });
    }
  }
}

/** Return what a colour's name means now: a canvas knows no custom properties and no light-dark(). */
function resolveColour(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = before;
  return color;
}

customElements.define('reprise-durations', DurationsChart);

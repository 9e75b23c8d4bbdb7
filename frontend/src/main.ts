/** The one entry: the stylesheet, the elements, the keys. */

import './styles/index.css';
import './elements/copy';
import './elements/live-list';
import './elements/saved-filters';
import './jobs/jobs-page';
import './elements/ticker';
import './job/job-page';
import { startMenus } from './elements/menus';
import { startPalette } from './elements/palette';
import { startPasskeys } from './elements/passkeys';
import { startRunNotices } from './elements/run-notices';
import { startShortcuts } from './elements/shortcuts';

startShortcuts();
startMenus();
startPalette();
startRunNotices();
startPasskeys();

// Each for its pages only.
if (document.querySelector('reprise-new-job')) void import('./new-job/new-job-form');
if (document.querySelector('reprise-kind-params')) void import('./new-job/kind-params');
if (document.querySelector('reprise-durations')) void import('./statistics/durations-chart');

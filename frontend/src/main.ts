/** The one entry: the stylesheet, the elements, the keys. */

import './styles/index.css';
import './elements/copy';
import './elements/jobs';
import './elements/new-job';
import './elements/ticker';
import './job/job';
import { startKeys } from './elements/keys';
import { startMenus } from './elements/menus';

startKeys();
startMenus();

/**
 * What a follower needs where no WebSocket gets through (the transports over HTTP, and the trials of
 * better ones) and for `raw`. It is loaded then: most followers get through by WebSocket, without `raw`.
 */

export { withTexts } from './raw.js';
export { createTransport, LongPollTransport } from './transports/over-http.js';
export { Upgrade } from './upgrade.js';

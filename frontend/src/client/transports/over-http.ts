/** The transports over HTTP. They are loaded when a follower needs one: most get through by WebSocket. */

export { LongPollTransport, type Pace } from './longpoll.js';
export { StreamTransport } from './stream.js';

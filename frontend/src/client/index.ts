/**
 * The follower delivers every event of a job exactly once and in order, through network failures. It
 * needs no framework, and runs outside browsers with the help of `options.platform`.
 */

export { Addresses } from './addresses.js';
export { type Colour, PLAIN, type Style } from './ansi.js';
export { Backoff, type Ceiling, exponential } from './backoff.js';
export { BadCursor, cursorOf, START, seqOf } from './cursor.js';
export { Feed, type FeedInfo, type FeedOptions, type FeedResumed, FeedState } from './feed.js';
export type { JobSummary } from './feed-connection.js';
export {
  fold,
  type JobView,
  NOTHING,
  newestOccurrence,
  planOf,
  type RecordedState,
  recorded,
  type StepView,
  type Submitted,
  stepKey,
  TERMINAL,
} from './fold.js';
export { Follower, follow } from './follower.js';
export {
  type FollowerEventMap,
  type FollowerInfo,
  FollowerState,
  type Resumed,
  type Trouble,
} from './info.js';
export type { Ticket } from './job-address.js';
export { jsonText, parseJson } from './json.js';
export type { ConnectionSharing, FollowOptions } from './options.js';
export { lineName, Output, type OutputLine, type Reach, Terminals } from './output.js';
export type { Cancel, Clock, Memory, Platform, Signals, SocketLike } from './platform.js';
export { PageMemory, realClock } from './platform.js';
export { shareConnections, type Tab } from './shared-connections.js';
export { type SseMessage, SseParser } from './sse.js';
export { keep, recall } from './storage.js';
export { plainText, Terminal } from './terminal.js';
export { type Segment, TerminalLine } from './terminal-line.js';
export {
  type Sink,
  TRANSPORTS,
  type Transport,
  type TransportName,
} from './transports/transport.js';
export * from './types.js';
export { upcast } from './upcast.js';
export { UPGRADE_TIMES, type UpgradeTimes } from './upgrade-times.js';

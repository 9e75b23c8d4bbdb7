/**
 * The follower delivers every event of a job exactly once and in order, through network failures. It
 * needs no framework, and runs outside browsers with the help of `options.platform`.
 */

export { Addresses, type Ticket } from './addresses';
export { type Colour, PLAIN, type Style } from './ansi';
export { Backoff, type Ceiling, exponential } from './backoff';
export { BadCursor, cursorOf, START, seqOf } from './cursor';
export { UPGRADE_TIMES, type UpgradeTimes } from './fallback';
export { Feed, type FeedInfo, type FeedOptions, type FeedResumed, FeedState } from './feed';
export type { JobSummary } from './feed-connection';
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
} from './fold';
export { Follower, type FollowerEventMap, follow } from './follower';
export { type FollowerInfo, FollowerState, type Resumed, type Trouble } from './info';
export { jsonText, parseJson } from './json';
export type { FollowOptions } from './options';
export { lineName, Output, type OutputLine, type Reach, Terminals } from './output';
export type { Cancel, Clock, Memory, Platform, Signals, SocketLike } from './platform';
export { PageMemory, realClock } from './platform';
export { type SseMessage, SseParser } from './sse';
export { keep, recall } from './storage';
export { plainText, Terminal } from './terminal';
export { type Segment, TerminalLine } from './terminal-line';
export { type Sink, TRANSPORTS, type Transport, type TransportName } from './transports/transport';
export * from './types';
export { upcast } from './upcast';

import { describe, expect, it } from 'vitest';
import type { FollowerInfo } from '../../src/client';
import { jobConnectionWords } from '../../src/elements/connection-line';

describe('the words of a connection to a job', () => {
  const info = (more: Partial<FollowerInfo>): FollowerInfo => ({
    job: 'j',
    state: 'connecting',
    transport: 'WebSocket' as FollowerInfo['transport'],
    seq: 5,
    cursor: '5',
    head: 1200,
    resumed: null,
    attempts: 0,
    nextTryAt: null,
    error: null,
    status: null,
    duplicates: 0,
    gaps: 0,
    ...more,
  });

  it.each<[Partial<FollowerInfo> | null, string, string, number | null | undefined]>([
    [null, 'busy', 'connecting', undefined],
    [{ state: 'live' }, 'live', 'live over WebSocket', undefined],
    [{ state: 'live', transport: null }, 'live', 'live', undefined],
    [{ state: 'quiet' }, 'busy', 'no signal over WebSocket: there may be more', undefined],
    [{ state: 'catching_up' }, 'busy', 'catching up over WebSocket: 5 of 1,200', undefined],
    [{ state: 'ended' }, 'ended', 'complete over WebSocket', undefined],
    [{ state: 'reconnecting' }, 'lost', 'connection lost', null],
    [{ state: 'reconnecting', nextTryAt: 9 }, 'lost', 'connection lost', 9],
    [{ nextTryAt: 9 }, 'lost', 'no connection yet', 9],
    [
      { state: 'offline', nextTryAt: 9 },
      'lost',
      'this device is offline; the run continues, and the page catches up when the network is back',
      undefined,
    ],
    [{ state: 'failed' }, 'lost', 'The connection was refused.', undefined],
  ])('say what is going on', (more, tone, words, tryAt) => {
    const said = jobConnectionWords(more && info(more), 5);
    expect([said.tone, said.words, said.tryAt]).toEqual([tone, words, tryAt]);
  });
});

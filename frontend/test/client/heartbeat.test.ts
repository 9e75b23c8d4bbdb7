import { describe, expect, it } from 'vitest';
import { following, serve } from './fake/following';
import { history } from './fake/history';
import { until } from './fake/platform';

describe('a heartbeat', () => {
  it.each(['WebSocket', 'SSE', 'octet stream'] as const)(
    'over %s tells what the server’s clock says',
    async (transport) => {
      const beats: (string | undefined)[] = [];
      const fake = await serve(history(9, false));
      const it = following(fake, { transports: [transport], onHeartbeat: (at) => beats.push(at) });
      await it.to('live');
      fake.server.say('heartbeat', { head: 9, at: '2026-11-22T09:00:00Z' });
      fake.server.say('heartbeat', { head: 10 });
      await until(() => it.info.head === 10);
      expect(beats).toEqual(['2026-11-22T09:00:00Z', undefined]);
    },
  );
});
